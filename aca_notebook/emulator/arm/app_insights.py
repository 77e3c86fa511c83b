"""Application Insights components: a key to send by, and the workspace that what is sent goes to.

Shapes are the SDK's (azure-mgmt-applicationinsights 2020-02-02) and the documented example's. As on Azure, reading a
component shows its key to whoever may read it; here it is kept with the secrets and stands in no document.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.clock import format_instant
from aca_notebook.emulator.arm.bodies import json_body, merge_patch, without_nulls
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.locations import display_name, location_name
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Reader, Stored, Write, one_of, read
from aca_notebook.emulator.arm.values import text, truth, whole
from aca_notebook.emulator.arm.workspaces import TYPE as WORKSPACE
from aca_notebook.emulator.telemetry.traces.ingestion import Component
from aca_notebook.emulator.wire import Offer
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.wire import Route

COMPONENT = "Microsoft.Insights/components"
_KEY = "instrumentation-key"  # the secret's name
COMPONENT_FIELDS: dict[str, Reader] = {
    "Application_Type": one_of("web", "other"), "Flow_Type": text, "Request_Source": text, "RetentionInDays": whole,
    "DisableIpMasking": truth, "ImmediatePurgeDataOn30Days": truth, "WorkspaceResourceId": text,
    "publicNetworkAccessForIngestion": one_of("Enabled", "Disabled"),
    "publicNetworkAccessForQuery": one_of("Enabled", "Disabled"),
    "IngestionMode": one_of("ApplicationInsights", "ApplicationInsightsWithDiagnosticSettings", "LogAnalytics"),
    "DisableLocalAuth": truth, "ForceCustomerStorageForProfiler": truth,
}  # fmt: skip
_RETENTIONS = (30, 60, 90, 120, 180, 270, 365, 550, 730)


class AppInsights:
    """`Microsoft.Insights/components`, and which component a key is of."""

    def __init__(self, keeping: Keeping, tenant_id: str) -> None:
        self._keeping = keeping
        self._tenant_id = tenant_id
        kind = Kind(
            path=f"{GROUP}/providers/{COMPONENT}/{{name}}", operations="Components", type=COMPONENT,
            settle=self._settle, secrets=self._key_for, location=_location, top=("kind",), empty_tags=False,
            etag=lambda *_: f'"{uuid.uuid4()}"', deleted_status=200, offer=Offer.WORKS,
            read_by_sdk=("CreateOrUpdate", "Get", "Delete", "ListByResourceGroup", "List", "UpdateTags"),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)

    def routes(self) -> list[Route]:
        """The resource, and the lists of a group and of the subscription."""
        route, path = self._stored.route, self._stored.kind.path
        listed = path.rpartition("/")[0]
        return [
            route("PUT", path, "CreateOrUpdate", self._put),
            route("PATCH", path, "UpdateTags", self._patch),
            route("GET", path, "Get", self._get),
            route("DELETE", path, "Delete", self._stored.delete),
            route("GET", listed, "ListByResourceGroup", self._list),
            route("GET", f"{SUBSCRIPTION}/providers/{COMPONENT}", "List", self._list_all),
        ]

    def component_of(self, key: str) -> Component | None:
        """Return the component whose instrumentation key this is, in lower case, and where its items go."""
        store, secrets = self._keeping.store, self._keeping.secrets
        if not key:
            return None
        for each in store.list(COMPONENT, self._keeping.scope.subscription_id):
            id_ = parse_id(each["id"])
            if secrets.has(id_.key, _KEY) and secrets.get(id_.key, _KEY) == key:
                workspace = store.get(parse_id(each["properties"]["WorkspaceResourceId"]))
                if workspace is None:
                    return None
                return Component(id_.key, each["properties"]["AppId"], workspace["properties"]["customerId"])
        return None

    async def _put(self, request: Request) -> Response:
        stored = self._stored
        id_ = stored.locate(request, "write")
        document = await stored.write(id_, await stored.body(request), self._keeping.store.get(id_), request)
        return JSONResponse(self._shown(document, request))

    async def _patch(self, request: Request) -> Response:
        """Change tags, as the SDK does, and whatever else the body names."""
        id_ = self._stored.locate(request, "write")
        before = self._stored.found(id_)
        asked = without_nulls(merge_patch(before, await json_body(request)))
        return JSONResponse(self._shown(await self._stored.write(id_, asked, before, request), request))

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._shown(self._stored.found(self._stored.locate(request, "read")), request))

    async def _list(self, request: Request) -> Response:
        group = self._keeping.scope.group(request)
        found = self._keeping.store.list(COMPONENT, group.subscription, group.resource_group)
        return JSONResponse({"value": [self._shown(each, request) for each in found]})

    async def _list_all(self, request: Request) -> Response:
        found = self._keeping.store.list(COMPONENT, self._keeping.scope.subscription(request))
        return JSONResponse({"value": [self._shown(each, request) for each in found]})

    def _settle(self, write: Write) -> Document:
        """Return what is kept. Without a workspace Azure picks one; here it is the group's first (unconfirmed)."""
        asked = read(write.properties, COMPONENT_FIELDS)
        before = write.kept
        days = asked.get("RetentionInDays", before.get("RetentionInDays", 90))
        if days not in _RETENTIONS:
            allowed = ", ".join(map(str, _RETENTIONS))
            raise invalid("BadRequest", f"RetentionInDays of a component is one of {allowed}.")
        workspace = self._workspace(write, asked.get("WorkspaceResourceId") or before.get("WorkspaceResourceId"))
        standing = {"Application_Type": "web", "Flow_Type": "Bluefield", "Request_Source": "rest"}
        public = {f"publicNetworkAccessFor{what}": "Enabled" for what in ("Ingestion", "Query")}
        return {
            "ApplicationId": write.id.name, "AppId": before.get("AppId", str(uuid.uuid4())), "Name": write.id.name,
            "CreationDate": before.get("CreationDate", format_instant(write.now)), "TenantId": self._tenant_id,
            "provisioningState": "Succeeded", "SamplingPercentage": None, **standing, **public,
            **asked, "RetentionInDays": days, "WorkspaceResourceId": workspace, "IngestionMode": "LogAnalytics",
            "Ver": "v2",
        }  # fmt: skip

    def _key_for(self, write: Write) -> dict[str, str | None]:
        """A component keeps the key it got; whatever a body says of it counts for nothing (documented)."""
        return {_KEY: None if self._keeping.secrets.has(write.id.key, _KEY) else str(uuid.uuid4())}

    def _workspace(self, write: Write, named: str | None) -> str:
        store = self._keeping.store
        if not named:
            first = next(iter(store.list(WORKSPACE, write.id.subscription, write.id.resource_group)), None)
            if first is None:
                raise invalid("BadRequest", "The property 'WorkspaceResourceId' of a component is required.")
            return str(first["id"])
        try:
            found = store.get(parse_id(named))
        except ValueError:
            found = None
        if found is None or found["type"] != WORKSPACE:
            raise invalid("BadRequest", f"The workspace '{named}' could not be found.")
        return named

    def _shown(self, document: Document, request: Request) -> Document:
        """Add the key, and the connection string as the caller of this very address can use it."""
        properties: dict[str, Any] = dict(document["properties"])
        owner, secrets = parse_id(document["id"]).key, self._keeping.secrets
        if not secrets.has(owner, _KEY):  # lost with a damaged store: the next write makes another
            return {"kind": "web", **document}
        key = secrets.get(owner, _KEY)
        here = f"https://{request.headers.get('host', request.url.netloc)}/"
        properties |= {
            "InstrumentationKey": key,
            "ConnectionString": f"InstrumentationKey={key};IngestionEndpoint={here};LiveEndpoint={here};"
            f"ApplicationId={properties['AppId']}",
        }
        return {"kind": "web", **document, "properties": properties}


def _location(asked: str) -> str:
    return location_name(display_name(asked, COMPONENT))
