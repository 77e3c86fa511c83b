"""The meters of everything that ran: the fold of `metering` over the journal and the minutes, kept up to date."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aca_notebook.clock import truncate
from aca_notebook.emulator.telemetry.catalogue import RETENTION_DAYS
from aca_notebook.emulator.telemetry.metering import HOUR, Activity, Name, Usage, usage_of
from aca_notebook.emulator.telemetry.metrics import minute_of
from aca_notebook.emulator.telemetry.sampler import NANO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.telemetry.history import Histories
    from aca_notebook.emulator.telemetry.metrics import Cell
    from aca_notebook.emulator.telemetry.series import Key, Series

_BYTES = ("RxBytes", "TxBytes")


class Meters:
    """Reads what was counted. Hours that are over are counted once; only the open one is counted again."""

    def __init__(self, *, database: Database, series: Series, histories: Histories, clock: Clock) -> None:
        self._database = database
        self._series = series
        self._histories = histories
        self._clock = clock
        self._closed: dict[str, tuple[datetime, list[Usage]]] = {}  # by app: up to when, and what
        self._turn = asyncio.Lock()

    async def everything(self, since: datetime, until: datetime) -> dict[str, list[Usage]]:
        """Return what was counted from a whole hour on and before `until`, by the key of the app or job.

        The journal goes back 31 days; what was before that is not known any more.
        """
        rows = await self._database.read("SELECT app FROM events WHERE app != '' UNION SELECT app FROM metric_series")
        return {app: found for (app,) in rows if (found := await self.read(app, since, until))}

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
        first, last = minute_of(since), minute_of(until) + 1
        stored = {
            name: await self._series.read(app, name, first, last)
            for name in ("Requests", "UsageNanoCores", *_BYTES)
        }  # fmt: skip
        return await asyncio.to_thread(lambda: usage_of(history, _activity(stored), since, until))


def _activity(stored: Mapping[str, Mapping[Key, Mapping[int, Cell]]]) -> dict[Name, dict[int, Activity]]:
    """Put side by side what is known of each replica's minutes."""
    requests: dict[tuple[Name, int], float] = defaultdict(float)
    cores: dict[tuple[Name, int], float] = {}
    moved: dict[tuple[Name, int], float] = defaultdict(float)
    for metric, series in stored.items():
        for key, minutes in series.items():
            name = (key.revision, key.replica)
            for minute, cell in minutes.items():
                if metric == "Requests":
                    requests[name, minute] += cell.total
                elif metric in _BYTES:
                    moved[name, minute] += cell.total
                else:
                    cores[name, minute] = cell.average / NANO
    found: dict[Name, dict[int, Activity]] = defaultdict(dict)
    for name, minute in {*requests, *cores, *moved}:
        at = (name, minute)
        found[name][minute] = Activity(requests.get(at, 0.0), cores.get(at), moved.get(at))
    return found


def _within(found: list[Usage], since: datetime, until: datetime) -> list[Usage]:
    """Those of whole hours that lie in a time."""
    return [each for each in found if since <= each.hour and each.hour + HOUR <= until]
