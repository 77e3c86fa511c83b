"""Cost as a person reads it: sums, rows, alarms and forecasts. Pure values; amounts are in the currency named."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from aca_notebook.model.metric import MetricPoint

#: How long a GPU may run without a request before somebody is told.
QUIET = timedelta(minutes=15)
#: What a sum of money can be shown by.
GROUPINGS = ("app", "revision", "replica", "call", "day", "meter")


@dataclass(frozen=True, slots=True)
class CostRow:
    """One line of a cost table. `parts` is money by what it is for; `idle` is what was paid while nobody asked."""

    name: str
    total: float
    parts: Mapping[str, float]
    idle: float = 0.0
    replica_seconds: float = 0.0
    requests: float = 0.0
    detail: str = ""

    @property
    def per_thousand(self) -> float | None:
        """What a thousand requests came to, everything included; None without any."""
        return self.total / self.requests * 1000 if self.requests else None


@dataclass(frozen=True, slots=True)
class CostSummary:
    """What an app, or with an empty name all of them, cost.

    `total` and `rows` are of the past `since`, `today` and `month` of the calendar's (UTC). `hourly` is what runs now
    costs an hour. `granted` is how much of the month the free grant covers at most. `charged` is whether anybody is
    billed there at all. By call, `waiting` is what no call ran for.
    """

    app: str
    target: str
    currency: str
    since: timedelta
    by: str
    total: float
    today: float
    month: float
    granted: float
    idle: float
    hourly: float
    rows: tuple[CostRow, ...] = ()
    waiting: float = 0.0
    alarms: tuple[str, ...] = ()
    note: str = ""
    charged: bool = True


@dataclass(frozen=True, slots=True)
class Tick:
    """What a meter shows: `amount` is today's, in `currency`, of which the last seconds are carried on at `hourly`.

    `charged` is whether anybody is billed for it; `ended` why it no longer runs, or that it was stopped. `spent` is
    what it cost since a moment that was asked for, None when none was; `at` is when metrics were last read.
    """

    app: str
    currency: str
    amount: float = 0.0
    hourly: float = 0.0
    alarms: tuple[str, ...] = ()
    charged: bool = True
    read: bool = False
    ended: str = ""
    spent: float | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What coming days may cost: the middle, and a band that held four of five past days. `method` says how.

    `past` are the days it was made from, in their order.
    """

    days: tuple[date, ...]
    expected: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    method: str
    past: tuple[tuple[date, float], ...] = ()


def decide_quiet(
    replicas: Sequence[MetricPoint], requests: Sequence[MetricPoint], now: datetime, quiet: timedelta = QUIET
) -> timedelta | None:
    """Return how long replicas have run without a request, when that is at least `quiet`; None otherwise.

    Points are minutes. A minute that nobody measured ends the search: what is not known is not held against anybody.
    """
    there = {point.at for point in replicas if point.value}
    asked = {point.at for point in requests if point.value}
    if not there:
        return None
    latest = max(there)
    if now - latest > timedelta(minutes=5):  # Azure Monitor is a few minutes behind; longer than that, it has gone
        return None
    first = latest
    while first in there and first not in asked:
        first -= timedelta(minutes=1)
    alone = latest - first
    return alone if alone >= quiet else None


def forecast(daily: Mapping[date, float], ahead: int) -> Forecast:
    """Forecast `ahead` days from past full days.

    With two weeks or more, a day is expected to be the average of the same weekdays (seasonal-naive, averaged); with
    less, the average of all days. The band is the 10 % and 90 % quantiles of how far past days were from what the
    same rule says of them when they are left out. Raises `ValueError` with fewer than seven days.
    """
    if len(daily) < 7:
        raise ValueError(f"{len(daily)} full days are too few to forecast from: it takes seven")
    seasonal = len(daily) >= 14
    errors = sorted(amount - _expected(daily, day, seasonal) for day, amount in daily.items())
    low, high = _quantile(errors, 0.1), _quantile(errors, 0.9)
    last = max(daily)
    days = tuple(last + timedelta(days=step) for step in range(1, ahead + 1))
    expected = tuple(_expected(daily, day, seasonal) for day in days)
    method = "the average of the same weekdays" if seasonal else "the average of all days"
    return Forecast(
        days, expected,
        tuple(max(0.0, value + min(low, 0.0)) for value in expected),
        tuple(value + max(high, 0.0) for value in expected),
        f"{method} of {len(daily)} days; the band held four of five of them", tuple(sorted(daily.items())),
    )  # fmt: skip


def _expected(daily: Mapping[date, float], day: date, seasonal: bool) -> float:  # noqa: FBT001  # two rules of one kind
    """What the rule says of a day, from the others."""
    same = [amount for other, amount in daily.items() if other != day and other.weekday() == day.weekday()]
    others = same if seasonal and same else [amount for other, amount in daily.items() if other != day]
    return math.fsum(others) / len(others)


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
