"""What cost is made of, read from the platform: each revision's replicas, requests and use over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from aca_notebook.api.costing import Metered
from aca_notebook.azure.metrics import grain_for, grain_seconds
from aca_notebook.clock import truncate
from aca_notebook.errors import UsageFailed
from aca_notebook.model import metric
from aca_notebook.model.price import ReplicaSize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from aca_notebook.api.access import Access
    from aca_notebook.model.app import AppState
    from aca_notebook.model.gpu import WorkloadProfileType
    from aca_notebook.model.metric import Metric, MetricPoint
    from aca_notebook.model.revision import RevisionState

#: As fine as a span's buckets may be: minutes up to half a day, hours up to a month.
MOST_POINTS = 750
#: What tells whether a replica at its minimum is idle (facts §10.5).
_USE = (metric.CPU, metric.RECEIVED, metric.SENT)


@dataclass(frozen=True, slots=True)
class Window:
    """A time to ask about, and the width of its buckets."""

    start: datetime
    end: datetime
    grain: str

    @property
    def grain_seconds(self) -> int:
        """The width in seconds."""
        return grain_seconds(self.grain)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Both ends."""
        return self.start, self.end

    def start_of(self, moment: datetime) -> datetime:
        """Where the bucket of a moment begins."""
        return truncate(moment, timedelta(seconds=self.grain_seconds))


def window(since: timedelta, now: datetime) -> Window:
    """Return the past `since`, from a whole bucket's start on.

    Raises `UsageFailed` for no time at all, and for one that begins before Azure Monitor's memory.
    """
    if since <= timedelta():
        raise UsageFailed("the span must be longer than nothing", code="InvalidSpan", hint="write it like --since 24h")
    if since > timedelta(days=metric.RETENTION_DAYS):
        raise UsageFailed(
            f"metrics are kept for {metric.RETENTION_DAYS} days: what was before has no estimate",
            code="InvalidSpan", detail=f"asked for {since.total_seconds() / 86400:g} days",
            hint=f"--since {metric.RETENTION_DAYS}d, or what was billed: %aca cost --billed",
        )  # fmt: skip
    grain = grain_for(since, MOST_POINTS)
    return Window(truncate(now - since, timedelta(seconds=grain_seconds(grain))), now, grain)


def month_window(now: datetime) -> Window:
    """Return the calendar month so far, in UTC."""
    start = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Window(start, now, grain_for(max(now - start, timedelta(minutes=1)), MOST_POINTS))


async def read_metered(
    access: Access, state: AppState, profile: WorkloadProfileType | None, asked: Window
) -> list[Metered]:  # fmt: skip
    """Return each revision's life in a time. CPU and network are asked for only where the idle rate may apply."""
    revisions = await access.ask(lambda services: services.apps.revisions(state.name))
    waits = not state.gpu and any(_least(revision, state) for revision in revisions)
    metrics = (metric.REPLICAS, metric.REQUESTS, *(_USE if waits else ()))
    points = await access.ask(
        lambda services: services.metrics.read_all(state.id, metrics, asked.span, asked.grain, by="revisionName")
    )
    return metered_of(state, revisions, points, profile)


def metered_of(
    state: AppState, revisions: Sequence[RevisionState], points: Mapping[Metric, Sequence[MetricPoint]],
    profile: WorkloadProfileType | None = None,
) -> list[Metered]:  # fmt: skip
    """Sort an app's points by revision; a revision that is gone is taken to have been as large as the latest."""
    known = {revision.name: revision for revision in revisions}

    def own(which: Metric, name: str) -> tuple[MetricPoint, ...]:
        return tuple(point for point in points.get(which, ()) if point.revision == name)

    found = []
    for name in sorted({point.revision for series in points.values() for point in series if point.value}):
        revision = known.get(name)
        found.append(Metered(
            state.name, name or state.latest_revision, _size(revision, state), own(metric.REPLICAS, name),
            _least(revision, state), own(metric.REQUESTS, name), own(metric.CPU, name),
            (*own(metric.RECEIVED, name), *own(metric.SENT, name)), serves=bool(state.url),
            dedicated="" if profile is None or profile.serverless else profile.name,
        ))  # fmt: skip
    return found


def _size(revision: RevisionState | None, state: AppState) -> ReplicaSize:
    source = revision if revision is not None and revision.cpu_cores else state
    return ReplicaSize(source.cpu_cores, source.memory_bytes, state.gpu, state.gpus)


def _least(revision: RevisionState | None, state: AppState) -> int:
    return state.min_replicas if revision is None or revision.min_replicas is None else revision.min_replicas


async def read_presence(access: Access, state: AppState, asked: Window) -> dict[str, Sequence[MetricPoint]]:
    """Return which replicas were there when: their CPU, which is measured as long as they are."""
    points = await access.ask(
        lambda services: services.metrics.read_all(state.id, (metric.CPU,), asked.span, asked.grain, by="podName")
    )
    found: dict[str, list[MetricPoint]] = {}
    for point in points[metric.CPU]:
        if point.replica and point.value is not None:
            found.setdefault(point.replica, []).append(point)
    return {name: tuple(own) for name, own in found.items()}


async def read_quiet(access: Access, state: AppState, now: datetime) -> tuple[Sequence[MetricPoint], ...]:
    """Return an app's replicas and requests of the past hours, minute by minute: what an alarm is decided from."""
    span = (truncate(now - timedelta(hours=2), timedelta(minutes=1)), now)
    points = await access.ask(
        lambda services: services.metrics.read_all(state.id, (metric.REPLICAS, metric.REQUESTS), span, "PT1M")
    )
    return points[metric.REPLICAS], points[metric.REQUESTS]
