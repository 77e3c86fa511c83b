"""The metrics of a container app as Azure Monitor describes them (facts §9.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aca_notebook.model.ids import ResourceId

NAMESPACE = "Microsoft.App/containerapps"
#: How long minutes are kept. Azure keeps 93 days.
RETENTION_DAYS = 31

REVISION, REPLICA = "revisionName", "podName"
STATUS, STATUS_CATEGORY = "statusCode", "statusCodeCategory"

#: ISO 8601 names of the grains, in minutes.
GRAINS: dict[str, int] = {
    "PT1M": 1, "PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60, "PT6H": 360, "PT12H": 720, "P1D": 1440,
}  # fmt: skip
AGGREGATIONS = ("Average", "Minimum", "Maximum", "Total", "Count")
_SAMPLED = frozenset(
    ("UsageNanoCores", "WorkingSetBytes", "CpuPercentage", "MemoryPercentage", "GpuUtilizationPercentage")
)
_ALL = ("Total", "Average", "Maximum", "Minimum")


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the catalogue; `primary` is the aggregation of a query that asks for none."""

    name: str
    title: str
    unit: str
    primary: str
    dimensions: tuple[str, ...]
    description: str
    aggregations: tuple[str, ...] = _ALL
    category: str = "Basic"

    @property
    def sampled(self) -> bool:
        """Whether it comes from a look at running replicas now and then, and not from counting what happens."""
        return self.name in _SAMPLED

    def dimension(self, name: str) -> str | None:
        """Return a dimension spelt in any case as the catalogue spells it, or None."""
        return next((each for each in self.dimensions if each.lower() == name.lower()), None)

    def heading(self, app: ResourceId) -> dict[str, Any]:
        """What stands before a metric's points in an answer."""
        return {
            "id": f"{app}/providers/Microsoft.Insights/metrics/{self.name}",
            "type": "Microsoft.Insights/metrics",
            "name": {"value": self.name, "localizedValue": self.title},
            "displayDescription": self.description,
            "unit": self.unit,
        }

    def definition(self, app: ResourceId) -> dict[str, Any]:
        """The metric's entry in the list of definitions."""
        return {
            "id": f"{app}/providers/microsoft.insights/metricdefinitions/{self.name}",
            "resourceId": str(app),
            "namespace": NAMESPACE,
            "category": self.category,
            "name": {"value": self.name, "localizedValue": self.title},
            "displayDescription": self.description,
            "isDimensionRequired": False,
            "unit": self.unit,
            "primaryAggregationType": self.primary,
            "supportedAggregationTypes": list(self.aggregations),
            "metricAvailabilities": [{"timeGrain": grain, "retention": f"P{RETENTION_DAYS}D"} for grain in GRAINS],
            "dimensions": [{"value": each, "localizedValue": each} for each in self.dimensions],
        }


_RUN = (REVISION, REPLICA)
_STATUSES = (STATUS_CATEGORY, STATUS)

CATALOGUE: tuple[Metric, ...] = (
    Metric("UsageNanoCores", "CPU Usage", "NanoCores", "Average", _RUN,
           "CPU consumed by the container app, in nano cores. 1,000,000,000 nano cores = 1 core"),
    Metric("WorkingSetBytes", "Memory Working Set Bytes", "Bytes", "Average", _RUN,
           "Container app working set memory used in bytes"),
    Metric("CpuPercentage", "CPU Usage Percentage (Preview)", "Percent", "Average", (REPLICA,),
           "Percentage of the replica's CPU limit that is used"),
    Metric("MemoryPercentage", "Memory Percentage (Preview)", "Percent", "Average", (REPLICA,),
           "Percentage of the replica's memory limit that is used"),
    Metric("RxBytes", "Network In Bytes", "Bytes", "Total", _RUN, "Network received bytes"),
    Metric("TxBytes", "Network Out Bytes", "Bytes", "Total", _RUN, "Network transmitted bytes"),
    Metric("Replicas", "Replica Count", "Count", "Maximum", (REVISION,), "Number of replicas of the container app"),
    Metric("Requests", "Requests", "Count", "Total", (*_RUN, *_STATUSES), "Requests processed"),
    Metric("ResponseTime", "Average Response Time (Preview)", "Milliseconds", "Average", _STATUSES,
           "Time until the answer to a request was complete"),
    Metric("RestartCount", "Replica Restart Count", "Count", "Maximum", _RUN, "Restart count of the replicas"),
    Metric("GpuUtilizationPercentage", "GPU Utilization Percentage (Preview)", "Percent", "Average", _RUN,
           "Percentage of time during which a kernel ran on the replica's GPUs", _ALL[1:], "Gpu"),
)  # fmt: skip


def find_metric(name: str) -> Metric | None:
    """Return the metric spelt `name` in any case, or None."""
    return next((metric for metric in CATALOGUE if metric.name.lower() == name.lower()), None)
