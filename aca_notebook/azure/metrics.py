"""Azure Monitor's metrics of one resource (facts §9)."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from aca_notebook.azure import faults
from aca_notebook.errors import ServiceFailed
from aca_notebook.model.metric import GPU, MetricPoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from azure.mgmt.monitor.aio import MonitorManagementClient
    from azure.mgmt.monitor.models import Metric as MonitorMetric
    from azure.monitor.querymetrics import Metric as BatchMetric

    from aca_notebook.azure.connection import Connection
    from aca_notebook.model.ids import ResourceId
    from aca_notebook.model.metric import Metric

#: Azure's grains, longest first, with the seconds each stands for.
GRAINS: tuple[tuple[int, str], ...] = (
    (86400, "P1D"), (43200, "PT12H"), (21600, "PT6H"), (3600, "PT1H"),
    (1800, "PT30M"), (900, "PT15M"), (300, "PT5M"), (60, "PT1M"),
)  # fmt: skip


_NAMESPACE = "Microsoft.App/containerapps"
_MOST_RESOURCES = 50


class Metrics:
    """What Azure Monitor measured."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def _client(self) -> MonitorManagementClient:
        return self._connection.monitor

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
        return tuple(point for entry in answer.value for point in _points(entry, metric))

    async def read_many(
        self, resources: Sequence[ResourceId], metrics: Sequence[Metric], span: tuple[datetime, datetime],
        only: str = "",
    ) -> dict[str, dict[Metric, tuple[MetricPoint, ...]]]:  # fmt: skip
        """Return the points, a minute each, of several metrics of several apps, by the key of the app's id.

        `only` restricts by dimensions. A metric that the platform refuses is left out and the others are asked for
        again: the GPU metric comes and goes (facts §9.4).
        """
        try:
            return await self._read_many(resources, metrics, span, only)
        except ServiceFailed as refused:
            others = [each for each in metrics if each is not GPU]
            if refused.status != 400 or len(others) == len(metrics):
                raise
            return await self._read_many(resources, others, span, only)

    async def _read_many(
        self, resources: Sequence[ResourceId], metrics: Sequence[Metric], span: tuple[datetime, datetime], only: str
    ) -> dict[str, dict[Metric, tuple[MetricPoint, ...]]]:  # fmt: skip
        named = {each.rest_name: each for each in metrics}
        found: dict[str, dict[Metric, tuple[MetricPoint, ...]]] = {}
        for first in range(0, len(resources), _MOST_RESOURCES):
            some = resources[first : first + _MOST_RESOURCES]
            with faults.translated("the metrics"):
                answers = await self._connection.metrics.query_resources(
                    resource_ids=[str(each) for each in some],
                    metric_namespace=_NAMESPACE,
                    metric_names=list(named),
                    timespan=span,
                    granularity=timedelta(minutes=1),
                    aggregations=sorted({each.aggregation for each in metrics}),
                    filter=only or None,
                )
            for resource, answer in zip(some, answers, strict=True):
                found[resource.key] = {
                    named[entry.name]: tuple(_batch_points(entry, named[entry.name])) for entry in answer.metrics
                }
        return found


def _batch_points(entry: BatchMetric, metric: Metric) -> Iterator[MetricPoint]:
    for series in entry.timeseries:
        for point in series.data:
            value = getattr(point, metric.aggregation)
            yield MetricPoint(point.timestamp.astimezone(UTC), None if value is None else value * metric.scale)


def _points(entry: MonitorMetric, metric: Metric) -> Iterator[MetricPoint]:
    """Read the SDK's objects as they are: turning them back into JSON first takes ten times as long."""
    for series in entry.timeseries or ():
        labels = {label.name.value.lower(): label.value or "" for label in series.metadatavalues or () if label.name}
        revision, replica = labels.get("revisionname", ""), labels.get("podname", "")
        for point in series.data or ():
            value = getattr(point, metric.aggregation)
            scaled = None if value is None else float(value) * metric.scale
            yield MetricPoint(point.time_stamp.astimezone(UTC), scaled, revision, replica)


def grain_for(span: timedelta, points: int = 180) -> str:
    """Return the shortest grain that keeps a series at or under `points` points."""
    seconds = span.total_seconds()
    fitting = [name for length, name in reversed(GRAINS) if seconds / length <= points]
    return fitting[0] if fitting else GRAINS[0][1]


def grain_seconds(grain: str) -> int:
    """How long a grain is."""
    return next(length for length, name in GRAINS if name == grain)
