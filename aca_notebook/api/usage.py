"""What every app does just now, side by side: `%aca top`."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from aca_notebook.model import metric
from aca_notebook.model.usage import AppUsage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from aca_notebook.api.access import Access
    from aca_notebook.model.ids import ResourceId
    from aca_notebook.model.metric import Metric, MetricPoint

REPLICAS = dataclasses.replace(metric.REPLICAS, aggregation="maximum")  # of a minute: an average is no number of them
ASKED = (
    REPLICAS, metric.CPU, metric.MEMORY, metric.GPU, metric.REQUESTS, metric.RESPONSE_TIME, metric.RESTARTS,
)  # fmt: skip
FAILED = "5xx"


async def read_usage(
    access: Access, apps: Mapping[str, ResourceId], span: tuple[datetime, datetime]
) -> tuple[AppUsage, ...]:  # fmt: skip
    """Return what each app does, the busiest first; two requests for up to fifty apps."""
    ids = list(apps.values())
    found = await access.ask(lambda services: services.metrics.read_many(ids, ASKED, span))
    failed = await access.ask(
        lambda services: services.metrics.read_many(ids, (metric.REQUESTS,), span, f"statusCodeCategory eq '{FAILED}'")
    )
    made = [
        usage(name, found.get(id_.key, {}), failed.get(id_.key, {}).get(metric.REQUESTS, ()), span[1] - span[0])
        for name, id_ in apps.items()
    ]
    return tuple(sorted(made, key=_busy))


def usage(
    app: str, points: Mapping[Metric, Sequence[MetricPoint]], failed: Sequence[MetricPoint], span: timedelta
) -> AppUsage:  # fmt: skip
    """Fold an app's points into its row."""
    minutes = max(span.total_seconds() / 60, 1.0)
    return AppUsage(
        app=app,
        replicas=_latest(points.get(REPLICAS, ())),
        cpu_cores=_latest(points.get(metric.CPU, ())),
        memory_bytes=_latest(points.get(metric.MEMORY, ())),
        gpu_percent=_latest(points.get(metric.GPU, ())),
        requests_per_minute=_sum(points.get(metric.REQUESTS, ())) / minutes,
        failed_per_minute=_sum(failed) / minutes,
        response_seconds=_latest(points.get(metric.RESPONSE_TIME, ())),
        restarts=_latest(points.get(metric.RESTARTS, ())),
    )


def _latest(points: Sequence[MetricPoint]) -> float | None:
    known = [point for point in points if point.value is not None]
    return max(known, key=lambda point: point.at).value if known else None


def _sum(points: Sequence[MetricPoint]) -> float:
    return math.fsum(point.value or 0.0 for point in points)


def _busy(one: AppUsage) -> tuple[float, float, str]:
    return -(one.cpu_cores or 0.0) * (one.replicas or 0.0), -one.requests_per_minute, one.app
