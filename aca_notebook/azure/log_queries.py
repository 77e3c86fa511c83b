"""Log Analytics: the history of what apps and the platform wrote, asked with KQL (facts §8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.azure import faults
from aca_notebook.errors import NotFound, ServiceFailed

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.azure.connection import Connection
    from aca_notebook.azure.environments import Environments


@dataclass(frozen=True, slots=True)
class LogWorkspace:
    """Where an environment's lines go: its own workspace, by customer id, or through Azure Monitor, with none."""

    customer_id: str = ""

    @property
    def resource_specific(self) -> bool:
        """Whether the tables are the resource-specific ones, without suffixes."""
        return not self.customer_id


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """Columns with Kusto's types, rows in the SDK's types, and why there may be less than was asked for."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Any, ...], ...]
    missing: str = ""


class LogQueries:
    """Asks the workspace of the target's environment."""

    def __init__(self, connection: Connection, environments: Environments) -> None:
        self._connection = connection
        self._environments = environments
        self._workspace: LogWorkspace | None = None

    async def workspace(self) -> LogWorkspace:
        """Return the workspace of the environment; asked for once.

        Raises `NotFound` for an environment that keeps no logs.
        """
        if self._workspace is None:
            self._workspace = await self._find()
        return self._workspace

    async def ask(self, kql: str, span: tuple[datetime, datetime] | None) -> QueryAnswer:
        """Run a query over a time, or over all there is.

        Raises `ServiceFailed` with Kusto's own sentence and place for a query it cannot run.
        """
        from azure.core.exceptions import HttpResponseError
        from azure.monitor.query import LogsQueryStatus

        workspace = await self.workspace()
        try:
            with faults.translated("the logs"):
                answer = await self._query(workspace, kql, span)
        except ServiceFailed as refused:
            cause = refused.__cause__
            if isinstance(cause, HttpResponseError):
                raise _explained(refused, cause) from cause
            raise
        partial = answer.status == LogsQueryStatus.PARTIAL
        (table, *_) = answer.partial_data if partial else answer.tables
        return QueryAnswer(
            tuple(zip(table.columns, table.columns_types, strict=True)),
            tuple(tuple(row) for row in table.rows),
            str(answer.partial_error.message) if partial else "",
        )

    async def _query(self, workspace: LogWorkspace, kql: str, span: tuple[datetime, datetime] | None) -> Any:
        client = self._connection.log_analytics
        if workspace.customer_id:
            return await client.query_workspace(workspace.customer_id, kql, timespan=span)
        return await client.query_resource(str(self._connection.target.environment_id), kql, timespan=span)

    async def _find(self) -> LogWorkspace:
        document = await self._environments.document()
        logs = document["properties"].get("appLogsConfiguration") or {}
        customer = (logs.get("logAnalyticsConfiguration") or {}).get("customerId")
        if customer:
            return LogWorkspace(customer)
        if logs.get("destination") == "azure-monitor":
            return LogWorkspace()
        name = self._connection.target.environment
        raise NotFound(
            f"the environment {name!r} keeps no logs: there is nothing to query",
            code="LogDestinationNotConfigured",
            hint=f"az containerapp env update --name {name} --logs-destination log-analytics …; or `%aca logs NAME`",
        )


def _explained(refused: ServiceFailed, cause: Any) -> ServiceFailed:
    """Put Kusto's own sentence, the deepest of the codes in codes, into the error."""
    error = getattr(cause, "error", None)
    deepest = getattr(error, "innererror", None) or {}
    while isinstance(deepest, dict) and deepest.get("innererror"):
        deepest = deepest["innererror"]
    if not isinstance(deepest, dict) or not deepest.get("message"):
        return refused
    place = f" (line {deepest['line']}, position {deepest['pos']})" if deepest.get("line") else ""
    return type(refused)(
        "Log Analytics cannot run this query",
        code=str(deepest.get("code") or refused.code),
        detail=f"{deepest['message']}{place}",
        hint="correct it there; `%aca query --list` has queries that work",
        request_id=refused.request_id,
    )
