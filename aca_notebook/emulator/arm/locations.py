"""Azure's regions: written in any spelling, answered by display name (facts §0.8)."""

from __future__ import annotations

from aca_notebook.emulator.wire import AzureError

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


def location_name(text: str) -> str:
    """Return the short form, as in polling URLs: `East US` and `eastus` are both `eastus`."""
    return "".join(letter for letter in text.lower() if letter.isalnum())


_BY_NAME = {location_name(name): name for name in _DISPLAY_NAMES}


def display_names() -> dict[str, str]:
    """Display names by short name."""
    return dict(_BY_NAME)


def display_name(text: str, resource_type: str) -> str:
    """Return the display name for any spelling.

    Raises `AzureError` 400 when there is no location or no such region.
    """
    if not text:
        raise AzureError(400, "LocationRequired", "The location property is required for this definition.")
    found = _BY_NAME.get(location_name(text))
    if found is None:
        raise AzureError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{text}' is not available for resource type '{resource_type}'. List of available "
            f"regions for the resource type is '{','.join(_BY_NAME)}'.",
        )
    return found
