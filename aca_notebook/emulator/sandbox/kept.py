"""What a sandbox holds on this machine beside its processes: made before they start, removed when they are gone."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from aca_notebook.emulator.sandbox import accounts, cgroups, place, plans
from aca_notebook.emulator.sandbox.levels import Level

if TYPE_CHECKING:
    from aca_notebook.emulator.sandbox.levels import Found
    from aca_notebook.emulator.sandbox.plans import Shown
    from aca_notebook.emulator.sandbox.wanted import Wanted

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Kept:
    """A user, folders, control groups, and open files for the program to get."""

    shown: Shown = plans.APART
    home: Path | None = None
    group: cgroups.Group | None = None
    uid: int | None = None
    files: list[int] = field(default_factory=list)

    def furnish(self, wanted: Wanted, found: Found) -> None:
        """Make all but the files. Blocks. What was made stays in here when it fails with `OSError`."""
        if found.means.becomes_others:
            self.uid = accounts.new_user(SystemRandom())
        memory_bytes = wanted.memory_bytes
        if found.level is Level.BUBBLEWRAP:
            memory_bytes += wanted.file_bytes  # its files lie in memory too
        else:
            self.home = place.make_place(wanted.mark, self.uid)
            self.shown = plans.Shown(*(str(self.home / name) for name in (place.DATA, place.TMP, place.RUN)))
        if found.means.hierarchies:
            bounds = cgroups.Bounds(wanted.cpu_cores, memory_bytes, wanted.pids)
            self.group = cgroups.Group(found.means.hierarchies, wanted.mark, bounds)

    def doors(self) -> tuple[int, ...]:
        """Return open files by which the program gets into its groups."""
        doors = self.group.doors() if self.group is not None else ()
        self.files += doors
        return doors

    def passed(self, name: str, content: bytes) -> int:
        """Return an open file with this content."""
        file = memory_file(name, content)
        self.files.append(file)
        return file

    def hand_over(self) -> None:
        """Close the files: the program has got them."""
        while self.files:
            os.close(self.files.pop())

    async def release(self) -> None:
        """Remove all of it. Nothing runs in it any more. May be called again."""
        self.hand_over()
        if self.group is not None and not await cgroups.end(self.group.remove):
            logger.warning("a control group of a sandbox stays: a process in it does not end")
        self.group = None
        if self.home is not None:
            await asyncio.to_thread(place.remove_place, self.home)
            self.home = None


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
