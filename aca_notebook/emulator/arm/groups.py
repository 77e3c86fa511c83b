"""Subscriptions, tenants, locations, providers and resource groups: what clients look up first (facts §14)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.faults import group_not_found
from aca_notebook.emulator.arm.locations import display_name, display_names, location_name
from aca_notebook.emulator.arm.operation_results import result_headers
from aca_notebook.emulator.arm.provisioning import with_state
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION, Scope
from aca_notebook.emulator.arm.store import GROUP_TYPE, Store
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, query
from aca_notebook.model.ids import ResourceId, group_id, parse_id
from aca_notebook.model.states import ProvisioningState

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.operations import Operation, Operations

#: Deletes one resource of a type and returns when it is gone.
Delete = Callable[[ResourceId], Awaitable[None]]

_PROVIDERS = {
    "Microsoft.App": ("containerApps", "managedEnvironments", "jobs", "sessionPools", "connectedEnvironments"),
    "Microsoft.ContainerRegistry": ("registries",),
    "Microsoft.OperationalInsights": ("workspaces",),
    "Microsoft.Insights": ("metrics", "metricAlerts", "actionGroups"),
    "Microsoft.KeyVault": ("vaults",),
    "Microsoft.ManagedIdentity": ("userAssignedIdentities",),
    "Microsoft.Network": ("virtualNetworks",),
    "Microsoft.Storage": ("storageAccounts",),
    "Microsoft.Resources": ("resourceGroups",),
}
_RESOURCE_TYPES = [
    f"{provider}/{type_}"
    for provider, types in _PROVIDERS.items()
    for type_ in types
    if provider != "Microsoft.Resources"
]
#: What a list of resources may be filtered by, and where a resource has it; a tag has a name and a value.
_FILTERED: dict[str, Callable[[dict[str, Any]], str]] = {
    "resourcetype": lambda document: str(document["type"]),
    "resourcegroup": lambda document: parse_id(document["id"]).resource_group,
    "location": lambda document: location_name(document["location"]),
    "name": lambda document: str(document["name"]),
}
_TAG = ("tagname", "tagvalue")
_SHOWN = ("id", "name", "type", "kind", "location", "tags", "sku", "identity", "systemData")
_CLAUSE = re.compile(r"\s*(\w+)\s+eq\s+'([^']*)'\s*", re.IGNORECASE)
_API_VERSIONS = ("2026-07-01", "2025-07-01", "2025-02-02-preview", "2025-01-01", "2024-03-01")
_KIND = "resourceGroup"
#: What a name may not have (documented: letters and digits of any script, and five marks).
_NOT_IN_NAMES = re.compile(r"[^-\w.()]")
_LONGEST_NAME = 90


class Subscriptions:
    """The one subscription of the one tenant, and what it offers where."""

    def __init__(self, scope: Scope, store: Store, tenant_id: str) -> None:
        self._scope = scope
        self._store = store
        self._tenant_id = tenant_id

    def routes(self) -> list[Route]:
        """Look-ups only."""
        arm = Door.ARM
        return [
            Route("GET", "/subscriptions", arm, "Subscriptions_List", self._list, checked=Check.SDK),
            Route("GET", SUBSCRIPTION, arm, "Subscriptions_Get", self._get),
            Route("GET", f"{SUBSCRIPTION}/locations", arm, "Subscriptions_ListLocations", self._locations),
            Route("GET", "/tenants", arm, "Tenants_List", self._tenants),
            Route("GET", f"{SUBSCRIPTION}/providers", arm, "Providers_List", self._providers),
            Route("GET", f"{SUBSCRIPTION}/providers/{{namespace}}", arm, "Providers_Get", self._provider),
            Route(
                "POST", f"{SUBSCRIPTION}/providers/{{namespace}}/register", arm, "Providers_Register", self._provider
            ),
            Route(
                "GET",
                f"{SUBSCRIPTION}/resources",
                arm,
                "Resources_List",
                self._resources,
                checked=Check.RECORDING | Check.SDK,
            ),
        ]

    async def _list(self, _: Request) -> Response:
        return JSONResponse({"value": [self._subscription()], "count": {"type": "Total", "value": 1}})

    async def _get(self, request: Request) -> Response:
        self._scope.subscription(request)
        return JSONResponse(self._subscription())

    async def _tenants(self, _: Request) -> Response:
        tenant = {"id": f"/tenants/{self._tenant_id}", "tenantId": self._tenant_id, "tenantCategory": "Home",
                  "displayName": "Local", "defaultDomain": "localhost"}  # fmt: skip
        return JSONResponse({"value": [tenant]})

    async def _locations(self, request: Request) -> Response:
        subscription = self._scope.subscription(request)
        return JSONResponse({"value": [
            {"id": f"/subscriptions/{subscription}/locations/{name}", "name": name, "type": "Region",
             "displayName": shown, "regionalDisplayName": shown, "metadata": {"regionType": "Physical"}}
            for name, shown in display_names().items()
        ]})  # fmt: skip

    async def _providers(self, request: Request) -> Response:
        self._scope.subscription(request)
        return JSONResponse({"value": [self._namespace(namespace) for namespace in _PROVIDERS]})

    async def _provider(self, request: Request) -> Response:
        self._scope.subscription(request)
        wanted = str(request.path_params["namespace"]).lower()
        for namespace in _PROVIDERS:
            if namespace.lower() == wanted:
                return JSONResponse(self._namespace(namespace))
        raise AzureError(
            404, "InvalidResourceNamespace", f"The resource namespace '{request.path_params['namespace']}' is invalid."
        )

    async def _resources(self, request: Request) -> Response:
        subscription = self._scope.subscription(request)
        wanted = _resource_filter(query(request, "$filter"))
        types = [wanted["resourcetype"]] if "resourcetype" in wanted else _RESOURCE_TYPES
        found = [each for type_ in types for each in self._store.list(type_, subscription)]
        return _listed(each for each in found if _passes(each, wanted))

    def _subscription(self) -> dict[str, Any]:
        name = self._scope.subscription_id
        return {
            "id": f"/subscriptions/{name}",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": name,
            "tenantId": self._tenant_id,
            "displayName": "Local",
            "state": "Enabled",
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off",
            },
        }  # fmt: skip

    def _namespace(self, namespace: str) -> dict[str, Any]:
        return {
            "id": f"/subscriptions/{self._scope.subscription_id}/providers/{namespace}",
            "namespace": namespace,
            "registrationPolicy": "RegistrationRequired",
            "registrationState": "Registered",
            "resourceTypes": [
                {
                    "resourceType": type_,
                    "locations": list(display_names().values()),
                    "apiVersions": list(_API_VERSIONS),
                    "defaultApiVersion": _API_VERSIONS[1],
                    "capabilities": "SupportsTags, SupportsLocation",
                }
                for type_ in _PROVIDERS[namespace]
            ],
        }


class Groups:
    """Resource groups. Deleting one deletes what is in it, by the nouns' own way of deleting."""

    def __init__(self, scope: Scope, store: Store, operations: Operations) -> None:
        self._scope = scope
        self._store = store
        self._operations = operations
        self._deleters: list[tuple[str, Delete]] = []
        operations.register(_KIND, {"delete": self._delete_all}, lambda _, document: document)

    def deletes(self, type_: str, delete: Delete) -> None:
        """Say how resources of a type are deleted; those registered first go first."""
        self._deleters.append((type_, delete))

    def routes(self) -> list[Route]:
        """`az` asks with HEAD whether a group is there; it wants 204 or 404."""
        arm = Door.ARM
        listed = f"{SUBSCRIPTION}/resourceGroups"
        return [
            Route("GET", listed, arm, "ResourceGroups_List", self._list),
            Route("PUT", GROUP, arm, "ResourceGroups_CreateOrUpdate", self._put, checked=Check.SDK),
            Route("PATCH", GROUP, arm, "ResourceGroups_Update", self._patch),
            Route("GET", GROUP, arm, "ResourceGroups_Get", self._get),
            Route("HEAD", GROUP, arm, "ResourceGroups_CheckExistence", self._head, checked=Check.SDK),
            Route("DELETE", GROUP, arm, "ResourceGroups_Delete", self._delete, checked=Check.SDK),
            Route("GET", f"{GROUP}/resources", arm, "Resources_ListByResourceGroup", self._resources),
        ]

    async def ensure(self, name: str, location: str) -> ResourceId:
        """Make a group unless it is there; for the seeds."""
        id_ = group_id(self._scope.subscription_id, name)
        if self._store.get(id_) is None:
            await self._store.put(id_, _group(id_, location, None))
        return id_

    async def _list(self, request: Request) -> Response:
        wanted = _resource_filter(query(request, "$filter"))
        groups = self._store.list(GROUP_TYPE, self._scope.subscription(request))
        return JSONResponse({"value": [each for each in groups if _passes(each, wanted)]})

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._store.get(self._scope.group(request)))

    async def _head(self, request: Request) -> Response:
        try:
            self._scope.group(request)
        except AzureError:
            return Response(status_code=404)  # an answer to HEAD has no body
        return Response(status_code=204)

    async def _put(self, request: Request) -> Response:
        body = await json_body(request)
        id_ = group_id(self._scope.subscription(request), str(request.path_params["group"]))
        before = self._store.get(id_)
        if before is not None:
            id_ = parse_id(before["id"])
        _check_name(id_.name)
        display_name(str(body.get("location") or ""), GROUP_TYPE)
        document = _group(id_, location_name(str(body["location"])), body.get("tags"))
        if before is not None and before["location"] != document["location"]:
            raise AzureError(
                409,
                "InvalidResourceGroupLocation",
                f"Invalid resource group location '{document['location']}'. The Resource group already exists in "
                f"location '{before['location']}'.",
            )
        await self._store.put(id_, document)
        return JSONResponse(document, status_code=200 if before else 201)

    async def _patch(self, request: Request) -> Response:
        body = await json_body(request)
        id_ = self._scope.group(request)
        document = self._store.get(id_) or {}
        document["tags"] = body.get("tags") or {}
        await self._store.put(id_, document)
        return JSONResponse(document)

    async def _resources(self, request: Request) -> Response:
        group = self._scope.group(request)
        wanted = _resource_filter(query(request, "$filter"))
        found = [
            each
            for type_ in _RESOURCE_TYPES
            for each in self._store.list(type_, group.subscription, group.resource_group)
        ]
        return _listed(each for each in found if _passes(each, wanted))

    async def _delete(self, request: Request) -> Response:
        id_ = self._scope.group(request)
        running = self._operations.running(id_)
        if running is None:
            document = self._store.get(id_)
            if document is None:
                raise group_not_found(id_.name)
            running = self._operations.reserve(id_, _KIND, "delete", document["location"])
            await self._operations.launch(running, {id_: with_state(document, ProvisioningState.DELETING)})
        return Response(status_code=202, headers=result_headers(request, id_.subscription, running.name))

    async def _delete_all(self, operation: Operation) -> None:
        group = operation.id
        for type_, delete in self._deleters:
            for document in self._store.list(type_, group.subscription, group.resource_group):
                await delete(parse_id(document["id"]))
        await self._operations.finish(operation, delete=True)


