"""Resource providers: which types there are, where, at which versions, and whether they are registered (facts §14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator import api_versions
from aca_notebook.emulator.arm.locations import display_names
from aca_notebook.emulator.arm.scope import SUBSCRIPTION, Scope
from aca_notebook.emulator.journal.database import put_document
from aca_notebook.emulator.wire import BY_GATEWAY, AzureError, Check, Door, Offer, Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.journal.database import Database

_KIND = "provider"
#: Types by namespace; those of the third list stand in others, or have no location of their own.
_PROVIDERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Microsoft.App": (
        ("containerApps", "managedEnvironments", "jobs", "sessionPools", "connectedEnvironments"),
        ("containerApps/authConfigs", "containerApps/resiliencyPolicies", "managedEnvironments/certificates",
         "managedEnvironments/managedCertificates", "managedEnvironments/daprComponents",
         "managedEnvironments/storages", "managedEnvironments/httpRouteConfigs",
         "managedEnvironments/maintenanceConfigurations", "locations", "locations/usages", "operations"),
    ),
    "Microsoft.Authorization": ((), ("roleAssignments", "roleDefinitions", "locks", "policyAssignments")),
    "Microsoft.Consumption": ((), ("budgets",)),
    "Microsoft.ContainerRegistry": (("registries",), ()),
    "Microsoft.CostManagement": ((), ("query", "budgets")),
    "Microsoft.Insights": (("metricAlerts", "actionGroups", "components"), ("metrics", "diagnosticSettings")),
    "Microsoft.KeyVault": (("vaults",), ("vaults/secrets",)),
    "Microsoft.ManagedIdentity": (("userAssignedIdentities",), ()),
    "Microsoft.Network": (("virtualNetworks",), ("virtualNetworks/subnets",)),
    "Microsoft.OperationalInsights": (("workspaces",), ()),
    "Microsoft.Quota": ((), ("usages", "quotas", "quotaRequests")),
    "Microsoft.Resources": ((), ("resourceGroups", "subscriptions", "deployments", "tags")),
    "Microsoft.Storage": (("storageAccounts",), ()),
}  # fmt: skip
#: Always there, whatever a subscription registers (documented: resource providers and types).
_FREE = frozenset({"Microsoft.Authorization", "Microsoft.Resources"})
_VERSIONS = ("2026-07-01", "2025-07-01", "2025-02-02-preview", "2025-01-01", "2024-03-01")
#: Of Resource Manager's own types, what clients ask for them at.
_OWN_VERSIONS = {
    "Microsoft.Authorization/locks": ("2020-05-01", "2016-09-01"),
    "Microsoft.Authorization/roleAssignments": ("2022-04-01",),
    "Microsoft.Authorization/roleDefinitions": ("2022-04-01",),
    "Microsoft.Resources/deployments": ("2025-04-01", "2024-11-01", "2022-09-01"),
    "Microsoft.Insights/components": ("2020-02-02", "2015-05-01"),
    "Microsoft.Quota/quotas": ("2025-09-01", "2025-03-01"),
}


class Providers:
    """Look-ups, and what a subscription has registered: all of them, until it is told otherwise."""

    def __init__(self, scope: Scope, store: Store, database: Database) -> None:
        self._scope = scope
        self._store = store
        self._states: dict[str, str] = database.documents(_KIND)

    def routes(self) -> list[Route]:
        """Of the subscription, and of the tenant."""
        arm, sdk = Door.ARM, Check.SDK
        listed = f"{SUBSCRIPTION}/providers"
        one = f"{listed}/{{namespace}}"
        stored = Offer.STORED
        return [
            Route("GET", listed, arm, "Providers_List", self._list, checked=sdk),
            Route("GET", one, arm, "Providers_Get", self._get, checked=sdk),
            Route("POST", f"{one}/register", arm, "Providers_Register", self._register, stored, sdk),
            Route("POST", f"{one}/unregister", arm, "Providers_Unregister", self._unregister, stored, sdk),
            Route("GET", f"{one}/resourceTypes", arm, "ProviderResourceTypes_List", self._types, checked=sdk),
            Route("GET", "/providers", arm, "Providers_ListAtTenantScope", self._list, checked=sdk),
            Route("GET", "/providers/{namespace}", arm, "Providers_GetAtTenantScope", self._get, checked=sdk),
        ]

    async def _list(self, request: Request) -> Response:
        self._check(request)
        return JSONResponse({"value": [self._provider(namespace) for namespace in _PROVIDERS]})

    async def _get(self, request: Request) -> Response:
        self._check(request)
        return JSONResponse(self._provider(_namespace(request)))

    async def _types(self, request: Request) -> Response:
        self._check(request)
        return JSONResponse({"value": self._provider(_namespace(request))["resourceTypes"]})

    async def _register(self, request: Request) -> Response:
        return await self._set(request, "Registered")

    async def _unregister(self, request: Request) -> Response:
        return await self._set(request, "NotRegistered")

    async def _set(self, request: Request, state: str) -> Response:
        self._check(request)
        namespace = _namespace(request)
        if namespace not in _FREE:
            await self._store.write(put_document(_KIND, namespace, state))
            self._states[namespace] = state
        return JSONResponse(self._provider(namespace))

    def _check(self, request: Request) -> None:
        if "subscription" in request.path_params:
            self._scope.subscription(request)

    def _provider(self, namespace: str) -> dict[str, Any]:
        tracked, others = _PROVIDERS[namespace]
        return {
            "id": f"/subscriptions/{self._scope.subscription_id}/providers/{namespace}",
            "namespace": namespace,
            "registrationPolicy": "RegistrationFree" if namespace in _FREE else "RegistrationRequired",
            "registrationState": self._states.get(namespace, "Registered"),
            "resourceTypes": [
                *(_type(namespace, type_, "SupportsTags, SupportsLocation") for type_ in tracked),
                *(_type(namespace, type_, "None") for type_ in others),
            ],
        }


def _type(namespace: str, type_: str, capabilities: str) -> dict[str, Any]:
    told = api_versions.supported(f"/providers/{namespace}/{type_}", "") if namespace == "Microsoft.App" else ""
    versions = list(reversed(told.split(", "))) if told else list(_OWN_VERSIONS.get(f"{namespace}/{type_}", _VERSIONS))
    return {
        "resourceType": type_,
        "locations": list(display_names().values()),
        "apiVersions": versions,
        "defaultApiVersion": next((each for each in versions if "preview" not in each), versions[0]),
        "capabilities": capabilities,
    }


def default_version(type_: str) -> str:
    """Return the api-version at which a type is exported."""
    namespace, _, inner = type_.partition("/")
    return str(_type(namespace, inner, "")["defaultApiVersion"])


def _namespace(request: Request) -> str:
    wanted = str(request.path_params["namespace"])
    for namespace in _PROVIDERS:
        if namespace.lower() == wanted.lower():
            return namespace
    raise AzureError(
        404, "InvalidResourceNamespace", f"The resource namespace '{wanted}' is invalid.", headers=BY_GATEWAY
    )
