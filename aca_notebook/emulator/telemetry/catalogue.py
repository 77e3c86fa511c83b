"""The metrics of a container app as Azure Monitor describes them (facts §9.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from aca_notebook.model.ids import ResourceId

NAMESPACE = "Microsoft.App/containerapps"
#: How long minutes are kept, as long as the events that replicas and restarts are made of. Azure keeps 93 days.
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

    def heading(self, resource: ResourceId) -> dict[str, Any]:
        """What stands before a metric's points in an answer."""
        return {
            "id": f"{resource}/providers/Microsoft.Insights/metrics/{self.name}",
            "type": "Microsoft.Insights/metrics",
            "name": {"value": self.name, "localizedValue": self.title},
            "displayDescription": self.description,
            "unit": self.unit,
        }

    def definition(self, resource: ResourceId, namespace: str = NAMESPACE) -> dict[str, Any]:
        """The metric's entry in the list of definitions."""
        return {
            "id": f"{resource}/providers/microsoft.insights/metricdefinitions/{self.name}",
            "resourceId": str(resource),
            "namespace": namespace,
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
    # Described as Azure does; nothing here measures these, so they have no points.
    Metric("CoresQuotaUsed", "Reserved Cores", "Count", "Maximum", (REVISION,),
           "Number of reserved cores for container app revisions", _ALL[2:]),
    Metric("TotalCoresQuotaUsed", "Total Reserved Cores", "Count", "Average", (),
           "Number of total reserved cores for the container app", _ALL[1:]),
    *(Metric(f"Resiliency{name}", f"Resiliency {words}", "Count", "Total", (REVISION,), f"Resiliency: {words}")
      for name, words in (
          ("ConnectTimeouts", "Connection Timeouts"), ("EjectedHosts", "Ejected Hosts"),
          ("EjectionsAborted", "Ejections Aborted"), ("RequestRetries", "Request Retries"),
          ("RequestTimeouts", "Request Timeouts"),
          ("RequestsPendingConnectionPool", "Requests Pending Connection Pool"),
      )),
)  # fmt: skip

#: Of what apps run in and run beside, described and not measured: by type (facts §9.5, §5.9).
_ENVIRONMENT_NODE = (REPLICA, "nodeName")
_OF_JOB = ("state", "jobName", "executionName")
_POOL = ("poolName",)
_DESCRIBED: dict[str, tuple[Metric, ...]] = {
    "managedEnvironments": (
        Metric("NodeCount", "Workload Profile Node Count", "Count", "Average", ("workloadProfileName",),
               "Nodes of a workload profile"),
        Metric("IngressUsageNanoCores", "Ingress CPU Usage", "NanoCores", "Average", _ENVIRONMENT_NODE,
               "CPU consumed by the environment's ingress"),
        Metric("IngressUsageBytes", "Ingress Memory Usage", "Bytes", "Average", _ENVIRONMENT_NODE,
               "Memory used by the environment's ingress"),
        Metric("IngressCpuPercentage", "Ingress CPU Percentage", "Percent", "Average", _ENVIRONMENT_NODE,
               "CPU of the environment's ingress, of its limit"),
        Metric("IngressMemoryPercentage", "Ingress Memory Percentage", "Percent", "Average", _ENVIRONMENT_NODE,
               "Memory of the environment's ingress, of its limit"),
        Metric("EnvCoresQuotaLimit", "Cores Quota Limit (Deprecated)", "Count", "Maximum", (),
               "Cores that the environment may use"),
        Metric("EnvCoresQuotaUtilization", "Percentage Cores Used Out Of Limit (Deprecated)", "Percent", "Maximum", (),
               "Cores in use, of the limit"),
    ),
    "jobs": (
        Metric("Executions", "Executions", "Count", "Total", _OF_JOB, "Executions of the job"),
        Metric("UsageNanoCores", "CPU Usage", "NanoCores", "Average", _OF_JOB, "CPU consumed by the job"),
        Metric("UsageBytes", "Memory Usage", "Bytes", "Average", _OF_JOB, "Memory used by the job"),
        Metric("RequestedCores", "Requested Cores", "Cores", "Average", _OF_JOB, "Cores that the job asks for"),
        Metric("RequestedBytes", "Requested Memory", "Bytes", "Average", _OF_JOB, "Memory that the job asks for"),
        Metric("RestartCount", "Restart Count", "Count", "Maximum", _OF_JOB, "Restarts of the job's replicas"),
        Metric("RxBytes", "Network In Bytes", "Bytes", "Total", _OF_JOB, "Network received bytes"),
        Metric("TxBytes", "Network Out Bytes", "Bytes", "Total", _OF_JOB, "Network transmitted bytes"),
    ),
    "sessionPools": (
        Metric("PoolExecutingPodCount", "Executing Session Pod Count", "Count", "Average", _POOL, "Sessions in use"),
        Metric("PoolPendingPodCount", "Creating Session Pod Count", "Count", "Average", _POOL, "Sessions being made"),
        Metric("PoolReadyPodCount", "Ready Session Pod Count", "Count", "Average", _POOL, "Sessions that wait"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Family:
    """The metrics of one type of resource, and the namespace they are asked for in."""

    namespace: str
    metrics: tuple[Metric, ...]

    def without(self, names: Collection[str]) -> Family:
        """The family as where some of its metrics do not exist."""
        gone = {name.lower() for name in names}
        return (
            replace(self, metrics=tuple(each for each in self.metrics if each.name.lower() not in gone))
            if gone
            else self
        )

    def find(self, name: str) -> Metric | None:
        """Return the metric spelt `name` in any case, or None."""
        return next((metric for metric in self.metrics if metric.name.lower() == name.lower()), None)

    def check_namespace(self, name: str) -> None:
        """Raise `ValueError` for a namespace that is another type's."""
        if name and name.lower() != self.namespace.lower():
            raise ValueError(f"Metric namespace {name} is not one of this resource: {self.namespace}")

    def definitions(self, resource: ResourceId) -> dict[str, Any]:
        """The list of definitions, as of `resource`."""
        return {"value": [metric.definition(resource, self.namespace) for metric in self.metrics]}

    def namespaces(self, resource: ResourceId) -> dict[str, Any]:
        """The list of namespaces, which is this one."""
        entry = {
            "id": f"{resource}/providers/microsoft.insights/metricNamespaces/{self.namespace}",
            "type": "Microsoft.Insights/metricNamespaces",
            "name": self.namespace,
            "classification": "Platform",
            "properties": {"metricNamespaceName": self.namespace},
        }
        return {"value": [entry]}


APPS = Family(NAMESPACE, CATALOGUE)
#: By type, as it stands in a path; written in a namespace as the services write it.
OTHERS: dict[str, Family] = {kind: Family(f"Microsoft.App/{kind}", metrics) for kind, metrics in _DESCRIBED.items()}
