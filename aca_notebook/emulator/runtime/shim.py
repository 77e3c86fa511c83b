"""Runs one program and sees to it that nothing of it outlives the emulator.

Executed as a file (`python -I -S shim.py`) by any interpreter from 3.9 on, with the standard library alone and as few
imports as possible: it starts with every container.

Standard input is the lifeline. It brings, once, the length in bytes of what follows and a line feed, then fields ended
by NUL (log file, folder, terminal, number of arguments, arguments, `NAME=value` ...), and from then on commands, one a
line: `go`, `stop SECONDS`. End of file means the emulator is gone: TERM to the tree, a short grace, KILL. A TERM to the
shim itself means KILL at once. Standard output says `started PID`, `failed TEXT`, `exited CODE`, one a line. A program
that is given a terminal writes there and not to the log file.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` itself imports enum: 5 ms of 15
import os
import select
import sys
import time

TYPE_CHECKING = False  # as `typing` has it, without the import
if TYPE_CHECKING:
    import ctypes

GRACE_AFTER_LOSS = 2.0
ROTATE_BYTES = 10 * 1024 * 1024
LINE_BYTES = 16 * 1024
READ_BYTES = 64 * 1024
STEP_NS = 100  # what seven fractional digits, which the log stream sends, can tell apart
MOST_AHEAD_NS = 10**9  # further than that, the clock was set back, and its word counts
KILL_ROUND_SECONDS = 0.005
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


#: What the shim, or whoever started the emulator, may have set aside: a program would inherit that.
_AS_USUAL = (signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


class Log:
    """Lines as a container runtime writes them: `time stream F|P text`; a full disk loses lines, never the program."""

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._second = -1
        self._last = 0
        self._prefix = b""
        self._file = -1
        self._size = 0
        self._open()

    def write(self, stream: bytes, lines: list[tuple[bytes, bytes]]) -> None:
        """Append `(tag, text)` lines that came together; each has a later stamp than the one before, as on Azure."""
        block = b"".join([b"%s %s %s %s\n" % (self._stamp(), stream, tag, text) for tag, text in lines])
        try:
            os.write(self._file, block)
        except OSError:
            return
        self._size += len(block)
        if self._size >= ROTATE_BYTES:
            self._rotate()

    def _open(self) -> None:
        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._size = os.fstat(self._file).st_size
        except OSError:
            self._file = -1

    def _rotate(self) -> None:
        try:
            os.replace(self._path, self._path + b".1")  # noqa: PTH105  # importing pathlib takes longer than starting
        except OSError:
            return
        os.close(self._file)
        self._open()

    def _stamp(self) -> bytes:
        now = time.time_ns()
        if now - STEP_NS < self._last < now + MOST_AHEAD_NS:
            now = self._last + STEP_NS
        self._last = now
        second, fraction = divmod(now, 10**9)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return b"%s.%09d+00:00" % (self._prefix, fraction)


class Stream:
    """One output of the program, cut into lines."""

    def __init__(self, name: bytes, file: int, log: Log) -> None:
        self.file = file
        self._name = name
        self._log = log
        self._rest = b""

    def read(self) -> bool:
        """Take what is there; False at the end."""
        try:
            block = os.read(self.file, READ_BYTES)
        except BlockingIOError:
            return True
        if not block:
            if self._rest:
                self._log.write(self._name, [(b"F", self._rest)])
                self._rest = b""
            return False
        parts = (self._rest + block).split(b"\n")
        self._rest = parts.pop()
        lines = []
        for part in parts:
            lines += self._pieces(part)
        if len(self._rest) > LINE_BYTES:
            *partial, (_, self._rest) = self._pieces(self._rest)
            lines += partial
        if lines:
            self._log.write(self._name, lines)
        return True

    def drain(self) -> None:
        """Take all that can be had without waiting."""
        poller = select.poll()
        poller.register(self.file, select.POLLIN)
        while poller.poll(0) and self.read():
            pass
        if self._rest:
            self._log.write(self._name, [(b"F", self._rest)])

    def _pieces(self, text: bytes) -> list[tuple[bytes, bytes]]:
        pieces = [text[start : start + LINE_BYTES] for start in range(0, len(text), LINE_BYTES)] or [b""]
        return [(b"P", piece) for piece in pieces[:-1]] + [(b"F", pieces[-1])]


class Tree:
    """The program and all that descends from it."""

    def __init__(self) -> None:
        self.program = 0
        self.exit_code = -1
        self._prctl = _load_prctl()
        if self._prctl is not None:
            self._prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def start(
        self, folder: bytes, argv: list[bytes], environment: dict[bytes, bytes], files: tuple[int, int], terminal: bytes
    ) -> str:
        """Execute the program in a session of its own; return why that failed, or an empty text."""
        said, says = os.pipe()
        shim = os.getpid()
        self.program = os.fork()
        if self.program == 0:
            try:
                self._become(shim)
                os.chdir(folder)
                _attach(files, terminal)
                os.execvpe(argv[0], argv, environment)  # noqa: S606  # executing the program is the purpose
            except OSError as failure:
                os.write(says, str(failure).encode())
            os._exit(127)
        os.close(says)
        failure_text = os.read(said, 4096).decode(errors="replace")
        os.close(said)
        return failure_text

    def _become(self, shim: int) -> None:
        """Be a process that leads a session, dies with its parent and takes signals as a program expects to."""
        os.setsid()
        if self._prctl is not None:  # the shim has one thread, so this is its death and no thread's
            self._prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != shim:
                os._exit(137)
        for number in _AS_USUAL:
            signal.signal(number, signal.SIG_DFL)

    def reap(self) -> bool:
        """Bury the dead; True when nothing is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self.program:
                code = os.waitstatus_to_exitcode(status)
                self.exit_code = code if code >= 0 else 128 - code

    def send(self, number: int) -> None:
        """Signal the program's group and what ran away from it and became ours."""
        _kill(os.killpg, self.program, number)
        for pid in _children():
            _kill(os.kill, pid, number)


