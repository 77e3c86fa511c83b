"""Sandboxes that run: what each level starts, and how all of it ends."""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import os
import shutil
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.emulator.runtime.process import MARK, Launch, StartFailed, SubprocessSpawn
from aca_notebook.emulator.sandbox import entry, place
from aca_notebook.emulator.sandbox.drawer import Drawer

if TYPE_CHECKING:
    from aca_notebook.emulator.runtime.process import Child, Spawn
    from aca_notebook.emulator.sandbox.levels import Found
    from aca_notebook.emulator.sandbox.sandbox import Wanted

_ENTRY = (sys.executable, "-I", "-S", entry.__file__)
_SAYS_BYTES = 4096


class SandboxFailed(OSError):
    """The program could not be started in its sandbox."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The program's folders by the names it sees: for its files, for what is passing, for its unix sockets."""

    data: str
    tmp: str
    run: str


class Running:
    """A program that runs; made by `start`."""

    def __init__(self, child: Child, home: Path) -> None:
        """Hold what must end with it."""
        self.pid = 0
        self.egress = False
        self.shown = Shown(*(str(home / name) for name in (place.DATA, place.TMP, place.RUN)))
        self.sockets = home / place.RUN
        self.files = Drawer(os.open(home / place.DATA, os.O_RDONLY | os.O_DIRECTORY))
        self._child = child
        self._home = home
        self._closed = False

    def __repr__(self) -> str:
        return f"<Sandbox pid={self.pid}>"

    async def wait(self) -> int:
        """Wait until nothing of it runs; return the exit code, 128+n for signal n."""
        return await self._child.exited()

    def signal(self, number: int) -> None:
        """Send a signal to the program itself. One that is gone does not mind."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, number)

    async def stop(self, grace_seconds: float = 0.0) -> int:
        """TERM, KILL of everything after the grace, at once without one; return the exit code."""
        if grace_seconds > 0:
            self.signal(signal.SIGTERM)
        self._child.stop(grace_seconds)
        return await self._child.exited()

    async def close(self) -> None:
        """End all of it and remove what it had. May be called again."""
        await self.stop()
        if not self._closed:
            self._closed = True
            self.files.close()
            await asyncio.to_thread(place.remove_place, self._home)


async def start(wanted: Wanted, found: Found, spawn: Spawn | None = None) -> Running:
    """Start a program at the level that was found. Raises `SandboxFailed`."""
    del found
    home = await asyncio.to_thread(place.make_place, wanted.mark, None)
    ours, theirs = socket.socketpair()
    plan = memory_file("plan", marshal.dumps(_plan(wanted, home, theirs.fileno()), 4))
    launch = Launch(
        argv=(*_ENTRY, str(plan)), environment={}, folder=home, log_file=wanted.folder / "output.log",
        mark=wanted.mark, files=(plan, theirs.fileno()),
    )  # fmt: skip
    try:
        child = await (spawn or SubprocessSpawn()).spawn(launch)
    except OSError as failure:
        ours.close()
        raise SandboxFailed(str(failure)) from failure
    finally:
        theirs.close()
        os.close(plan)
    running = Running(child, home)
    try:
        running.pid = await child.go()
        await _ready(ours, child)
    except (OSError, StartFailed) as failure:
        await running.close()
        raise SandboxFailed(str(failure)) from failure
    finally:
        ours.close()
    return running


async def sweep(owner: str) -> int:
    """Remove what an earlier emulator of this owner left; return how many things that were."""
    left = await asyncio.to_thread(place.leftover_places, owner)
    for folder in left:
        await asyncio.to_thread(place.remove_place, folder)
    return len(left)


def memory_file(name: str, content: bytes) -> int:
    """Return an open file that has no path, at its start."""
    if sys.platform == "linux":
        file = os.memfd_create(name, os.MFD_CLOEXEC)
    else:
        file, path = tempfile.mkstemp(prefix=name)
        Path(path).unlink()
    os.write(file, content)
    os.lseek(file, 0, os.SEEK_SET)
    return file


def _plan(wanted: Wanted, home: Path, control: int) -> dict[str, object]:
    env = {
        MARK: wanted.mark, "TMPDIR": str(home / place.TMP), "HOME": str(home / place.DATA),
        "SANDBOX_RUN": str(home / place.RUN), **wanted.env,
    }  # fmt: skip
    program = shutil.which(wanted.command[0], path=env.get("PATH", os.defpath)) or wanted.command[0]
    return {
        "argv": [os.fsencode(word) for word in (program, *wanted.command[1:])],
        "env": {os.fsencode(name): os.fsencode(value) for name, value in env.items()},
        "cwd": str(home / place.DATA),
        "control": control,
        "uid": None,
        "limits": {
            "RLIMIT_CORE": 0, "RLIMIT_FSIZE": wanted.file_bytes, "RLIMIT_DATA": wanted.memory_bytes,
            "RLIMIT_NOFILE": 4096,
        },
    }  # fmt: skip


async def _ready(control: socket.socket, child: Child) -> None:
    """Wait for the word, or for the end: the shim holds the other side too, so a program that dies closes nothing."""
    control.setblocking(False)  # noqa: FBT003  # the parameter has no name
    said = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(control, _SAYS_BYTES))
    gone = asyncio.ensure_future(child.exited())
    await asyncio.wait((said, gone), return_when=asyncio.FIRST_COMPLETED)
    for task in (said, gone):
        task.cancel()
    word = said.result() if said.done() and not said.cancelled() else b""
    if word != b"ready":
        raise SandboxFailed(word.decode(errors="replace").removeprefix("failed ") or "it ended before it began")
