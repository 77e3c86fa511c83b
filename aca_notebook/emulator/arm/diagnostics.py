"""Diagnostic settings: where a resource's logs and metrics are to go (recorded: env_logs_e2e). Stored, not acted on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.faults import invalid, resource_not_found
from aca_notebook.emulator.arm.locations import location_name
from aca_notebook.emulator.arm.scope import INNER_RESOURCE, RESOURCE
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write
from aca_notebook.emulator.arm.values import items, member, text, truth, whole
from aca_notebook.emulator.wire import AzureError, Door, Route
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.model.ids import ResourceId

_TYPE = "Microsoft.Insights/diagnosticSettings"
_CATEGORIES = f"{_TYPE}Categories"
_SINKS = ("storageAccountId", "workspaceId", "eventHubAuthorizationRuleId", "serviceBusRuleId")
_OTHERS = ("eventHubName", "logAnalyticsDestinationType")
#: What an environment can send. A GET lists it all, on or off.
_LOGS = (
    "ContainerAppConsoleLogs", "ContainerAppSystemLogs", "AppEnvSpringAppConsoleLogs", "AppEnvSessionConsoleLogs",
    "AppEnvSessionPoolEventLogs", "AppEnvSessionLifeCycleLogs",
)  # fmt: skip
_METRICS = ("AllMetrics",)
_ENVIRONMENT = "Microsoft.App/managedEnvironments"


class DiagnosticSettings:
    """`Microsoft.Insights/diagnosticSettings` of a resource, or of a resource in a resource."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self._stored = [
            Stored(
                Kind(
                    path=f"{scope}/providers/{_TYPE}/{{name}}", operations="DiagnosticSettings", type=_TYPE,
                    settle=_settled, shown=_shown, missing=_missing, written=_written, deleted_status=200,
                    recorded=("CreateOrUpdate", "Get"),
                ),
                keeping,
            )
            for scope in (RESOURCE, INNER_RESOURCE)
        ]  # fmt: skip

    def routes(self) -> list[Route]:
        """PUT, GET, DELETE and list under each scope, and what may be sent from there."""
        stored = [route for stored in self._stored for route in stored.routes()]
        for scope in (RESOURCE, INNER_RESOURCE):
            path, name = f"{scope}/providers/{_CATEGORIES}", "DiagnosticSettingsCategory"
            one = f"{path}/{{name}}"
            stored += [
                Route("GET", path, Door.ARM, f"{name}_List", partial(self._categories, path)),
                Route("GET", one, Door.ARM, f"{name}_Get", partial(self._category, one)),
            ]
        return stored

    async def _categories(self, path: str, request: Request) -> Response:
        owner = self._keeping.locate(request, f"{path}/-", "read").parent
        return JSONResponse({"value": self._offered(owner)})

    async def _category(self, path: str, request: Request) -> Response:
        id_ = self._keeping.locate(request, path, "read")
        for each in self._offered(id_.parent):
            if each["name"].lower() == id_.name.lower():
                return JSONResponse(each)
        raise AzureError(404, "NotFound", f"The diagnostic category '{id_.name}' is not supported by the resource.")

    def _offered(self, owner: ResourceId) -> list[Document]:
        """What a resource can send (documented: az monitor diagnostic-settings categories list)."""
        document = self._keeping.store.get(owner)
        if document is None:
            raise resource_not_found(owner)
        logs = _LOGS if document["type"] == _ENVIRONMENT else ()
        kinds = {**dict.fromkeys(_METRICS, "Metrics"), **dict.fromkeys(logs, "Logs")}
        return [
            {
                "id": f"{str(owner).lower()}/providers/{_CATEGORIES}/{name}",
                "type": _CATEGORIES,
                "name": name,
                "location": None,
                "kind": None,
                "tags": None,
                "properties": {
                    "categoryType": kind,
                    "categoryGroups": ["allLogs"] if kind == "Logs" else [],
                },
                "identity": None,
            }
            for name, kind in kinds.items()
        ]


def _settled(write: Write) -> Document:
    asked = write.properties
    sinks = {name: text(asked.get(name), f"properties.{name}") or None for name in (*_SINKS, *_OTHERS)}
    if not any(sinks[name] for name in _SINKS):
        raise invalid(
            "BadRequest",
            "At least one data sink needs to be specified: storageAccountId, workspaceId or "
            "eventHubAuthorizationRuleId.",
        )
    return sinks | {
        "metrics": [_category(each, "metrics") for each in items(asked.get("metrics"), "properties.metrics")],
        "logs": [
            {"category": None, "categoryGroup": None} | _category(each, "logs")
            for each in items(asked.get("logs"), "properties.logs")
        ],
    }


def _category(asked: Document, of: str) -> Document:
    retention = member(asked.get("retentionPolicy"), f"properties.{of}.retentionPolicy")
    names = {name: asked[name] for name in ("category", "categoryGroup", "timeGrain") if asked.get(name) is not None}
    return names | {
        "enabled": bool(truth(asked.get("enabled"), f"properties.{of}.enabled")),
        "retentionPolicy": {
            "enabled": bool(truth(retention.get("enabled"), f"properties.{of}.retentionPolicy.enabled")),
            "days": whole(retention.get("days"), f"properties.{of}.retentionPolicy.days") or 0,
        },
    }


def _shown(keeping: Keeping, document: Document) -> Document:
    """Return it with every category there is, and where its resource is."""
    owner = keeping.store.get(parse_id(document["id"]).parent) or {}
    properties = document["properties"]
    if owner.get("type") != _ENVIRONMENT:
        return document | {"location": location_name(str(owner.get("location") or "")) or None}
    shown = properties | {
        "metrics": _completed(properties["metrics"], _METRICS, {}),
        "logs": _completed(properties["logs"], _LOGS, {"categoryGroup": None}),
    }
    return document | {"location": location_name(owner["location"]), "properties": shown}


def _completed(given: list[Document], categories: tuple[str, ...], also: dict[str, Any]) -> list[Document]:
    named = {each.get("category") for each in given}
    off = {"enabled": False, "retentionPolicy": {"enabled": False, "days": 0}}
    return [*given, *({"category": name} | also | off for name in categories if name not in named)]


def _missing(id_: ResourceId) -> AzureError:
    return AzureError(404, "ResourceNotFound", f"The diagnostic setting '{id_.name}' could not be found.")


def _written(id_: ResourceId) -> str:
    owner, _, name = str(id_).rpartition("/")
    return f"{owner.lower().removesuffix('/diagnosticsettings')}/diagnosticSettings/{name}"  # as recorded
