"""What an app used and answered, as a table: Azure Monitor's metrics, and beside them what only others know."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from aca_notebook.azure.metrics import GRAINS, grain_for, grain_seconds
from aca_notebook.clock import truncate
from aca_notebook.errors import AcaError, NotFound, UsageFailed
from aca_notebook.model.metric import (
    CATALOGUE,
    DIMENSIONS,
    EVERYTHING,
    GPU,
    GPU_MEMORY,
    PERCENTILES,
    REQUESTS,
    RETENTION_DAYS,
    WORDS,
    Source,
    named,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    import pandas as pd

    from aca_notebook.api.access import Access
    from aca_notebook.api.runner_gpus import RunnerGpus
    from aca_notebook.model.ids import ResourceId
    from aca_notebook.model.metric import Metric, MetricPoint

logger = logging.getLogger(__name__)

Points = dict["Metric", "tuple[MetricPoint, ...]"]


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask for: `by` is a word of `DIMENSIONS` or empty; `split_requests` adds requests by status."""

    span: tuple[datetime, datetime]
    grain: str
    metrics: tuple[Metric, ...] = CATALOGUE
    by: str = ""
    split_requests: bool = False

    @property
    def seconds(self) -> int:
        """How long a bucket is."""
        return grain_seconds(self.grain)


def buckets(since: timedelta, interval: timedelta | None, now: datetime) -> tuple[tuple[datetime, datetime], str]:
    """Return the span to ask for, from a whole bucket's start until now, and the grain.

    Raises `UsageFailed` for an interval that is none of Azure's grains, and for a span that begins before Azure's
    retention.
    """
    if since <= timedelta():
        raise UsageFailed("the span must be longer than nothing", code="InvalidSpan", hint="write it like --since 1h")
    if since > timedelta(days=RETENTION_DAYS):
        raise UsageFailed(
            f"Azure Monitor keeps metrics for {RETENTION_DAYS} days, and {since.days} were asked for",
            code="InvalidSpan", hint=f"--since {RETENTION_DAYS}d is the most",
        )  # fmt: skip
    grain = grain_for(since) if interval is None else grain_for(interval, points=1)
    if interval is not None and grain_seconds(grain) != interval.total_seconds():
        known = ", ".join(name for _, name in reversed(GRAINS))
        raise UsageFailed(
            f"Azure Monitor has no buckets of {interval}", code="InvalidTimeGrain",
            detail=f"it has {known}", hint=f"the nearest is {grain}: --grain {_as_written(grain)}",
        )  # fmt: skip
    start = truncate(now - since, timedelta(seconds=grain_seconds(grain)))
    return (start, now), grain


def _as_written(grain: str) -> str:
    seconds = grain_seconds(grain)
    return next(
        f"{seconds // size}{unit}" for size, unit in ((86400, "d"), (3600, "h"), (60, "m")) if not seconds % size
    )


async def find_metrics(access: Access, resource: ResourceId, words: Sequence[str]) -> tuple[Metric, ...]:
    """Return what words stand for: ours, columns, or any name that the platform defines for this resource.

    Raises `UsageFailed` that lists what there is.
    """
    found: dict[str, Metric] = {}
    defined: tuple[Metric, ...] = ()
    for word in words:
        metrics = named(word)
        if not metrics:
            defined = defined or await access.ask(lambda services: services.metrics.definitions(resource))
            metrics = tuple(each for each in defined if each.rest_name.lower() == word.strip().lower())
        if not metrics:
            others = sorted({each.rest_name for each in defined} - {each.rest_name for each in CATALOGUE})
            raise UsageFailed(
                f"{resource.name!r} has no metric {word!r}; it has {', '.join(WORDS)}", code="MetricNotFound",
                detail=f"Azure's own names too: {', '.join(others)}" if others else "",
                hint=f"%aca metrics {resource.name} --metric cpu memory",
            )  # fmt: skip
        found.update({each.column: each for each in metrics})
    return tuple(found.values())


