"""When emulators were alive: what bounds the time of a replica whose emulator was killed.

A killed emulator writes no end of its replicas; its successor does, perhaps days later, and nobody is billed for days
in which nothing ran. Each life keeps the last moment it is known of, a minute apart while replicas run.
"""

from __future__ import annotations

import logging
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

from aca_notebook.clock import parse_instant
from aca_notebook.emulator.journal.database import Statement
from aca_notebook.emulator.telemetry.catalogue import RETENTION_DAYS

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.emulator.journal.database import Database

logger = logging.getLogger(__name__)

SCHEMA = "CREATE TABLE IF NOT EXISTS emulator_lives(began TEXT PRIMARY KEY, last TEXT NOT NULL) WITHOUT ROWID"
_BEAT_SECONDS = 60.0


class Lives:
    """This emulator's life, and those before it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._began: datetime | None = None
        self._beaten: datetime | None = None

    async def begin(self, now: datetime) -> None:
        """Start this life, and forget those whose replicas no query reaches any more."""
        self._began = self._beaten = now
        forgotten = (now - timedelta(days=RETENTION_DAYS)).isoformat()
        await self._write(
            Statement("DELETE FROM emulator_lives WHERE last < ?", (forgotten,)),
            Statement("INSERT OR REPLACE INTO emulator_lives VALUES(?, ?)", (now.isoformat(), now.isoformat())),
        )

    async def beat(self, now: datetime, *, every_seconds: float = _BEAT_SECONDS) -> None:
        """Say that this emulator is alive; written when the last time is long enough ago."""
        if self._began is None or self._beaten is None:
            return
        if (now - self._beaten).total_seconds() >= every_seconds:
            self._beaten = now
            await self._write(
                Statement(
                    "UPDATE emulator_lives SET last = ? WHERE began = ?", (now.isoformat(), self._began.isoformat())
                )
            )

    async def read(self) -> list[tuple[datetime, datetime]]:
        """Return when each life began and its last known moment, in order; this one is the last."""
        rows = await self._database.read("SELECT began, last FROM emulator_lives ORDER BY began")
        return [(parse_instant(began), parse_instant(last)) for began, last in rows]

    async def _write(self, *statements: Statement) -> None:
        try:
            await self._database.write(*statements)
        except sqlite3.OperationalError as full:
            logger.warning("the emulator's last moment could not be written: %s", full)
