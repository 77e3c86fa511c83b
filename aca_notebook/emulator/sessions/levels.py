"""How many instances of a pool waited, were made and were in use, over time: what its metrics are made of."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

#: As long as changes are kept, and so many; a metric tells nothing of what was before.
_KEPT = timedelta(days=1)
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Level:
    """What held from a moment on, by Azure's names of the metrics."""

    since: datetime
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Averaged:
    """What held over a time: the average by time, the least and the most."""

    average: float
    least: int
    most: int


class Levels:
    """The changes, the oldest first."""

    def __init__(self) -> None:
        self._changes: deque[Level] = deque(maxlen=_MOST)

    def note(self, now: datetime, *, ready: int, pending: int, executing: int) -> None:
        """Take down what holds from now on."""
        counts = {"PoolReadyPodCount": ready, "PoolPendingPodCount": pending, "PoolExecutingPodCount": executing}
        if self._changes and self._changes[-1].counts == counts:
            return
        if self._changes and self._changes[-1].since == now:
            self._changes.pop()
        self._changes.append(Level(now, counts))
        while len(self._changes) > 1 and self._changes[1].since < now - _KEPT:
            self._changes.popleft()

    def over(self, metric: str, begin: datetime, end: datetime, now: datetime) -> Averaged | None:
        """Return what held between two moments, as far as that has passed; None where nothing is known."""
        until = min(end, now)
        if not self._changes or until <= begin or until <= self._changes[0].since:
            return None
        weighed, seconds = 0.0, 0.0
        seen: list[int] = []
        changes = list(self._changes)
        for index, change in enumerate(changes):
            last = changes[index + 1].since if index + 1 < len(changes) else until
            start, stop = max(change.since, begin), min(last, until)
            if stop > start:
                count = change.counts[metric]
                seen.append(count)
                weighed += count * (stop - start).total_seconds()
                seconds += (stop - start).total_seconds()
        return Averaged(weighed / seconds, min(seen), max(seen)) if seconds else None
