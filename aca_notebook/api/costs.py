"""What apps cost: estimated now, forecast, and billed later."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from aca_notebook.api import cost_reading
from aca_notebook.api.cost_reading import Window
from aca_notebook.api.rate_cards import RateCards, check_currency
from aca_notebook.api.together import together
from aca_notebook.api.twin import blocking
from aca_notebook.display import costs
from aca_notebook.errors import AcaError, ServiceFailed, UsageFailed
from aca_notebook.model.cost import GROUPINGS, CostSummary, Forecast, decide_quiet, forecast
from aca_notebook.model.meter import REQUESTS
from aca_notebook.model.metric import RETENTION_DAYS
from aca_notebook.model.price import ReplicaSize, after_grant, charges, hourly_cost, replica_usage
from aca_notebook.model.rate import USD
from aca_notebook.model.retail import read_items

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from aca_notebook.api.access import Access
    from aca_notebook.api.cost_meter import CostMeter
    from aca_notebook.api.costing import Metered
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.model.app import AppState
    from aca_notebook.model.bill import Reconciled
    from aca_notebook.model.meter import Meter
    from aca_notebook.model.rate import PriceList, RateCard

logger = logging.getLogger(__name__)

DAY = timedelta(hours=24)
#: How much of the past a forecast looks at.
_PAST = timedelta(days=28)
#: As far back as Azure Monitor remembers, less a day that is its own to round.
_LONGEST = timedelta(days=RETENTION_DAYS - 1)
#: So many apps are asked about at once; Azure Monitor slows down who asks for more.
_AT_ONCE = 16
_CALLS = (
    'where Log startswith "{" and Log has "run_seconds" | extend call = parse_json(Log)'
    " | project At, App, Function = tostring(call.function), Call = tostring(call.id), Status = toint(call.status),"
    " Seconds = todouble(call.run_seconds) | top 10000 by At desc"
)


@dataclass(frozen=True)
class CostReport:
    """What an app, or all of them, cost: `summary` as a person reads it, `frame` as its rows by the grouping asked for.

    `buckets` is what both are made of: a row for each revision and bucket of time.
    """

    summary: CostSummary
    frame: pd.DataFrame = field(repr=False)
    buckets: pd.DataFrame = field(repr=False)


@dataclass(frozen=True, slots=True)
class Begun:
    """When something began to cost, and which revision it is; with no revision, all of the app from then on."""

    at: datetime
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Lately:
    """What an app, or all of them, cost today so far, an hour now, and since something began."""

    today: float
    hourly: float
    alarms: tuple[str, ...]
    since: float


@dataclass(frozen=True)
class _Reading:
    """What was read of some apps over one time."""

    metered: Sequence[Metered]
    frame: pd.DataFrame


class Costs:
    """The money side of a workspace. Blocking methods have a twin to await (`costs.report.aio(…)`)."""

    def __init__(self, workspace: Workspace, access: Access, folder: Path) -> None:
        self._workspace = workspace
        self._access = access
        self._cards = RateCards(folder / access.target.name)

    @property
    def _loop(self) -> PrivateLoop:
        return self._workspace.loop

    @property
    def card(self) -> RateCard:
        """Every price at hand."""
        return self._cards.card()

    def prices(self, currency: str = USD, region: str = "") -> PriceList:
        """The prices that estimates use here. Raises `UsageFailed` for a currency without prices."""
        return self._cards.prices(region or self._access.target.location, check_currency(currency))

    @blocking
    async def refresh_prices(self, currency: str = USD, region: str = "") -> RateCard:
        """Fetch list prices, keep them, and return all that are at hand: estimates use them from now on, offline too.

        Of every region unless one is named. Raises `Unreachable` when nobody answers, `UsageFailed` for a currency
        that there is not or a region without Container Apps; the prices at hand stay as they are.
        """
        code = check_currency(currency)
        try:
            read = await self._access.ask(lambda services: services.retail_prices.read(code, region))
        except ServiceFailed as refused:
            if refused.status != 400:
                raise
            raise UsageFailed(
                f"there are no prices in {code}", code="PricesNotFound", detail=f"{refused.code}: {refused.detail}",
                hint="name a currency that Azure sells in, such as --currency EUR",
            ) from refused  # fmt: skip
        source = self._access.services.retail_prices.source
        try:
            today = self._workspace.clock.now().date()
            rates = read_items(read.items, today, source, read.modified)
        except ValueError as bad:
            raise UsageFailed(
                "the prices that came cannot be read", code="PricesUnreadable", detail=str(bad),
                hint="estimates go on with the prices at hand: %aca prices",
            ) from bad  # fmt: skip
        if not rates:
            where = f" in {region}" if region else ""
            raise UsageFailed(
                f"there are no prices of Container Apps{where} in {code}", code="PricesNotFound",
                detail=f"from {source}",
                hint="name a region and a currency that Azure sells in: --region eastus --currency USD",
            )  # fmt: skip
        await asyncio.to_thread(self._cards.keep, code, rates)
        return self.card

    @blocking
    async def table(self, app: str = "", since: timedelta = DAY, currency: str = USD) -> pd.DataFrame:
        """What an app, or with no name all of them, cost: a row for each revision and bucket of time."""
        states = await self._states(app)
        return await self.frame_of(states, since, currency)

    async def frame_of(self, states: Sequence[AppState], since: timedelta, currency: str = USD) -> pd.DataFrame:
        """What some apps cost."""
        asked = cost_reading.window(since, self._workspace.clock.now())
        return (await self._read(states, asked, self.prices(currency))).frame

    @blocking
    async def report(
        self, app: str = "", since: timedelta = DAY, by: str = "", currency: str = USD
    ) -> CostReport:  # fmt: skip
        """What an app, or with no name all of them, cost: the past `since`, today and this month (UTC), by `by`.

        `by` is `app`, `revision`, `replica`, `call`, `day` or `meter`. Raises `NotFound` for an app that is not there,
        `UsageFailed` for a grouping, a span or a currency that cannot be.
        """
        by = by or ("revision" if app else "app")
        if by not in GROUPINGS:
            raise UsageFailed(
                f"cost cannot be shown by {by!r}", code="UsageError", hint=f"choose one of {', '.join(GROUPINGS)}"
            )
        prices = self.prices(currency)
        now = self._workspace.clock.now()
        asked, states = cost_reading.window(since, now), await self._states(app)
        recent, month = await together(
            self._read(states, each, prices) for each in (asked, cost_reading.month_window(now))
        )
        grouped = await self._grouped(by, states, recent, asked, prices)
        summary = self._summary(app, since, by, states, (recent, month), prices)
        return CostReport(_with_rows(summary, grouped), grouped, recent.frame)

    @blocking
    async def forecast(self, app: str = "", ahead: timedelta = timedelta(days=7), currency: str = USD) -> Forecast:
        """What coming days may cost, from the past four weeks. Raises `UsageFailed` with fewer than seven full days."""
        now = self._workspace.clock.now()
        frame = await self.frame_of(await self._states(app), _PAST, currency)
        try:
            return forecast(daily_totals(frame, now), max(1, round(ahead / DAY)))
        except ValueError as few:
            raise UsageFailed(
                f"there is too little to forecast from: {few}", code="TooLittleData",
                hint="ask again when it has run for a week; `%aca cost --by day` shows what there is",
            ) from few  # fmt: skip

    @blocking
    async def billed(self, app: str = "", since: timedelta = timedelta(days=30)) -> tuple[Reconciled, ...]:
        """What Cost Management has billed beside what was estimated, meter by meter; `why` explains the difference.

        Raises `Unauthorized` for an account that may not read costs.
        """
        from aca_notebook.api.billed import read_bill
        from aca_notebook.api.cost_grouping import by_meter
        from aca_notebook.model.bill import Spent, reconcile

        now = self._workspace.clock.now()
        start = _midnight(now - since)
        asked = Window(start, now, cost_reading.window(now - start, now).grain)
        billed = await read_bill(self._access, app, asked.span)
        states = await self._states(app)
        prices = self.prices(billed[0].currency if billed else USD)
        reading = await self._read(states, asked, prices)
        daily = by_meter(reading.frame, reading.metered, prices, daily=True)
        column = f"total_{prices.currency.lower()}"
        ours = zip(daily["day"], daily["meter"], daily[column].fillna(0.0), strict=True)
        estimated = [Spent(date.fromisoformat(day), name, amount, prices.currency) for day, name, amount in ours]
        return reconcile(estimated, billed, now.astimezone(UTC).date())

    def meter(self, app: str = "", currency: str = USD, begun: Begun | None = None) -> CostMeter:
        """Return a meter that ticks: what today has cost so far, and what an hour costs now. `stop()` ends it.

        With `begun` it tells what came since then as well, and begins without waiting for its first figures.
        """
        from aca_notebook.api.cost_meter import READ_SECONDS, CostMeter

        period = max(READ_SECONDS, self._access.target.metrics_seconds)
        return CostMeter(self, self._workspace, app, self.prices(currency), begun, read_seconds=period)

    async def lately(self, app: str, prices: PriceList, begun: Begun | None = None) -> Lately:
        """What today has cost so far, what an hour costs now, what came since a deployment, and alarms."""
        now = self._workspace.clock.now()
        midnight = _midnight(now)
        states = await self._states(app)
        first = max(min(midnight, begun.at), now - _LONGEST) if begun else midnight
        asked = Window(first, now, cost_reading.window(max(now - first, timedelta(minutes=1)), now).grain)
        frame = (await self._read(states, replace(asked, start=asked.start_of(first)), prices)).frame
        since = frame
        if begun is not None and len(frame):
            since = frame[frame["at"] >= asked.start_of(begun.at)]
            since = since[since["revision"] == begun.revision] if begun.revision else since
        today = frame[frame["at"] >= midnight] if len(frame) else frame
        return Lately(_total(today, prices), hourly_now(states, prices), _alarms(states), _total(since, prices))

    async def quiet_for(self, state: AppState) -> timedelta | None:
        """How long an app's GPU has run without a request, when that is worth an alarm. Never raises for no answer."""
        if not state.gpu or not state.replicas:
            return None
        now = self._workspace.clock.now()
        try:
            replicas, requests = await cost_reading.read_quiet(self._access, state, now)
        except AcaError as unknown:
            logger.debug("nobody says whether %s is used: %s", state.name, unknown)
            return None
        return decide_quiet(replicas, requests, now)

    def hourly_usd(self, state: AppState) -> float:
        """What one active replica of an app costs an hour."""
        return hourly_cost(_size(state), self.prices())

    async def idle_note(self, state: AppState) -> str:
        """The sentence that says that an app's GPU runs and nobody uses it; empty when none need say so."""
        quiet = await self.quiet_for(state)
        if quiet is None:
            return ""
        hourly = (state.replicas or 0) * self.hourly_usd(state)
        return costs.idle_note(state.name, state.gpu, quiet, hourly, charged=state.charges)

    async def _states(self, app: str) -> list[AppState]:
        if app:
            return [await self._workspace.read_state(app)]
        return [each.state for each in await self._workspace.read_apps()]

    async def _read(self, states: Sequence[AppState], asked: Window, prices: PriceList) -> _Reading:
        from aca_notebook.api.costing import cost_table

        profiles = await self._workspace.known_profiles() if states else {}
        turns = asyncio.Semaphore(_AT_ONCE)

        async def read(state: AppState) -> list[Metered]:
            async with turns:
                profile = profiles.get(state.workload_profile)
                return await cost_reading.read_metered(self._access, state, profile, asked)

        found = await together(read(state) for state in states)
        metered = [one for several in found for one in several]
        without = tuple(state.name for state in states if state.gpu_note)
        now = self._workspace.clock.now()
        return _Reading(metered, cost_table(metered, asked.grain_seconds, now, prices, without))

    async def _grouped(
        self, by: str, states: Sequence[AppState], reading: _Reading, asked: Window, prices: PriceList
    ) -> pd.DataFrame:  # fmt: skip
        from aca_notebook.api import cost_grouping

        if by == "replica":
            there = await together(cost_reading.read_presence(self._access, state, asked) for state in states)
            merged = {name: points for each in there for name, points in each.items()}
            return cost_grouping.by_replica(reading.frame, merged)
        if by == "call":
            return cost_grouping.by_call(reading.frame, await self._calls(states, asked))
        if by == "meter":
            return cost_grouping.by_meter(reading.frame, reading.metered, prices)
        return cost_grouping.by_day(reading.frame) if by == "day" else cost_grouping.by_column(reading.frame, by)

    async def _calls(self, states: Sequence[AppState], asked: Window) -> pd.DataFrame:
        """The calls of a time, from the lines that the runner writes."""
        from aca_notebook.api import querying
        from aca_notebook.model.named_query import NamedQuery, to_kql

        workspace = await self._access.ask(lambda services: services.log_queries.workspace())
        named = NamedQuery("calls", "", "Console", _CALLS)
        only = states[0].name if len(states) == 1 else ""
        kql = to_kql(named, resource_specific=workspace.resource_specific, app=only)
        return await querying.query(
            self._access, kql, app="", since=asked.end - asked.start, now=self._workspace.clock.now()
        )

    def _summary(
        self, app: str, since: timedelta, by: str, states: Sequence[AppState], readings: tuple[_Reading, _Reading],
        prices: PriceList,
    ) -> CostSummary:  # fmt: skip
        recent, month = readings
        target = self._access.target
        now = self._workspace.clock.now()
        today = month.frame[month.frame["at"] >= _midnight(now)] if len(month.frame) else month.frame
        return CostSummary(
            app=app, target=target.name, currency=prices.currency, since=since, by=by,
            total=_total(recent.frame, prices), today=_total(today, prices), month=_total(month.frame, prices),
            granted=_granted(month, prices), idle=_total(recent.frame, prices, "idle"),
            hourly=hourly_now(states, prices), alarms=_alarms(states), note=str(recent.frame.attrs["note"]),
            charged=target.charges,
        )  # fmt: skip


