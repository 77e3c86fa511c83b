"""Real child processes, each under a shim that ends them with us."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import psutil

from aca_notebook.emulator.runtime import shim

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

logger = logging.getLogger(__name__)

MARK = "ACA_EMULATOR_MARK"
_SHIM = (sys.executable, "-I", "-S", shim.__file__)
_KILLED = 137
_SWEEPS = 40
_SWEEP_SECONDS = 0.025


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run: `environment` is all the program gets beside its mark, and may hold secrets.

    With a `terminal`, the path of one, the program has that for its input and output, and the log file stays as it is.
    `files` are open descriptors that it gets under the same numbers; the caller closes its own after `spawn`.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    log_file: Path
    mark: str
    terminal: str = ""
    files: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Leftover:
    """What an earlier emulator started and did not see end."""

    pid: int
    start_ticks: int
    mark: str


class StartFailed(OSError):
    """The program could not be executed."""


class Child(Protocol):
    """A program under its shim. Nothing runs before `go`."""

    @property
    def pid(self) -> int:
        """The shim's process id."""
        ...

    @property
    def start_ticks(self) -> int:
        """Field 22 of the shim's /proc/PID/stat; 0 where there is none."""
        ...

    async def go(self) -> int:
        """Execute the program and return its process id. Raises `StartFailed`."""
        ...

    async def exited(self) -> int:
        """Wait until nothing of the tree is left; return the exit code, 128+n for signal n."""
        ...

    def stop(self, grace_seconds: float) -> None:
        """Ask for TERM now and KILL after the grace, for KILL at once without one. Before `go`, nothing will ever run.

        Returns at once.
        """
        ...


class Spawn(Protocol):
    """Starts programs, and ends those of an emulator that is gone."""

    async def spawn(self, launch: Launch) -> Child:
        """Start a shim that waits for `go`. Raises `StartFailed`."""
        ...

    async def reap(self, leftovers: Sequence[Leftover], owner: str = "") -> int:
        """Kill what is left of these trees, and all else that `owner` marked; return how many processes that were."""
        ...


class SubprocessSpawn:
    """The real one: a shim by `vfork`, a pipe for its lifeline."""

    async def spawn(self, launch: Launch) -> ShimChild:
        """Start a shim that waits for `go`. Raises `StartFailed`."""
        if not launch.argv:
            raise StartFailed("there is no command to execute")
        await asyncio.to_thread(launch.log_file.parent.mkdir, parents=True, exist_ok=True)
        try:
            process = await asyncio.to_thread(_start_shim, launch.mark, launch.files)
        except OSError as failure:
            raise StartFailed(f"cannot start a process: {failure}") from failure
        child = ShimChild(process, launch.mark)
        await child.connect(_order(launch))
        return child

    async def reap(self, leftovers: Sequence[Leftover], owner: str = "") -> int:
        """Kill what is left of these trees, and all else that `owner` marked; return how many processes that were.

        Shims are asked first, because they know descendants that hide from the mark.
        """
        shims = [left for left in leftovers if left.start_ticks and start_ticks(left.pid) == left.start_ticks]
        for left in shims:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(left.pid, signal.SIGTERM)
        for _ in range(_SWEEPS):
            if not any(start_ticks(left.pid) == left.start_ticks for left in shims):
                break
            await asyncio.sleep(_SWEEP_SECONDS)
        marks = {left.mark for left in leftovers} - {""}
        return len(shims) + await sweep((*marks, f"{owner}-") if owner else marks)


def owner_mark(folder: Path) -> str:
    """Return what the marks of all that an emulator starts begin with: a hash of its data folder.

    Every process of an emulator can be found by it from outside: replicas, their shims, tools of builds.
    """
    return hashlib.sha256(bytes(folder.resolve())).hexdigest()[:12]


def new_mark(owner: str) -> str:
    """Return a mark that no other tree of `owner` carries."""
    return f"{owner}-{secrets.token_hex(12)}"


