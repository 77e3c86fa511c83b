"""Cost as charts: by meter and by app over time, per call, idle money, and the days ahead."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.display import amounts, axes, theme
from aca_notebook.display.chart import Chart, Panel, Series
from aca_notebook.display.costs import NOT_BILLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.model.cost import Forecast

_PARTS = (("vcpu", "vCPU"), ("memory", "memory"), ("gpu", "GPU"), ("requests", "requests"))
_NAMES = {60.0: "minute", 3600.0: "hour", 86400.0: "day"}
#: More bars than this are no bars any more: buckets are added up until there are fewer.
_MOST_BARS = 60
_WIDTHS_SECONDS = (60, 300, 900, 3600, 21600, 86400, 604800)
#: So many apps are told apart; the cheaper ones are added up.
_MOST_APPS = 7
#: So much of the past is shown before a forecast.
_PAST_DAYS = 14


def report(frame: Any, *, app: str = "", charged: bool = True) -> Chart:
    """Return money by meter, by app (of one app, by revision), per call, and idle; an estimate, and it says so."""
    currency = str(frame.attrs.get("currency", "USD"))
    bars, width = _bars(frame)
    per = f" per {_NAMES.get(width.total_seconds(), amounts.span(width))}"
    panels = [
        _stack(f"Cost{per}, by meter", currency, _by_part(bars, currency)),
        _stack(f"Cost{per}, by {'revision' if app else 'app'}", currency, _by_name(bars, app, currency), least=2),
        _single("Cost of one request, everything included", currency, _per_request(bars, currency), "step"),
        _single(
            f"Idle money{per}: paid while no request came", currency, _sums(bars, f"idle_{currency.lower()}"), "bars"
        ),
    ]
    shown = tuple(panel for panel in panels if panel is not None)
    title = f"{app}: cost (estimate)" if app else "Cost of all apps (estimate)"
    return Chart(title, _moments(bars) if shown else (), shown, width, note(frame.attrs, charged=charged))


def note(attrs: Any, *, charged: bool = True) -> str:
    """What a reader must know of a chart of costs, in one line."""
    unpriced = attrs.get("unpriced") or ()
    said = (
        "" if charged else NOT_BILLED,
        f"list prices of {attrs['price_region']}, {attrs['price_as_of']}" if "price_region" in attrs else "",
        f"no price is known for {', '.join(unpriced)}" if unpriced else "",
        attrs.get("gpu_note", ""),
    )
    return "; ".join(filter(None, said))


def forecast(found: Forecast, *, app: str = "", currency: str = "USD", charged: bool = True) -> Chart:
    """Return the days ahead: what is expected, and the band that held four of five past days."""
    past, gap = found.past[-_PAST_DAYS:], (None,) * len(found.past[-_PAST_DAYS:])
    spent = (*(amount for _, amount in past), *((None,) * len(found.days)))
    series = (
        Series("so far", spent), Series("expected", (*gap, *found.expected)),
        Series("at least", (*gap, *found.low), theme.FAINT), Series("at most", (*gap, *found.high), theme.FAINT),
    )  # fmt: skip
    unit = axes.unit_for(currency, (*spent, *found.high))
    days = (*(day for day, _ in past), *found.days)
    moments = tuple(datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days)
    said = "; ".join(filter(None, ("" if charged else NOT_BILLED, found.method)))
    title = f"{app}: cost of coming days (forecast)" if app else "Cost of coming days (forecast)"
    return Chart(title, moments, (Panel("Cost a day", unit, series, kind="step"),), timedelta(days=1), said)


def _bars(frame: Any) -> tuple[Any, timedelta]:
    """Return the rows with their moment rounded down to a bar's beginning, and how wide a bar is."""
    grain = int(frame.attrs.get("grain_seconds") or 60)
    if frame.empty:
        return frame.assign(bar=frame["at"]), timedelta(seconds=grain)
    seconds = (frame["at"].max() - frame["at"].min()).total_seconds() + grain
    fitting = [width for width in _WIDTHS_SECONDS if width >= grain and seconds / width <= _MOST_BARS]
    width = grain if seconds / grain <= _MOST_BARS else (fitting or _WIDTHS_SECONDS[-1:])[0]
    bars = frame.assign(bar=frame["at"].dt.floor(f"{width}s"))
    bars.attrs = dict(frame.attrs)
    return bars, timedelta(seconds=width)


def _moments(bars: Any) -> tuple[datetime, ...]:
    return tuple(moment.to_pydatetime(warn=False).astimezone(UTC) for moment in sorted(bars["bar"].unique()))


def _sums(bars: Any, column: str) -> tuple[float | None, ...]:
    """What each bar comes to; None where nothing of it is known."""
    sums = bars.groupby("bar")[column].sum(min_count=1)
    return tuple(None if math.isnan(value) else float(value) for value in sums)


def _by_part(bars: Any, currency: str) -> tuple[Series, ...]:
    found = (Series(name, _sums(bars, f"{part}_{currency.lower()}")) for part, name in _PARTS)
    return tuple(series for series in found if any(series.values))


def _by_name(bars: Any, app: str, currency: str) -> tuple[Series, ...]:
    """One series an app, or a revision, the dearest first; the rest together."""
    if bars.empty:
        return ()
    key, column = ("revision" if app else "app"), f"total_{currency.lower()}"
    ranked = list(bars.groupby(key)[column].sum().sort_values(ascending=False).index)
    named = bars.assign(named=bars[key].where(bars[key].isin(ranked[:_MOST_APPS]), "others"))
    table = named.pivot_table(index="bar", columns="named", values=column, aggfunc="sum")
    order = [name for name in (*ranked[:_MOST_APPS], "others") if name in table.columns]
    return tuple(
        Series(str(name), tuple(None if math.isnan(value) else float(value) for value in table[name])) for name in order
    )


def _per_request(bars: Any, currency: str) -> tuple[float | None, ...]:
    sums = bars.groupby("bar")[[f"total_{currency.lower()}", "requests"]].sum()
    return tuple(
        float(total / asked) if asked else None for total, asked in sums.itertuples(index=False, name=None)
    )  # fmt: skip


def _stack(title: str, currency: str, series: Sequence[Series], least: int = 1) -> Panel | None:
    if len(series) < least:
        return None
    totals = [sum(value or 0.0 for value in column) for column in zip(*(one.values for one in series), strict=True)]
    return Panel(title, axes.unit_for(currency, totals), tuple(series), kind="bars", stacked=True)


def _single(title: str, currency: str, values: tuple[float | None, ...], kind: Any) -> Panel | None:
    if not any(values):
        return None
    return Panel(title, axes.unit_for(currency, values), (Series(title, values),), kind=kind, colour=3)
