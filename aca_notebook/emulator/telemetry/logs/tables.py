"""The tables that queries read: Log Analytics' names and columns over the lines that are kept (facts §8.3).

An environment that logs to a workspace fills the tables ending in `_CL`; one that logs through Azure Monitor fills
the resource-specific ones. A line is in one of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CONSOLE, SYSTEM = "console_lines", "system_lines"
#: What is kept of a line. `moment` is UTC; `workspace` is the customer id of the workspace it went to.
SCHEMA = (
    f"""CREATE TABLE IF NOT EXISTS {CONSOLE}(
      moment TIMESTAMP NOT NULL, workspace VARCHAR, form VARCHAR, resource VARCHAR, environment VARCHAR,
      location VARCHAR, app VARCHAR, job VARCHAR, revision VARCHAR, replica VARCHAR, container VARCHAR,
      container_id VARCHAR, image VARCHAR, stream VARCHAR, log VARCHAR, received TIMESTAMP)""",
    f"""CREATE TABLE IF NOT EXISTS {SYSTEM}(
      moment TIMESTAMP NOT NULL, workspace VARCHAR, form VARCHAR, resource VARCHAR, environment VARCHAR,
      location VARCHAR, app VARCHAR, job VARCHAR, revision VARCHAR, replica VARCHAR, execution VARCHAR,
      reason VARCHAR, type VARCHAR, source VARCHAR, log VARCHAR, sequence BIGINT, received TIMESTAMP)""",
    """CREATE TABLE IF NOT EXISTS sources(
      path VARCHAR PRIMARY KEY, details VARCHAR NOT NULL, inode BIGINT, position BIGINT, last BIGINT, ended BOOLEAN)""",
    "CREATE TABLE IF NOT EXISTS journal_read(sequence BIGINT)",
    """CREATE TABLE IF NOT EXISTS json_members(
      workspace VARCHAR, name VARCHAR, kind VARCHAR, UNIQUE(workspace, name, kind))""",
)


class Form(StrEnum):
    """How an environment's lines appear."""

    CUSTOM = "custom"  #: destination log-analytics: tables ending in `_CL`
    RESOURCE = "resource"  #: destination azure-monitor with a diagnostic setting: resource-specific tables


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns in order, each with the SQL over a kept line that fills it."""

    name: str
    of: str
    form: str
    columns: tuple[tuple[str, str], ...]
    which: str = "true"  #: SQL over a kept line: whether it is of this table, where its form is

    def sql(self, columns: Mapping[str, str], where: str) -> str:
        """Return the query whose rows the table has; `columns` are its own and more, `where` is about lines."""
        shown = ", ".join(f"{expression} AS {quoted(name)}" for name, expression in columns.items())
        lines = f"form = '{self.form}' AND {self.which} AND {where}"
        return f"SELECT {shown} FROM {self.of} WHERE {lines}"  # noqa: S608  # quoted by callers


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


_OF_SESSIONS = "contains(resource, '/sessionpools/')"
_NOTHING = "NULL::VARCHAR"
_HASH = "md5(replica)"
_GUID = f"concat_ws('-', {', '.join(f'{_HASH}[{cut}]' for cut in ('1:8', '9:12', '13:16', '17:20', '21:32'))})"

TABLES = (
    Table(
        "ContainerAppConsoleLogs_CL", CONSOLE, Form.CUSTOM,
        (
            ("TenantId", "workspace"), ("SourceSystem", "'RestAPI'"), ("TimeGenerated", "moment"),
            ("_timestamp_d", "epoch_us(moment) / 1e6"), ("time_t", "moment"),
            ("ContainerAppName_s", "app"), ("ContainerJobName_s", "job"), ("RevisionName_s", "revision"),
            ("ContainerGroupName_s", "replica"), ("ContainerGroupId_g", _GUID), ("ContainerName_s", "container"),
            ("ContainerId_s", "container_id"), ("ContainerImage_s", "image"), ("EnvironmentName_s", "environment"),
            ("Stream_s", "stream"), ("Log_s", "log"), ("Type", "'ContainerAppConsoleLogs_CL'"),
            ("_ResourceId", "resource"),
        ), f"NOT {_OF_SESSIONS}",
    ),
    Table(
        "ContainerAppSystemLogs_CL", SYSTEM, Form.CUSTOM,
        (
            ("TenantId", "workspace"), ("SourceSystem", "'RestAPI'"), ("TimeGenerated", "moment"),
            ("time_t", "moment"), ("ContainerAppName_s", "app"), ("JobName_s", "job"), ("ExecutionName_s", "execution"),
            ("RevisionName_s", "revision"), ("ReplicaName_s", "replica"), ("EnvironmentName_s", "environment"),
            ("Type_s", "type"), ("Level", "CASE type WHEN 'Warning' THEN 'warn' ELSE 'info' END"),
            ("Reason_s", "reason"), ("Log_s", "log"), ("EventSource_s", "source"), ("Count_d", "1.0::DOUBLE"),
            ("Type", "'ContainerAppSystemLogs_CL'"), ("_ResourceId", "resource"),
        ),
    ),
    Table(
        "ContainerAppConsoleLogs", CONSOLE, Form.RESOURCE,
        (
            ("TenantId", "workspace"), ("TimeGenerated", "moment"), ("OperationName", "'ContainerAppConsoleLogs'"),
            ("Location", "location"), ("ContainerAppName", "app"), ("JobName", "job"), ("RevisionName", "revision"),
            ("ContainerGroupName", "replica"), ("ContainerGroupId", _GUID), ("ContainerName", "container"),
            ("ContainerId", "container_id"), ("ContainerImage", "image"), ("EnvironmentName", "environment"),
            ("Stream", "stream"), ("Log", "log"), ("SourceSystem", "'Azure'"),
            ("Type", "'ContainerAppConsoleLogs'"), ("_ResourceId", "resource"),
        ), f"NOT {_OF_SESSIONS}",
    ),
    Table(
        "ContainerAppSystemLogs", SYSTEM, Form.RESOURCE,
        (
            ("TenantId", "workspace"), ("TimeGenerated", "moment"), ("OperationName", "'ContainerAppSystemLogs'"),
            ("Location", "location"), ("ContainerAppName", "app"), ("JobName", "job"), ("ExecutionName", "execution"),
            ("RevisionName", "revision"), ("ReplicaName", "replica"), ("EnvironmentName", "environment"),
            ("Level", "CASE type WHEN 'Warning' THEN 'warn' ELSE 'info' END"), ("Reason", "reason"), ("Log", "log"),
            ("Error", _NOTHING), ("EventSource", "source"), ("Count", "1::INTEGER"), ("SourceSystem", "'Azure'"),
            ("Type", "'ContainerAppSystemLogs'"), ("_ResourceId", "resource"),
        ),
    ),
    # Documented by their names; which columns they have beside those of every console table is unconfirmed.
    Table(
        "AppEnvSessionConsoleLogs_CL", CONSOLE, Form.CUSTOM,
        (
            ("TenantId", "workspace"), ("SourceSystem", "'RestAPI'"), ("TimeGenerated", "moment"), ("time_t", "moment"),
            ("SessionPoolName_s", "revision"), ("ContainerGroupName_s", "replica"), ("ContainerGroupId_g", _GUID),
            ("ContainerName_s", "container"), ("ContainerId_s", "container_id"), ("ContainerImage_s", "image"),
            ("EnvironmentName_s", "environment"), ("Stream_s", "stream"), ("Log_s", "log"),
            ("Type", "'AppEnvSessionConsoleLogs_CL'"), ("_ResourceId", "resource"),
        ), _OF_SESSIONS,
    ),
    Table(
        "AppEnvSessionConsoleLogs", CONSOLE, Form.RESOURCE,
        (
            ("TenantId", "workspace"), ("TimeGenerated", "moment"), ("OperationName", "'AppEnvSessionConsoleLogs'"),
            ("Location", "location"), ("SessionPoolName", "revision"), ("ContainerGroupName", "replica"),
            ("ContainerGroupId", _GUID), ("ContainerName", "container"), ("ContainerId", "container_id"),
            ("ContainerImage", "image"), ("EnvironmentName", "environment"), ("Stream", "stream"), ("Log", "log"),
            ("SourceSystem", "'Azure'"), ("Type", "'AppEnvSessionConsoleLogs'"), ("_ResourceId", "resource"),
        ), _OF_SESSIONS,
    ),
)  # fmt: skip
