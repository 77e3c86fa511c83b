"""When an environment may be maintained: stored, there is nothing to maintain (facts §13.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.scope import ENVIRONMENT
from aca_notebook.emulator.arm.shapes import shaped
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write, one_of
from aca_notebook.emulator.arm.values import whole
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.shapes import Shape
    from aca_notebook.emulator.wire import Route
    from aca_notebook.model.ids import ResourceId

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ENTRIES: dict[str, Shape] = {
    "scheduledEntries!": [{"weekDay!": one_of(*_DAYS), "startHourUtc!": whole, "durationHours!": whole}]
}
_LAST_HOUR = 23
_SHORTEST_HOURS, _LONGEST_HOURS = 8, 24


class MaintenanceConfigurations:
    """`maintenanceConfigurations` of an environment: one, `default`."""

    def __init__(self, keeping: Keeping) -> None:
        kind = Kind(
            path=f"{ENVIRONMENT}/maintenanceConfigurations/{{name}}", operations="MaintenanceConfigurations",
            type="Microsoft.App/managedEnvironments/maintenanceConfigurations", settle=_entries, missing=_missing,
            created_status=201, deleted_status=200, system_data=True, read_by_sdk=("CreateOrUpdate",),
            described=("List",),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)

    def routes(self) -> list[Route]:
        """The resource and its list."""
        return self._stored.routes()


def _entries(write: Write) -> Document:
    if write.id.name.lower() != "default":
        raise invalid("MaintenanceConfigurationInvalidName", "The maintenance configuration must be named 'default'.")
    found: Document = shaped(write.properties, ENTRIES, "properties")
    for each in found["scheduledEntries"]:
        if not 0 <= each["startHourUtc"] <= _LAST_HOUR:
            raise invalid("MaintenanceConfigurationInvalid", "startHourUtc must be between 0 and 23.")
        if not _SHORTEST_HOURS <= each["durationHours"] <= _LONGEST_HOURS:
            raise invalid("MaintenanceConfigurationInvalid", "durationHours must be between 8 and 24.")
    return {"scheduledEntries": found["scheduledEntries"]}


def _missing(id_: ResourceId) -> AzureError:
    return AzureError(
        404, "MaintenanceConfigurationNotFound", f"Maintenance Configuration not found for environment {id_.name}"
    )