def check_by(by: str) -> None:
    """Raise `UsageFailed` for a dimension that no metric has."""
    if by and by not in DIMENSIONS:
        raise UsageFailed(
            f"metrics cannot be split by {by!r}; they can by {', '.join(DIMENSIONS)}", code="DimensionNotFound",
            hint="--by revision",
        )  # fmt: skip


async def read_metrics(
    access: Access, resource: ResourceId, question: Question,
    runner: Callable[[], Awaitable[RunnerGpus]] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Ask everybody at once; a column a metric, in our units, indexed by the bucket's start (UTC).

    Split, there is a row for each bucket and part, and the part's column (`revision`, `replica`, `status`) comes first.
    A metric that nobody has, or that cannot be split so, has no column, and `.attrs["notes"]` says why. `runner` asks
    the app itself for its GPU; it is called only when Azure Monitor has nothing to say of it.
    """
    splittable = [each for each in question.metrics if not question.by or question.by in each.dimensions]
    if not splittable:
        raise UsageFailed(
            f"{_list(question.metrics)} cannot be split by {question.by}", code="DimensionNotFound",
            hint=f"{_list([each for each in CATALOGUE if question.by in each.dimensions])} can",
        )  # fmt: skip
    points, by_status, (latency, late) = await asyncio.gather(
        _read_monitor(access, resource, question, splittable),
        _read_statuses(access, resource, question),
        _read_latency(access, resource, question, splittable),
    )
    notes = [late] if late else []
    sources: dict[str, Source] = dict.fromkeys((each.column for each in points), Source.MONITOR)
    points |= latency
    sources |= dict.fromkeys((each.column for each in latency), Source.LOGS)
    if runner is not None and _lacks_gpu(points, splittable):
        from aca_notebook.api.runner_gpus import gpu_points

        heard = await runner()
        own = gpu_points(heard.reports, timedelta(seconds=question.seconds), question.by)
        kept = {metric: series for metric, series in own.items() if series and not _known(points.get(metric, ()))}
        points |= kept
        sources |= dict.fromkeys((each.column for each in kept), Source.RUNNER)
        if kept:
            notes.append(heard.note if GPU in kept else f"{GPU_MEMORY.label}: {Source.RUNNER}")
    left = [each for each in question.metrics if each not in splittable]
    if left:
        notes.append(f"{_list(left)} cannot be split by {question.by}")
    frame = table(points, question.grain, question.by)
    for status, series in by_status.items():
        _add_status(frame, status, series)
    frame.attrs["sources"] = {name: str(source) for name, source in sources.items() if name in frame.columns}
    frame.attrs["notes"] = notes
    return frame


def _list(metrics: Sequence[Metric]) -> str:
    return ", ".join(each.label if each.label[:2].isupper() else each.label.lower() for each in metrics)


async def _read_monitor(access: Access, resource: ResourceId, question: Question, metrics: Sequence[Metric]) -> Points:
    asked = [each for each in metrics if each.source is Source.MONITOR]
    if not asked:
        return {}
    by = DIMENSIONS.get(question.by, "")
    return await access.ask(
        lambda services: services.metrics.read_all(resource, asked, question.span, question.grain, by=by)
    )


async def _read_statuses(
    access: Access, resource: ResourceId, question: Question
) -> dict[str, list[MetricPoint]]:  # fmt: skip
    """Requests by the first digit of their status, beside their sum."""
    if not question.split_requests or question.by or REQUESTS not in question.metrics:
        return {}
    by = DIMENSIONS["status"]
    points = await access.ask(
        lambda services: services.metrics.read(resource, REQUESTS, question.span, question.grain, by=by)
    )
    found: dict[str, list[MetricPoint]] = {}
    for point in points:
        if point.status:
            found.setdefault(point.status.lower(), []).append(point)
    return dict(sorted(found.items()))


def _add_status(frame: pd.DataFrame, status: str, series: Sequence[MetricPoint]) -> None:
    import pandas as pd

    column = f"requests_{status}"
    values = pd.Series({point.at: point.value for point in series}, dtype="float64")
    if not len(frame) or not values.sum():
        return
    frame[column] = values.reindex(frame.index).fillna(0.0)
    frame.attrs["labels"][column] = f"Requests, {status}"
    frame.attrs["units"][column] = frame.attrs["units"][REQUESTS.column]


async def _read_latency(
    access: Access, resource: ResourceId, question: Question, metrics: Sequence[Metric]
) -> tuple[Points, str]:  # fmt: skip
    """Percentiles from the logs, and what to say of them; without logs the rest is worth having all the same."""
    if not set(metrics) & set(PERCENTILES):
        return {}, ""
    from aca_notebook.api.latency import read_percentiles

    try:
        found = await read_percentiles(access, resource.name, question.span, question.seconds, question.by)
    except NotFound:
        return {}, "no percentiles of latency: the environment keeps no logs"
    except AcaError as failed:
        logger.debug("no percentiles of %s: %s", resource.name, failed)
        return {}, f"no percentiles of latency: {failed.message} ({failed.code})"
    wanted = {each: points for each, points in found.items() if each in metrics and points}
    return wanted, "percentiles of latency: the app's log of calls, minutes late on Azure" if wanted else ""


def _known(series: Sequence[MetricPoint]) -> bool:
    return any(point.value is not None for point in series)


def _lacks_gpu(points: Points, wanted: Sequence[Metric]) -> bool:
    return any(metric in wanted and not _known(points.get(metric, ())) for metric in (GPU, GPU_MEMORY))


def table(points: Mapping[Metric, Sequence[MetricPoint]], grain: str, by: str = "") -> pd.DataFrame:
    """Put points side by side; `.attrs` tells the grain and each column's label and unit.

    Buckets of which nothing at all is known are left out; in the others, what was not counted is zero.
    """
    import pandas as pd

    columns = {
        metric.column: {(point.at, getattr(point, by)) if by else point.at: point.value for point in series}
        for metric, series in points.items()
        if series
    }
    frame = pd.DataFrame({name: pd.Series(values, dtype="float64") for name, values in columns.items()})
    if by:
        parts = [part for _, part in frame.index]
        frame.index = pd.Index([moment for moment, _ in frame.index])
        frame.insert(0, by, pd.array(parts, dtype="string"))
        frame = frame.dropna(how="all", subset=list(columns))
    else:
        frame = frame.dropna(how="all")
    frame.index = pd.DatetimeIndex(pd.to_datetime(frame.index, utc=True), name="at")
    frame = frame.sort_index(kind="stable") if not by else frame.sort_values(["at", by], kind="stable")
    if GPU.column in frame and frame[GPU.column].isna().all():
        frame = frame.drop(columns=GPU.column)  # no GPU, or none that is measured
    counted = [metric.column for metric in points if metric.aggregation == "total" and metric.column in frame]
    frame[counted] = frame[counted].fillna(0.0)
    frame.attrs = {
        "grain": grain,
        "grain_seconds": grain_seconds(grain),
        "by": by,
        "labels": {metric.column: metric.label for metric in points},
        "units": {metric.column: _unit(metric, grain) for metric in points},
    }
    return frame


def _unit(metric: Metric, grain: str) -> str:
    """What is counted is counted in a bucket, however long it is."""
    if metric.aggregation != "total" or not metric.unit.endswith(" per minute"):
        return metric.unit
    seconds = grain_seconds(grain)
    size, word = next((s, w) for s, w in ((86400, "day"), (3600, "hour"), (60, "minute")) if not seconds % s)
    many = seconds // size
    return metric.unit.removesuffix("minute") + (word if many == 1 else f"{many} {word}s")


#: What `metrics` asks for when nothing is named.
DEFAULT: tuple[Metric, ...] = EVERYTHING
