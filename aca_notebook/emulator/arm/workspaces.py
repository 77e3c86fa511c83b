"""Log Analytics workspaces: what `az containerapp env create` makes when it is told of none (recorded: env_logs_e2e).

A workspace is an id and keys here; its tables are those of `telemetry/logs`, found by that id.
"""

from __future__ import annotations

import base64
import re
import secrets as random_source
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.clock import format_instant
from aca_notebook.emulator.arm.bodies import json_body, merge_patch, without_nulls
from aca_notebook.emulator.arm.faults import invalid, resource_not_found
from aca_notebook.emulator.arm.locations import location_name, settled_location
from aca_notebook.emulator.arm.provisioning import succeeded
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION, Scope
from aca_notebook.emulator.arm.values import member, text, whole
from aca_notebook.emulator.wire import Check, Door, Route, origin, query

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.operations import Operation, Operations
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.identity.secrets import Secrets
    from aca_notebook.model.ids import ResourceId

Document = dict[str, Any]
TYPE = "Microsoft.OperationalInsights/workspaces"
_PROVIDER = "Microsoft.OperationalInsights"
_KIND = "workspaces"
_KEYS = ("primarySharedKey", "secondarySharedKey")
_KEY_BYTES = 64
_POLLED_SINCE = "2025-02-01"  # before, a client was sent to the resource alone
_STATUS_VERSION = "2015-11-01-preview"
#: Without it on each answer `az monitor log-analytics workspace create` asks again after 30 s.
_POLL_AGAIN = {"retry-after-ms": "50"}
_NAME = re.compile(r"[A-Za-z0-9][-A-Za-z0-9]{2,61}[A-Za-z0-9]")


