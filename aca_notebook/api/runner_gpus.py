"""The GPU figures that the runner keeps of its own replica, for where Azure Monitor has none (facts §9.4).

They come through the app's ingress, which chooses the replica: it is asked until every running one has answered, or
often enough. An app without replicas is not asked, for that would start one; and asking counts as a call, which keeps
an app from scaling to zero, so a card that follows asks only while others call as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aca_notebook.azure.target import secured
from aca_notebook.clock import truncate
from aca_notebook.errors import AcaError
from aca_notebook.model.metric import GPU, GPU_MEMORY, MetricPoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from aca_notebook.api.access import Access
    from aca_notebook.api.calling import Endpoint
    from aca_notebook.azure.calls import Reply
    from aca_notebook.model.metric import Metric

_TRIES_A_REPLICA = 4
_MOST_TRIES = 24


@dataclass(frozen=True, slots=True)
class GpuReport:
    """What one replica says of its GPUs, minute by minute: (moment, samples, sum of percents, most bytes in use)."""

    revision: str
    replica: str
    minutes: tuple[tuple[datetime, int, float, float], ...]


@dataclass(frozen=True, slots=True)
class RunnerGpus:
    """What the replicas said; `replicas` is how many run, `asked` how many calls of the app it took."""

    reports: tuple[GpuReport, ...] = ()
    replicas: int = 0
    asked: int = 0

    @property
    def note(self) -> str:
        """Who said it, as a reader is told; empty when nobody said anything."""
        if not any(report.minutes for report in self.reports):
            return ""
        heard = "" if len(self.reports) >= self.replicas else f", {len(self.reports)} of {self.replicas} replicas"
        return f"GPU: the runner's own figures (NVML{heard}), because Azure Monitor has none"


async def read_runner_gpus(
    access: Access, endpoint: Endpoint, replicas: int, span: tuple[datetime, datetime]
) -> RunnerGpus:  # fmt: skip
    """Ask the running replicas. An app that does not answer, or is none of ours, says nothing."""
    if not replicas or not endpoint.url:
        return RunnerGpus()
    address = f"{secured(endpoint.url)}/_aca/gpus?since={int(span[0].timestamp() // 60)}"
    heard: dict[str, GpuReport] = {}
    asked = 0
    for _ in range(min(_TRIES_A_REPLICA * replicas, _MOST_TRIES)):
        try:
            key = await endpoint.key()
            asked += 1
            reply = await access.ask(lambda services, key=key: services.calls.get(address, key))  # type: ignore[misc]  # bound at once
        except AcaError:
            break
        report = read_report(reply)
        if report is None:
            break
        heard[report.replica] = report
        if len(heard) >= replicas:
            break
    return RunnerGpus(tuple(heard.values()), replicas, asked)


def read_report(reply: Reply) -> GpuReport | None:
    """Read one replica's answer; None for what is no such answer: another's app, an older runner."""
    if reply.status != 200:
        return None
    try:
        said: dict[str, Any] = json.loads(reply.body)
        minutes = tuple(
            (
                datetime.fromtimestamp(60 * int(each["minute"]), UTC), int(each["count"]),
                float(each["utilization_total"]), float(each["memory_bytes"]),
            )
            for each in said["minutes"]
        )  # fmt: skip
        return GpuReport(str(said["revision"]), str(said["replica"]), minutes)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def gpu_points(
    reports: Sequence[GpuReport], grain: timedelta, by: str = ""
) -> Mapping[Metric, tuple[MetricPoint, ...]]:  # fmt: skip
    """Put minutes together to buckets: the mean of all samples, the most memory of any replica."""
    samples: dict[tuple[datetime, str], tuple[int, float, float]] = {}
    for report in reports:
        part = {"revision": report.revision, "replica": report.replica}.get(by, "")
        for moment, count, total, memory in report.minutes:
            place = (truncate(moment, grain), part)
            before = samples.get(place, (0, 0.0, 0.0))
            samples[place] = (before[0] + count, before[1] + total, max(before[2], memory))
    found: dict[Metric, list[MetricPoint]] = {GPU: [], GPU_MEMORY: []}
    for (moment, part), (count, total, memory) in sorted(samples.items()):
        where = {by: part} if by in {"revision", "replica"} else {}
        if count:
            found[GPU].append(MetricPoint(moment, total / count, **where))
            found[GPU_MEMORY].append(MetricPoint(moment, memory, **where))
    return {metric: tuple(points) for metric, points in found.items()}
