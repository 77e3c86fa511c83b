"""What watches look like: budgets and alerts, as lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.display import amounts, theme
from aca_notebook.display.costs import money, standing
from aca_notebook.display.tables import Cell, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aca_notebook.model.alert import Alert
    from aca_notebook.model.budget import BudgetState

_BAR = 10
#: Who keeps a budget where the platform does not.
NOT_KEPT = "not enforced while this kernel is shut"
_STATES = {"fired": ("!", theme.BAD), "healthy": ("✓", theme.GOOD), "off": ("–", theme.FAINT), "unknown": ("·", "")}


def budgets(
    states: Sequence[tuple[BudgetState, datetime]], *, target: str, enforced: bool, charged: bool
) -> Table:  # fmt: skip
    """Return one row a budget: how much of it is spent, until when it lasts, and what happens then."""
    rows, records = [], []
    for state, ends_at in states:
        budget = state.budget
        tone = theme.BAD if state.over else theme.WARN if state.reached else ""
        rows.append((
            Cell(budget.app or "all apps"), Cell(budget.limit), Cell(money(state.spent, budget.currency), right=True),
            Cell(f"{state.percent:.0f} %", right=True, tone=tone), Cell(_bar(state.percent), tone=tone),
            Cell("stop" if budget.stop else "warn"), Cell(amounts.moment(ends_at)),
        ))  # fmt: skip
        records.append({
            "app": budget.app, "amount": budget.amount, "currency": budget.currency, "period": budget.period,
            "spent": state.spent, "percent": state.percent, "stop": budget.stop, "over": state.over,
            "ends_at": ends_at,
        })  # fmt: skip
    title = f"{amounts.plural(len(rows), 'budget')} on {target}" if rows else f"no budgets on {target}"
    if not rows:
        return Table(title, ("covers",), (), "%aca budget 5USD/day --stop makes one")
    note = "; ".join(filter(None, (
        f"spent: {standing(charged=charged)}", "" if enforced else NOT_KEPT, "warns at 50, 80 and 100 %",
    )))  # fmt: skip
    columns = ("covers", "budget", "spent", "", "of it", "when spent", "begins anew")
    return Table(title, columns, tuple(rows), note, tuple(records))


def alerts(rules: Sequence[Alert], *, target: str, note: str = "") -> Table:
    """Return one row an alert: what it watches, how often, and what it has found."""
    rows, records = [], []
    for rule in rules:
        mark, tone = _STATES[rule.state]
        said = rule.state if not rule.fired or rule.fired == ("all",) else f"fired: {'; '.join(rule.fired)}"
        condition = " and ".join(str(each) for each in rule.conditions)
        rows.append((
            Cell(rule.name), Cell(f"{mark} {said}", tone=tone), Cell(rule.app), Cell(condition),
            Cell(amounts.span(rule.window)), Cell(amounts.span(rule.frequency)),
            Cell(", ".join(each.rpartition("/")[2] for each in rule.action_groups) or "nobody"),
            Cell(str(rule.severity), right=True),
        ))  # fmt: skip
        records.append({
            "name": rule.name, "app": rule.app, "condition": condition, "window": rule.window,
            "frequency": rule.frequency, "severity": rule.severity, "enabled": rule.enabled, "state": rule.state,
            "fired": rule.fired, "action_groups": rule.action_groups,
        })  # fmt: skip
    if not rows:
        make = "%aca alert create NAME --app APP --condition 'total Requests > 100' makes one"
        return Table(f"no alerts on {target}", ("alert",), (), make)
    hints = "; ".join(dict.fromkeys(each.hint for rule in rules for each in rule.conditions if each.hint))
    columns = ("alert", "state", "app", "fires when", "over", "every", "tells", "severity")
    title = f"{amounts.plural(len(rows), 'alert')} on {target}"
    return Table(title, columns, tuple(rows), "; ".join(filter(None, (note, hints))), tuple(records))


def _bar(percent: float) -> str:
    full = min(_BAR, round(percent / 100 * _BAR))
    return "█" * full + "░" * (_BAR - full)
