"""Metric arithmetic: samples become minutes, minutes become the points of a query. Pure; time is an argument.

A minute keeps count, total, minimum and maximum of its samples, which is all that Azure's five aggregations need.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

MINUTE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known of some samples taken together."""

    count: float
    total: float
    minimum: float
    maximum: float

    @property
    def average(self) -> float:
        """The mean of the samples."""
        return self.total / self.count

    def merged(self, other: Cell) -> Cell:
        """The cell of both sets of samples."""
        return Cell(
            self.count + other.count,
            self.total + other.total,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )

    def scaled(self, factor: float) -> Cell:
        """The cell of the same samples, each times a positive factor."""
        return Cell(self.count, self.total * factor, self.minimum * factor, self.maximum * factor)


def sampled(value: float) -> Cell:
    """The cell of one sample."""
    return Cell(1, value, value, value)


@dataclass(frozen=True, slots=True)
class Buckets:
    """The points of a query: from `start` (on a minute) to `end`, one every `grain`; the last may be cut short."""

    start: datetime
    end: datetime
    grain: timedelta

    def __len__(self) -> int:
        return max(0, math.ceil((self.end - self.start) / self.grain))

    @property
    def minutes(self) -> int:
        """How many minutes a point covers."""
        return round(self.grain.total_seconds()) // MINUTE_SECONDS

    def bounds(self, index: int) -> tuple[datetime, datetime]:
        """The moments a point begins at and ends before. A cut one has its full length: `end` only ends the list."""
        begin = self.start + index * self.grain
        return begin, begin + self.grain

    def index(self, moment: datetime) -> int:
        """Which point a moment falls into; the caller keeps to those there are."""
        return (moment - self.start) // self.grain


def aggregate(minutes: Iterable[Mapping[int, Cell]], buckets: Buckets) -> list[Cell | None]:
    """Merge the minutes (since the epoch) of some series into the points of a query; None where there was no sample.

    A cell may stand for all minutes of an hour, where a point covers whole hours.
    """
    cells: list[Cell | None] = [None] * len(buckets)
    first, grain = minute_of(buckets.start), buckets.minutes
    for series in minutes:
        for minute, cell in series.items():
            index = (minute - first) // grain
            if 0 <= index < len(cells):
                there = cells[index]
                cells[index] = cell if there is None else there.merged(cell)
    return cells


@dataclass(frozen=True, slots=True)
class Span:
    """A time during which one replica was metered; `end` None while it is. `restarts` are moments."""

    revision: str
    replica: str
    start: datetime
    end: datetime | None = None
    restarts: tuple[datetime, ...] = ()

    def overlaps(self, begin: datetime, until: datetime) -> bool:
        """Whether any of it lies in `[begin, until)`."""
        return self.start < until and (self.end is None or self.end > begin)


def replicas(spans: Sequence[Span], buckets: Buckets, *, since: datetime, now: datetime) -> list[Cell | None]:
    """Return how many replicas ran in each point, weighted by time.

    A replica of three seconds counts 0.05 in its minute. The open point is averaged over the part that has passed, so
    that average times elapsed seconds is replica-seconds for every point. None before `since`, when the app was not
    there yet, and after `now`.
    """
    return [
        _replicas_in(there, *buckets.bounds(index), since=since, now=now)
        for index, there in enumerate(_by_bucket(spans, buckets, now))
    ]


def _replicas_in(
    spans: Sequence[Span], begin: datetime, end: datetime, *, since: datetime, now: datetime
) -> Cell | None:
    until = min(end, now)
    if until <= begin or end <= since:
        return None
    changes: list[tuple[datetime, int]] = []
    for span in spans:
        changes.append((max(span.start, begin), 1))
        if span.end is not None and span.end < until:
            changes.append((span.end, -1))
    seconds, there, last = 0.0, 0, begin
    levels: list[int] = []
    for moment, step in sorted(changes):
        if moment > last:
            seconds += there * (moment - last).total_seconds()
            levels.append(there)
            last = moment
        there += step
    seconds += there * (until - last).total_seconds()
    levels.append(there)
    passed = (until - begin).total_seconds()
    minutes = max(1, math.ceil(passed / MINUTE_SECONDS))
    average = seconds / passed
    return Cell(minutes, average * minutes, min(levels), max(levels))


def restarts(spans: Sequence[Span], buckets: Buckets, *, now: datetime) -> list[Cell | None]:
    """Return the restarts that the replicas of each point had had by its end: one sample a replica."""
    cells: list[Cell | None] = []
    for index, there in enumerate(_by_bucket(spans, buckets, now)):
        until = min(buckets.bounds(index)[1], now)
        cell: Cell | None = None
        for span in there:
            one = sampled(sum(moment < until for moment in span.restarts))
            cell = one if cell is None else cell.merged(one)
        cells.append(cell)
    return cells


def _by_bucket(spans: Sequence[Span], buckets: Buckets, now: datetime) -> list[list[Span]]:
    """Return the spans that lie in each point, in time proportional to how much of the query they cover."""
    found: list[list[Span]] = [[] for _ in range(len(buckets))]
    for span in spans:
        last = min(span.end or now, now)
        for index in range(max(0, buckets.index(span.start)), min(len(buckets), buckets.index(last) + 1)):
            begin, end = buckets.bounds(index)
            if span.overlaps(begin, min(end, now)):
                found[index].append(span)
    return found


def minute_of(moment: datetime) -> int:
    """Return the minute since the epoch that holds a moment."""
    return int(moment.timestamp() // MINUTE_SECONDS)
