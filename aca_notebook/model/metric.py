"""The metrics of a container app: Azure Monitor's (facts §9.3), those only logs or the app itself can tell, our names.

Azure has no percentiles: `ResponseTime` is an average with a minimum and a maximum. Percentiles come from the lines
the runner writes for each call. Azure has no metric of GPU memory, and its GPU utilisation comes and goes (facts §9.4);
the runner knows both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

#: How long Azure keeps metrics (facts §9.2).
RETENTION_DAYS = 93
#: Azure's grains (facts §9.2), as a line has them.
GRAIN_WORDS = ("1m", "5m", "15m", "30m", "1h", "6h", "12h", "1d")


class Source(StrEnum):
    """Who measured; as a reader is told."""

    MONITOR = "Azure Monitor"
    LOGS = "the app's log of calls"
    RUNNER = "the runner's own figures (NVML)"


#: What a chart can be split by, with Azure's names of it.
DIMENSIONS: Mapping[str, str] = {"revision": "revisionName", "replica": "podName", "status": "statusCodeCategory"}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `rest_name` is Azure's, `column` ours with its unit; one unit of Azure's is `scale` of ours.

    `dimensions` are those of `DIMENSIONS` that it can be split by.
    """

    rest_name: str
    column: str
    label: str
    unit: str
    aggregation: str
    scale: float = 1.0
    dimensions: tuple[str, ...] = ()
    source: Source = Source.MONITOR


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of one bucket; `value` is None for a bucket without data."""

    at: datetime
    value: float | None
    revision: str = ""
    replica: str = ""
    status: str = ""


_RUN = ("revision", "replica")
_ALL = (*_RUN, "status")

CPU = Metric("UsageNanoCores", "cpu_cores", "CPU", "cores", "average", 1e-9, _RUN)
MEMORY = Metric("WorkingSetBytes", "memory_bytes", "Memory", "bytes", "average", 1.0, _RUN)
REPLICAS = Metric("Replicas", "replicas", "Replicas", "replicas", "average", 1.0, ("revision",))
REQUESTS = Metric("Requests", "requests", "Requests", "requests per minute", "total", 1.0, _ALL)
RESPONSE_TIME = Metric("ResponseTime", "response_seconds", "Response time", "seconds", "average", 1e-3, ("status",))
RECEIVED = Metric("RxBytes", "received_bytes", "Received", "bytes per minute", "total", 1.0, _RUN)
SENT = Metric("TxBytes", "sent_bytes", "Sent", "bytes per minute", "total", 1.0, _RUN)
RESTARTS = Metric("RestartCount", "restarts", "Restarts", "restarts", "maximum", 1.0, _RUN)
GPU = Metric("GpuUtilizationPercentage", "gpu_percent", "GPU", "percent", "average", 1.0, _RUN)
GPU_MEMORY = Metric("", "gpu_memory_bytes", "GPU memory", "bytes", "maximum", 1.0, _RUN, Source.RUNNER)
P50, P95, P99 = (
    Metric("", f"p{rank}_seconds", f"Latency, {rank} %", "seconds", f"percentile {rank}", 1.0, _ALL, Source.LOGS)
    for rank in (50, 95, 99)
)
PERCENTILES = (P50, P95, P99)

#: What Azure Monitor is asked for; the GPU metric is absent in places (facts §9.4), so it is asked for apart.
CATALOGUE: tuple[Metric, ...] = (REPLICAS, REQUESTS, RESPONSE_TIME, CPU, MEMORY, RECEIVED, SENT, RESTARTS, GPU)
#: Everything there is a name for.
EVERYTHING: tuple[Metric, ...] = (*CATALOGUE, GPU_MEMORY, *PERCENTILES)

#: The words of `--metric`, and what each stands for.
WORDS: Mapping[str, tuple[Metric, ...]] = {
    "cpu": (CPU,),
    "memory": (MEMORY,),
    "requests": (REQUESTS,),
    "latency": (RESPONSE_TIME, *PERCENTILES),
    "replicas": (REPLICAS,),
    "restarts": (RESTARTS,),
    "network": (RECEIVED, SENT),
    "gpu": (GPU, GPU_MEMORY),
}


def named(word: str) -> tuple[Metric, ...]:
    """Return what a word stands for: one of `WORDS`, a column or Azure's own name, in any case; empty for none."""
    folded = word.strip().lower()
    if folded in WORDS:
        return WORDS[folded]
    return tuple(each for each in EVERYTHING if folded and folded in {each.column, each.rest_name.lower()})


#: Azure's units in ours: the unit, and one of Azure's in it.
_UNITS: Mapping[str, tuple[str, float]] = {
    "nanocores": ("cores", 1e-9), "millicores": ("cores", 1e-3), "bytes": ("bytes", 1.0),
    "milliseconds": ("seconds", 1e-3), "seconds": ("seconds", 1.0), "percent": ("percent", 1.0),
    "bytespersecond": ("bytes per second", 1.0),
}  # fmt: skip


def other(rest_name: str, label: str, unit: str, aggregation: str, dimensions: tuple[str, ...]) -> Metric:
    """Return a metric that we have no name for, from its definition: its column is Azure's name."""
    ours, scale = _UNITS.get(unit.lower(), (unit.lower(), 1.0))
    known = tuple(
        word for word, theirs in DIMENSIONS.items() if theirs.lower() in {each.lower() for each in dimensions}
    )
    return Metric(rest_name, rest_name, label, ours, aggregation.lower(), scale, known)
