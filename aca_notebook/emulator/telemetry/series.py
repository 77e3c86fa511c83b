"""Minutes of samples: the open one in memory, the rest in tables.

After kill -9 at most the open minute is lost. A closed one is a row of four numbers for each series, of a counter one;
what can be computed (percentages, replicas, restarts) is not stored. Hours are kept beside them, so that a month in
hours or days reads a sixtieth of the rows: what is added to a minute is added to its hour in the same transaction.

An app that answers calls in each minute of a day with one replica takes `BYTES_AN_APP_DAY`; one at zero takes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from aca_notebook.emulator.journal.database import Statement
from aca_notebook.emulator.telemetry.catalogue import RETENTION_DAYS
from aca_notebook.emulator.telemetry.metrics import Cell, minute_of, sampled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.journal.database import Database

logger = logging.getLogger(__name__)

_MINUTES_A_DAY = 1440
_MINUTES_AN_HOUR = 60
#: At most, its hours included; a test measures it. Another replica adds as much at most.
BYTES_AN_APP_DAY = 300_000

#: A counter is one sample: its minimum and maximum are its total, and are not stored.
_COLUMNS = "count, total, coalesce(minimum, total), coalesce(maximum, total)"
_ADDED = """ON CONFLICT(series, {of}) DO UPDATE SET
              minimum = min(coalesce(minimum, total), coalesce(excluded.minimum, excluded.total)),
              maximum = max(coalesce(maximum, total), coalesce(excluded.maximum, excluded.total)),
              count = count + excluded.count, total = total + excluded.total"""

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS metric_series(
         id INTEGER PRIMARY KEY, app TEXT NOT NULL, metric TEXT NOT NULL, revision TEXT NOT NULL,
         replica TEXT NOT NULL, status INTEGER NOT NULL, capacity REAL NOT NULL,
         UNIQUE(app, metric, revision, replica, status))""",
    """CREATE TABLE IF NOT EXISTS metric_minutes(
         series INTEGER, minute INTEGER, count INTEGER, total REAL, minimum REAL, maximum REAL,
         PRIMARY KEY(series, minute)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS metric_hours(
         series INTEGER, hour INTEGER, count INTEGER, total REAL, minimum REAL, maximum REAL,
         PRIMARY KEY(series, hour)) WITHOUT ROWID""",
    # What was written before there were hours.
    """INSERT INTO metric_hours
          SELECT series, minute / 60, sum(count), sum(total),
                 min(coalesce(minimum, total)), max(coalesce(maximum, total))
          FROM metric_minutes WHERE NOT EXISTS (SELECT 1 FROM metric_hours) GROUP BY 1, 2""",
)


class Key(NamedTuple):
    """One series: `app` is the id's key, `status` an HTTP status or 0, `capacity` what 100 % of it is, or 0."""

    app: str
    metric: str
    revision: str = ""
    replica: str = ""
    status: int = 0
    capacity: float = 0.0


class Minute:
    """What is known so far of one minute. Counting happens with every request, so it is four numbers in a list."""

    __slots__ = ("_counters", "_gauges")

    def __init__(self) -> None:
        self._gauges: dict[Key, list[float]] = {}
        self._counters: dict[Key, float] = {}

    def sample(self, key: Key, value: float) -> None:
        """Add one sample of a quantity that is measured now and then."""
        there = self._gauges.get(key)
        if there is None:
            self._gauges[key] = [1, value, value, value]
            return
        there[0] += 1
        there[1] += value
        if value < there[2]:
            there[2] = value
        elif value > there[3]:
            there[3] = value

    def count(self, key: Key, amount: float = 1) -> None:
        """Add to a quantity that is summed up over the minute."""
        self._counters[key] = self._counters.get(key, 0) + amount

    def cells(self) -> Iterable[tuple[Key, Cell]]:
        """A gauge's samples are its own; a counter is one sample, its sum."""
        for key, (count, total, minimum, maximum) in self._gauges.items():
            yield key, Cell(count, total, minimum, maximum)
        for key, amount in self._counters.items():
            yield key, sampled(amount)


