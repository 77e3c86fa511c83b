"""The one subscription of the one tenant, where it reaches, and the small questions asked of it (facts §14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.inventory import resources_in
from aca_notebook.emulator.arm.locations import display_names
from aca_notebook.emulator.arm.scope import GROUP, RESOURCE, SUBSCRIPTION, Scope
from aca_notebook.emulator.arm.store import GROUP_TYPE, Store
from aca_notebook.emulator.arm.values import text
from aca_notebook.emulator.wire import AzureError, Check, Door, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

#: Words that no resource may have for a name, and those that none may have in it (documented: reserved names).
_RESERVED = frozenset({
    "access", "azure", "bing", "bizspark", "biztalk", "cortana", "directx", "dotnet", "dynamics", "excel", "exchange",
    "forefront", "groove", "hololens", "hyperv", "kinect", "lync", "msdn", "o365", "office", "office365", "onedrive",
    "onenote", "outlook", "powerpoint", "sharepoint", "skype", "visio", "visualstudio",
})  # fmt: skip
_RESERVED_PARTS = ("microsoft", "windows")
_RESERVED_STARTS = ("login", "xbox")
#: Kinds of policy: none is ever assigned here.
_POLICIES = ("policyAssignments", "policyDefinitions", "policySetDefinitions", "policyExemptions", "denyAssignments")


class Subscriptions:
    """Look-ups only."""

    def __init__(self, scope: Scope, store: Store, tenant_id: str) -> None:
        self._scope = scope
        self._store = store
        self._tenant_id = tenant_id

    def routes(self) -> list[Route]:
        """The subscription, its locations, its tenant, its tags by name, and that it has no policies."""
        arm, sdk = Door.ARM, Check.SDK
        made = [
            Route("GET", "/subscriptions", arm, "Subscriptions_List", self._list, checked=sdk),
            Route("GET", SUBSCRIPTION, arm, "Subscriptions_Get", self._get, checked=sdk),
            Route("GET", f"{SUBSCRIPTION}/locations", arm, "Subscriptions_ListLocations", self._locations, checked=sdk),
            Route("GET", "/tenants", arm, "Tenants_List", self._tenants, checked=sdk),
            Route("GET", f"{SUBSCRIPTION}/tagNames", arm, "Tags_List", self._tag_names, checked=sdk),
            Route("POST", "/providers/Microsoft.Resources/checkResourceName", arm,
                  "Subscriptions_CheckResourceName", self._check_name, checked=sdk),
        ]  # fmt: skip
        for scope in (SUBSCRIPTION, GROUP, RESOURCE):
            for kind in _POLICIES:
                name = f"{kind[0].upper()}{kind[1:]}_List"
                made.append(Route("GET", f"{scope}/providers/Microsoft.Authorization/{kind}", arm, name, self._none))
        return made

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
             "displayName": shown, "regionalDisplayName": shown,
             "metadata": {"regionType": "Physical", "regionCategory": "Recommended"}}
            for name, shown in display_names().items()
        ]})  # fmt: skip

    async def _tag_names(self, request: Request) -> Response:
        subscription = self._scope.subscription(request)
        counts: dict[str, dict[str, int]] = {}
        for document in self._tagged(subscription):
            for name, value in document["tags"].items():
                values = counts.setdefault(name, {})
                values[str(value)] = values.get(str(value), 0) + 1
        path = f"/subscriptions/{subscription}/tagNames"
        return JSONResponse({"value": [
            {"id": f"{path}/{name}", "tagName": name, "count": _count(sum(values.values())), "values": [
                {"id": f"{path}/{name}/tagValues/{value}", "tagValue": value, "count": _count(count)}
                for value, count in sorted(values.items())
            ]}
            for name, values in sorted(counts.items())
        ]})  # fmt: skip

    async def _check_name(self, request: Request) -> Response:
        body = await json_body(request)
        name, type_ = text(body.get("name"), "name"), text(body.get("type"), "type")
        if not name or not type_:
            raise AzureError(400, "InvalidResourceName", "The name and the type of a resource must be given.")
        folded = name.lower()
        reserved = (
            folded in _RESERVED
            or folded.startswith(_RESERVED_STARTS)
            or any(part in folded for part in _RESERVED_PARTS)
        )
        return JSONResponse({"name": name, "type": type_, "status": "Reserved" if reserved else "Allowed"})

    async def _none(self, request: Request) -> Response:
        if "group" in request.path_params:
            self._scope.group(request)
        self._scope.subscription(request)
        return JSONResponse({"value": []})

    def _tagged(self, subscription: str) -> Iterator[dict[str, Any]]:
        for document in (*self._store.list(GROUP_TYPE, subscription), *resources_in(self._store, subscription)):
            if document.get("tags"):
                yield document

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


def _count(value: int) -> dict[str, Any]:
    return {"type": "Total", "value": value}
