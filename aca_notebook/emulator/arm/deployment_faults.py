"""What Resource Manager refuses about deployments (facts §0.4; documented: deployment errors; else unconfirmed)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.emulator.arm.templates.faults import TemplateFault
    from aca_notebook.emulator.arm.templates.jsonc import Source

Error = dict[str, Any]
_HELP = "Please see https://aka.ms/arm-deployment-operations for usage details."


def invalid_template(fault: TemplateFault, source: Source) -> AzureError:
    """A template that cannot be deployed, and where in the request it says so."""
    line, column = source.position(fault.path)
    path = ".".join(str(part) for part in fault.path)
    where = {"lineNumber": line, "linePosition": column, "path": path}
    return InvalidTemplateError(f"Deployment template validation failed: '{fault.message}'.", where)


class InvalidTemplateError(AzureError):
    """A 400 whose envelope says where the template is wrong."""

    def __init__(self, message: str, where: dict[str, Any]) -> None:
        super().__init__(400, "InvalidTemplate", message)
        self.where = where

    def body(self) -> dict[str, Any]:
        """The envelope."""
        found = super().body()
        found["error"]["additionalInfo"] = [{"type": "TemplateViolation", "info": self.where}]
        return found


def invalid_deployment(name: str, errors: Sequence[Error]) -> AzureError:
    """A template whose resources would be refused (facts §0.4)."""
    plural = len(errors) > 1
    wrapped = {
        "code": "ValidationForResourceFailed",
        "message": "Validation failed for a resource. Check 'Error.Details[0]' for more information.",
    }
    return AzureError(
        400,
        "InvalidTemplateDeployment",
        f"The template deployment '{name}' is not valid according to the validation procedure. The tracking id is "
        f"'{uuid.uuid4()}'. See inner errors for details.",
        details=[wrapped | {"details": [each]} for each in errors] if plural else [wrapped | {"details": list(errors)}],
    )


def deployment_not_found(name: str) -> AzureError:
    """A deployment that is not there."""
    return AzureError(404, "DeploymentNotFound", f"Deployment '{name}' could not be found.")


def deployment_active(name: str, since: str) -> AzureError:
    """A write to a deployment that runs."""
    return AzureError(
        409,
        "DeploymentActive",
        f"Unable to edit or replace deployment '{name}': previous deployment from '{since}' is still active. Please "
        "see https://aka.ms/arm-deploy for usage details.",
    )


def deployment_failed(target: str, errors: Sequence[Error]) -> Error:
    """What a deployment ends with when something of it failed."""
    return {
        "code": "DeploymentFailed",
        "target": target,
        "message": "At least one resource deployment operation failed. Please list deployment operations for details. "
        + _HELP,
        "details": list(errors),
    }


def resource_failed(code: str, message: str) -> Error:
    """What became of a resource whose operation was accepted and then failed."""
    return {
        "code": "ResourceDeploymentFailure",
        "message": "The resource write operation failed to complete successfully, because it reached terminal "
        "provisioning state 'Failed'.",
        "details": [{"code": code, "message": message}],
    }


def expression_failed(resource: str, position: tuple[int, int], wrong: Exception) -> AzureError:
    """A resource whose expressions have no value once it is its turn (seen: F5 templates' issue 238)."""
    line, column = position
    return AzureError(
        400,
        "InvalidTemplate",
        f"Unable to process template language expressions for resource '{resource}' at line '{line}' and column "
        f"'{column}'. '{wrong}.'",
    )


def error_of(refusal: AzureError) -> Error:
    """Return what stands in a refusal's envelope."""
    return dict(refusal.body()["error"])