class Workspaces:
    """`Microsoft.OperationalInsights/workspaces`."""

    def __init__(self, scope: Scope, store: Store, operations: Operations, secrets: Secrets, clock: Clock) -> None:
        self._scope = scope
        self._store = store
        self._operations = operations
        self._secrets = secrets
        self._clock = clock
        operations.register(_KIND, {"provision": self._provision}, lambda _, document: document)

    def routes(self) -> list[Route]:
        """The resource and its keys."""
        listed, arm = f"{GROUP}/providers/{_PROVIDER}/workspaces", Door.ARM
        one = f"{listed}/{{name}}"
        everywhere = f"{SUBSCRIPTION}/providers/{_PROVIDER}"
        status = f"{everywhere}/locations/{{location}}/operationstatuses/{{operation}}"
        return [
            Route("PUT", one, arm, "Workspaces_CreateOrUpdate", self._put, checked=Check.RECORDING),
            Route("PATCH", one, arm, "Workspaces_Update", self._patch),
            Route("GET", one, arm, "Workspaces_Get", self._get, checked=Check.RECORDING),
            Route("DELETE", one, arm, "Workspaces_Delete", self._delete),
            Route("GET", listed, arm, "Workspaces_ListByResourceGroup", self._list),
            Route("GET", f"{everywhere}/workspaces", arm, "Workspaces_List", self._list_all),
            Route(
                "POST", f"{one}/sharedKeys", arm, "SharedKeys_GetSharedKeys", self._shared_keys, checked=Check.RECORDING
            ),
            Route("GET", status, arm, "Workspaces_OperationStatus", self._status, checked=Check.RECORDING),
        ]

    async def ensure(self, id_: ResourceId, location: str) -> str:
        """Make a workspace that is ready at once, unless it is there, and return its customer id; for the seeds."""
        document = self._store.get(id_)
        if document is None:
            document = succeeded(self._document(id_, {"location": location}, None))
            await self._store.put(id_, document)
        return str(document["properties"]["customerId"])

    async def delete(self, id_: ResourceId) -> None:
        """Delete one with its keys, and return when it is gone."""
        await self._store.delete(id_)

    async def _put(self, request: Request) -> Response:
        asked = without_nulls(await json_body(request))
        id_ = self._id(request)
        if _NAME.fullmatch(id_.name) is None:
            raise invalid(
                "InvalidResourceName",
                f"The workspace name '{id_.name}' is invalid: it must be 4 to 63 letters, digits and '-', and neither "
                "start nor end with '-'.",
            )
        before = self._store.get(id_)
        document = self._document(id_, asked, before)
        operation = self._operations.reserve(id_, _KIND, "provision", document["location"])
        await self._operations.launch(operation, {id_: document})
        return JSONResponse(document, 200 if before else 201, _headers(request, operation))

    async def _patch(self, request: Request) -> Response:
        body = await json_body(request)
        id_ = self._id(request)
        before = self._found(id_)
        document = succeeded(self._document(id_, merge_patch(before, body), before))
        await self._store.put(id_, document)
        return JSONResponse(document)

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._found(self._id(request)))

    async def _list(self, request: Request) -> Response:
        group = self._scope.group(request)
        return JSONResponse({"value": self._store.list(TYPE, group.subscription, group.resource_group)})

    async def _list_all(self, request: Request) -> Response:
        return JSONResponse({"value": self._store.list(TYPE, self._scope.subscription(request))})

    async def _delete(self, request: Request) -> Response:
        id_ = self._id(request)
        if self._store.get(id_) is None:
            return Response(status_code=204)
        await self.delete(id_)
        return Response(status_code=200)

    async def _shared_keys(self, request: Request) -> Response:
        id_ = self._id(request)
        self._found(id_)
        for name in _KEYS:
            if not self._secrets.has(id_.key, name):
                key = base64.b64encode(random_source.token_bytes(_KEY_BYTES)).decode()
                await self._secrets.put(id_.key, name, key)
        return JSONResponse({name: self._secrets.get(id_.key, name) for name in _KEYS})

    async def _status(self, request: Request) -> Response:
        operation = self._operations.find(str(request.path_params["operation"]))
        body = self._operations.status_body(operation)
        body |= {"id": _status_path(operation), "startTime": operation.started_at}
        if not operation.running:
            settled = self._store.get(operation.id) or {"properties": {"modifiedDate": operation.started_at}}
            body |= {"endTime": settled["properties"]["modifiedDate"], "properties": {}}
        return JSONResponse(body, headers=_POLL_AGAIN)

    async def _provision(self, operation: Operation) -> None:
        document = succeeded(self._found(operation.id))
        document["properties"]["modifiedDate"] = format_instant(self._clock.now())
        await self._operations.finish(operation, {operation.id: document})

    def _id(self, request: Request) -> ResourceId:
        return self._scope.resource(request, _PROVIDER, "workspaces")

    def _found(self, id_: ResourceId) -> Document:
        document = self._store.get(id_)
        if document is None:
            raise resource_not_found(id_)
        return document

    def _document(self, id_: ResourceId, asked: Document, before: Document | None) -> Document:
        properties = member(asked.get("properties"), "properties")
        kept = (before or {}).get("properties", {})
        location = location_name(settled_location(id_, asked.get("location"), before, TYPE))
        now = self._clock.now()
        sku = text(member(properties.get("sku"), "properties.sku").get("name"), "properties.sku.name")
        days = whole(properties.get("retentionInDays"), "properties.retentionInDays")
        created = kept.get("createdDate", format_instant(now))
        document = {
            "properties": {
                "customerId": kept.get("customerId", str(uuid.uuid4())),
                "provisioningState": "Creating",
                "sku": {"name": sku or "PerGB2018", "lastSkuUpdate": created},
                "retentionInDays": 30 if days is None else days,
                "features": {
                    "legacy": 0,
                    "searchVersion": 1,
                    "enableLogAccessUsingOnlyResourcePermissions": True,
                },
                "workspaceCapping": {
                    "dailyQuotaGb": -1.0,
                    "quotaNextResetTime": f"{now + timedelta(days=1):%Y-%m-%d}T00:00:00Z",
                    "dataIngestionStatus": "RespectQuota",
                },
                "publicNetworkAccessForIngestion": "Enabled",
                "publicNetworkAccessForQuery": "Enabled",
                "createdDate": created,
                "modifiedDate": format_instant(now),
            },
            "location": location,
            "id": str(id_),
            "name": id_.name,
            "type": TYPE,
            "etag": f'"{uuid.uuid4()}"',
        }
        return document | ({"tags": asked["tags"]} if asked.get("tags") else {})


def _headers(request: Request, operation: Operation) -> dict[str, str]:
    """Where a client finds out that the workspace is made."""
    version, host = query(request, "api-version"), origin(request)
    headers = {"Location": f"{host}{operation.id}?api-version={version}", **_POLL_AGAIN}
    if version < _POLLED_SINCE:
        return headers
    return headers | {"Azure-AsyncOperation": f"{host}{_status_path(operation)}?api-version={_STATUS_VERSION}"}


def _status_path(operation: Operation) -> str:
    provider = f"/subscriptions/{operation.id.subscription}/providers/{_PROVIDER}"
    return f"{provider}/locations/{operation.location}/operationstatuses/{operation.name}"
