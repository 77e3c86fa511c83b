"""The metrics Azure Monitor keeps for a container app (facts §9.3), and how we name their columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `rest_name` is Azure's, `column` ours with its unit; one unit of Azure's is `scale` of ours."""

    rest_name: str
    column: str
    label: str
    unit: str
    aggregation: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of one bucket; `value` is None for a bucket without data."""

    at: datetime
    value: float | None
    revision: str = ""
    replica: str = ""


CPU = Metric("UsageNanoCores", "cpu_cores", "CPU", "cores", "average", 1e-9)
MEMORY = Metric("WorkingSetBytes", "memory_bytes", "Memory", "bytes", "average")
REPLICAS = Metric("Replicas", "replicas", "Replicas", "replicas", "average")
REQUESTS = Metric("Requests", "requests", "Requests", "requests per minute", "total")
RESPONSE_TIME = Metric("ResponseTime", "response_seconds", "Response time", "seconds", "average", 1e-3)
RECEIVED = Metric("RxBytes", "received_bytes", "Received", "bytes per minute", "total")
SENT = Metric("TxBytes", "sent_bytes", "Sent", "bytes per minute", "total")
RESTARTS = Metric("RestartCount", "restarts", "Restarts", "restarts", "maximum")
GPU = Metric("GpuUtilizationPercentage", "gpu_percent", "GPU", "percent", "average")

#: What `%aca metrics` asks for; the GPU metric is absent in places (facts §9.4), so it is asked for apart.
CATALOGUE: tuple[Metric, ...] = (REPLICAS, REQUESTS, RESPONSE_TIME, CPU, MEMORY, RECEIVED, SENT, RESTARTS, GPU)
