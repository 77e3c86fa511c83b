"""The tables of Application Insights in a workspace, over the items that were taken in.

The names, columns and types are those of the workspace-based schema (documented: the table reference of Azure Monitor
Logs, AppRequests and its neighbours). `IKey` is empty here: a key that lets people write is kept with the secrets
alone.
"""

from __future__ import annotations

import re

from aca_notebook.emulator.telemetry.logs.tables import Table

ITEMS = "app_items"
_ASKING = re.compile(r"\bApp[A-Z]|\*|\bsearch\b|\bfind\b")
#: What is kept of an item: `form` is the table it is found in, `more` what that table alone has.
SCHEMA = (
    f"""CREATE TABLE IF NOT EXISTS {ITEMS}(
      moment TIMESTAMP NOT NULL, workspace VARCHAR, form VARCHAR, resource VARCHAR, received TIMESTAMP,
      operation_id VARCHAR, operation VARCHAR, parent VARCHAR, id VARCHAR, name VARCHAR, milliseconds DOUBLE,
      success BOOLEAN, result VARCHAR, role VARCHAR, instance VARCHAR, sdk VARCHAR, items INTEGER, bytes BIGINT,
      tags VARCHAR, properties VARCHAR, measurements VARCHAR, more VARCHAR)""",
)


def _text(name: str) -> str:
    return f"more ->> '$.{name}'"


def _tag(name: str) -> str:
    return f"""coalesce(tags ->> '$."ai.{name}"', '')"""


_FIRST = (("TenantId", "workspace"), ("TimeGenerated", "moment"))
_LAST = (
    ("Properties", "properties::JSON"), ("Measurements", "measurements::JSON"),
    ("OperationName", "operation"), ("OperationId", "operation_id"), ("ParentId", "parent"),
    ("SyntheticSource", _tag("operation.syntheticSource")), ("SessionId", _tag("session.id")),
    ("UserId", _tag("user.id")), ("UserAuthenticatedId", _tag("user.authUserId")),
    ("UserAccountId", _tag("user.accountId")), ("AppVersion", _tag("application.ver")),
    ("AppRoleName", "role"), ("AppRoleInstance", "instance"),
    ("ClientType", "'PC'"), ("ClientModel", _tag("device.model")), ("ClientOS", _tag("device.osVersion")),
    ("ClientIP", "'0.0.0.0'"), ("ClientCity", "''"), ("ClientStateOrProvince", "''"),
    ("ClientCountryOrRegion", "''"), ("ClientBrowser", "''"), ("ResourceGUID", "''"), ("IKey", "NULL::VARCHAR"),
    ("SDKVersion", "sdk"), ("ItemCount", "items"), ("SourceSystem", "'Azure'"),
)  # fmt: skip
_BUCKETS = (
    (250, "<250ms"), (500, "250ms-500ms"), (1000, "500ms-1sec"), (3000, "1sec-3sec"), (7000, "3sec-7sec"),
    (15_000, "7sec-15sec"), (30_000, "15sec-30sec"), (60_000, "30sec-1min"), (120_000, "1min-2min"),
    (300_000, "2min-5min"),
)  # fmt: skip
_BOUNDS = " ".join(f"WHEN milliseconds < {most} THEN '{name}'" for most, name in _BUCKETS)
_BUCKET = f"CASE {_BOUNDS} ELSE '>=5min' END"
_TIMED = (("Success", "success"), ("ResultCode", "result"), ("DurationMs", "milliseconds"))
_BILLED = (("_BilledSize", "bytes::DOUBLE"), ("_IsBillable", "'true'"), ("_ResourceId", "resource"))


def _table(name: str, *own: tuple[str, str]) -> Table:
    return Table(name, ITEMS, name, (*_FIRST, *own, *_LAST, ("Type", f"'{name}'"), *_BILLED))


APP_TABLES = (
    _table(
        "AppRequests", ("Id", "id"), ("Source", _text("source")), ("Name", "name"), ("Url", _text("url")), *_TIMED,
        ("PerformanceBucket", _BUCKET),
    ),
    _table(
        "AppDependencies", ("Id", "id"), ("Target", _text("target")), ("DependencyType", _text("type")),
        ("Name", "name"), ("Data", _text("data")), *_TIMED, ("PerformanceBucket", _BUCKET),
    ),
    _table("AppTraces", ("Message", _text("message")), ("SeverityLevel", f"({_text('severity')})::INTEGER")),
    _table(
        "AppExceptions", ("ProblemId", _text("problem")), ("HandledAt", "''"), ("ExceptionType", _text("type")),
        ("Assembly", _text("assembly")), ("Method", _text("method")), ("OuterType", _text("outer_type")),
        ("OuterMessage", _text("outer_message")), ("OuterAssembly", _text("outer_assembly")),
        ("OuterMethod", _text("outer_method")), ("InnermostType", _text("type")),
        ("InnermostMessage", _text("message")), ("InnermostAssembly", _text("assembly")),
        ("InnermostMethod", _text("method")), ("SeverityLevel", f"({_text('severity')})::INTEGER"),
        ("Details", "(more -> '$.details')"),
    ),
    _table("AppEvents", ("Name", "name")),
    _table("AppPageViews", ("Id", "id"), ("Name", "name"), ("Url", _text("url")), ("DurationMs", "milliseconds")),
    _table(
        "AppMetrics", ("Name", "name"), ("Sum", f"({_text('sum')})::DOUBLE"), ("Min", f"({_text('min')})::DOUBLE"),
        ("Max", f"({_text('max')})::DOUBLE"), ("ValueCount", f"({_text('count')})::BIGINT"),
    ),
    _table(
        "AppAvailabilityResults", ("Id", "id"), ("Name", "name"), ("Location", _text("location")),
        ("Success", "success"), ("Message", _text("message")), ("DurationMs", "milliseconds"),
    ),
)  # fmt: skip


def asks_of_items(query: str) -> bool:
    """Tell whether a query may read one of these tables; the views of one that does not need not be made."""
    return _ASKING.search(query) is not None