class Shim:
    """One loop over the lifeline, the program's output and its end."""

    def __init__(self) -> None:
        self._wake, waker = os.pipe()
        for file in (self._wake, waker):
            os.set_blocking(file, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._killed)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(waker)
        self._deadline = -1.0
        self._commands = b""
        self._tree = Tree()

    def run(self) -> None:
        """Wait for the word, run the program, end all of it, say how it went."""
        log, folder, terminal, argv, environment = _read_order()
        if not self._wait_for_go():
            return
        reads, writes = zip(os.pipe(), os.pipe())  # noqa: B905  # Python 3.9 has no `strict`
        failure = self._tree.start(folder, argv, environment, (writes[0], writes[1]), terminal)
        for file in writes:
            os.close(file)
        if failure:
            _say("failed " + failure.replace("\n", " "))
            return
        _say(f"started {self._tree.program}")
        for file in reads:
            os.set_blocking(file, False)
        streams = {}
        if not terminal:
            journal = Log(log)
            streams = {reads[0]: Stream(b"stdout", reads[0], journal), reads[1]: Stream(b"stderr", reads[1], journal)}
        self._watch(streams)
        self._end(streams)
        _say(f"exited {self._tree.exit_code}")

    def _wait_for_go(self) -> bool:
        while b"\n" not in self._commands:
            block = os.read(0, READ_BYTES)
            if not block:
                return False
            self._commands += block
        line, _, self._commands = self._commands.partition(b"\n")
        return line == b"go"

    def _watch(self, streams: dict[int, Stream]) -> None:
        """Until the program itself has ended: a container ends with its first process."""
        poller = select.poll()
        for file in (0, self._wake, *streams):
            poller.register(file, select.POLLIN | select.POLLHUP)
        self._heed(b"")  # a stop may have come in one piece with the go
        while self._tree.exit_code < 0:
            for file, _ in poller.poll(self._patience()):
                if not self._attend(file, streams):
                    poller.unregister(file)
            if 0 <= self._deadline <= time.monotonic():
                self._tree.send(signal.SIGKILL)
                self._deadline = time.monotonic() + KILL_ROUND_SECONDS
            self._tree.reap()

    def _attend(self, file: int, streams: dict[int, Stream]) -> bool:
        if file == 0:
            return self._obey()
        if file == self._wake:
            os.read(self._wake, 512)
            return True
        return streams[file].read()

    def _end(self, streams: dict[int, Stream]) -> None:
        pauses = select.poll()
        pauses.register(self._wake, select.POLLIN)
        self._tree.send(signal.SIGKILL)
        while not self._tree.reap():
            pauses.poll(KILL_ROUND_SECONDS * 1000)
            self._tree.send(signal.SIGKILL)
        for stream in streams.values():
            stream.drain()

    def _patience(self) -> float | None:
        return None if self._deadline < 0 else max(0.0, self._deadline - time.monotonic()) * 1000

    def _obey(self) -> bool:
        block = os.read(0, READ_BYTES)
        if not block:
            self._stop(GRACE_AFTER_LOSS)
            return False
        self._heed(block)
        return True

    def _heed(self, block: bytes) -> None:
        """Do what whole lines say, those read before `block` first."""
        *lines, self._commands = (self._commands + block).split(b"\n")
        for line in lines:
            word, _, argument = line.partition(b" ")
            if word == b"stop":
                self._stop(float(argument))

    def _stop(self, grace_seconds: float) -> None:
        deadline = time.monotonic() + grace_seconds
        if self._deadline < 0:
            self._tree.send(signal.SIGTERM if grace_seconds > 0 else signal.SIGKILL)
            self._deadline = deadline
        self._deadline = min(self._deadline, deadline)

    def _killed(self, *_: object) -> None:
        if self._tree.program == 0:
            os._exit(143)
        self._deadline = 0.0


