"""Storage accounts as documents: settings and mounts name them, nothing is kept in them (recorded: env_logs_e2e)."""

from __future__ import annotations

import base64
import re
import secrets as random_source
import uuid
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.clock import format_instant
from aca_notebook.emulator.arm.bodies import json_body, without_nulls
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.locations import display_name, location_name
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write
from aca_notebook.emulator.arm.values import member, text, truth
from aca_notebook.emulator.wire import AzureError, Check, Door, Offer, Route, origin, query

if TYPE_CHECKING:
    from starlette.requests import Request

TYPE = "Microsoft.Storage/storageAccounts"
_CHECKED = Check.RECORDING
_NAME = re.compile(r"[a-z0-9]{3,24}")
_KEYS = ("key1", "key2")
_KEY_BYTES = 64
_SERVICES = ("dfs", "web", "blob", "queue", "table", "file")
#: Where the second copy is kept; any region that has another pair has no second address here.
_PAIRS = {"eastus": "westus", "westus": "eastus", "northeurope": "westeurope", "westeurope": "northeurope"}


class StorageAccounts:
    """`Microsoft.Storage/storageAccounts`."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        kind = Kind(
            path=f"{GROUP}/providers/{TYPE}/{{name}}", operations="StorageAccounts", type=TYPE, settle=_settled,
            location=_location, top=("sku", "kind"), deleted_status=200,
            recorded=("CheckNameAvailability", "Create", "OperationResult"),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)

    def routes(self) -> list[Route]:
        """The resource, its keys and the URL where its making is followed."""
        stored, arm = self._stored, Door.ARM
        everywhere = f"{SUBSCRIPTION}/providers/Microsoft.Storage"
        result = f"{everywhere}/locations/{{location}}/asyncoperations/{{operation}}"
        available = f"{everywhere}/checkNameAvailability"
        return [
            stored.route("PUT", stored.kind.path, "Create", self._put),
            *stored.routes(listed="ListByResourceGroup", without=("PUT",)),
            stored.route("GET", f"{everywhere}/storageAccounts", "List", stored.list_all),
            stored.route("POST", f"{stored.kind.path}/listKeys", "ListKeys", self._list_keys),
            Route("GET", result, arm, "StorageAccounts_OperationResult", self._result, Offer.STORED, Check.RECORDING),
            Route(
                "POST",
                available,
                arm,
                "StorageAccounts_CheckNameAvailability",
                self._available,
                checked=Check.RECORDING,
            ),
        ]

    async def _put(self, request: Request) -> Response:
        asked = without_nulls(await json_body(request))
        id_ = self._stored.locate(request, "write")
        before = self._keeping.store.get(id_)
        name = text(member(asked.get("sku"), "sku").get("name"), "sku.name") or "Standard_LRS"
        asked["sku"] = {"name": name, "tier": name.partition("_")[0]}
        asked.setdefault("kind", "StorageV2")
        document = await self._stored.write(id_, asked, before, request)
        if before is not None:
            return JSONResponse(document)
        path = f"/subscriptions/{id_.subscription}/providers/Microsoft.Storage/locations/{document['location']}"
        path += f"/asyncoperations/{_operation(document)}?monitor=true&api-version={query(request, 'api-version')}"
        return Response(status_code=202, headers={"Location": origin(request) + path})

    async def _result(self, request: Request) -> Response:
        """Answer the account whose making was followed: it was made before anyone could ask."""
        wanted = str(request.path_params["operation"]).lower()
        for document in self._keeping.store.list(TYPE, self._keeping.scope.subscription(request)):
            if _operation(document) == wanted:
                return JSONResponse(document)
        raise AzureError(404, "OperationNotFound", f"The operation '{wanted}' could not be found.")

    async def _list_keys(self, request: Request) -> Response:
        id_ = self._stored.locate(request, "read")
        document, secrets = self._stored.found(id_), self._keeping.secrets
        for name in _KEYS:
            if not secrets.has(id_.key, name):
                await secrets.put(id_.key, name, base64.b64encode(random_source.token_bytes(_KEY_BYTES)).decode())
        created = document["properties"]["keyCreationTime"]
        return JSONResponse({"keys": [
            {"keyName": name, "value": secrets.get(id_.key, name), "permissions": "FULL", "creationTime": created[name]}
            for name in _KEYS
        ]})  # fmt: skip

    async def _available(self, request: Request) -> Response:
        name = text((await json_body(request)).get("name"), "name")
        accounts = self._keeping.store.list(TYPE, self._keeping.scope.subscription(request))
        if _NAME.fullmatch(name) is None:
            return _unavailable("AccountNameInvalid", f"{name} is not a valid storage account name.")
        if any(each["name"] == name for each in accounts):
            return _unavailable("AlreadyExists", f"The storage account named {name} is already taken.")
        return JSONResponse({"nameAvailable": True})


def _unavailable(reason: str, message: str) -> Response:
    return JSONResponse({"nameAvailable": False, "reason": reason, "message": message})


def _operation(document: Document) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, str(document["id"]).lower()))


def _settled(write: Write) -> Document:
    name, asked, kept = write.id.name, write.properties, write.kept
    if _NAME.fullmatch(name) is None:
        raise invalid(
            "AccountNameInvalid",
            f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in "
            "length and use numbers and lower-case letters only.",
        )
    now = format_instant(write.now)
    location = _location(text(write.asked.get("location"), "location"))
    service = {"keyType": "Account", "enabled": True, "lastEnabledTime": now}
    properties: dict[str, Any] = {
        "keyCreationTime": kept.get("keyCreationTime") or dict.fromkeys(_KEYS, now),
        "allowCrossTenantReplication": False,
        "privateEndpointConnections": [],
        "minimumTlsVersion": "TLS1_2",
        "allowBlobPublicAccess": bool(truth(asked.get("allowBlobPublicAccess"), "properties.allowBlobPublicAccess")),
        "networkAcls": {
            "ipv6Rules": [], "bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [],
            "defaultAction": "Allow",
        },
        "supportsHttpsTrafficOnly": asked.get("supportsHttpsTrafficOnly", True),
        "encryption": {"services": {"file": service, "blob": service}, "keySource": "Microsoft.Storage"},
        "accessTier": "Hot",
        "provisioningState": "Succeeded",
        "creationTime": kept.get("creationTime") or now,
        "primaryEndpoints": _endpoints(name, _SERVICES),
        "primaryLocation": location,
        "statusOfPrimary": "available",
    }  # fmt: skip
    sku = str(write.asked.get("sku", {}).get("name"))
    if location in _PAIRS and "GRS" in sku:
        properties |= {"secondaryLocation": _PAIRS[location], "statusOfSecondary": "available"}
        if "RAGRS" in sku:  # the second copy can be read
            properties["secondaryEndpoints"] = _endpoints(f"{name}-secondary", _SERVICES[:-1])
    return properties


def _endpoints(host: str, services: tuple[str, ...]) -> Document:
    return {each: f"https://{host}.{'z13.' if each == 'web' else ''}{each}.core.windows.net/" for each in services}


def _location(asked: str) -> str:
    return location_name(display_name(asked, TYPE))
