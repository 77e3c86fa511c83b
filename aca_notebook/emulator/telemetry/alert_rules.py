"""Metric alerts: what a rule asks of the metrics, whether its condition is met, and what follows. Pure.

Criteria of one rule are joined by and; what a dimension names is watched apart, value by value (documented: metric
alerts, monitor multiple time series). A stateful alert fires once and is resolved after three evaluations in a row that
do not meet its condition; one without autoMitigate fires at each that does.
"""

from __future__ import annotations

import itertools
import operator
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

#: Evaluations in a row without the condition until a fired alert is resolved (documented).
CALM_EVALUATIONS = 3
STATIC = "StaticThresholdCriterion"
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq, "GreaterThan": operator.gt, "GreaterThanOrEqual": operator.ge, "LessThan": operator.lt,
    "LessThanOrEqual": operator.le,
}  # fmt: skip
AGGREGATIONS = ("Average", "Count", "Minimum", "Maximum", "Total")
#: How often and over how long a rule may look (documented), in minutes.
FREQUENCIES = {"PT1M": 1, "PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60}
WINDOWS = FREQUENCIES | {"PT6H": 360, "PT12H": 720, "PT24H": 1440, "P1D": 1440}
#: What is zero, and not unknown, where nothing was counted.
_COUNTED = ("Total", "Count")
_ANY = "*"
#: The values of the dimensions that one watched series is told apart by, in the order of their names.
Series = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Dimension:
    """Of a dimension, the values to watch, or with `exclude` those not to."""

    name: str
    values: tuple[str, ...]
    exclude: bool = False

    @property
    def listed(self) -> bool:
        """Whether all of its values are known before anybody looks."""
        return not self.exclude and _ANY not in self.values


@dataclass(frozen=True, slots=True)
class Criterion:
    """One comparison of a metric with a threshold."""

    name: str
    metric: str
    namespace: str
    operator: str
    threshold: float
    aggregation: str
    dimensions: tuple[Dimension, ...] = ()

    def met_by(self, value: float | None) -> bool:
        """Whether a value meets it; what nobody measured does not."""
        return value is not None and OPERATORS[self.operator](value, self.threshold)

    @property
    def filter(self) -> str:
        """The `$filter` of the question."""
        parts = []
        for each in self.dimensions:
            values = each.values if each.listed else (_ANY,)
            parts.append(" or ".join(f"{each.name} eq '{_quoted(value)}'" for value in values))
        return " and ".join(parts)


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert: where it looks, at what, how often; `key` is its id in lower case."""

    key: str
    scopes: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    window: str
    frequency: str
    auto_mitigate: bool = True

    def due(self, minute: int) -> bool:
        """Whether it looks at the beginning of a minute since the epoch."""
        return minute % FREQUENCIES[self.frequency] == 0


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one series: the value of each criterion, and whether all of them are met."""

    series: Series
    values: tuple[float | None, ...]
    met: bool


@dataclass(frozen=True, slots=True)
class AlertState:
    """One series of one rule: whether it has fired, since when and as which alert, and for how long it was calm."""

    fired: bool = False
    calm: int = 0
    fired_at: str = ""
    alert_id: str = ""


FIRED, RESOLVED = "Fired", "Resolved"


def read_rule(document: Mapping[str, Any]) -> Rule | None:
    """Read a stored alert; None for one that is off or that nothing here evaluates (dynamic thresholds, web tests)."""
    properties = document["properties"]
    criteria = tuple(_criteria(properties["criteria"]))
    known = properties["windowSize"].upper() in WINDOWS and properties["evaluationFrequency"].upper() in FREQUENCIES
    if not properties["enabled"] or not criteria or not known:
        return None
    return Rule(
        str(document["id"]).lower(), tuple(properties["scopes"]), criteria, properties["windowSize"].upper(),
        properties["evaluationFrequency"].upper(), properties.get("autoMitigate") is not False,
    )  # fmt: skip


def _criteria(criteria: Mapping[str, Any]) -> Iterator[Criterion]:
    for each in criteria.get("allOf") or ():
        if each.get("criterionType", STATIC) != STATIC:
            return
        dimensions = tuple(
            Dimension(one["name"], tuple(one["values"]), exclude=str(one["operator"]).lower() == "exclude")
            for one in each.get("dimensions") or ()
        )
        yield Criterion(
            each["name"], each["metricName"], each.get("metricNamespace") or "", each["operator"],
            float(each["threshold"]), each["timeAggregation"], dimensions,
        )  # fmt: skip


def read_values(criterion: Criterion, answer: Mapping[str, Any]) -> dict[Series, float | None]:
    """Read what the metrics API answers to a criterion's question of one whole window, by series."""
    unknown = 0.0 if criterion.aggregation in _COUNTED else None
    found: dict[Series, float | None] = {}
    names = {each.name.lower(): each for each in criterion.dimensions}
    for line in answer["value"][0]["timeseries"]:
        labels = {label["name"]["value"]: label["value"] for label in line["metadatavalues"]}
        if any(names[name].exclude and value in names[name].values for name, value in labels.items()):
            continue
        point = line["data"][0] if line["data"] else {}
        found[_series(labels)] = point.get(criterion.aggregation.lower(), unknown)
    if criterion.dimensions and all(each.listed for each in criterion.dimensions):
        for values in itertools.product(*(each.values for each in criterion.dimensions)):
            named = [each.name.lower() for each in criterion.dimensions]
            found.setdefault(_series(dict(zip(named, values, strict=True))), unknown)
    return found


def join(criteria: Sequence[Criterion], values: Sequence[Mapping[Series, float | None]]) -> list[Reading]:
    """Put the criteria side by side: series that share a dimension belong together where its value is the same."""
    rows: list[tuple[dict[str, str], tuple[float | None, ...]]] = [({}, ())]
    for found in values:
        rows = [
            (labels | dict(series), (*before, value))
            for labels, before in rows
            for series, value in found.items()
            if all(labels.get(name, there) == there for name, there in series)
        ]
    return [
        Reading(
            _series(labels), row,
            all(each.met_by(value) for each, value in zip(criteria, row, strict=True)),
        )
        for labels, row in rows
    ]  # fmt: skip


def decide_alert(state: AlertState, rule: Rule, *, met: bool) -> tuple[AlertState, str]:
    """Return the state after an evaluation, and `Fired`, `Resolved` or nothing to tell."""
    if met:
        again = state.fired and rule.auto_mitigate
        return replace(state, fired=True, calm=0), "" if again else FIRED
    if not state.fired:
        return AlertState(), ""
    if not rule.auto_mitigate:  # stateless: nobody is told that it is over
        return AlertState(), ""
    calm = state.calm + 1
    return (replace(state, fired=False, calm=0), RESOLVED) if calm >= CALM_EVALUATIONS else (
        replace(state, calm=calm), "",
    )  # fmt: skip


def iso_duration(text: str) -> bool:
    """Whether a text is a duration as ISO 8601 writes it."""
    return re.fullmatch(r"P(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+S)?)?", text.upper()) is not None


def _series(labels: Mapping[str, str]) -> Series:
    return tuple(sorted(labels.items()))


def _quoted(value: str) -> str:
    return value.replace("'", "''")
