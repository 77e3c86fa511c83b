"""What a budget may say, what it covers and when its period began. Pure.

Rules as azure-mgmt-costmanagement 5 words them in BudgetProperties, BudgetTimePeriod and Notification; the sentences of
refusals are unconfirmed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import parse_instant
from aca_notebook.emulator.arm.cost_rows import describe
from aca_notebook.emulator.arm.stored import Document, Reader, one_of
from aca_notebook.emulator.arm.values import finite, items, member, text, texts, truth
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.emulator.arm.bills import BillLine

_GRAINS = ("Monthly", "Quarterly", "Annually", "BillingMonth", "BillingQuarter", "BillingAnnual")
_MONTHS = {"Monthly": 1, "Quarterly": 3, "Annually": 12, "BillingMonth": 1, "BillingQuarter": 3, "BillingAnnual": 12}
_MOST_NOTIFICATIONS = 5  #: of each threshold type
_FIRST_START = datetime(2017, 6, 1, tzinfo=UTC)
_DEEPEST = 5


BUDGET_FIELDS: Mapping[str, Reader] = {
    "category": one_of("Cost", "ReservationUtilization"), "amount": finite, "timeGrain": one_of(*_GRAINS),
    "timePeriod": member, "filter": member, "notifications": member,
}  # fmt: skip
_NOTIFICATION: Mapping[str, Reader] = {
    "enabled": truth, "operator": one_of("EqualTo", "GreaterThan", "GreaterThanOrEqualTo", "LessThan"),
    "threshold": finite, "contactEmails": texts, "contactRoles": texts, "contactGroups": texts,
    "thresholdType": one_of("Actual", "Forecasted"), "locale": text,
}  # fmt: skip


def check_budget(properties: Document, now: datetime) -> Document:
    """Return the properties as they are kept. Raises `AzureError` 400 for what Azure would refuse."""
    properties = {"category": "Cost", **properties}
    if properties["category"] != "Cost":
        raise _bad("only budgets of category Cost are offered here.")
    for name in ("amount", "timeGrain", "timePeriod"):
        if properties.get(name) in (None, {}):
            raise _bad(f"'{name}' is required.")
    if properties["amount"] <= 0:
        raise _bad("'amount' must be greater than 0.")
    properties["timePeriod"] = _time_period(properties["timePeriod"], now)
    properties["notifications"] = {
        str(key): _notification(value, f"properties.notifications.{key}")
        for key, value in properties.get("notifications", {}).items()
    }
    kinds = [each["thresholdType"] for each in properties["notifications"].values()]
    if any(kinds.count(kind) > _MOST_NOTIFICATIONS for kind in ("Actual", "Forecasted")):
        raise _bad(f"a budget may have {_MOST_NOTIFICATIONS} notifications of a threshold type at most.")
    if properties.get("filter"):
        _check_filter(properties["filter"], 0)
    return properties


def period_began(properties: Mapping[str, Any], now: datetime) -> datetime:
    """Return when the present period of a budget began: a month, a quarter or a year of the calendar."""
    months = _MONTHS[properties["timeGrain"]]
    return datetime(now.year, (now.month - 1) // months * months + 1, 1, tzinfo=UTC)


def active(properties: Mapping[str, Any], now: datetime) -> bool:
    """Whether a budget is evaluated now."""
    period = properties["timePeriod"]
    return parse_instant(period["startDate"]) <= now < parse_instant(period["endDate"])


def reached(properties: Mapping[str, Any], spent: float) -> list[str]:
    """Return the names of the notifications whose threshold is behind what was spent."""
    percent = 100.0 * spent / properties["amount"]
    found = []
    for name, each in properties["notifications"].items():
        compare = {
            "GreaterThan": percent > each["threshold"], "GreaterThanOrEqualTo": percent >= each["threshold"],
            "EqualTo": percent == each["threshold"], "LessThan": percent < each["threshold"],
        }  # fmt: skip
        if each["enabled"] and each["thresholdType"] == "Actual" and compare[each["operator"]]:
            found.append(name)
    return found


def covered(properties: Mapping[str, Any], line: BillLine) -> bool:
    """Whether a line of the bill counts for a budget."""
    return not properties.get("filter") or _passes(properties["filter"], line)


def _passes(condition: Mapping[str, Any], line: BillLine) -> bool:
    if "and" in condition:
        return all(_passes(part, line) for part in condition["and"])
    if "not" in condition:
        return not _passes(condition["not"], line)
    [(kind, expression)] = condition.items()
    tags = {name.lower(): value for name, value in line.resource.tags.items()}
    dimensions = {name.lower(): value for name, value in describe(line).items()}
    value = (tags if kind == "tags" else dimensions).get(str(expression["name"]).lower())
    return value is not None and value.lower() in {str(each).lower() for each in expression["values"]}


def _check_filter(condition: Document, depth: int) -> None:
    if len(condition) != 1 or depth > _DEEPEST:
        raise _bad("a filter has one of and, not, dimensions and tags.")
    [(kind, value)] = condition.items()
    if kind == "and":
        parts = items(value, "properties.filter.and")
        if len(parts) < 2:
            raise _bad("'and' must have at least 2 members.")
        for part in parts:
            _check_filter(part, depth + 1)
    elif kind == "not":
        _check_filter(member(value, "properties.filter.not"), depth + 1)
    else:
        _check_comparison(kind, value)


def _check_comparison(kind: str, value: Any) -> None:
    if kind not in {"dimensions", "tags"}:
        raise _bad("a filter has one of and, not, dimensions and tags.")
    expression = member(value, f"properties.filter.{kind}")
    if not text(expression.get("name"), f"properties.filter.{kind}.name"):
        raise _bad(f"'{kind}' needs a name.")
    if not texts(expression.get("values") or [], f"properties.filter.{kind}.values"):
        raise _bad(f"'{kind}' needs values.")


def _time_period(asked: Document, now: datetime) -> Document:
    start = _moment(asked.get("startDate"), "startDate")
    end = _moment(asked["endDate"], "endDate") if asked.get("endDate") else start.replace(year=start.year + 10)
    if start.day != 1:
        raise _bad("the start date must be the first of a month.")
    if start < _FIRST_START or start > now + timedelta(days=366):
        raise _bad("the start date must be after June 1, 2017 and within twelve months from now.")
    if end <= start:
        raise _bad("the start date must be before the end date.")
    return {"startDate": f"{start:%Y-%m-%dT%H:%M:%SZ}", "endDate": f"{end:%Y-%m-%dT%H:%M:%SZ}"}


def _moment(value: Any, name: str) -> datetime:
    try:
        found = parse_instant(text(value, f"properties.timePeriod.{name}"))
        found.replace(year=found.year + 10)  # there is room for the end
    except (ValueError, OverflowError):
        raise _bad(f"'{name}' is no date.") from None
    return found


def _notification(asked: Any, path: str) -> Document:
    body = member(asked, path)
    found = {name: reader(body[name], f"{path}.{name}") for name, reader in _NOTIFICATION.items() if name in body}
    for name in ("enabled", "operator", "threshold"):
        if found.get(name) is None:
            raise _bad(f"'{name}' of a notification is required.")
    if not 0 < found["threshold"] <= 1000:
        raise _bad("the threshold of a notification must be from 0 to 1000.")
    if not any(found.get(name) for name in ("contactEmails", "contactGroups", "contactRoles")):
        raise _bad("a notification needs a contact email, group or role.")
    return {"thresholdType": "Actual", "contactEmails": []} | found


def _bad(message: str) -> AzureError:
    return AzureError(400, "BadRequest", f"Invalid budget configuration: {message}")
