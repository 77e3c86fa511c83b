"""A question of Cost Management, read and checked.

Codes and the sentence of an unknown grouping as users of Azure report them (azure-rest-api-specs issue 12158); other
sentences are unconfirmed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import parse_instant
from aca_notebook.emulator.arm.values import items, member, text, texts
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aca_notebook.emulator.arm.bills import BillLine

_KINDS = ("Usage", "ActualCost", "AmortizedCost")
_CUSTOM = "Custom"
_FRAMES = (
    _CUSTOM, "MonthToDate", "BillingMonthToDate", "TheLastMonth", "TheLastBillingMonth", "WeekToDate",
    "TheCurrentMonth",
)  # fmt: skip
_GRAINS = ("Daily", "Monthly", "None")
_MOST_GROUPINGS = _MOST_AGGREGATIONS = 2
_DEEPEST = 10
#: What can be added up, and the name of its column (facts §10.1: Cost; PreTaxCost in older questions).
MEASURES = ("Cost", "CostUSD", "PreTaxCost", "PreTaxCostUSD", "UsageQuantity")
#: What rows can be told apart by.
DIMENSIONS = (
    "ResourceGroup", "ResourceGroupName", "ResourceLocation", "ConsumedService", "ResourceType", "ResourceId",
    "MeterId", "MeterCategory", "MeterSubcategory", "Meter", "SubscriptionId", "SubscriptionName", "ServiceName",
    "ServiceTier", "ChargeType", "PublisherType", "PricingModel", "UnitOfMeasure", "Frequency",
)  # fmt: skip
_TAG = "TagKey"


@dataclass(frozen=True, slots=True)
class Grouping:
    """One of the two things rows are told apart by: a dimension, or a tag's name."""

    name: str
    tag: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What a line must be to count: all, or with `either` one, of `parts`, or a name's value among some."""

    parts: tuple[Condition, ...] = ()
    either: bool = False
    name: str = ""
    tag: bool = False
    values: frozenset[str] = frozenset()

    def holds(self, dimensions: Mapping[str, str], tags: Mapping[str, str]) -> bool:
        """Whether a line counts; case does not matter."""
        if self.parts:
            found = (part.holds(dimensions, tags) for part in self.parts)
            return any(found) if self.either else all(found)
        where = {name.lower(): value for name, value in tags.items()} if self.tag else dimensions
        value = where.get(self.name.lower() if self.tag else self.name)
        return value is not None and value.lower() in self.values


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: of `[since, until)`, by `grain`, which sums, told apart by what, of which lines."""

    since: datetime
    until: datetime
    grain: str
    measures: tuple[str, ...]
    groupings: tuple[Grouping, ...]
    condition: Condition | None
    asked: dict[str, Any] = field(repr=False, compare=False, default_factory=dict)

    def counts(self, line: BillLine, dimensions: Mapping[str, str]) -> bool:
        """Whether a line of the bill is asked about."""
        within = self.since <= line.hour < self.until
        return within and (self.condition is None or self.condition.holds(dimensions, line.resource.tags))


def read_question(asked: dict[str, Any], now: datetime) -> Question:
    """Read one. Raises `AzureError` 400 for what Cost Management could not read."""
    _one_of(asked.get("type"), "type", _KINDS)
    frame = _one_of(asked.get("timeframe"), "timeframe", _FRAMES)
    since, until = _custom(asked) if frame == _CUSTOM else _frame(frame, now)
    dataset = member(asked.get("dataset") or asked.get("dataSet"), "dataset")
    grain = _one_of(dataset.get("granularity") or "None", "dataset.granularity", _GRAINS)
    return Question(
        since, until, grain, _measures(dataset), tuple(_groupings(dataset)),
        condition=_condition(dataset["filter"], 0) if dataset.get("filter") else None, asked=asked,
    )  # fmt: skip


def _custom(asked: dict[str, Any]) -> tuple[datetime, datetime]:
    period = member(asked.get("timePeriod"), "timePeriod")
    since, last = (_moment(period.get(name), f"timePeriod.{name}") for name in ("from", "to"))
    if since > last:
        raise bad("timePeriod.from must not be after timePeriod.to.")
    if last - since > timedelta(days=366):
        raise bad("The time period for pulling the data cannot exceed 1 year(s).")
    # Whole days: the hours of both ends are not looked at, and the last day counts (documented: Query - Usage).
    return _day(since), _day(last) + timedelta(days=1)


def _frame(frame: str, now: datetime) -> tuple[datetime, datetime]:
    today, month = _day(now), _day(now).replace(day=1)
    if frame == "WeekToDate":  # its first day is Sunday (unconfirmed)
        return today - timedelta(days=(today.weekday() + 1) % 7), now
    if frame.startswith("TheLast"):
        return (month - timedelta(days=1)).replace(day=1), month
    return month, now


def _measures(dataset: dict[str, Any]) -> tuple[str, ...]:
    wanted = member(dataset.get("aggregation"), "dataset.aggregation")
    if len(wanted) > _MOST_AGGREGATIONS:
        raise bad(f"dataset.aggregation may have {_MOST_AGGREGATIONS} members at most.")
    found = []
    for alias, each in wanted.items():
        path = f"dataset.aggregation.{alias}"
        _one_of(member(each, path).get("function"), f"{path}.function", ("Sum",))
        found.append(_one_of(each.get("name"), f"{path}.name", MEASURES))
    return tuple(dict.fromkeys(found)) or ("Cost",)


def _groupings(dataset: dict[str, Any]) -> Iterator[Grouping]:
    wanted = items(dataset.get("grouping"), "dataset.grouping")
    if len(wanted) > _MOST_GROUPINGS:
        raise bad(f"dataset.grouping may have {_MOST_GROUPINGS} members at most.")
    for each in wanted:
        kind = _one_of(each.get("type"), "dataset.grouping.type", ("Dimension", _TAG, "Tag"))
        name = text(each.get("name"), "dataset.grouping.name")
        yield Grouping(name, tag=True) if kind == _TAG else Grouping(_dimension(name, "grouping"))


def _dimension(name: str, where: str) -> str:
    found = next((each for each in DIMENSIONS if each.lower() == name.lower()), None)
    if found is None:
        valid = ",".join(f"'{each}'" for each in DIMENSIONS)
        raise bad(f"Invalid dataset {where}: '{name}'; valid values: {valid}.")
    return found


def _condition(asked: Any, depth: int) -> Condition:
    body = member(asked, "dataset.filter")
    if len(body) != 1 or depth > _DEEPEST:
        raise bad("dataset.filter must have one of and, or, dimensions and tags.")
    [(kind, value)] = body.items()
    if kind.lower() in {"and", "or"}:
        parts = items(value, f"dataset.filter.{kind}")
        if len(parts) < 2:
            raise bad(f"dataset.filter.{kind} must have at least 2 members.")
        return Condition(tuple(_condition(part, depth + 1) for part in parts), either=kind.lower() == "or")
    if kind.lower() not in {"dimensions", "dimension", "tags", "tag"}:
        raise bad("dataset.filter must have one of and, or, dimensions and tags.")
    expression = member(value, f"dataset.filter.{kind}")
    _one_of(expression.get("operator"), f"dataset.filter.{kind}.operator", ("In",))
    name, tag = text(expression.get("name"), f"dataset.filter.{kind}.name"), kind.lower().startswith("tag")
    values = texts(expression.get("values") or [], f"dataset.filter.{kind}.values")
    if not values:
        raise bad(f"dataset.filter.{kind}.values must have a value.")
    named = name if tag else _dimension(name, "filter")
    return Condition(name=named, tag=tag, values=frozenset(each.lower() for each in values))


def _one_of(value: Any, name: str, known: tuple[str, ...]) -> str:
    given = text(value, name).lower()
    for each in known:
        if each.lower() == given:
            return each
    raise bad(f"{name} must be one of {', '.join(known)}.")


def _moment(value: Any, name: str) -> datetime:
    try:
        return parse_instant(text(value, name))
    except (ValueError, OverflowError):
        raise bad(f"{name} is no date and time.") from None


def _day(moment: datetime) -> datetime:
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)


def bad(message: str) -> AzureError:
    """What Cost Management answers to a question it cannot read."""
    return AzureError(400, "BadRequest", f"Invalid query definition: {message}")
