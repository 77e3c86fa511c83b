"""Application Insights: the component that traces go to, and what it was sent of one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.azure import faults
from aca_notebook.errors import NotFound
from aca_notebook.model.ids import ResourceId

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aca_notebook.azure.connection import Connection
    from aca_notebook.azure.environments import Environments
    from aca_notebook.azure.log_queries import LogQueries

_VERSION = "2020-02-02"
_WORKSPACE = "Microsoft.OperationalInsights/workspaces"
_WORKSPACE_VERSION = "2025-02-01"
_SETTINGS_VERSION = "2021-05-01-preview"
#: Spans lie in two tables; the rest of a row is the same.
_SPANS = """union (AppRequests | extend What = 'request', Result = ResultCode),
(AppDependencies | extend What = 'dependency', Result = ResultCode)
| where OperationId == {trace}
| project TimeGenerated, What, Id, ParentId, Name, DurationMs, Success, Result, AppRoleName, AppRoleInstance,
  AppVersion, Properties
| order by TimeGenerated asc"""
_EVENTS = """union (AppExceptions | extend What = 'exception', Words = strcat(ExceptionType, ': ', OuterMessage)),
(AppTraces | extend What = 'event', Words = Message)
| where OperationId == {trace}
| project TimeGenerated, What, ParentId, Words
| order by TimeGenerated asc"""
_OF_CALL = """AppRequests | where OperationId == {trace} or tostring(Properties['aca.call_id']) == {call}
| top 1 by TimeGenerated asc | project OperationId"""
_LAST = "AppRequests | where AppRoleName == {app} | top 1 by TimeGenerated desc | project OperationId"


@dataclass(frozen=True, slots=True)
class TracesSent:
    """Where traces go: the connection string lets anyone write there, so it is in no repr."""

    component: str
    connection_string: str

    def __repr__(self) -> str:
        return f"TracesSent(component={self.component!r})"


class Traces:
    """Makes sure of the component, and asks the workspace it writes to."""

    def __init__(self, connection: Connection, environments: Environments, queries: LogQueries) -> None:
        self._connection = connection
        self._environments = environments
        self._queries = queries

    async def ensure(self, component: str, tags: Mapping[str, str]) -> TracesSent:
        """Return where to send to; unless it is there, the component is made on the environment's own workspace.

        Raises `NotFound` for an environment that keeps no logs.
        """
        target = self._connection.target
        id_ = ResourceId(
            target.subscription_id, target.resource_group, "Microsoft.Insights", ("components",), (component,)
        )
        with faults.translated(f"the Application Insights component {component!r}"):
            try:
                found = await self._get(str(id_), _VERSION)
            except NotFound:
                found = await self._make(str(id_), tags)
        return TracesSent(component, str(found["properties"]["ConnectionString"]))

    async def trace_of_call(self, call: str, trace: str) -> str:
        """Return the trace that a call belongs to, empty while none is found."""
        return await self._trace(_OF_CALL.format(call=_literal(call), trace=_literal(trace)))

    async def last_trace(self, app: str) -> str:
        """Return the trace of an app's last call, empty while none is found."""
        return await self._trace(_LAST.format(app=_literal(app)))

    async def spans(self, trace: str) -> tuple[tuple[Any, ...], ...]:
        """Return a trace's spans in the order of their beginning: the columns of the query above."""
        return (await self._queries.ask(_SPANS.format(trace=_literal(trace)), None)).rows

    async def events(self, trace: str) -> tuple[tuple[Any, ...], ...]:
        """Return what was raised and noted within a trace."""
        return (await self._queries.ask(_EVENTS.format(trace=_literal(trace)), None)).rows

    async def platform(self, replica: str, span: tuple[datetime, datetime]) -> tuple[tuple[Any, ...], ...]:
        """Return what the platform's log says of a replica: moment, reason, sentence."""
        workspace = await self._queries.workspace()
        table, suffix = ("ContainerAppSystemLogs", "") if workspace.resource_specific else (
            "ContainerAppSystemLogs_CL", "_s"
        )  # fmt: skip
        kql = (
            f"{table} | where ReplicaName{suffix} == {_literal(replica)} "
            f"| project TimeGenerated, Reason{suffix}, Log{suffix} | order by TimeGenerated asc"
        )
        return (await self._queries.ask(kql, span)).rows

    async def _trace(self, kql: str) -> str:
        answer = await self._queries.ask(kql, None)
        return str(answer.rows[0][0]) if answer.rows else ""

    async def _make(self, id_: str, tags: Mapping[str, str]) -> dict[str, Any]:
        workspace = await self._workspace()
        body = {
            "location": self._connection.target.location, "kind": "web", "tags": dict(tags),
            "properties": {
                "Application_Type": "web", "Flow_Type": "Bluefield", "Request_Source": "rest",
                "WorkspaceResourceId": workspace,
            },
        }  # fmt: skip
        resources = self._connection.resources.resources
        poller = await resources.begin_create_or_update_by_id(id_, body, api_version=_VERSION)
        await poller.result()
        return await self._get(id_, _VERSION)

    async def _workspace(self) -> str:
        """Return the id of the workspace that the environment logs to: what is asked of one is asked of both."""
        target = self._connection.target
        logs = (await self._environments.document())["properties"].get("appLogsConfiguration") or {}
        customer = (logs.get("logAnalyticsConfiguration") or {}).get("customerId")
        if customer:
            listed = self._connection.resources.resources.list(filter=f"resourceType eq '{_WORKSPACE}'")
            async for each in listed:
                found = await self._get(str(each.id), _WORKSPACE_VERSION)
                if found["properties"].get("customerId") == customer:
                    return str(each.id)
        elif logs.get("destination") == "azure-monitor":
            path = f"{target.environment_id}/providers/Microsoft.Insights/diagnosticSettings"
            for setting in (await self._get(path, _SETTINGS_VERSION)).get("value") or ():
                workspace = (setting.get("properties") or {}).get("workspaceId")
                if workspace:
                    return str(workspace)
        raise NotFound(
            f"the environment {target.environment!r} keeps no logs that can be seen: traces have nowhere to go",
            code="WorkspaceNotFound",
            hint="give it a Log Analytics workspace: az containerapp env update --logs-destination log-analytics",
        )

    async def _get(self, id_: str, version: str) -> dict[str, Any]:
        with faults.translated(id_.rpartition("/")[2]):
            found = await self._connection.resources.resources.get_by_id(id_, api_version=version)
            document: dict[str, Any] = found.as_dict()
            return document


def _literal(text: str) -> str:
    """Return a text as KQL has it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
