"""Starts one program in a sandbox, and ends it with all that it started and left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aca_notebook.emulator.sandbox import running
from aca_notebook.emulator.sandbox.plans import Shown
from aca_notebook.emulator.sandbox.running import SandboxFailed
from aca_notebook.emulator.sandbox.wanted import Wanted

if TYPE_CHECKING:
    from pathlib import Path

    from aca_notebook.emulator.runtime.process import Spawn
    from aca_notebook.emulator.sandbox.drawer import Drawer
    from aca_notebook.emulator.sandbox.egress import Gate
    from aca_notebook.emulator.sandbox.levels import Found

__all__ = ["Sandbox", "SandboxFailed", "Shown", "Wanted", "start", "sweep"]


class Sandbox(Protocol):
    """A program that runs. Whoever started it closes it."""

    @property
    def pid(self) -> int:
        """The program's process id on this machine, as far as one can be told; for a signal use `signal`."""
        ...

    @property
    def shown(self) -> Shown:
        """The program's folders as it sees them."""
        ...

    @property
    def files(self) -> Drawer:
        """Its `data` folder, from outside."""
        ...

    @property
    def sockets(self) -> Path:
        """Its `run` folder, from outside and in this process alone: short enough for the path of a socket."""
        ...

    @property
    def egress(self) -> bool:
        """Whether it was let out."""
        ...

    async def wait(self) -> int:
        """Wait until nothing of it runs; return the exit code, 128+n for signal n."""
        ...

    def signal(self, number: int) -> None:
        """Send a signal to the program itself, not to what it started. One that is gone does not mind."""
        ...

    async def stop(self, grace_seconds: float = 0.0) -> int:
        """TERM, KILL of everything after the grace, at once without one; return the exit code."""
        ...

    async def close(self) -> None:
        """End all of it and remove what it had: processes, files, mounts, cgroups. May be called again."""
        ...


async def start(
    wanted: Wanted, found: Found, spawn: Spawn | None = None, gate: Gate | None = None
) -> Sandbox:  # fmt: skip
    """Start a program as far from everything else as was found possible. Raises `SandboxFailed`.

    `gate` is the way out of one that is let out; one that asks this machine, if None.
    """
    return await running.start(wanted, found, spawn, gate)


async def sweep(owner: str) -> int:
    """Remove what an earlier emulator of this owner left of its sandboxes; return how many things that were.

    Its processes end with it, or are reaped by their mark (`Spawn.reap`): call that first.
    """
    return await running.sweep(owner)
