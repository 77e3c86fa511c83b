"""What cost looks like: the card of an estimate, a meter that ticks, a bill beside its estimate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aca_notebook.display import amounts, theme
from aca_notebook.display.tables import Cell, Table
from aca_notebook.model.meter import find_meter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from aca_notebook.display.cards import Bundle
    from aca_notebook.model.bill import Reconciled
    from aca_notebook.model.cost import CostRow, CostSummary, Tick

#: What every figure of a place says where nobody is charged.
NOT_BILLED = "estimated, nothing was billed"
_ESTIMATED = "estimated"
_PARTS = (("vcpu", "vCPU"), ("memory", "memory"), ("gpu", "GPU"), ("requests", "for requests"))
_MOST_CALLS = 20
#: Below this share of the greater of two sums, they are the same.
_SAME = 0.01
_HEADINGS = {"app": "app", "revision": "revision", "replica": "replica", "day": "day (UTC)"}


def money(amount: float, currency: str = "USD") -> str:
    """Write an amount of money: `$0.034`, `0.034 EUR`."""
    written = amounts.dollars(amount)
    return written if currency == "USD" else f"{written.replace('$', '')} {currency}"


def standing(*, charged: bool) -> str:
    """What kind of figures these are: estimates everywhere, and where nobody is charged, no more than that."""
    return _ESTIMATED if charged else NOT_BILLED


def idle_note(app: str, gpu: str, quiet: timedelta, hourly: float, *, charged: bool) -> str:
    """Say that a GPU runs and nobody uses it, what that costs, and how to end it."""
    kind = "" if charged else f" ({NOT_BILLED})"
    spent = money(hourly * quiet.total_seconds() / 3600)
    return (
        f"its {gpu} has run for {amounts.span(quiet)} without a request: {spent}, {money(hourly)} an hour{kind}; "
        f"%aca stop {app} ends that"
    )


def report(summary: CostSummary) -> Bundle:
    """Return the card of what an app, or all of them, cost."""
    title = f"{summary.app or 'all apps'}: {_of(summary, summary.total)} in the past {amounts.span(summary.since)}"
    kind = standing(charged=summary.charged)
    aside = f"{summary.target} · {kind}"
    facts = _facts(summary)
    table = _rows(summary)
    text = [
        f"{title}  ({aside})", *(f"  {name:<12}{value}" for name, value in facts.items() if value),
        *(f"  ! {alarm}" for alarm in summary.alarms), *(["", repr(table)] if table.rows else []), f"  {summary.note}",
    ]  # fmt: skip
    html = theme.card(
        title, theme.pairs({name: theme.text(value) for name, value in facts.items()}),
        "".join(f"<div>{theme.coloured(f'! {alarm}', theme.WARN)}</div>" for alarm in summary.alarms),
        f'<div style="margin-top:.5em">{theme.faint(table.title)}</div>{table.table_html}' if table.rows else "",
        f"<div>{theme.faint(table.note)}</div>" if table.note else "",
        f"<div>{theme.faint(summary.note)}</div>", aside=aside,
    )  # fmt: skip
    return {"text/plain": "\n".join(text), "text/html": html}


def _of(summary: CostSummary, amount: float) -> str:
    return money(amount, summary.currency)


def _facts(summary: CostSummary) -> dict[str, str]:
    share = f" ({summary.idle / summary.total:.0%})" if summary.total else ""
    granted = f", of which the free grant covers up to {_of(summary, summary.granted)}" if summary.granted else ""
    running = f"{_of(summary, summary.hourly)} an hour" if summary.hourly else "nothing: no replica runs"
    return {
        "now": running,
        "today": _of(summary, summary.today),
        "this month": f"{_of(summary, summary.month)}{granted}",
        "idle money": f"{_of(summary, summary.idle)}{share} was paid while no request came" if summary.idle else "",
    }


def _rows(summary: CostSummary) -> Table:
    if summary.by == "meter":
        return _meter_rows(summary)
    if summary.by == "call":
        calls = tuple(
            (Cell(row.name), Cell(row.detail), Cell(amounts.brief(row.replica_seconds), right=True),
             Cell(_of(summary, row.total), right=True))
            for row in summary.rows[:_MOST_CALLS]
        )  # fmt: skip
        waiting = f"{_of(summary, summary.waiting)} more went for waiting, and for starting"
        return Table("By call, the dearest first", ("call", "function", "ran", "cost"), calls, waiting)
    shown = [(part, name) for part, name in _PARTS if any(_matters(row, part) for row in summary.rows)]
    rows = tuple(_row(summary, row, [part for part, _ in shown]) for row in summary.rows)
    headings = (_HEADINGS[summary.by], *(name for _, name in shown), "cost", "idle", "ran", "requests", "per 1,000")
    return Table(f"By {summary.by}", headings, rows)


def _matters(row: CostRow, part: str) -> bool:
    """Whether a part of the money has a column: requests are paid for as well, and seldom more than a trifle."""
    return row.parts.get(part, 0.0) > (0.05 * row.total if part == "requests" else 0.0)


def _row(summary: CostSummary, row: CostRow, parts: Sequence[str]) -> tuple[Cell, ...]:
    each = "–" if row.per_thousand is None else _of(summary, row.per_thousand)
    return (
        Cell(row.name), *(Cell(_of(summary, row.parts.get(part, 0.0)), right=True) for part in parts),
        Cell(_of(summary, row.total), right=True),
        Cell(_of(summary, row.idle), right=True, tone=theme.WARN if row.idle > row.total / 2 else ""),
        Cell(amounts.seconds(row.replica_seconds), right=True), Cell(f"{row.requests:,.0f}", right=True),
        Cell(each, right=True),
    )  # fmt: skip


def _meter_rows(summary: CostSummary) -> Table:
    rows = []
    for row in summary.rows:
        known = find_meter(row.name)
        amount = "price not known" if math.isnan(row.total) else _of(summary, row.total)
        counts = known.counts if known else ""
        rows.append((Cell(row.name), Cell(f"{row.requests:,.6g} {counts}", right=True), Cell(amount, right=True)))
    return Table("By meter", ("meter", "used", "cost"), tuple(rows))


def meter(tick: Tick) -> Bundle:
    """Return what a meter shows at one moment."""
    mark, tone = ("■", theme.FAINT) if tick.ended else ("●", theme.BUSY)
    amount = money(tick.amount, tick.currency) if tick.read else "reading metrics …"
    rate = f"{money(tick.hourly, tick.currency)} an hour" if tick.hourly else "nothing runs"
    title = f"{tick.app or 'all apps'} today: {amount}"
    aside = f"{rate if tick.read else ''} · {standing(charged=tick.charged)}".removeprefix(" · ")
    said = f"the meter has ended: {tick.ended}" if tick.ended else ""
    text = [f"{mark} {title}  ({aside})", *(f"  ! {alarm}" for alarm in tick.alarms), *([f"  {said}"] if said else [])]
    html = theme.card(
        title, "".join(f"<div>{theme.coloured(f'! {alarm}', theme.WARN)}</div>" for alarm in tick.alarms),
        f"<div>{theme.faint(said)}</div>" if said else "", mark=mark, tone=tone, aside=aside,
    )  # fmt: skip
    return {"text/plain": "\n".join(text), "text/html": html}


def meter_figures(tick: Tick) -> str:
    """Write what a meter of a deployment shows at one moment."""
    if not tick.read:
        return "reading metrics …"
    rate = f"{money(tick.hourly, tick.currency)} an hour now" if tick.hourly else "nothing runs now"
    spent = "" if tick.spent is None else f"{money(tick.spent, tick.currency)} since the deploy · "
    return f"{spent}{rate} · {money(tick.amount, tick.currency)} today"


def meter_line(tick: Tick) -> str:
    """Write what a meter of a deployment showed when it was last read: a line of its card."""
    at = f"at {tick.at:%H:%M} UTC, " if tick.at else ""
    said = [*tick.alarms, *([f"the meter has ended: {tick.ended}"] if tick.ended else [])]
    return "; ".join((f"{meter_figures(tick)} ({at}{standing(charged=tick.charged)})", *said))


def bill(rows: Sequence[Reconciled], *, app: str, days: int, charged: bool = True) -> Table:
    """Return what was billed beside what was estimated, with the reason of each difference."""
    lines = tuple(
        (
            Cell(row.meter), *_amounts((row.estimated, row.billed), row.difference, row.lag, row.currency),
            Cell(row.why, f'<div style="white-space:normal;min-width:9em">{theme.text(row.why)}</div>'),
        )
        for row in rows
    )  # fmt: skip
    sums = [math.fsum(getattr(row, name) for row in rows) for name in ("estimated", "billed", "difference", "lag")]
    currency = rows[0].currency if rows else "USD"
    total = (Cell("all"), *_amounts((sums[0], sums[1]), sums[2], sums[3], currency), Cell(""))
    records = tuple(
        {"meter": row.meter, "estimated": row.estimated, "billed": row.billed, "difference": row.difference,
         "not_billed_yet": row.lag, "currency": row.currency, "why": row.why}
        for row in rows
    )  # fmt: skip
    kind = "" if charged else f"; {NOT_BILLED}"
    note = f"billed: Cost Management, which is 8 to 24 hours behind{kind}"
    title = f"{app or 'all apps'}: billed and estimated, the past {amounts.plural(days, 'day')}"
    headings = ("meter", "estimated", "billed", "difference", "late", "why")
    empty = f"nothing was billed, and nothing was estimated{kind}"
    return Table(title, headings, (*lines, total) if rows else (), note if rows else empty, records)


def _amounts(both: tuple[float, float], difference: float, lag: float, currency: str) -> tuple[Cell, ...]:
    tone = theme.WARN if abs(difference) > _SAME * max(both) else ""
    return (
        *(Cell(money(amount, currency), right=True) for amount in both),
        Cell(_signed(difference, currency), right=True, tone=tone), Cell(money(lag, currency), right=True),
    )  # fmt: skip


def _signed(amount: float, currency: str) -> str:
    return f"-{money(-amount, currency)}" if amount < 0 else f"+{money(amount, currency)}" if amount else "0"
