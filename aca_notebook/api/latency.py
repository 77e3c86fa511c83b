"""Percentiles of latency from the log of calls: Azure Monitor's `ResponseTime` has none (facts §9.3).

The runner writes a line of JSON for each call; its seconds are those in the replica, waiting for a thread and running.
Log Analytics finds a line minutes after it was written, so the latest buckets come late.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from aca_notebook.model.metric import PERCENTILES, MetricPoint
from aca_notebook.model.named_query import NamedQuery, to_kql

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.api.access import Access
    from aca_notebook.model.metric import Metric

_BY = {"revision": "Revision", "replica": "Replica", "status": 'strcat(substring(tostring(call.status), 0, 1), "xx")'}


def percentiles_kql(grain_seconds: int, by: str, *, resource_specific: bool, app: str) -> str:
    """Return the question: the percentiles of each bucket, split by revision, replica or status when asked."""
    part = _BY.get(by, '""')
    ranks = ", ".join(f"{each.column} = percentile(seconds, {each.column[1:3]})" for each in PERCENTILES)
    kql = (
        'where Log startswith "{" and Log has "run_seconds" | extend call = parse_json(Log)'
        " | where isnotnull(call.run_seconds)"
        f" | extend seconds = todouble(call.queue_seconds) + todouble(call.run_seconds), Part = {part}"
        f" | summarize {ranks} by At = bin(At, {grain_seconds}s), Part"
    )
    named = NamedQuery("latency", "", "Console", kql)
    return to_kql(named, resource_specific=resource_specific, app=app)


async def read_percentiles(
    access: Access, app: str, span: tuple[datetime, datetime], grain_seconds: int, by: str = ""
) -> dict[Metric, tuple[MetricPoint, ...]]:  # fmt: skip
    """Return what the logs know. Raises `NotFound` where an environment keeps none, `ServiceFailed` otherwise."""
    workspace = await access.ask(lambda services: services.log_queries.workspace())
    kql = percentiles_kql(grain_seconds, by, resource_specific=workspace.resource_specific, app=app)
    answer = await access.ask(lambda services: services.log_queries.ask(kql, span))
    names = [name for name, _ in answer.columns]
    found: dict[Metric, list[MetricPoint]] = {each: [] for each in PERCENTILES}
    for values in answer.rows:
        row = dict(zip(names, values, strict=True))
        where = {by: str(row["Part"] or "")} if by else {}
        for each in PERCENTILES:
            if row[each.column] is not None:
                found[each].append(MetricPoint(row["At"].astimezone(UTC), float(row[each.column]), **where))
    return {each: tuple(sorted(points, key=lambda point: point.at)) for each, points in found.items()}
