"""Metric alerts: a condition as `az monitor metrics alert create` takes it, and how a rule stands. Pure.

`avg Requests > 100`, `total Requests > 50 where statusCodeCategory includes 5xx`: an aggregation, a metric, a
comparison, a number, and dimensions joined by `and` (facts §9.6; azure-cli's grammar of conditions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

AGGREGATIONS: Mapping[str, str] = {
    "avg": "Average", "min": "Minimum", "max": "Maximum", "total": "Total", "count": "Count",
}  # fmt: skip
OPERATORS: Mapping[str, str] = {
    "=": "Equals", ">": "GreaterThan", ">=": "GreaterThanOrEqual", "<": "LessThan", "<=": "LessThanOrEqual",
}  # fmt: skip
#: How often a rule may look, and over how long (documented), in minutes.
FREQUENCIES = (1, 5, 15, 30, 60)
WINDOWS = (1, 5, 15, 30, 60, 360, 720, 1440)
#: Metrics that count: their average over a window is that of single minutes, and seldom what is meant.
_COUNTED = ("requests", "rxbytes", "txbytes")
_CONDITION = re.compile(
    r"\s*(?P<aggregation>\w+)\s+(?P<metric>'[^']+'|\"[^\"]+\"|[\w.]+)\s*(?P<operator>>=|<=|=|>|<)\s*"
    r"(?P<threshold>-?\d+(?:\.\d+)?)(?:\s+where\s+(?P<where>.+?))?\s*",
    re.IGNORECASE,
)
_DIMENSION = re.compile(r"\s*(?P<name>\w+)\s+(?P<how>includes|excludes)\s+(?P<values>.+?)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dimension:
    """Of a dimension, the values to watch, or not to."""

    name: str
    values: tuple[str, ...]
    exclude: bool = False

    def __str__(self) -> str:
        return f"{self.name} {'excludes' if self.exclude else 'includes'} {' or '.join(self.values)}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison, in Azure's words (`Average`, `GreaterThan`)."""

    metric: str
    aggregation: str
    operator: str
    threshold: float
    dimensions: tuple[Dimension, ...] = ()

    def __str__(self) -> str:
        short = {name: word for word, name in AGGREGATIONS.items()}[self.aggregation]
        sign = {name: word for word, name in OPERATORS.items()}.get(self.operator, self.operator)
        where = " and ".join(str(each) for each in self.dimensions)
        return f"{short} {self.metric} {sign} {self.threshold:g}" + (f" where {where}" if where else "")

    @property
    def hint(self) -> str:
        """What to know of it; empty when it means what it says."""
        if self.aggregation != "Average" or self.metric.lower() not in _COUNTED:
            return ""
        return (
            f"{self.metric} counts by the minute, so its average is that of single minutes: "
            f"`total {self.metric} > N` is what is usually meant"
        )


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule: what it watches (`app` is the name of its first scope), how often, whom it tells, and how it stands.

    `fired` are the series that meet its condition now, each as its dimensions say; None where nobody knows.
    """

    name: str
    app: str
    conditions: tuple[Condition, ...]
    window: timedelta
    frequency: timedelta
    severity: int = 3
    enabled: bool = True
    description: str = ""
    auto_mitigate: bool = True
    action_groups: tuple[str, ...] = ()
    fired: tuple[str, ...] | None = None

    @property
    def state(self) -> str:
        """One word: `off`, `fired`, `healthy` or `unknown`."""
        if not self.enabled:
            return "off"
        return "unknown" if self.fired is None else "fired" if self.fired else "healthy"


def parse_condition(text: str) -> Condition:
    """Read a condition. Raises `ValueError` that says what is wrong with it."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no condition; write it like 'total Requests > 100'")
    aggregation = AGGREGATIONS.get(match["aggregation"].lower())
    if aggregation is None:
        raise ValueError(f"there is no aggregation {match['aggregation']!r}; there are {', '.join(AGGREGATIONS)}")
    metric = match["metric"].strip("'\"")
    return Condition(
        metric, aggregation, OPERATORS[match["operator"]], float(match["threshold"]),
        tuple(_dimensions(match["where"] or "")),
    )  # fmt: skip


def _dimensions(text: str) -> Iterator[Dimension]:
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else ():
        match = _DIMENSION.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is no dimension; write it like 'statusCodeCategory includes 5xx'")
        values = tuple(each.strip() for each in re.split(r"\s+or\s+", match["values"], flags=re.IGNORECASE))
        yield Dimension(match["name"], values, exclude=match["how"].lower() == "excludes")


def iso_minutes(minutes: int) -> str:
    """Write a span as Azure does: `PT5M`, `PT1H`, `P1D`."""
    if minutes % 1440 == 0:
        return f"P{minutes // 1440}D"
    return f"PT{minutes // 60}H" if minutes % 60 == 0 else f"PT{minutes}M"
