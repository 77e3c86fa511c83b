"""How far from everything else a program can be kept, and how far this machine can keep it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Level(StrEnum):
    """From the farthest to none."""

    BUBBLEWRAP = "bubblewrap"
    """Namespaces of its own, a system that is read-only, files that are its own, system calls filtered."""
    LANDLOCK = "landlock"
    """The machine's own namespaces; the kernel refuses paths, sockets and signals beyond what is named."""
    PROCESS = "process"
    """A plain process under resource limits: it can read what the emulator's user can. Not isolated."""


@dataclass(frozen=True, slots=True)
class Found:
    """What this machine can do. `reason` says why it is no better, and is empty at the best.

    `egress` is whether a program can be let out to the internet with loopback and metadata addresses refused; where
    it is False, `Wanted.egress` is not granted and `Sandbox.egress` says so. `limits` names the cgroup controllers
    that were tried and bind: any of `memory`, `pids`, `cpu`.
    """

    level: Level
    isolated: bool
    reason: str = ""
    egress: bool = False
    limits: tuple[str, ...] = ()
    bwrap: Path | None = None


def find_level(ceiling: Level = Level.BUBBLEWRAP) -> Found:
    """Return the best level up to `ceiling` that works here, by trying. Blocks for up to some seconds: for a thread."""
    return Found(Level.PROCESS, isolated=False, reason=f"{ceiling} is not tried")