class ShimChild:
    """A program under a real shim; made by `SubprocessSpawn`."""

    def __init__(self, process: subprocess.Popen[bytes], mark: str) -> None:
        self.pid = process.pid
        self.start_ticks = start_ticks(process.pid)
        self._process = process
        self._mark = mark
        loop = asyncio.get_running_loop()
        self._started: asyncio.Future[int] = loop.create_future()
        self._exited: asyncio.Future[int] = loop.create_future()
        self._exit_code: int | None = None
        self._program = 0
        self._lifeline: asyncio.WriteTransport | None = None
        self._burial: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<ShimChild pid={self.pid} program={self._program}>"

    async def connect(self, order: bytes) -> None:
        """Hold the lifeline and hand the order over."""
        loop = asyncio.get_running_loop()
        self._lifeline, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, self._process.stdin)
        await loop.connect_read_pipe(lambda: _Listener(self._heard, self._hung_up), self._process.stdout)
        self._lifeline.write(order)

    async def go(self) -> int:
        """Execute the program and return its process id. Raises `StartFailed`."""
        self._tell(b"go\n")
        return await asyncio.shield(self._started)

    async def exited(self) -> int:
        """Wait until nothing of the tree is left; return the exit code, 128+n for signal n."""
        return await asyncio.shield(self._exited)

    def stop(self, grace_seconds: float) -> None:
        """Ask for TERM now and KILL after the grace; returns at once."""
        self._tell(b"stop %.3f\n" % grace_seconds)

    def _tell(self, command: bytes) -> None:
        if self._lifeline is not None and not self._lifeline.is_closing():
            self._lifeline.write(command)

    def _heard(self, line: str) -> None:
        word, _, text = line.partition(" ")
        if word == "started":
            self._program = int(text)
            if not self._started.done():
                self._started.set_result(self._program)
        elif word == "failed" and not self._started.done():
            self._started.set_exception(StartFailed(text))
            self._exit_code = 127
        elif word == "exited":
            self._exit_code = int(text)

    def _hung_up(self) -> None:
        self._burial = asyncio.get_running_loop().create_task(self._bury())

    async def _bury(self) -> None:
        """The shim has closed its output: it is gone, or as good as."""
        if self._lifeline is not None and not self._lifeline.is_closing():
            self._lifeline.abort()
        await asyncio.to_thread(self._process.wait)
        if self._exit_code is None or sys.platform != "linux":
            if self._program:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._program, signal.SIGKILL)
            await sweep({self._mark})
        if not self._started.done():
            self._started.set_exception(StartFailed("the shim ended before it started the program"))
            self._started.exception()  # whoever never called `go` does not miss it
        if not self._exited.done():
            self._exited.set_result(_KILLED if self._exit_code is None else self._exit_code)


class _Listener(asyncio.Protocol):
    def __init__(self, heard: _Heard, hung_up: _HungUp) -> None:
        self._heard = heard
        self._hung_up = hung_up
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._heard(line.decode(errors="replace"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's signature
        self._hung_up()


class _Heard(Protocol):
    def __call__(self, line: str, /) -> None: ...


class _HungUp(Protocol):
    def __call__(self) -> None: ...


def start_ticks(pid: int) -> int:
    """When a process started, in clock ticks since boot: with the pid it names one process. 0 if gone or no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    fields = stat.rpartition(b") ")[2].split()
    return 0 if fields[0] in {b"Z", b"X"} else int(fields[19])


async def sweep(marks: Iterable[str]) -> int:
    """Kill every process whose mark begins with one of these, until none is left; return how many."""
    wanted = tuple(mark for mark in marks if mark)
    killed: set[int] = set()
    for _ in range(_SWEEPS):
        found = await asyncio.to_thread(marked_processes, wanted) if wanted else []
        if not found:
            break
        for pid in found:
            killed.add(pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(_SWEEP_SECONDS)
    return len(killed)


def marked_processes(marks: Iterable[str]) -> list[int]:
    """Return the living processes whose mark begins with one of these. Blocks: for a thread."""
    wanted = tuple(marks)
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK, "").startswith(wanted) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (psutil.Error, OSError):  # someone else's, or gone meanwhile
            continue
    return found


def _start_shim(mark: str, files: tuple[int, ...]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        _SHIM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, cwd="/",
        env={MARK: mark}, start_new_session=True, pass_fds=files,
    )  # fmt: skip


def _order(launch: Launch) -> bytes:
    environment = {**launch.environment, MARK: launch.mark}
    fields = [
        str(launch.log_file), str(launch.folder), launch.terminal, str(len(launch.argv)), *launch.argv,
        *(f"{name}={value}" for name, value in environment.items()),
    ]  # fmt: skip
    if any("\0" in field for field in fields):
        raise StartFailed("a command, argument or variable holds a NUL character")
    body = b"".join(os.fsencode(field) + b"\0" for field in fields)
    return b"%d\n" % len(body) + body
