"""Azure's regions: written in any spelling, answered by display name (facts §0.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.values import text
from aca_notebook.emulator.wire import BY_GATEWAY, AzureError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.model.ids import ResourceId

_DISPLAY_NAMES = (
    "Australia East", "Australia Southeast", "Brazil South", "Canada Central", "Canada East", "Central India",
    "Central US", "Central US EUAP", "East Asia", "East US", "East US 2", "East US 2 EUAP", "France Central",
    "Germany West Central", "Italy North", "Japan East", "Japan West", "Jio India West", "Korea Central",
    "Korea South", "North Central US", "North Central US (Stage)", "North Europe", "Norway East", "Poland Central",
    "South Africa North", "South Central US", "South India", "Southeast Asia", "Spain Central", "Sweden Central",
    "Switzerland North", "UAE North", "UK South", "UK West", "West Central US", "West Europe", "West India", "West US",
    "West US 2", "West US 3",
)  # fmt: skip
DEFAULT_LOCATION = "eastus"


def location_name(written: str) -> str:
    """Return the short form, as in polling URLs: `East US` and `eastus` are both `eastus`."""
    return "".join(letter for letter in written.lower() if letter.isalnum())


_BY_NAME = {location_name(name): name for name in _DISPLAY_NAMES}


def display_names() -> dict[str, str]:
    """Display names by short name."""
    return dict(_BY_NAME)


def display_name(written: str, resource_type: str) -> str:
    """Return the display name for any spelling.

    Raises `AzureError` 400 when there is no location or no such region.
    """
    if not written:
        raise AzureError(
            400, "LocationRequired", "The location property is required for this definition.", headers=BY_GATEWAY
        )
    found = _BY_NAME.get(location_name(written))
    if found is None:
        raise AzureError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{written}' is not available for resource type '{resource_type}'. List of "
            f"available regions for the resource type is '{','.join(_BY_NAME)}'.",
        )
    return found


def settled_location(id_: ResourceId, asked: Any, before: Mapping[str, Any] | None, type_: str) -> str:
    """Return the display name of where a write puts a resource; `before` is what stood there.

    Raises `AzureError` 400 when there is no location or no such region, 409 for one that stands elsewhere.
    """
    shown = display_name(text(asked, "location"), type_)
    check_place(id_, shown, before)
    return shown


def check_place(id_: ResourceId, wanted: str, before: Mapping[str, Any] | None) -> None:
    """Refuse to move a resource that stands elsewhere (documented: Resource Manager's InvalidResourceLocation).

    Raises `AzureError` 409.
    """
    stood = location_name(str((before or {}).get("location") or ""))
    if stood and stood != location_name(wanted):
        raise AzureError(
            409,
            "InvalidResourceLocation",
            f"The resource '{id_.name}' already exists in location '{stood}' in resource group '{id_.resource_group}'. "
            f"A resource with the same name cannot be created in location '{location_name(wanted)}'. Please select a "
            "new resource name.",
            headers=BY_GATEWAY,
        )
