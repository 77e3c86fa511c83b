"""Runs a shell or a Node.js process that keeps its state between executions; executed as a file, inside the sandbox.

`agent_start.py PROGRAM ARGUMENT...` listens on the socket `agent` in the folder that `SANDBOX_RUN` names. PROGRAM reads
executions from descriptor 3 and says on descriptor 4 how each ended; both end with NUL. The one client sends a line of
JSON an execution, `{"code": ...}`, or `{"interrupt": true}`, and gets lines: `{"event": "stream", ...}` and others that
PROGRAM says, at last `{"event": "ended", "status": ...}`. Standard library alone, as few imports as possible.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time

READ_BYTES = 64 * 1024
#: How long a program that was interrupted may take before it is started anew.
PATIENCE_SECONDS = 1.5


class Program:
    """The process, its outputs and what it says."""

    def __init__(self, command: list[str], folder: str) -> None:
        takes, self.gives = os.pipe()
        self.says, said = os.pipe()

        def place() -> None:
            os.setsid()
            os.dup2(takes, 3)
            os.dup2(said, 4)

        takes, said = _above(takes), _above(said)
        outputs, writes = zip(os.pipe(), os.pipe())  # noqa: B905  # as in the shim: any Python from 3.9
        self.process = subprocess.Popen(  # noqa: S603  # what the emulator says
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=writes[0], stderr=writes[1], pass_fds=(3, 4),
            preexec_fn=place,  # noqa: PLW1509  # there is one thread
        )  # fmt: skip
        for file in (takes, said, *writes):
            os.close(file)
        self.files = {outputs[0]: "stdout", outputs[1]: "stderr"}
        for file in (*self.files, self.says):
            os.set_blocking(file, False)

    def send(self, code: str) -> None:
        """Hand one execution over."""
        rest = code.replace("\0", "").encode("utf-8", "surrogateescape") + b"\0"
        while rest:
            rest = rest[os.write(self.gives, rest) :]

    def interrupt(self) -> None:
        """Signal what the program started, or the program itself where it runs the code."""
        below = descendants(self.process.pid)
        for pid in below or [self.process.pid]:
            _kill(pid, signal.SIGINT)

    def close(self) -> int:
        """End it with all it started; return its exit code."""
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            _kill(pid, signal.SIGKILL)
        code = self.process.wait()
        for file in (self.gives, self.says, *self.files):
            os.close(file)
        return code


class Agent:
    """One loop over the client, the program's outputs and its end."""

    def __init__(self, client: socket.socket, command: list[str], folder: str) -> None:
        self.client = client
        self.command, self.folder = command, folder
        self.program = Program(command, folder)
        self.selector = selectors.DefaultSelector()
        self.selector.register(client, selectors.EVENT_READ)
        self.watch()
        self.busy = False
        self.deadline = 0.0
        self.asked = b""
        self.said = b""

    def run(self) -> None:
        """Serve until the client hangs up."""
        while True:
            patience = max(0.0, self.deadline - time.monotonic()) if self.deadline else None
            for key, _ in self.selector.select(patience):
                if key.fileobj is self.client:
                    block = self.client.recv(READ_BYTES)
                    if not block:
                        self.program.close()
                        return
                    self.obey(block)
                elif key.fd == self.program.says:
                    self.hear()
                elif key.fd in self.program.files:
                    self.read(key.fd)
            if self.deadline and time.monotonic() >= self.deadline:
                self.begin_anew("it did not stop when it was interrupted")

    def watch(self) -> None:
        """Look at the program's outputs and at what it says."""
        for file in (*self.program.files, self.program.says):
            self.selector.register(file, selectors.EVENT_READ)

    def obey(self, block: bytes) -> None:
        """Do what whole lines of the client say."""
        *lines, self.asked = (self.asked + block).split(b"\n")
        for line in lines:
            asked = json.loads(line)
            if asked.get("interrupt"):
                if self.busy:
                    self.deadline = time.monotonic() + PATIENCE_SECONDS
                    self.program.interrupt()
            else:
                self.busy = True
                try:
                    self.program.send(asked["code"])
                except OSError:
                    self.begin_anew("it had ended")

    def read(self, file: int) -> bool:
        """Pass on what is there; False at the end or when nothing is."""
        try:
            block = os.read(file, READ_BYTES)
        except BlockingIOError:
            return False
        if not block:
            if file in self.selector.get_map():
                self.selector.unregister(file)
            return False
        self.tell({"event": "stream", "name": self.program.files[file], "text": block.decode("utf-8", "replace")})
        return True

    def drain(self) -> None:
        """Pass on what was written before the end was said, no more than a pipe holds: others may go on writing."""
        for file in self.program.files:
            for _ in range(32):
                if not self.read(file):
                    break

    def hear(self) -> None:
        """Take what the program says."""
        try:
            block = os.read(self.program.says, READ_BYTES)
        except BlockingIOError:
            return
        if not block:
            self.begin_anew("it was interrupted" if self.deadline else "")
            return
        *parts, self.said = (self.said + block).split(b"\0")
        for part in parts:
            text = part.decode("utf-8", "replace")
            event = json.loads(text) if text.startswith("{") else {"event": "ended", "status": int(text)}
            if event["event"] == "ended":
                self.end(event)
            else:
                self.tell(event)

    def begin_anew(self, why: str) -> None:
        """The program has ended, or has to: the next execution finds a new one."""
        self.drain()
        for file in (*self.program.files, self.program.says):
            if file in self.selector.get_map():
                self.selector.unregister(file)
        code = self.program.close()
        self.program, self.said = Program(self.command, self.folder), b""
        self.watch()
        if self.busy:
            if why:
                self.tell({"event": "stream", "name": "stderr", "text": f"[the program was started anew: {why}]\n"})
            self.end({"event": "ended", "status": code if code >= 0 else 128 - code})

    def end(self, event: dict[str, object]) -> None:
        """Say that an execution has ended, after all that it wrote."""
        self.drain()
        self.busy, self.deadline = False, 0.0
        self.tell(event)

    def tell(self, event: dict[str, object]) -> None:
        """Tell the client."""
        self.client.sendall(json.dumps(event).encode() + b"\n")


def _above(file: int) -> int:
    """Return the same pipe under a number that the program's own do not take."""
    import fcntl

    moved = fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(file)
    return moved


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        return  # gone already


def descendants(pid: int) -> list[int]:
    """Return what descends from a process; the list is empty where the system does not tell."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        try:
            one = waiting.pop()
            with open(f"/proc/{one}/task/{one}/children", "rb") as listing:  # noqa: PTH123  # pathlib is slow to import
                below = [int(each) for each in listing.read().split()]
        except OSError:
            below = []
        found += below
        waiting += below
    return found


def main(*command: str) -> None:
    """Serve one client."""
    data = os.getcwd()  # noqa: PTH109  # as above
    os.chdir(os.environ.pop("SANDBOX_RUN"))
    for number in (3, 4):  # kept from other use: a program has them for what it is told and what it says
        os.dup2(0, number)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("agent")
        listening.listen(1)
        client, _ = listening.accept()
    with client:
        Agent(client, list(command), data).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