def _attach(files: tuple[int, int], terminal: bytes) -> None:
    """Give the program its input and outputs: the two pipes, or a terminal that controls its session."""
    if terminal:
        import fcntl  # needed here alone
        import termios

        far = os.open(terminal, os.O_RDWR)
        fcntl.ioctl(far, termios.TIOCSCTTY, 0)
        ends = (far, far, far)
    else:
        ends = (os.open(os.devnull, os.O_RDONLY), *files)
    for number, file in enumerate(ends):
        os.dup2(file, number)


def _read_order() -> tuple[bytes, bytes, bytes, list[bytes], dict[bytes, bytes]]:
    header = b""
    while not header.endswith(b"\n"):
        header += os.read(0, 1) or sys.exit(0)
    wanted = int(header)
    body = b""
    while len(body) < wanted:
        body += os.read(0, wanted - len(body)) or sys.exit(0)
    log, folder, terminal, count, *rest = body.split(b"\0")[:-1]
    arguments = int(count)
    environment = {}
    for entry in rest[arguments:]:
        name, _, value = entry.partition(b"=")
        environment[name] = value
    return log, folder, terminal, rest[:arguments], environment


def _say(line: str) -> None:
    try:
        os.write(1, line.encode() + b"\n")
    except OSError:
        return  # nobody listens any more


def _kill(kill: object, pid: int, number: int) -> None:
    try:
        kill(pid, number)  # type: ignore[operator]  # os.kill or os.killpg: typing them would import `typing`
    except OSError:
        return  # gone already


def _children() -> list[int]:
    """Direct children; orphans of the tree among them, because we are their subreaper."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as listing:  # noqa: PTH123  # as above
            return [int(pid) for pid in listing.read().split()]
    except OSError:
        return []  # macOS, which has no subreaper either: the emulator sweeps by the mark


def _load_prctl() -> ctypes._NamedFuncPointer | None:
    if sys.platform != "linux":
        return None
    try:
        import ctypes  # needless off Linux
    except ImportError:
        return None
    return ctypes.CDLL(None).prctl


if __name__ == "__main__":
    Shim().run()