class Series:
    """Takes samples on the event loop, writes each minute once it is over."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._open: dict[int, Minute] = {}
        self._pruned_day = -1
        self._turn = asyncio.Lock()  # a minute on its way to the disk is in neither place

    def minute(self) -> Minute:
        """Return the open minute, to add to at once."""
        minute = minute_of(self._clock.now())
        contents = self._open.get(minute)
        if contents is None:
            contents = self._open[minute] = Minute()
        return contents

    async def write_closed(self) -> None:
        """Write the minutes that are over. A full disk keeps them in memory until the next time."""
        now = minute_of(self._clock.now())
        await self._write(before=now)
        if now // _MINUTES_A_DAY != self._pruned_day:
            await self._prune(now - RETENTION_DAYS * _MINUTES_A_DAY)
            self._pruned_day = now // _MINUTES_A_DAY

    async def write_all(self) -> None:
        """Write the open minute too: its rest is added to it when the emulator comes back in time."""
        await self._write(before=minute_of(self._clock.now()) + 1)

    async def read(self, app: str, metric: str, first: int, last: int, *, grain: int = 1) -> dict[Key, dict[int, Cell]]:
        """Return the series of a metric that have samples from minute `first` to before `last`, by minute.

        For buckets of `grain` minutes, the minutes of an hour may have been put together, under the hour's first one.
        """
        async with self._turn:
            return await self._read(app, metric, first, last, grain)

    async def _read(self, app: str, metric: str, first: int, last: int, grain: int) -> dict[Key, dict[int, Cell]]:
        step = (
            _MINUTES_AN_HOUR
            if grain % _MINUTES_AN_HOUR == first % _MINUTES_AN_HOUR == last % _MINUTES_AN_HOUR == 0
            else 1
        )
        table, column = ("metric_hours", "hour") if step > 1 else ("metric_minutes", "minute")
        rows = await self._database.read(
            f"SELECT revision, replica, status, capacity, {column} * {step}, {_COLUMNS} "  # noqa: S608  # names of ours
            f"FROM metric_series JOIN {table} ON series = id "
            f"WHERE app = ? AND metric = ? AND {column} >= ? AND {column} < ?",
            (app, metric, first // step, last // step),
        )
        found = await asyncio.to_thread(_cells, rows, app, metric)
        for minute, contents in self._open.items():
            if first <= minute < last:
                for key, opened in contents.cells():
                    if (key.app, key.metric) == (app, metric):
                        series, place = found.setdefault(key, {}), minute // step * step
                        series[place] = series[place].merged(opened) if place in series else opened
        return found

    async def _write(self, *, before: int) -> None:
        async with self._turn:
            await self._write_taken({minute: self._open.pop(minute) for minute in list(self._open) if minute < before})

    async def _write_taken(self, taken: dict[int, Minute]) -> None:
        statements = [
            statement
            for minute, contents in taken.items()
            for key, cell in contents.cells()
            for statement in _insert(key, minute, cell)
        ]
        if not statements:
            return
        try:
            await asyncio.shield(self._database.write(*statements))  # whoever is cancelled now has not lost it
        except sqlite3.OperationalError as full:
            logger.warning("metrics could not be written and are kept in memory: %s", full)
            self._open = taken | self._open

    async def _prune(self, before: int) -> None:
        try:
            await self._database.write(
                Statement(
                    "DELETE FROM metric_hours WHERE series IN (SELECT id FROM metric_series) AND hour < ?",
                    (before // _MINUTES_AN_HOUR,),
                ),
                Statement(
                    "DELETE FROM metric_minutes WHERE series IN (SELECT id FROM metric_series) AND minute < ?",
                    (before,),
                ),
                Statement("DELETE FROM metric_series WHERE id NOT IN (SELECT DISTINCT series FROM metric_minutes)"),
            )
        except sqlite3.OperationalError as full:
            logger.warning("old metrics could not be removed: %s", full)


def _cells(rows: Iterable[tuple[Any, ...]], app: str, metric: str) -> dict[Key, dict[int, Cell]]:
    found: dict[Key, dict[int, Cell]] = {}
    for revision, replica, status, capacity, minute, *cell in rows:
        found.setdefault(Key(app, metric, revision, replica, status, capacity), {})[minute] = Cell(*cell)
    return found


def _insert(key: Key, minute: int, cell: Cell) -> Iterator[Statement]:
    yield Statement(
        "INSERT INTO metric_series(app, metric, revision, replica, status, capacity) VALUES(?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        tuple(key),
    )
    extremes = (None, None) if cell.count == 1 else (cell.minimum, cell.maximum)
    for table, column, place in (
        ("metric_minutes", "minute", minute), ("metric_hours", "hour", minute // _MINUTES_AN_HOUR),
    ):  # fmt: skip
        yield Statement(
            f"INSERT INTO {table} SELECT id, ?, ?, ?, ?, ? FROM metric_series "  # noqa: S608  # names of ours
            f"WHERE app = ? AND metric = ? AND revision = ? AND replica = ? AND status = ? {_ADDED.format(of=column)}",
            (place, cell.count, cell.total, *extremes, *key[:5]),
        )
