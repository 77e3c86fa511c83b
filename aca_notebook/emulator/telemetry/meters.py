"""The meters of everything that ran: the fold of `metering` over the journal and the minutes, kept up to date."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aca_notebook.clock import truncate
from aca_notebook.emulator.telemetry.catalogue import RETENTION_DAYS
from aca_notebook.emulator.telemetry.metering import (
    HOUR,
    MINUTES_AN_HOUR,
    Activity,
    Name,
    Usage,
    may_idle,
    usage_of,
)
from aca_notebook.emulator.telemetry.metrics import minute_of
from aca_notebook.emulator.telemetry.sampler import NANO

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.telemetry.history import Histories
    from aca_notebook.emulator.telemetry.metrics import Cell
    from aca_notebook.emulator.telemetry.series import Key, Series

_BYTES = ("RxBytes", "TxBytes")
#: What tells a replica that idles, beside requests.
_CLOSE = ("UsageNanoCores", *_BYTES)


class Meters:
    """Reads what was counted. Hours that are over are counted once; only the open one is counted again."""

    def __init__(self, *, database: Database, series: Series, histories: Histories, clock: Clock) -> None:
        self._database = database
        self._series = series
        self._histories = histories
        self._clock = clock
        self._closed: dict[str, tuple[datetime, list[Usage]]] = {}  # by app: up to when, and what
        self._turn = asyncio.Lock()

    async def everything(
        self, since: datetime, until: datetime, also: Collection[str] = ()
    ) -> dict[str, list[Usage]]:  # fmt: skip
        """Return what was counted from a whole hour on and before `until`, by the key of the app or job.

        Of all that the journal knows, and of those in `also`. The journal goes back 31 days; what was before that is
        not known any more.
        """
        rows = await self._database.read("SELECT DISTINCT app FROM events WHERE app != ''")
        known = dict.fromkeys((*(app for (app,) in rows), *also))
        return {app: found for app in known if (found := await self.read(app, since, until))}

    async def read(self, app: str, since: datetime, until: datetime) -> list[Usage]:
        """Return what was counted for one app or job."""
        async with self._turn:
            closed, found = await self._up_to_date(app)
        until = min(until, self._clock.now())
        if until <= closed:
            return [*_within(found, since, until), *await self._part(app, max(since, truncate(until, HOUR)), until)]
        return [*_within(found, since, closed), *await self._part(app, max(since, closed), until)]

    async def _up_to_date(self, app: str) -> tuple[datetime, list[Usage]]:
        """Count the hours that are over by now and were not counted yet; old ones are forgotten."""
        now = truncate(self._clock.now(), HOUR)
        oldest = now - timedelta(days=RETENTION_DAYS)
        closed, found = self._closed.get(app, (oldest, []))
        if closed < now:
            later = await self._part(app, closed, now)
            found = [*_within(found, oldest, closed), *later]
            self._closed[app] = (now, found)
        return self._closed[app]

    async def _part(self, app: str, since: datetime, until: datetime) -> list[Usage]:
        if since >= until:
            return []
        history = await self._histories.read(app)
        closely = any(
            may_idle(each.gpu_model, each.min_replicas)
            for span in history.spans
            if span.overlaps(since, until) and (each := history.assigned.get((span.revision, span.replica)))
        )
        first, last = minute_of(since), minute_of(until) + 1
        if not closely and first % MINUTES_AN_HOUR == minute_of(until) % MINUTES_AN_HOUR == 0:
            # Nothing of it is ever idle: requests by the hour are all there is to know, at a sixtieth of the rows.
            requests = await self._series.read(app, "Requests", first, last - 1, grain=MINUTES_AN_HOUR)
            return await asyncio.to_thread(lambda: usage_of(history, _activity({"Requests": requests}), since, until))
        names = ("Requests", *_CLOSE) if closely else ("Requests",)
        stored = {name: await self._series.read(app, name, first, last) for name in names}
        return await asyncio.to_thread(lambda: usage_of(history, _activity(stored), since, until))


def _activity(stored: Mapping[str, Mapping[Key, Mapping[int, Cell]]]) -> dict[Name, dict[int, Activity]]:
    """Put side by side what is known of each replica's minutes."""
    requests, moved, cores = (_summed(stored, names) for names in (("Requests",), _BYTES, ("UsageNanoCores",)))
    found: dict[Name, dict[int, Activity]] = {}
    for name in {*requests, *moved, *cores}:
        asked, bytes_, used = (of.get(name, {}) for of in (requests, moved, cores))
        found[name] = {
            minute: Activity(asked.get(minute, 0.0), used.get(minute), bytes_.get(minute))
            for minute in asked.keys() | bytes_.keys() | used.keys()
        }
    return found


def _summed(
    stored: Mapping[str, Mapping[Key, Mapping[int, Cell]]], names: tuple[str, ...]
) -> dict[Name, dict[int, float]]:  # fmt: skip
    """Add up some metrics minute by minute; of CPU, which is a level, its average in cores."""
    found: dict[Name, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for metric in names:
        for key, minutes in stored.get(metric, {}).items():
            sums = found[key.revision, key.replica]
            for minute, cell in minutes.items():
                sums[minute] += cell.average / NANO if metric == "UsageNanoCores" else cell.total
    return found


def _within(found: list[Usage], since: datetime, until: datetime) -> list[Usage]:
    """Those of whole hours that lie in a time."""
    return [each for each in found if since <= each.hour and each.hour + HOUR <= until]
