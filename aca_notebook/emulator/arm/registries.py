"""Container registries: where builds put images and apps take them from (facts §11.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body, merge_patch, system_data, without_nulls
from aca_notebook.emulator.arm.faults import invalid, resource_not_found
from aca_notebook.emulator.arm.locations import location_name, settled_location
from aca_notebook.emulator.arm.provisioning import succeeded
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION, Scope
from aca_notebook.emulator.arm.values import member, text, truth
from aca_notebook.emulator.arm.versions import shown_to
from aca_notebook.emulator.identity.passwords import new_password
from aca_notebook.emulator.wire import Check, Door, Route, query

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.operations import Operation, Operations
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.identity.secrets import Secrets
    from aca_notebook.model.ids import ResourceId

Document = dict[str, Any]
TYPE = "Microsoft.ContainerRegistry/registries"
_KIND = "registries"
_PASSWORDS = ("password", "password2")


class Registries:
    """`Microsoft.ContainerRegistry/registries`; the builds of one are a noun of their own."""

    def __init__(self, scope: Scope, store: Store, operations: Operations, secrets: Secrets, clock: Clock) -> None:
        self._scope = scope
        self._store = store
        self._operations = operations
        self._secrets = secrets
        self._clock = clock
        operations.register(_KIND, {"provision": self._provision}, _show)

    def routes(self) -> list[Route]:
        """The resource, its operations and its admin user."""
        listed, arm = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries", Door.ARM
        one = f"{listed}/{{name}}"
        everywhere = f"{SUBSCRIPTION}/providers/Microsoft.ContainerRegistry"
        return [
            Route("PUT", one, arm, "Registries_Create", self._put, checked=Check.RECORDING | Check.SDK),
            Route("PATCH", one, arm, "Registries_Update", self._patch),
            Route("GET", one, arm, "Registries_Get", self._get, checked=Check.RECORDING | Check.SDK),
            Route("DELETE", one, arm, "Registries_Delete", self._delete),
            Route("GET", listed, arm, "Registries_ListByResourceGroup", self._list),
            Route("GET", f"{everywhere}/registries", arm, "Registries_List", self._list_all),
            Route("GET", f"{one}/operationStatuses/{{operation}}", arm, "Registries_OperationStatus", self._status,
                  checked=Check.RECORDING | Check.SDK),
            Route("POST", f"{one}/listCredentials", arm, "Registries_ListCredentials", self._credentials,
                  checked=Check.RECORDING | Check.SDK),
            Route("POST", f"{one}/regenerateCredential", arm, "Registries_RegenerateCredential", self._regenerate),
            Route(
                "POST", f"{everywhere}/checkNameAvailability", arm, "Registries_CheckNameAvailability", self._available
            ),
        ]  # fmt: skip

    async def ensure(self, id_: ResourceId, location: str) -> None:
        """Make a registry that is ready at once, unless it is there; for the seeds."""
        if self._store.get(id_) is None:
            asked = {"location": location, "properties": {"adminUserEnabled": True}}
            await self._store.put(id_, succeeded(self._document(id_, asked, {}, None)))

    async def delete(self, id_: ResourceId) -> None:
        """Delete one and return when it is gone."""
        await self._store.delete(id_)

    async def _put(self, request: Request) -> Response:
        asked = without_nulls(await json_body(request))
        id_ = self._id(request)
        if re.fullmatch(r"[a-zA-Z0-9]{5,50}", id_.name) is None:
            raise invalid(
                "InvalidRegistryName",
                f"The registry name '{id_.name}' is invalid: it must be 5 to 50 alphanumeric characters.",
            )
        before = self._store.get(id_)
        document = self._document(id_, asked, request.state.claims, before)
        operation = self._operations.reserve(id_, _KIND, "provision", document["location"])
        await self._operations.launch(operation, {id_: document})
        headers = self._operations.status_headers(request, operation)
        return JSONResponse(_show(request, document), status_code=200 if before else 201, headers=headers)

    async def _patch(self, request: Request) -> Response:
        body = await json_body(request)
        id_ = self._id(request)
        before = self._found(id_)
        document = succeeded(self._document(id_, merge_patch(before, body), request.state.claims, before))
        await self._store.put(id_, document)
        return JSONResponse(_show(request, document))

    async def _get(self, request: Request) -> Response:
        return JSONResponse(_show(request, self._found(self._id(request))))

    async def _list(self, request: Request) -> Response:
        group = self._scope.group(request)
        found = self._store.list(TYPE, group.subscription, group.resource_group)
        return JSONResponse({"value": [_show(request, each) for each in found]})

    async def _list_all(self, request: Request) -> Response:
        found = self._store.list(TYPE, self._scope.subscription(request))
        return JSONResponse({"value": [_show(request, each) for each in found]})

    async def _delete(self, request: Request) -> Response:
        id_ = self._id(request)
        if self._store.get(id_) is None:
            return Response(status_code=204)
        await self.delete(id_)
        return Response(status_code=200)

    async def _status(self, request: Request) -> Response:
        name = str(request.path_params["operation"]).removeprefix("registries-")
        operation = self._operations.find(name)
        headers = self._operations.status_headers(request, operation)
        return JSONResponse({"status": operation.status}, headers=headers)

    async def _credentials(self, request: Request) -> Response:
        id_ = self._id(request)
        self._check_admin(id_)
        for name in _PASSWORDS:
            if not self._secrets.has(id_.key, name):
                await self._secrets.put(id_.key, name, new_password(36))
        return JSONResponse(self._credential_body(id_))

    async def _regenerate(self, request: Request) -> Response:
        id_ = self._id(request)
        self._check_admin(id_)
        name = text((await json_body(request)).get("name"), "name")
        if name not in _PASSWORDS:
            raise invalid("InvalidPasswordName", f"There is no password '{name}'; password and password2 are.")
        for each in _PASSWORDS:
            if each == name or not self._secrets.has(id_.key, each):
                await self._secrets.put(id_.key, each, new_password(36))
        return JSONResponse(self._credential_body(id_))

    async def _available(self, request: Request) -> Response:
        name = text((await json_body(request)).get("name"), "name").lower()
        taken = any(each["name"].lower() == name for each in self._store.list(TYPE, self._scope.subscription(request)))
        body: Document = {"nameAvailable": not taken}
        if taken:
            body |= {"reason": "AlreadyExists", "message": f"The registry {name} is already in use."}
        return JSONResponse(body)

    def _id(self, request: Request) -> ResourceId:
        return self._scope.resource(request, "Microsoft.ContainerRegistry", "registries")

    def _found(self, id_: ResourceId) -> Document:
        document = self._store.get(id_)
        if document is None:
            raise resource_not_found(id_)
        return document

    def _check_admin(self, id_: ResourceId) -> None:
        if not self._found(id_)["properties"]["adminUserEnabled"]:
            raise invalid(
                "UnAuthorizedForCredentialOperations",
                "Cannot perform credential operations for "
                f"{id_} as admin user is disabled. Kindly enable admin user as per docs.",
            )

    def _credential_body(self, id_: ResourceId) -> Document:
        passwords = [{"name": name, "value": self._secrets.get(id_.key, name)} for name in _PASSWORDS]
        return {"username": id_.name.lower(), "passwords": passwords}

    def _document(self, id_: ResourceId, asked: Document, claims: Document, before: Document | None) -> Document:
        properties = member(asked.get("properties"), "properties")
        sku = text(member(asked.get("sku"), "sku").get("name"), "sku.name") or "Basic"
        location = location_name(settled_location(id_, asked.get("location"), before, TYPE))
        system = system_data(claims, self._clock.now(), (before or {}).get("systemData"))
        stamp = system["lastModifiedAt"].removesuffix("Z") + "+00:00"
        return {
            "sku": {"name": sku, "tier": sku},
            "type": TYPE,
            "id": str(id_),
            "name": id_.name,
            "location": location,
            "tags": asked.get("tags") or {},
            "systemData": system,
            "properties": {
                "loginServer": f"{id_.name.lower()}.azurecr.io",
                "creationDate": system["createdAt"],
                "provisioningState": "Creating",
                "adminUserEnabled": _flag(properties, "adminUserEnabled"),
                "policies": {
                    "quarantinePolicy": {"status": "disabled"},
                    "trustPolicy": {"type": "Notary", "status": "disabled"},
                    "retentionPolicy": {"days": 7, "lastUpdatedTime": stamp, "status": "disabled"},
                    "exportPolicy": {"status": "enabled"},
                    "azureADAuthenticationAsArmPolicy": {"status": "enabled"},
                    "softDeletePolicy": {"retentionDays": 7, "lastUpdatedTime": stamp, "status": "disabled"},
                },
                "encryption": {"status": "disabled"},
                "dataEndpointEnabled": False,
                "dataEndpointHostNames": [],
                "privateEndpointConnections": [],
                "publicNetworkAccess": "Enabled",
                "networkRuleBypassOptions": "AzureServices",
                "zoneRedundancy": "Disabled",
                "anonymousPullEnabled": bool(
                    truth(properties.get("anonymousPullEnabled"), "properties.anonymousPullEnabled")
                ),
                "metadataSearch": "Disabled",
                "roleAssignmentMode": "LegacyRegistryPermissions",
                "autoGeneratedDomainNameLabelScope": "Unsecure",
            },
        }

    async def _provision(self, operation: Operation) -> None:
        document = self._found(operation.id)
        await self._operations.finish(operation, {operation.id: succeeded(document)})


def _show(request: Request, document: Document) -> Document:
    return shown_to(query(request, "api-version"), document)


def _flag(properties: Document, name: str) -> bool:
    return bool(truth(properties.get(name), f"properties.{name}"))