def daily_totals(frame: pd.DataFrame, now: datetime) -> dict[date, float]:
    """What each full day cost, from the first one on that had a cost; days in between without one cost nothing."""
    if frame.empty:
        return {}
    currency = str(frame.attrs["currency"]).lower()
    sums = frame.groupby(frame["at"].dt.date)[f"total_{currency}"].sum()
    first, today = min(sums.index), now.astimezone(UTC).date()
    days = [first + timedelta(days=step) for step in range(1, (today - first).days)]  # the first may have begun late
    return {day: float(sums.get(day, 0.0)) for day in days}


def hourly_now(states: Sequence[AppState], prices: PriceList) -> float:
    """What the replicas that run now cost an hour, at the active rate."""
    return sum((state.replicas or 0) * hourly_cost(_size(state), prices) for state in states)


def _size(state: AppState) -> ReplicaSize:
    return ReplicaSize(state.cpu_cores, state.memory_bytes, state.gpu, state.gpus)


def _alarms(states: Sequence[AppState]) -> tuple[str, ...]:
    return tuple(f"{state.name}: {state.idle_note}" for state in states if state.idle_note)


def _granted(month: _Reading, prices: PriceList) -> float:
    """How much of a month the free grant covers, if nothing else draws on it; GPU apps have none."""
    sums = month.frame.groupby(["app", "revision"])[["replica_seconds", "idle_seconds", "requests"]].sum()
    used: list[Mapping[Meter, float]] = []
    for one in month.metered:
        if one.size.gpu or one.dedicated or (one.app, one.revision) not in sums.index:
            continue
        row = sums.loc[(one.app, one.revision)]
        used.append(replica_usage(one.size, float(row["replica_seconds"] - row["idle_seconds"])))
        used.append(replica_usage(one.size, float(row["idle_seconds"]), idle=True))
        used.append({REQUESTS: float(row["requests"])})
    whole = sum(charge.amount or 0.0 for each in used for charge in charges(each, prices))
    return whole - sum(charge.amount or 0.0 for charge in charges(after_grant(used), prices))


def _total(frame: pd.DataFrame, prices: PriceList, what: str = "total") -> float:
    return float(frame[f"{what}_{prices.currency.lower()}"].sum())


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _with_rows(summary: CostSummary, grouped: pd.DataFrame) -> CostSummary:
    from aca_notebook.api.cost_grouping import rows_of

    waiting = float(grouped.attrs.get(f"waiting_{summary.currency.lower()}", 0.0))
    return replace(summary, rows=rows_of(grouped), waiting=waiting)
