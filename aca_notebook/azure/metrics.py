"""Azure Monitor's metrics of one resource (facts §9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.azure import faults
from aca_notebook.clock import parse_instant
from aca_notebook.errors import ServiceFailed
from aca_notebook.model.metric import MetricPoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from aca_notebook.azure.connection import Connection
    from aca_notebook.azure.documents import Document
    from aca_notebook.model.ids import ResourceId
    from aca_notebook.model.metric import Metric

#: Azure's grains, longest first, with the seconds each stands for.
GRAINS: tuple[tuple[int, str], ...] = (
    (86400, "P1D"), (43200, "PT12H"), (21600, "PT6H"), (3600, "PT1H"),
    (1800, "PT30M"), (900, "PT15M"), (300, "PT5M"), (60, "PT1M"),
)  # fmt: skip


class Metrics:
    """What Azure Monitor measured."""

    def __init__(self, connection: Connection) -> None:
        self._client = connection.monitor

    async def read(
        self, resource: ResourceId, metric: Metric, span: tuple[datetime, datetime], grain: str, *, by: str = ""
    ) -> tuple[MetricPoint, ...]:  # fmt: skip
        """Return one metric's points in time order, split by the dimension `by` when given.

        A metric the platform does not have answers no points: the GPU metric comes and goes (facts §9.4).
        """
        start, end = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in span)
        try:
            with faults.translated(f"the metric {metric.rest_name}"):
                answer = await self._client.metrics.list(
                    str(resource),
                    timespan=f"{start}/{end}",
                    interval=grain,
                    metricnames=metric.rest_name,
                    aggregation=metric.aggregation,
                    filter=f"{by} eq '*'" if by else None,
                )
        except ServiceFailed as refused:
            if refused.status in {400, 404} and refused.code != "ResourceNotFound":
                return ()
            raise
        return tuple(point for entry in answer.as_dict().get("value") or () for point in _points(entry, metric))


def _points(entry: Document, metric: Metric) -> Sequence[MetricPoint]:
    points = []
    for series in entry.get("timeseries") or ():
        labels = {
            label["name"]["value"].lower(): label.get("value") or "" for label in series.get("metadatavalues") or ()
        }
        for point in series.get("data") or ():
            value = point.get(metric.aggregation)
            points.append(
                MetricPoint(
                    at=parse_instant(str(point.get("timeStamp") or point.get("time_stamp"))),
                    value=None if value is None else float(value) * metric.scale,
                    revision=labels.get("revisionname", ""),
                    replica=labels.get("podname", ""),
                )
            )
    return points


def grain_for(span: timedelta, points: int = 180) -> str:
    """Return the shortest grain that keeps a series at or under `points` points."""
    seconds = span.total_seconds()
    fitting = [name for length, name in reversed(GRAINS) if seconds / length <= points]
    return fitting[0] if fitting else GRAINS[0][1]


def grain_seconds(grain: str) -> int:
    """How long a grain is."""
    return next(length for length, name in GRAINS if name == grain)
