"""Quotas and the workload profile catalogue (facts §2.3, §2.6; recorded: env_usages, env_workload_profiles_e2e)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.environments import TYPE as ENVIRONMENT_TYPE
from aca_notebook.emulator.arm.faults import resource_not_found
from aca_notebook.emulator.arm.locations import display_name, location_name
from aca_notebook.emulator.arm.quota_requests import spoken
from aca_notebook.emulator.arm.scope import APP_PROVIDER, SUBSCRIPTION, Scope
from aca_notebook.emulator.wire import Check, Door, Route, query
from aca_notebook.model.gpu import CATALOGUE, WorkloadProfileType

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.quotas import Quotas
    from aca_notebook.emulator.arm.store import Store

#: Where GPUs are had (facts §2.4); the T4 in the first list too.
_A100_LOCATIONS = {
    "australiaeast", "brazilsouth", "canadacentral", "eastus", "italynorth", "swedencentral", "westus", "westus3",
}  # fmt: skip
_T4_LOCATIONS = {
    "centralindia", "francecentral", "japaneast", "northcentralus", "southcentralus", "southeastasia", "southindia",
    "westeurope", "westus2",
}  # fmt: skip
_DEDICATED_GPU_LOCATIONS = {"northeurope", "westus3"}
_ENVIRONMENT_LIMITS = {
    "ManagedEnvironmentGeneralPurposeCores": 500,
    "ManagedEnvironmentMemoryOptimizedCores": 500,
    "ManagedEnvironmentComputeOptimizedCores": 50,
    "ManagedEnvironmentConsumptionCores": 500,
    "ManagedEnvironmentConfidentialGeneralPurposeCores": 50,
    "ManagedEnvironmentConfidentialMemoryOptimizedCores": 50,
}


class Usages:
    """What a subscription may use, and which workload profile types there are."""

    def __init__(self, scope: Scope, store: Store, quotas: Quotas) -> None:
        self._quotas = quotas
        self._scope = scope
        self._store = store

    def routes(self) -> list[Route]:
        """Look-ups only."""
        location, arm = f"{SUBSCRIPTION}/providers/Microsoft.App/locations/{{location}}", Door.ARM
        types = f"{location}/availableManagedEnvironmentsWorkloadProfileTypes"
        environment = f"{APP_PROVIDER}/managedEnvironments/{{name}}/usages"
        return [
            Route(
                "GET",
                f"{location}/usages",
                arm,
                "Usages_List",
                self._by_location,
                checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION,
            ),
            Route(
                "GET",
                environment,
                arm,
                "ManagedEnvironmentUsages_List",
                self._by_environment,
                checked=Check.RECORDING | Check.DESCRIPTION,
            ),
            Route(
                "GET",
                types,
                arm,
                "AvailableWorkloadProfiles_Get",
                self._profile_types,
                checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION,
            ),
        ]

    async def _by_location(self, request: Request) -> Response:
        subscription = self._scope.subscription(request)
        wanted = display_name(str(request.path_params["location"]), ENVIRONMENT_TYPE)
        used = self._quotas.used(subscription, wanted)
        limits = self._quotas.limits(subscription, wanted)
        counts = {name: (used.get(name, 0), most) for name, most in limits.items()}
        return JSONResponse({"value": [_usage(request, name, *count) for name, count in counts.items()]})

    async def _by_environment(self, request: Request) -> Response:
        id_ = self._scope.resource(request, "Microsoft.App", "managedEnvironments")
        if self._store.get(id_) is None:
            raise resource_not_found(id_)
        return JSONResponse({"value": [_usage(request, name, 0, most) for name, most in _ENVIRONMENT_LIMITS.items()]})

    async def _profile_types(self, request: Request) -> Response:
        subscription = self._scope.subscription(request)
        location = location_name(display_name(str(request.path_params["location"]), ENVIRONMENT_TYPE))
        return JSONResponse(
            {"value": [_profile_type(subscription, location, each) for each in CATALOGUE if _offered(each, location)]}
        )


def _usage(request: Request, name: str, used: int, most: int) -> dict[str, Any]:
    # `usage` is recorded, `currentValue` is described: `az` reads the one, the SDK the other (clients §4.7).
    usage = {
        "name": {"value": name, "localizedValue": spoken(name)},
        "usage": used,
        "currentValue": used,
        "limit": most,
    }
    return usage | ({"unit": "Count"} if query(request, "api-version") >= "2025-07-01" else {})


def _offered(entry: WorkloadProfileType, location: str) -> bool:
    """Tell whether Azure offers a type in a region; only those with GPUs are not to be had everywhere."""
    if not entry.gpus:
        return True
    if not entry.serverless:
        return location in _DEDICATED_GPU_LOCATIONS
    return location in _A100_LOCATIONS or (entry.gpu_model == "T4" and location in _T4_LOCATIONS)


def _profile_type(subscription: str, location: str, entry: WorkloadProfileType) -> dict[str, Any]:
    type_ = "Microsoft.App/availableManagedEnvironmentsWorkloadProfileTypes"
    properties = {
        "displayName": entry.display_name,
        "category": entry.category,
        "cores": entry.cores,
        "memoryGiB": entry.memory_gib,
    }
    return {
        "location": location,
        "properties": properties | ({"gpus": entry.gpus} if entry.gpus else {}),
        "id": f"/subscriptions/{subscription}/providers/{type_}/{entry.name}",
        "name": entry.name,
        "type": type_,
    }
