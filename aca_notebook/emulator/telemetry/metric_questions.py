"""A question about metrics, read and checked: names, filter, time, grain, aggregations and order (facts §9.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aca_notebook.clock import parse_instant, truncate
from aca_notebook.emulator.telemetry.catalogue import AGGREGATIONS, APPS, GRAINS, RETENTION_DAYS, Family, Metric
from aca_notebook.emulator.telemetry.filters import Filter, parse_filter
from aca_notebook.emulator.telemetry.metrics import Buckets
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_POINTS = 100_000
_MOST_METRICS = 20
_DEFAULT_TOP = 10
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class MetricsQuery:
    """A query, read and checked; `aggregations` empty means each metric's own."""

    metrics: tuple[Metric, ...]
    filters: tuple[Filter, ...]
    buckets: Buckets
    interval: str
    aggregations: tuple[str, ...]
    top: int
    order: tuple[str, bool] | None  #: aggregation, descending
    rolled_up: frozenset[str] = frozenset()  #: dimensions, in lower case, that restrict and do not split
    only_metadata: bool = False


def checked_query(ask: Callable[[str], str], now: datetime, family: Family) -> MetricsQuery:
    """Read a query as `read_query` does; refuse with 400 what cannot be read."""
    try:
        return read_query(ask, now, family)
    except ValueError as bad:
        raise AzureError(400, "BadRequest", str(bad)) from bad


def read_query(ask: Callable[[str], str], now: datetime, family: Family = APPS) -> MetricsQuery:
    """Read a query's parameters; `ask` returns one by name, or an empty text.

    Raises `ValueError` in Azure's words for what it would refuse.
    """
    family.check_namespace(ask("metricnamespace"))
    found = _metrics(ask("metricnames"), family)
    interval = (ask("interval") or "PT1M").upper()
    if interval not in {*GRAINS, "FULL"} and ask("AutoAdjustTimegrain").lower() == "true":
        interval = _nearest_grain(interval)
    start, end = read_timespan(ask("timespan"), now)
    if end < now - timedelta(days=RETENTION_DAYS):
        # Azure's sentence, with 93 days (azure-sdk-for-python #13547); a start before that is taken as it is.
        raise ValueError(
            f"Query endTime: {_american(end)} is out of the Max metrics retention period: {RETENTION_DAYS}.00:00:00"
        )
    start = truncate(start, _MINUTE)
    top = ask("top")
    if top and not (top.isdigit() and int(top) > 0):
        raise ValueError(f"top must be a positive number, not '{top}'")
    return MetricsQuery(
        metrics=found,
        filters=tuple(
            parse_filter(ask("$filter"), metric, lenient=ask("ValidateDimensions").lower() == "false")
            for metric in found
        ),
        buckets=_buckets(start, end, interval),
        interval=interval,
        aggregations=_aggregations(ask("aggregation")),
        top=int(top) if top else _DEFAULT_TOP,
        order=_order(ask("orderby")),
        rolled_up=frozenset(name.strip().lower() for name in ask("rollupby").split(",") if name.strip()),
        only_metadata=ask("resultType").lower() == "metadata",
    )


def _american(moment: datetime) -> str:
    """`6/1/2020 12:00:00 AM`: as Azure writes a moment in that sentence."""
    return f"{moment.month}/{moment.day}/{moment:%Y} {moment:%I:%M:%S %p}".replace(" 0", " ")


def _nearest_grain(interval: str) -> str:
    """The grain whose length is nearest to a duration. Raises `ValueError` for text that is none."""
    minutes = _duration(interval) / _MINUTE
    return min(GRAINS, key=lambda name: abs(GRAINS[name] - minutes))


def read_timespan(text: str, now: datetime) -> tuple[datetime, datetime]:
    """Read `start/end`, `start/duration`, `duration/end` or `duration`; without any, the past hour.

    A moment without zone is UTC. Raises `ValueError` for text that is none of these, and for an end that is not after
    its start.
    """
    # A `+` that was not escaped arrives as a blank.
    text = re.sub(r"(T[\d:.]+) (\d\d:?\d\d)", r"\1+\2", text.strip())
    first, slash, second = text.partition("/")
    try:
        if not slash:
            start, end = now - (_duration(first) if first else timedelta(hours=1)), now
        elif first.upper().startswith("P"):
            end = parse_instant(second)
            start = end - _duration(first)
        else:
            start = parse_instant(first)
            end = start + _duration(second) if second.upper().startswith("P") else parse_instant(second)
    except ValueError as bad:
        raise ValueError(f"Invalid time span: '{text}'. Write it as start/end in ISO 8601") from bad
    if end <= start:
        raise ValueError(f"The end of the time span must come after its start: '{text}'")
    return start, end


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", text.upper())
    if match is None or not any(match.groups()):
        raise ValueError(f"not a duration: {text!r}")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _metrics(names: str, family: Family) -> tuple[Metric, ...]:
    wanted = [name.strip() for name in names.split(",") if name.strip()] or [family.metrics[0].name]
    if len(wanted) > _MOST_METRICS:
        raise ValueError(f"Only {_MOST_METRICS} metrics can be asked for at once")
    found = []
    for name in wanted:
        metric = family.find(name)
        if metric is None:
            valid = ",".join(each.name for each in family.metrics)
            raise ValueError(
                "Failed to find metric configuration for provider: Microsoft.App, "
                f"resource Type: {family.namespace.partition('/')[2]}, metric: {name}, Valid metrics: {valid}"
            )
        found.append(metric)
    return tuple(found)


def _buckets(start: datetime, end: datetime, interval: str) -> Buckets:
    if interval == "FULL":
        minutes = -((start - end) // _MINUTE)
    elif interval in GRAINS:
        minutes = GRAINS[interval]
    else:
        raise ValueError(f"Detected invalid time grain input '{interval}'. Supported ones are: {','.join(GRAINS)}")
    buckets = Buckets(start, end, timedelta(minutes=minutes))
    if len(buckets) > _MOST_POINTS:
        raise ValueError(f"The query would return {len(buckets)} points; ask for a longer interval")
    return buckets


def _aggregations(text: str) -> tuple[str, ...]:
    named = {each.lower(): each for each in AGGREGATIONS}
    wanted = [part.strip().lower() for part in text.split(",") if part.strip() and part.strip().lower() != "none"]
    unknown = [part for part in wanted if part not in named]
    if unknown:
        raise ValueError(f"Invalid aggregation type: {unknown[0]}. Valid ones are: {','.join(AGGREGATIONS)}")
    return tuple(named[part] for part in wanted)


def _order(text: str) -> tuple[str, bool] | None:
    if not text.strip():
        return None
    aggregation, _, direction = text.strip().lower().partition(" ")
    aggregation = {"sum": "total", "max": "maximum", "min": "minimum", "avg": "average"}.get(aggregation, aggregation)
    if aggregation.capitalize() not in AGGREGATIONS or direction.strip() not in {"", "asc", "desc"}:
        raise ValueError(f"Invalid orderby: '{text}'. Write an aggregation and asc or desc")
    return aggregation, direction.strip() == "desc"
