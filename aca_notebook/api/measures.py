"""What Azure Monitor measured, as a table."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from aca_notebook.azure.metrics import grain_for, grain_seconds
from aca_notebook.clock import truncate
from aca_notebook.errors import UsageFailed
from aca_notebook.model.metric import CATALOGUE, GPU

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import pandas as pd

    from aca_notebook.api.access import Access
    from aca_notebook.model.ids import ResourceId
    from aca_notebook.model.metric import Metric, MetricPoint


def buckets(since: timedelta, interval: timedelta | None, now: datetime) -> tuple[tuple[datetime, datetime], str]:
    """Return the span to ask for, from a whole bucket's start until now, and the grain.

    Raises `UsageFailed` for an interval that is none of Azure's grains.
    """
    if since <= timedelta():
        raise UsageFailed("the span must be longer than nothing", code="InvalidSpan", hint="write it like --since 1h")
    grain = grain_for(since) if interval is None else grain_for(interval, points=1)
    if interval is not None and grain_seconds(grain) != interval.total_seconds():
        raise UsageFailed(
            f"Azure Monitor has no buckets of {interval}", code="InvalidTimeGrain", hint=f"the nearest is {grain}"
        )
    start = truncate(now - since, timedelta(seconds=grain_seconds(grain)))
    return (start, now), grain


async def read_metrics(
    access: Access, resource: ResourceId, span: tuple[datetime, datetime], grain: str,
    catalogue: Sequence[Metric] = CATALOGUE,
) -> pd.DataFrame:  # fmt: skip
    """Ask for every metric at once; a column a metric, in our units, indexed by the bucket's start (UTC).

    A metric the platform does not have has no column.
    """

    async def read(metric: Metric) -> tuple[MetricPoint, ...]:
        return await access.ask(lambda services: services.metrics.read(resource, metric, span, grain))

    answers = await asyncio.gather(*(read(metric) for metric in catalogue))
    return table(dict(zip(catalogue, answers, strict=True)), grain)


def table(points: Mapping[Metric, Sequence[MetricPoint]], grain: str) -> pd.DataFrame:
    """Put points side by side; `.attrs` tells the grain and each column's label and unit.

    Buckets of which nothing at all is known are left out; in the others, what was not counted is zero.
    """
    import pandas as pd

    columns = {
        metric.column: pd.Series({point.at: point.value for point in series}, dtype="float64")
        for metric, series in points.items()
        if series
    }
    frame = pd.DataFrame(columns)
    frame.index = pd.DatetimeIndex(frame.index, tz="UTC", name="at")
    frame = frame.sort_index().dropna(how="all")
    if GPU.column in frame and frame[GPU.column].isna().all():
        frame = frame.drop(columns=GPU.column)  # no GPU, or none that is measured
    counted = [metric.column for metric in points if metric.aggregation == "total" and metric.column in frame]
    frame[counted] = frame[counted].fillna(0.0)
    frame.attrs = {
        "grain": grain,
        "grain_seconds": grain_seconds(grain),
        "labels": {metric.column: metric.label for metric in points},
        "units": {metric.column: metric.unit for metric in points},
    }
    return frame
