"""What a region offers besides workload profiles: the modes of environments and what is billed (facts §2.1, §10.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.locations import display_name, location_name
from aca_notebook.emulator.arm.scope import SUBSCRIPTION, Scope
from aca_notebook.emulator.wire import Check, Door, Route
from aca_notebook.model.gpu import CATALOGUE

if TYPE_CHECKING:
    from starlette.requests import Request

_LOCATION = f"{SUBSCRIPTION}/providers/Microsoft.App/locations/{{location}}"
_MODES = {
    "ConsumptionOnly": "Replicas on shared hosts; no workload profiles",
    "WorkloadProfiles": "Consumption and dedicated workload profiles, GPUs among them",
    "Express": "Apps alone, on shared hosts that are there already",
    "Archived": "An environment that was put away; nothing runs in it",
}
#: What each profile is billed by (recorded in East US by Microsoft's PowerShell suite; the meters' ids, which the
#: description does not have, are left out).
_METERS = ("Cpu", "Memory", "Management")
_METERED = ("GeneralPurpose", "MemoryOptimized", "Consumption")


class RegionalOffers:
    """Read-only lists of a location."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def routes(self) -> list[Route]:
        """Two lists."""
        modes, meters = f"{_LOCATION}/availableManagedEnvironmentsModes", f"{_LOCATION}/billingMeters"
        return [
            Route(
                "GET",
                modes,
                Door.ARM,
                "AvailableEnvironmentModes_List",
                self._modes,
                checked=Check.SDK | Check.DESCRIPTION,
            ),
            Route("GET", meters, Door.ARM, "BillingMeters_Get", self._meters, checked=Check.SDK | Check.DESCRIPTION),
        ]

    async def _modes(self, request: Request) -> Response:
        path, location = self._location(request, "availableManagedEnvironmentsModes")
        return JSONResponse({"value": [
            {"id": f"{path}/{name}", "name": name, "type": "Microsoft.App/availableManagedEnvironmentsModes",
             "location": location, "properties": {"displayName": name, "description": said}}
            for name, said in _MODES.items()
        ]})  # fmt: skip

    async def _meters(self, request: Request) -> Response:
        subscription = self._scope.subscription(request)
        shown = display_name(str(request.path_params["location"]), "Microsoft.App/billingMeters")
        return JSONResponse({"value": [
            {"location": shown,
             "properties": {"category": profile.category, "meterType": kind, "displayName": profile.display_name},
             "id": f"/subscriptions/{subscription}/providers/Microsoft.App/{profile.name}", "name": profile.name,
             "type": "Microsoft.App/billingMeters"}
            for profile in CATALOGUE if profile.category in _METERED
            for kind in _METERS
        ]})  # fmt: skip

    def _location(self, request: Request, what: str) -> tuple[str, str]:
        subscription = self._scope.subscription(request)
        shown = display_name(str(request.path_params["location"]), f"Microsoft.App/{what}")
        location = location_name(shown)
        return f"/subscriptions/{subscription}/providers/Microsoft.App/locations/{location}/{what}", location
