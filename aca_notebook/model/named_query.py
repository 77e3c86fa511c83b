"""Questions people ask their logs again and again, as KQL.

Each is written over `Console` and `System`, which stand for the tables of the environment: those ending in `_CL` with a
workspace of its own, the resource-specific ones through Azure Monitor. Their columns have no suffixes there.
"""

from __future__ import annotations

from dataclasses import dataclass

#: The columns of both forms of each table (facts §8.3), under the names that named queries use.
_CONSOLE = {
    "At": ("TimeGenerated", "TimeGenerated"),
    "App": ("ContainerAppName_s", "ContainerAppName"),
    "Revision": ("RevisionName_s", "RevisionName"),
    "Replica": ("ContainerGroupName_s", "ContainerGroupName"),
    "Stream": ("Stream_s", "Stream"),
    "Log": ("Log_s", "Log"),
}
_SYSTEM = {
    "At": ("TimeGenerated", "TimeGenerated"),
    "App": ("ContainerAppName_s", "ContainerAppName"),
    "Revision": ("RevisionName_s", "RevisionName"),
    "Replica": ("ReplicaName_s", "ReplicaName"),
    "Reason": ("Reason_s", "Reason"),
    "Type": ("Type_s", "Level"),
    "Log": ("Log_s", "Log"),
}


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """One question; `kql` goes on after `Console` or `System`, whichever is its `source`."""

    name: str
    question: str
    source: str
    kql: str


NAMED_QUERIES = (
    NamedQuery(
        "errors", "Which lines tell of errors, newest first?", "Console",
        'where Stream == "stderr" or Log has_any ("error", "exception", "traceback", "critical", "fatal")'
        " | project At, App, Revision, Replica, Log | order by At desc | take 200",
    ),
    NamedQuery(
        "cold-starts", "How long did replicas take from their place to being ready?", "System",
        'where Reason in ("AssigningReplica", "ContainerStarted", "ContainerCreated") and isnotempty(Replica)'
        " | summarize Assigned = min(At), Started = max(At) by App, Revision, Replica"
        " | extend Seconds = (Started - Assigned) / 1s | order by Assigned desc",
    ),
    NamedQuery(
        "restarts", "Which containers ended, how often, and when last?", "System",
        'where Reason == "ContainerTerminated"'
        " | summarize Times = count(), Last = max(At) by App, Revision, Replica, Log | order by Times desc",
    ),
    NamedQuery(
        "slowest-calls", "Which calls took longest?", "Console",
        'where Log startswith "{" and Log has "run_seconds" | extend call = parse_json(Log)'
        " | project At, App, Function = tostring(call.function), Call = tostring(call.id), Status = toint(call.status),"
        " Queued = todouble(call.queue_seconds), Seconds = todouble(call.run_seconds)"
        " | top 50 by Seconds desc",
    ),
    NamedQuery(
        "scaling", "When did it scale, and why?", "System",
        'where Reason has_any ("KEDA", "Rescale", "KEDAScaleTargetActivated", "KEDAScaleTargetDeactivated",'
        ' "SuccessfulRescale") | project At, App, Revision, Reason, Log | order by At desc',
    ),
    NamedQuery(
        "cost-drivers", "Which replicas ran longest?", "System",
        "where isnotempty(Replica) | summarize First = min(At), Last = max(At) by App, Revision, Replica"
        " | extend Hours = (Last - First) / 1h | summarize Replicas = count(), Hours = sum(Hours) by App, Revision"
        " | order by Hours desc",
    ),
)  # fmt: skip


def find_named(name: str) -> NamedQuery | None:
    """Return the query of that name, or None."""
    return next((each for each in NAMED_QUERIES if each.name == name), None)


def to_kql(named: NamedQuery, *, resource_specific: bool, app: str = "") -> str:
    """Return the whole query for one form of the tables, of one app when it is named.

    `union isfuzzy=true` is not needed: an environment fills one form of the tables.
    """
    form = int(resource_specific)
    columns = _CONSOLE if named.source == "Console" else _SYSTEM
    table = f"ContainerApp{named.source}Logs" + ("" if resource_specific else "_CL")
    shown = ", ".join(f"{ours} = {theirs[form]}" for ours, theirs in columns.items())
    only = f' | where App == "{app}"' if app else ""
    return f"{table} | project {shown}{only} | {named.kql}"
