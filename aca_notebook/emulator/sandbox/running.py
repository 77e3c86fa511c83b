"""Sandboxes that run: how they start, and how all of it ends."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import sys
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from aca_notebook.emulator.runtime.process import SubprocessSpawn
from aca_notebook.emulator.sandbox import cgroups, egress, handshake, launching, place, watching
from aca_notebook.emulator.sandbox.drawer import Drawer
from aca_notebook.emulator.sandbox.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from socket import socket

    from aca_notebook.emulator.runtime.process import Child, Spawn
    from aca_notebook.emulator.sandbox.levels import Found
    from aca_notebook.emulator.sandbox.wanted import Wanted


class SandboxFailed(OSError):
    """The program could not be started in its sandbox."""


class Running:
    """A program that runs; made by `start`."""

    def __init__(self, child: Child, kept: Kept) -> None:
        """Hold what must end with it; it is not ready yet."""
        self.pid = 0
        self.egress = False
        self.shown = kept.shown
        self._child = child
        self._kept = kept
        self._files: Drawer | None = None
        self._run = -1
        self._watch: asyncio.Task[None] | None = None
        self._gate: egress.Gate | None = None

    def __repr__(self) -> str:
        return f"<Sandbox pid={self.pid}>"

    @property
    def files(self) -> Drawer:
        """Its `data` folder, from outside, until `close`."""
        assert self._files is not None, "the sandbox is not ready, or closed"  # noqa: S101  # an error of ours
        return self._files

    @property
    def sockets(self) -> Path:
        """Its `run` folder, from outside and in this process alone."""
        return self._kept.home / place.RUN if self._kept.home is not None else Path(f"/proc/self/fd/{self._run}")

    def take(self, answer: handshake.Ready) -> None:
        """Hold what the entry sent: the program runs now, and its folders are open."""
        self.pid = answer.pid or self.pid
        files = list(answer.files)
        if self._kept.home is not None:
            data = os.open(self._kept.home / place.DATA, os.O_RDONLY | os.O_DIRECTORY)
        else:
            data, self._run = files[:2]
        self._files = Drawer(data, self._kept.uid)

    async def let_out(self, file: int, gate: egress.Gate) -> None:
        """Answer on the socket by which it asks for what is outside."""
        await gate.open(file)
        self._gate, self.egress = gate, True

    def watch(self, bounds: watching.Bounds) -> None:
        """End the program when it has taken more of what the kernel does not bound here."""
        if bounds.any:
            folders = [self._kept.home / name for name in (place.DATA, place.TMP, place.RUN)] if self._kept.home else []
            self._watch = asyncio.create_task(watching.watch(bounds, folders, self._child))

    async def wait(self) -> int:
        """Wait until nothing of it runs; return the exit code, 128+n for signal n."""
        return await self._child.exited()

    def signal(self, number: int) -> None:
        """Send a signal to the program itself. One that is gone does not mind."""
        if self.pid > 0:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)

    async def stop(self, grace_seconds: float = 0.0) -> int:
        """TERM, KILL of everything after the grace, at once without one; return the exit code."""
        if grace_seconds > 0:
            self.signal(signal.SIGTERM)  # the shim's would end bubblewrap, and with it everything at once
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace_seconds):
                    return await self._child.exited()
        self._child.stop(0.0)
        return await self._child.exited()

    async def close(self) -> None:
        """End all of it and remove what it had. May be called again."""
        await self.stop()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait((self._watch,))
            self._watch = None
        if self._gate is not None:
            await self._gate.close()
            self._gate = None
        if self._files is not None:
            self._files.close()
            self._files = None
        if self._run >= 0:
            os.close(self._run)
            self._run = -1
        await self._kept.release()


async def start(
    wanted: Wanted, found: Found, spawn: Spawn | None = None, gate: egress.Gate | None = None
) -> Running:  # fmt: skip
    """Start a program at the level that was found. Raises `SandboxFailed`."""
    kept = Kept()
    ours, theirs = handshake.open_line()
    with ours, _failing():
        try:
            with theirs:
                await asyncio.to_thread(kept.furnish, wanted, found)
                launch = await asyncio.to_thread(launching.launch, wanted, found, kept, theirs.fileno())
                child = await (spawn or SubprocessSpawn()).spawn(launch)
        except BaseException:
            await kept.release()
            raise
        kept.hand_over()
        running = Running(child, kept)
        try:
            if "cpu" not in found.limits:
                _pin(child.pid, wanted.cpu_cores)
            running.pid = await child.go()
            await _take_over(running, ours, wanted, found, gate)
        except BaseException:
            await running.close()
            raise
    return running


async def _take_over(running: Running, line: socket, wanted: Wanted, found: Found, gate: egress.Gate | None) -> None:
    answer = await handshake.ready(line, running.wait())
    running.take(answer)
    if wanted.egress and found.egress:
        await running.let_out(answer.files[-1], gate or egress.Gate())
    running.watch(watching.unbounded(wanted, found))


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    """One kind of error for all that the system refuses."""
    try:
        yield
    except SandboxFailed:
        raise
    except OSError as failure:
        raise SandboxFailed(str(failure)) from failure


async def sweep(owner: str) -> int:
    """Remove what an earlier emulator of this owner left; return how many things that were."""
    left = await asyncio.to_thread(place.leftover_places, owner)
    for folder in left:
        await asyncio.to_thread(place.remove_place, folder)
    groups = await asyncio.to_thread(lambda: cgroups.leftover_groups(cgroups.read_hierarchies(), owner))
    removed = [folder for folder in groups if await cgroups.end(functools.partial(cgroups.remove_group, folder))]
    return len(left) + len(removed)


def _pin(pid: int, cores: float) -> None:
    """Bound what nothing else bounds: a process and its children run on so many processors and no other."""
    if sys.platform == "linux":
        ours = sorted(os.sched_getaffinity(0))
        chosen = SystemRandom().sample(ours, min(len(ours), max(1, round(cores))))
        with contextlib.suppress(OSError):
            os.sched_setaffinity(pid, chosen)
