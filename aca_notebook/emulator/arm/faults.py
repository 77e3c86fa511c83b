"""Azure's refusals, in its own sentences (facts §13; recorded where it says so)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.wire import BY_GATEWAY, AzureError

if TYPE_CHECKING:
    from aca_notebook.model.ids import ResourceId


def resource_not_found(id_: ResourceId) -> AzureError:
    """A resource that is not there (recorded: env_e2e)."""
    return AzureError(
        404,
        "ResourceNotFound",
        f"The Resource '{id_.provider}/{_pairs(id_)}' under resource group '{id_.resource_group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        headers=BY_GATEWAY,
    )


def parent_not_found(id_: ResourceId, verb: str) -> AzureError:
    """A child of a resource that is not there; `verb` is read or write (recorded: resiliency)."""
    return AzureError(
        404,
        "ParentResourceNotFound",
        f"Failed to perform '{verb}' on resource(s) of type '{'/'.join(id_.types)}', because the parent resource "
        f"'{id_.parent}' could not be found.",
        headers=BY_GATEWAY,
    )


def group_not_found(name: str) -> AzureError:
    """A resource group that is not there (recorded: resiliency)."""
    message = f"Resource group '{name}' could not be found."
    return AzureError(404, "ResourceGroupNotFound", message, headers=BY_GATEWAY)


def subscription_not_found(name: str) -> AzureError:
    """A subscription that is not this emulator's."""
    return AzureError(404, "SubscriptionNotFound", f"The subscription '{name}' could not be found.", headers=BY_GATEWAY)


def revision_not_found(name: str) -> AzureError:
    """A revision that is not there; the code is unconfirmed (facts §13.2)."""
    return AzureError(404, "RevisionNotFound", f"Revision '{name}' was not found.")


def replica_not_found(name: str) -> AzureError:
    """A replica that is not there; the code is unconfirmed."""
    return AzureError(404, "ReplicaNotFound", f"Replica '{name}' was not found.")


def app_busy(name: str, operation: str) -> AzureError:
    """A write to an app while an operation runs (facts §13.2)."""
    return AzureError(
        409,
        "ContainerAppOperationInProgress",
        f"Cannot modify a container app '{name}' because there is an active provisioning operation in progress. "
        f"OperationId: '{operation}'",
    )


def app_failed(name: str, why: str) -> AzureError:
    """The end of an app's operation that came to nothing (facts §13.2)."""
    return AzureError(
        400,
        "ContainerAppOperationError",
        f"Failed to provision revision for container app '{name}'. Error details: {why}",
    )


def environment_busy(name: str, operation: str) -> AzureError:
    """A write to an environment while an operation runs."""
    return AzureError(
        409,
        "ManagedEnvironmentOperationInProgress",
        f"Cannot modify managed environment '{name}' because there is an active provisioning operation in progress. "
        f"OperationId: '{operation}'",
    )


def invalid(code: str, message: str) -> AzureError:
    """A 400."""
    return AzureError(400, code, message)


def _pairs(id_: ResourceId) -> str:
    return "/".join(f"{type_}/{name}" for type_, name in zip(id_.types, id_.names, strict=True))