def _check_name(name: str) -> None:
    # The sentence is Azure's; that length and a dot at the end have the same code is unconfirmed.
    wrong = _NOT_IN_NAMES.findall(name)
    if wrong:
        raise AzureError(
            400,
            "InvalidResourceGroup",
            f"The provided resource group name '{name}' has these invalid characters: '{''.join(wrong)}'. The name can "
            "only be a letter, digit, '-', '.', '(', ')' or '_'.",
        )
    if len(name) > _LONGEST_NAME or name.endswith("."):
        raise AzureError(
            400,
            "InvalidResourceGroup",
            f"The provided resource group name '{name}' is longer than {_LONGEST_NAME} characters or ends in a dot.",
        )


def _group(id_: ResourceId, location: str, tags: dict[str, str] | None) -> dict[str, Any]:
    document = {
        "id": str(id_),
        "name": id_.name,
        "type": GROUP_TYPE,
        "location": location_name(location),
        "properties": {"provisioningState": str(ProvisioningState.SUCCEEDED)},
    }
    return document if tags is None else document | {"tags": tags}


def _resource_filter(text: str) -> dict[str, str]:
    """Return the fields, in lower case, and values of `resourceType eq 'x' and name eq 'y'`.

    Raises `AzureError` 400 for what cannot be filtered by.
    """
    wanted = {}
    for clause in re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if text else ():
        read = _CLAUSE.fullmatch(clause)
        if read is None or read[1].lower() not in {*_FILTERED, *_TAG}:
            raise AzureError(
                400, "InvalidFilterInQueryString",
                f"Invalid $filter '{text}' specified in the query string: this emulator filters by resourceType, "
                "resourceGroup, location, name, tagName and tagValue, each with eq, and joins them with and.",
            )  # fmt: skip
        wanted[read[1].lower()] = read[2]
    return wanted


def _passes(document: dict[str, Any], wanted: Mapping[str, str]) -> bool:
    fields = {field: value for field, value in wanted.items() if field not in _TAG}
    if any(_FILTERED[field](document).lower() != value.lower() for field, value in fields.items()):
        return False
    name, value = (wanted.get(part) for part in _TAG)
    tags = (document.get("tags") or {}).items()
    return (name is None and value is None) or any(
        (name is None or key.lower() == name.lower()) and (value is None or held == value) for key, held in tags
    )


def _listed(found: Iterable[dict[str, Any]]) -> Response:
    return JSONResponse({"value": [{key: each[key] for key in _SHOWN if key in each} for each in found]})
