"""Real child processes, each under a shim that ends them with us."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run: `environment` is all the program gets, and may hold secrets."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    log_file: Path
    mark: str


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
        """Ask for TERM now and KILL after the grace; returns at once."""
        ...


class Spawn(Protocol):
    """Starts programs, and ends those of an emulator that is gone."""

    async def spawn(self, launch: Launch) -> Child:
        """Start a shim that waits for `go`. Raises `StartFailed`."""
        ...

    async def reap(self, leftovers: Sequence[Leftover]) -> int:
        """Kill what is left of these trees; return how many processes that were."""
        ...
