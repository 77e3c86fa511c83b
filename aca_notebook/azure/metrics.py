"""Azure Monitor's metrics of one resource (facts §9)."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from aca_notebook.azure import faults
from aca_notebook.errors import ServiceFailed, Unauthorized
from aca_notebook.model.metric import CATALOGUE, GPU, MetricPoint, other

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from azure.mgmt.monitor.aio import MonitorManagementClient
    from azure.mgmt.monitor.models import Metric as MonitorMetric
    from azure.mgmt.monitor.models import MetricDefinition
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
_READER = "ask for the Monitoring Reader role on the app or its group"
_MOST_RESOURCES = 50
_MOST_METRICS = 20
_MOST_SERIES = 1000


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
        """Return one metric's points in time order, split by the dimension `by` (Azure's name of it) when given.

        A GPU metric that the platform does not have answers no points: it comes and goes (facts §9.4).
        """
        return (await self.read_all(resource, (metric,), span, grain, by=by))[metric]

    async def read_all(
        self, resource: ResourceId, metrics: Sequence[Metric], span: tuple[datetime, datetime], grain: str, *,
        by: str = "",
    ) -> dict[Metric, tuple[MetricPoint, ...]]:  # fmt: skip
        """Return the points of several metrics, split by the dimension `by` (Azure's name of it) when given.

        One request for twenty metrics, and one for the GPU's, whose absence must not take the others' answer away.
        """
        others = [each for each in metrics if each is not GPU]
        groups = [others[first : first + _MOST_METRICS] for first in range(0, len(others), _MOST_METRICS)]
        answers = await asyncio.gather(
            *(self._list(resource, group, span, grain, by) for group in groups),
            *([self._read_gpu(resource, span, grain, by)] if GPU in metrics else []),
        )
        return {metric: points for answer in answers for metric, points in answer.items()}

    async def _read_gpu(
        self, resource: ResourceId, span: tuple[datetime, datetime], grain: str, by: str
    ) -> dict[Metric, tuple[MetricPoint, ...]]:
        try:
            return await self._list(resource, (GPU,), span, grain, by)
        except ServiceFailed as refused:
            if refused.status in {400, 404} and refused.code != "ResourceNotFound":
                return {GPU: ()}
            raise

    async def _list(
        self, resource: ResourceId, metrics: Sequence[Metric], span: tuple[datetime, datetime], grain: str, by: str
    ) -> dict[Metric, tuple[MetricPoint, ...]]:  # fmt: skip
        start, end = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in span)
        names = ",".join(each.rest_name for each in metrics)
        with _translated(f"metrics of {resource.name!r}"):
            answer = await self._client.metrics.list(
                str(resource),
                timespan=f"{start}/{end}",
                interval=grain,
                metricnames=names,
                aggregation=",".join(sorted({each.aggregation for each in metrics})),
                filter=f"{by} eq '*'" if by else None,
                top=_MOST_SERIES if by else None,  # ten without it
            )
        found = {(entry.name.value or "").lower(): entry for entry in answer.value}
        return {
            each: tuple(_points(found[name], each)) if (name := each.rest_name.lower()) in found else ()
            for each in metrics
        }

    async def definitions(self, resource: ResourceId) -> tuple[Metric, ...]:
        """Return every metric that the platform says a resource has; those we have no name for under Azure's."""
        with _translated(f"metrics of {resource.name!r}"):
            return tuple([_defined(each) async for each in self._client.metric_definitions.list(str(resource))])

    async def read_many(
        self, resources: Sequence[ResourceId], metrics: Sequence[Metric], span: tuple[datetime, datetime],
        only: str = "", *, grain: str = "PT1M",
    ) -> dict[str, dict[Metric, tuple[MetricPoint, ...]]]:  # fmt: skip
        """Return the points, a `grain` each, of several metrics of several apps, by the key of the app's id.

        `only` restricts by dimensions. A metric that the platform refuses is left out and the others are asked for
        again: the GPU metric comes and goes (facts §9.4).
        """
        try:
            return await self._read_many(resources, metrics, span, only, grain)
        except ServiceFailed as refused:
            others = [each for each in metrics if each is not GPU]
            if refused.status != 400 or len(others) == len(metrics):
                raise
            return await self._read_many(resources, others, span, only, grain)

    async def _read_many(
        self, resources: Sequence[ResourceId], metrics: Sequence[Metric], span: tuple[datetime, datetime], only: str,
        grain: str,
    ) -> dict[str, dict[Metric, tuple[MetricPoint, ...]]]:  # fmt: skip
        groups = [resources[first : first + _MOST_RESOURCES] for first in range(0, len(resources), _MOST_RESOURCES)]
        answers = await asyncio.gather(*(self._batch(group, metrics, span, only, grain) for group in groups))
        return {key: points for answer in answers for key, points in answer.items()}

    async def _batch(
        self, resources: Sequence[ResourceId], metrics: Sequence[Metric], span: tuple[datetime, datetime], only: str,
        grain: str,
    ) -> dict[str, dict[Metric, tuple[MetricPoint, ...]]]:  # fmt: skip
        named = {each.rest_name: each for each in metrics}
        with _translated("the metrics"):
            answers = await self._connection.metrics.query_resources(
                resource_ids=[str(each) for each in resources],
                metric_namespace=_NAMESPACE,
                metric_names=list(named),
                timespan=span,
                granularity=timedelta(seconds=grain_seconds(grain)),
                aggregations=sorted({each.aggregation for each in metrics}),
                filter=only or None,
            )
        return {
            resource.key: {
                named[entry.name]: tuple(_batch_points(entry, named[entry.name])) for entry in answer.metrics
            }
            for resource, answer in zip(resources, answers, strict=True)
        }


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Raise our errors; who may not read is told of the least role that may."""
    try:
        with faults.translated(what):
            yield
    except Unauthorized as refused:
        if refused.status == 403:
            refused.message, refused.hint = f"this account may not read {what}", _READER
        raise


def _defined(entry: MetricDefinition) -> Metric:
    name = entry.name.value if entry.name and entry.name.value else ""
    for known in CATALOGUE:
        if known.rest_name.lower() == name.lower():
            return known
    return other(
        name,
        (entry.name.localized_value if entry.name else "") or name,
        str(getattr(entry.unit, "value", entry.unit) or ""),
        str(getattr(entry.primary_aggregation_type, "value", entry.primary_aggregation_type) or "Average"),
        tuple(each.value for each in entry.dimensions or () if each.value),
    )


def _batch_points(entry: BatchMetric, metric: Metric) -> Iterator[MetricPoint]:
    for series in entry.timeseries:
        for point in series.data:
            value = getattr(point, metric.aggregation)
            yield MetricPoint(point.timestamp.astimezone(UTC), None if value is None else value * metric.scale)


def _points(entry: MonitorMetric, metric: Metric) -> Iterator[MetricPoint]:
    """Read the SDK's objects as they are: turning them back into JSON first takes ten times as long."""
    for series in entry.timeseries or ():
        labels = {label.name.value.lower(): label.value or "" for label in series.metadatavalues or () if label.name}
        where = labels.get("revisionname", ""), labels.get("podname", ""), labels.get("statuscodecategory", "")
        for point in series.data or ():
            value = getattr(point, metric.aggregation)
            scaled = None if value is None else float(value) * metric.scale
            yield MetricPoint(point.time_stamp.astimezone(UTC), scaled, *where)


def grain_for(span: timedelta, points: int = 180) -> str:
    """Return the shortest grain that keeps a series at or under `points` points."""
    seconds = span.total_seconds()
    fitting = [name for length, name in reversed(GRAINS) if seconds / length <= points]
    return fitting[0] if fitting else GRAINS[0][1]


def grain_seconds(grain: str) -> int:
    """How long a grain is."""
    return next(length for length, name in GRAINS if name == grain)
