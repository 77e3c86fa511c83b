"""What stands in paths, queries and headers, and what opens the doors."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
#: One part of a path that names a resource (`wire.checked_name`).
_SEGMENT: Schema = {
    "type": "string",
    "pattern": r"^[^/\\?#%\x00-\x1f\x7f-\x9f\ufffd]{1,260}$",
    "minLength": 1,
    "maxLength": 260,
}

#: By name; those that are not here are names of resources.
PATH: dict[str, Schema] = {
    "name": _SEGMENT,
    "subscription": {"type": "string", "format": "uuid"},
    "group": {"type": "string", "pattern": r"^[-\w._()]{1,90}$"},
    "api-version": {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(-[A-Za-z]+([.][0-9]+)?)?$"},
    "rest": _TEXT,
    "blob": _TEXT,
    "file": _TEXT,
}
_FILTER = {"$filter": _TEXT}
_METRICS = ("metricnames", "timespan", "interval", "aggregation", "$filter", "top", "orderby", "resultType",
            "metricnamespace", "AutoAdjustTimegrain", "ValidateDimensions", "rollupby")  # fmt: skip
_IDENTIFIER: Schema = {"type": "string", "minLength": 4, "maxLength": 128}
_SESSION = {"api-version": _TEXT, "identifier": _IDENTIFIER}
_IN_SESSION = _SESSION | {"path": _TEXT, "recursive": _TEXT}
#: By operation id: what else may be asked in the query.
QUERIES: dict[str, dict[str, Schema]] = {
    "Resources_List": _FILTER,
    "Resources_ListByResourceGroup": _FILTER,
    "ResourceGroups_List": _FILTER,
    "RoleDefinitions_List": _FILTER,
    "RoleAssignments_ListForScope": _FILTER,
    "JobsExecutions_List": _FILTER,
    "ContainerAppsRevisions_ListRevisions": _FILTER,
    "Runs_List": {"$top": _TEXT, **_FILTER},
    "Metrics_List": dict.fromkeys(_METRICS, _TEXT),
    "MetricDefinitions_List": {"metricnamespace": _TEXT},
    "ManagedIdentity_Token": {"resource": _TEXT, "client_id": _TEXT, "api-version": _TEXT},
    "Metadata_Endpoints": {"api-version": _TEXT},
    "Emulator_Address": {"app": _TEXT, "name": _TEXT},
    **dict.fromkeys(
        (
            "Sessions_ExecuteCode",
            "Sessions_ExecutePython",
            "Sessions_Execute",
            "Sessions_GetExecution",
            "Sessions_CancelExecution",
            "Sessions_Get",
            "Sessions_Delete",
            "Sessions_ManagementGet",
            "Sessions_ManagementStop",
        ),
        _SESSION,
    ),
    **dict.fromkeys(
        ("Sessions_UploadFile", "Sessions_CreateFile", "Sessions_ListFiles", "Sessions_GetFile", "Sessions_DeleteFile"),
        _IN_SESSION,
    ),
    "Sessions_List": {"api-version": _TEXT, "skip": _TEXT},
    "Sessions_ManagementList": {"api-version": _TEXT, "skip": _TEXT},
}
HEADERS: dict[str, Any] = {
    name: {"required": True, "description": said, "schema": {"type": "string", "minLength": 1}}
    for name, said in (
        ("x-ms-request-id", "This request's id, in the emulator's log too."),
        ("x-ms-correlation-request-id", "The caller's own id, or the request's."),
    )
}
_BEARER: Schema = {"type": "http", "scheme": "bearer"}
#: By door.
SECURITY: dict[str, Schema] = {
    "arm": _BEARER | {"bearerFormat": "JWT", "description": "A token for Resource Manager."},
    "graph": _BEARER | {"bearerFormat": "JWT", "description": "A token for Microsoft Graph."},
    "vault": _BEARER | {"bearerFormat": "JWT", "description": "A token for Key Vault."},
    "logs": _BEARER | {"bearerFormat": "JWT", "description": "A token for Log Analytics."},
    "metrics": _BEARER | {"bearerFormat": "JWT", "description": "A token for Azure Monitor's metrics."},
    "data-plane": _BEARER | {"bearerFormat": "JWT", "description": "A token of getAuthToken."},
    "sessions": _BEARER | {"bearerFormat": "JWT", "description": "A token for dynamic sessions."},
    "pool-key": {
        "type": "apiKey",
        "in": "header",
        "name": "x-ms-apikey",
        "description": "The key of a pool's MCP server.",
    },
    "control": _BEARER | {"description": "The token in the data folder's control-token file."},
    "sas": {"type": "apiKey", "in": "query", "name": "sig", "description": "A signed link's signature."},
    "instrumentation-key": {
        "type": "apiKey",
        "in": "query",
        "name": "ikey",
        "description": "Each item that is sent names the key of a component.",
    },
    "identity-header": {"type": "apiKey", "in": "header", "name": "X-IDENTITY-HEADER"},
}
