"""Bounds that the kernel does not keep here, kept by looking: who takes more is ended a second or so later."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from aca_notebook.clock import SystemClock
from aca_notebook.emulator.sandbox import drawer
from aca_notebook.emulator.sandbox.levels import Level

if TYPE_CHECKING:
    from pathlib import Path

    from aca_notebook.emulator.runtime.process import Child
    from aca_notebook.emulator.sandbox.levels import Found
    from aca_notebook.emulator.sandbox.wanted import Wanted

logger = logging.getLogger(__name__)

_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What all processes may take together; None for what the kernel bounds."""

    memory_bytes: int | None
    file_bytes: int | None

    @property
    def any(self) -> bool:
        """Whether there is something to look at."""
        return self.memory_bytes is not None or self.file_bytes is not None


def unbounded(wanted: Wanted, found: Found) -> Bounds:
    """Return what nothing but looking bounds: memory without its control group, files on a disk."""
    return Bounds(
        memory_bytes=None if "memory" in found.limits else wanted.memory_bytes,
        file_bytes=None if found.level is Level.BUBBLEWRAP else wanted.file_bytes,
    )


async def watch(bounds: Bounds, folders: list[Path], child: Child) -> None:
    """Look every second until cancelled; end the program, once, when it has too much."""
    clock = SystemClock()
    while not await asyncio.to_thread(_too_much, bounds, folders, child.pid):
        await clock.sleep(_SECONDS)
    logger.warning("a sandboxed program took more memory or disk than it may, and was ended")
    child.stop(0.0)


def _too_much(bounds: Bounds, folders: list[Path], pid: int) -> bool:
    if bounds.file_bytes is not None and sum(map(_used, folders)) > bounds.file_bytes:
        return True
    return bounds.memory_bytes is not None and _memory(pid, bounds.memory_bytes) > bounds.memory_bytes


def _used(folder: Path) -> int:
    """Bytes of disk. Folders in each other beyond reason are as good as too much: who could count what is in them?"""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # removed meanwhile: the sandbox is ending
        return 0
    try:
        return drawer.used_bytes(opened)
    except drawer.TooDeep:
        return sys.maxsize
    finally:
        os.close(opened)


def _memory(pid: int, enough: int) -> int:
    """Bytes that the tree has; shared ones are divided only where the plain sum is too much: that takes longer."""
    with suppress(psutil.Error):
        tree = psutil.Process(pid).children(recursive=True)
        if sum(_bytes(process, exact=False) for process in tree) > enough:
            return sum(_bytes(process, exact=True) for process in tree)
    return 0


def _bytes(process: psutil.Process, *, exact: bool) -> int:
    try:
        return int(process.memory_full_info().pss if exact else process.memory_info().rss)
    except (psutil.Error, OSError):  # gone, or not ours to ask
        return 0
