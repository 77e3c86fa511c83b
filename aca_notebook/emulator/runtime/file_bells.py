"""Tells who follows a file that it was written to: by inotify where there is one, elsewhere by time alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from typing import TYPE_CHECKING

from aca_notebook.emulator.runtime.waiting import rest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from inotify_simple import INotify

    from aca_notebook.clock import Clock

logger = logging.getLogger(__name__)


class Bell:
    """Rings when something in one folder is written to, made or renamed."""

    def __init__(self, clock: Clock) -> None:
        self.hears = False  #: whether it can ring; if not, only time passes
        self.rung = asyncio.Event()
        self._clock = clock

    def still(self) -> None:
        """Take note of what has rung so far. To be called before a look: what comes during it rings again."""
        self.rung.clear()

    async def wait(self, seconds: float) -> None:
        """Return when it has rung since `still`, after so many seconds at the latest."""
        await rest(self.rung, self._clock, seconds)


class FileBells:
    """Owns one inotify descriptor, from the first bell on until `close`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._opening = asyncio.Lock()
        self._inotify: INotify | None = None
        self._refused = False
        self._bells: defaultdict[int, set[Bell]] = defaultdict(set)

    @contextlib.asynccontextmanager
    async def listen(self, folder: Path) -> AsyncIterator[Bell]:
        """Have a bell for a folder; one that is not there yet, or one too many for the system, never rings."""
        bell = Bell(self._clock)
        watch = await self._watch(folder, bell)
        try:
            yield bell
        finally:
            if watch is not None:
                self._let_go(watch, bell)

    def close(self) -> None:
        """Give the descriptor back; no bell rings any more."""
        if self._inotify is not None:
            asyncio.get_running_loop().remove_reader(self._inotify.fileno())
            self._inotify.close()
        self._inotify, self._refused = None, True

    async def _watch(self, folder: Path, bell: Bell) -> int | None:
        inotify = await self._opened()
        if inotify is None:
            return None
        from inotify_simple import flags

        try:
            watch = int(inotify.add_watch(folder, flags.MODIFY | flags.CREATE | flags.MOVED_TO))
        except OSError as refused:
            logger.debug("%s is looked at by time alone: %s", folder, refused)
            return None
        self._bells[watch].add(bell)
        bell.hears = True
        return watch

    async def _opened(self) -> INotify | None:
        async with self._opening:
            if self._inotify is None and not self._refused:
                try:
                    opened = await asyncio.to_thread(_open)  # it asks ldconfig for the C library
                except (ImportError, OSError) as refused:
                    logger.debug("files are looked at by time alone: %s", refused)
                    self._refused = True
                else:
                    asyncio.get_running_loop().add_reader(opened.fileno(), self._ring)
                    self._inotify = opened
        return self._inotify

    def _ring(self) -> None:
        from inotify_simple import flags

        assert self._inotify is not None  # noqa: S101  # there is no reader without it
        for event in self._inotify.read(timeout=0):
            if event.mask & flags.Q_OVERFLOW:  # some were not told of
                ringing = {bell for bells in self._bells.values() for bell in bells}
            else:
                ringing = self._bells.get(event.wd, set())
            for bell in ringing:
                bell.rung.set()
                if event.mask & flags.IGNORED:  # the folder is gone, and its number may be given to another
                    bell.hears = False
            if event.mask & flags.IGNORED:
                self._bells.pop(event.wd, None)

    def _let_go(self, watch: int, bell: Bell) -> None:
        bells = self._bells.get(watch)
        if bells is None or bell not in bells:
            return
        bells.remove(bell)
        if not bells:
            del self._bells[watch]
            if self._inotify is not None:
                with contextlib.suppress(OSError):  # the folder has just gone
                    self._inotify.rm_watch(watch)


def _open() -> INotify:
    from inotify_simple import INotify

    return INotify(nonblocking=True)
