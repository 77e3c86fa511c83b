"""One workspace at work for the panel, and what was read of it lately."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from aca_notebook.errors import AcaError, ServiceFailed
from aca_notebook.server.follows import Follows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import timedelta

    from aca_notebook.api.app import App
    from aca_notebook.api.overview import Overview
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.clock import Clock
    from aca_notebook.model.app import AppState
    from aca_notebook.model.session import SessionPoolState, SessionState
    from aca_notebook.server import protocol

T = TypeVar("T")

#: Pages that ask within this time get the same answer.
FRESH_SECONDS = 1.0
POOLS_SECONDS = 10.0
#: Today's cost is metrics of every app, which are minutes old by nature.
TODAY_SECONDS = 60.0
METRICS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Rooms:
    """Pools, and every session that lives; `notes` say why they are not known."""

    pools: tuple[SessionPoolState, ...] = ()
    sessions: tuple[SessionState, ...] = ()
    notes: tuple[str, ...] = ()


class Desk:
    """One workspace and what was read of it lately."""

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        self.workspace = workspace
        self.follows = Follows(clock)
        self._clock = clock
        self._overview: Overview = workspace.overview()
        self._apps: Lately[tuple[AppState, ...]] = Lately(clock, max(FRESH_SECONDS, workspace.target.polling_seconds))
        self._rooms: Lately[Rooms] = Lately(clock, POOLS_SECONDS)
        self._metrics: dict[tuple[str, timedelta], Lately[protocol.Metrics]] = {}
        self._today: tuple[float, float] | None = None
        self._today_at = float("-inf")
        self._adding: asyncio.Task[None] | None = None

    async def apps(self) -> tuple[AppState, ...]:
        """Every app, as it was a moment ago."""
        return await self._apps.get(lambda: self.workspace.loop.wait(self._overview.look()))

    async def app(self, name: str) -> App:
        """One app, as it was a moment ago, or just now. Raises `NotFound`."""
        known = self._overview.app(name)
        if known is not None:
            return known
        return await self.workspace.loop.wait(self.workspace.read_app(name))

    async def rooms(self) -> Rooms:
        """Every pool and session. Who may not list them sees apps all the same, and why there is nothing else."""
        return await self._rooms.get(self._read_rooms)

    async def _read_rooms(self) -> Rooms:
        workspace = self.workspace
        try:
            pools, sessions = await asyncio.gather(workspace.session_pools.states.aio(), workspace.sessions.aio())
        except ServiceFailed as refused:
            return Rooms(notes=(f"session pools cannot be listed: {refused.message} ({refused.code})",))
        return Rooms(pools, sessions)

    async def metrics(self, app: str, since: timedelta) -> protocol.Metrics:
        """An app's metrics."""
        kept = self._metrics.setdefault((app, since), Lately(self._clock, METRICS_SECONDS))
        return await kept.get(lambda: self._read_metrics(app, since))

    async def _read_metrics(self, app: str, since: timedelta) -> protocol.Metrics:
        from aca_notebook.server.measured import measured  # pandas is for those who look

        found = await self.app(app)
        return measured(app, await found.metrics.aio(since))

    def hourly(self, states: Sequence[AppState]) -> float | None:
        """What runs now costs an hour."""
        known = [state for state in states if state.hourly_usd is not None]
        return (
            sum((state.replicas or 0) * (state.hourly_usd or 0.0) for state in known) if known or not states else None
        )

    def today(self, states: Sequence[AppState]) -> float | None:
        """What today has cost as far as it is known; asks in the background when that is old."""
        now = self._clock.monotonic()
        if self._adding is None and now - self._today_at >= max(TODAY_SECONDS, len(states)):
            self._today_at = now
            self._adding = asyncio.create_task(self._add_up())
        if self._today is None:
            return None
        amount, hourly = self._today
        return amount + hourly * (now - self._today_at) / 3600.0

    async def _add_up(self) -> None:
        costs = self.workspace.costs
        try:
            lately = await self.workspace.loop.wait(costs.lately("", costs.prices()))
            self._today = lately.today, lately.hourly
        except AcaError:
            pass  # the figure stays what it was; whoever wants to know why asks `%aca cost`
        finally:
            self._adding = None

    def forget(self) -> None:
        """Ask anew: something was changed."""
        self._apps.forget()
        self._rooms.forget()

    async def close(self) -> None:
        """Let go of everything."""
        self.follows.close()
        if self._adding is not None:
            self._adding.cancel()
        await asyncio.to_thread(self.workspace.close)


class Lately(Generic[T]):
    """What was read lately, read again when it is older than that; many who ask at once wait for one reading."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._reading = asyncio.Lock()
        self._value: tuple[T] | None = None
        self._read_at = float("-inf")

    async def get(self, read: Callable[[], Awaitable[T]]) -> T:
        """Return it."""
        async with self._reading:
            if self._value is None or self._clock.monotonic() - self._read_at >= self._seconds:
                began = self._clock.monotonic()
                self._value = (await read(),)
                self._read_at = began
            return self._value[0]

    def forget(self) -> None:
        """Read it when it is asked for next."""
        self._read_at = float("-inf")
