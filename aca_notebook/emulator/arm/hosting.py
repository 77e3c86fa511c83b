"""The environment that an app or a job names, and whether it can take one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.app_rules import profile_of
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.values import text
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.gpu import CONSUMPTION
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.model.gpu import WorkloadProfileType

Document = dict[str, Any]


def hosting_environment(store: Store, properties: Document) -> Document:
    """Return the document of the environment that `properties` name.

    Raises `AzureError` 400 for what is no id or not ready, 404 for an environment that is not there.
    """
    wanted = properties.get("environmentId") or properties.get("managedEnvironmentId") or ""
    try:
        id_ = parse_id(str(wanted))
    except ValueError:
        raise invalid(
            "LinkedInvalidPropertyId",
            f"Property id '{wanted}' at path 'properties.environmentId' is invalid. Expect fully qualified "
            "resource Id that start with '/subscriptions/{subscriptionId}' or "
            "'/providers/{resourceProviderNamespace}/'.",
        ) from None
    environment = store.get(id_) if id_.types == ("managedEnvironments",) else None
    if environment is None:
        raise AzureError(404, "ManagedEnvironmentNotFound", f"Managed environment '{wanted}' was not found.")
    state = environment["properties"]["provisioningState"]
    if state not in {"Succeeded", "Updating"}:
        raise invalid(
            "ManagedEnvironmentNotReadyForAppCreation",
            f"The environment '{environment['name']}' is not ready for apps; its provisioning state is {state}.",
        )
    return environment


def hosting_profile(environment: Document, properties: Document) -> tuple[str, WorkloadProfileType | None]:
    """Return the name of the workload profile to run on, Consumption where none is named, and its type.

    Raises `AzureError` for a profile that the environment does not have. An environment without profiles has neither.
    """
    name = text(properties.get("workloadProfileName"), "properties.workloadProfileName")
    if not name and environment["properties"].get("workloadProfiles"):
        name = CONSUMPTION.name
    return name, profile_of(name, environment)
