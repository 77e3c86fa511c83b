"""Writes the journal in the order things happened, many at a time."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import TYPE_CHECKING

from aca_notebook.emulator.journal.database import Database, Statement, append_event

if TYPE_CHECKING:
    from aca_notebook.clock import Clock
    from aca_notebook.emulator.journal.events import Event

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


class Recorder:
    """Appends events; while the disk is full they wait in memory, in order, and `durable` waits with them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._pending: list[Statement] = []
        self._appended = 0
        self._stored = 0
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._writing: asyncio.Future[None] | None = None

    def append(self, event: Event) -> None:
        """Queue an event; it is on disk some milliseconds later."""
        self.write(append_event(event))

    def write(self, *statements: Statement) -> None:
        """Queue what must be written after all that was appended so far, and before what comes."""
        self._pending += statements
        self._appended += len(statements)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush())

    @property
    def waiting(self) -> int:
        """How much has been queued and is not on the disk."""
        return len(self._pending)

    async def durable(self) -> None:
        """Return when all that was appended so far is on disk."""
        if self._stored < self._appended:
            stored = asyncio.get_running_loop().create_future()
            self._waiters.append((self._appended, stored))
            await stored

    async def close(self) -> None:
        """Write what is left, once; what a full disk refuses is lost."""
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)
        if self._writing is not None:  # cancelled or not, it is on its way to the disk: not a second time
            await asyncio.gather(self._writing, return_exceptions=True)
        if self._pending:
            try:
                await self._database.write(*self._pending)
            except sqlite3.Error as failure:
                logger.warning("%d journal events are lost: %s", len(self._pending), failure)

    async def _flush(self) -> None:
        while self._pending:
            batch = tuple(self._pending)
            try:
                self._writing = asyncio.ensure_future(self._write(batch))
                await asyncio.shield(self._writing)
            except sqlite3.Error as failure:
                logger.warning("the journal waits for the disk: %s", failure)
                await self._clock.sleep(_RETRY_SECONDS)
        self._flushing = None

    async def _write(self, batch: tuple[Statement, ...]) -> None:
        await self._database.write(*batch)
        del self._pending[: len(batch)]
        self._stored += len(batch)
        waiting = self._waiters
        self._waiters = [entry for entry in waiting if entry[0] > self._stored]
        for number, stored in waiting:
            if number <= self._stored and not stored.done():
                stored.set_result(None)
