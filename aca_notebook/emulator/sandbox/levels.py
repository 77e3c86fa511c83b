"""How far from everything else a program can be kept, and how far this machine can keep it: found by trying, once."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aca_notebook.emulator.sandbox.cgroups import Hierarchy


class Level(StrEnum):
    """From the farthest to none."""

    BUBBLEWRAP = "bubblewrap"
    """Namespaces of its own, a system that is read-only, files that are its own, system calls filtered."""
    LANDLOCK = "landlock"
    """The machine's own namespaces; the kernel refuses paths, sockets and signals beyond what is named."""
    PROCESS = "process"
    """A plain process under resource limits: it can read what the emulator's user can. Not isolated."""


@dataclass(frozen=True, slots=True)
class Means:
    """With what a level is kept here. `becomes_others` is whether each program can be another user."""

    bwrap: Path | None = None
    user_namespace: bool = False
    becomes_others: bool = False
    landlock_abi: int = 0
    hierarchies: tuple[Hierarchy, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What this machine can do. `reason` says why it is no better, and is empty at the best.

    `egress` is whether a program can be let out to the internet with loopback and metadata addresses refused; where
    it is False, `Wanted.egress` is not granted and `Sandbox.egress` says so. `limits` names the cgroup controllers
    that were tried and bind: any of `memory`, `pids`, `cpu`. The others are bounded for each process alone.
    """

    level: Level
    isolated: bool
    reason: str = ""
    egress: bool = False
    limits: tuple[str, ...] = ()
    means: Means = Means()


def unkept(asked: str, found: Found) -> str:
    """Say why sessions cannot be kept as was asked; empty where they can, and where nothing was."""
    if asked and asked not in set(Level):
        return (
            f"sessions are to be kept at level '{asked}', and this emulator keeps {', '.join(Level)}: "
            "container engines and gVisor are not among them"
        )
    if asked and found.level != asked:
        return f"sessions are to be kept at level '{asked}', and this machine cannot: {found.reason or found.level}"
    return ""


def find_level(ceiling: Level = Level.BUBBLEWRAP, interpreter: Path | None = None, bwrap: Path | None = None) -> Found:
    """Return the best level up to `ceiling` that works here, by trying. Blocks for up to some seconds: for a thread.

    What works may depend on the `interpreter` (ours, if None): root gives each program another user, who may not be
    allowed to read it. With `bwrap`, that is tried and no other.
    """
    from aca_notebook.emulator.sandbox import trial  # which starts sandboxes, and so knows levels

    return asyncio.run(trial.find(ceiling, interpreter or Path(sys.executable), bwrap))
