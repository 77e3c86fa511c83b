"""A meter that ticks: read from metrics now and then, and carried on in between at the rate of what runs."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING

from aca_notebook.api.costs import Lately
from aca_notebook.errors import AcaError
from aca_notebook.model.cost import Tick

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from aca_notebook.api.costs import Begun, Costs
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.clock import Clock
    from aca_notebook.model.rate import PriceList

TICK_SECONDS = 1.0
READ_SECONDS = 15.0


class CostMeter:
    """Ticks once a second until `stop()`, until its app is gone, until nobody holds it, or its workspace closes."""

    def __init__(
        self, costs: Costs, workspace: Workspace, app: str, prices: PriceList, begun: Begun | None = None, *,
        read_seconds: float = READ_SECONDS,
    ) -> None:  # fmt: skip
        self._tick = Tick(app, prices.currency, charged=workspace.target.charges)
        self._listeners: list[Callable[[Tick], None]] = []
        me = weakref.ref(self)
        reader = _Reader(costs, workspace.clock, app, prices, begun, read_seconds)
        if begun is None:
            self._tick = workspace.loop.run(reader.look(self._tick))  # an app that is not there is said here
        self._done = workspace.loop.start(_run(me, reader, workspace.clock))

    @property
    def now(self) -> Tick:
        """What it shows."""
        return self._tick

    @property
    def running(self) -> bool:
        """Whether it ticks."""
        return not self._tick.ended

    def listen(self, listener: Callable[[Tick], None]) -> None:
        """Have `listener` called at each tick and at the end, on the loop's thread."""
        self._listeners.append(listener)

    def stop(self) -> None:
        """End it; what it showed last stays."""
        self.show(replace(self._tick, ended="stopped"))

    def wait(self) -> Tick:
        """Wait until it has ended. Ctrl-C stops it."""
        try:
            self._done.result()
        except KeyboardInterrupt:
            self.stop()
        return self._tick

    def show(self, tick: Tick) -> None:
        """Take the next figures, unless it has ended; its own task calls this."""
        if self.running:
            self._tick = tick
            for listener in self._listeners:
                listener(tick)

    def __repr__(self) -> str:
        from aca_notebook.display import costs

        return costs.meter(self._tick)["text/plain"]

    def _repr_html_(self) -> str:
        from aca_notebook.display import costs

        return costs.meter(self._tick)["text/html"]


class _Reader:
    """Knows what today has cost at a moment, and what it costs a second since."""

    def __init__(
        self, costs: Costs, clock: Clock, app: str, prices: PriceList, begun: Begun | None, read_seconds: float
    ) -> None:  # fmt: skip
        self._costs, self._clock, self._app, self._prices, self._begun = costs, clock, app, prices, begun
        self._read_seconds = read_seconds
        self._read_at = float("-inf")
        self._lately = Lately(0.0, 0.0, (), 0.0)
        self._day: date | None = None
        self._at: datetime | None = None

    async def look(self, before: Tick) -> Tick:
        """Return the next tick. It goes back at midnight only: Azure Monitor is minutes behind what runs."""
        elapsed = self._clock.monotonic() - self._read_at
        now = self._clock.now()
        day = now.date()
        if elapsed >= self._read_seconds or day != self._day:
            self._lately = await self._costs.lately(self._app, self._prices, self._begun)
            self._read_at, self._at, elapsed = self._clock.monotonic(), now, 0.0
        carried = self._lately.hourly / 3600.0 * elapsed
        lowest = before.amount if day == self._day else 0.0
        self._day = day
        spent = None if self._begun is None else max(self._lately.since + carried, before.spent or 0.0)
        return replace(
            before, amount=max(self._lately.today + carried, lowest), hourly=self._lately.hourly,
            alarms=self._lately.alarms, read=True, spent=spent, at=self._at,
        )  # fmt: skip


async def _run(me: weakref.ref[CostMeter], reader: _Reader, clock: Clock) -> None:
    """Tick as long as somebody holds the meter."""
    try:
        while await _tick(me, reader):
            await clock.sleep(TICK_SECONDS)
    except asyncio.CancelledError:
        _end(me, "its workspace was closed")
        raise


async def _tick(me: weakref.ref[CostMeter], reader: _Reader) -> bool:
    """Show the next figures; returns whether there is to be another."""
    meter = me()
    if meter is None or not meter.running:
        return False
    try:
        meter.show(await reader.look(meter.now))
    except AcaError as failed:
        if not failed.passing:
            _end(me, failed.message)
    return meter.running


def _end(me: weakref.ref[CostMeter], why: str) -> None:
    meter = me()
    if meter is not None:
        meter.show(replace(meter.now, ended=why))
