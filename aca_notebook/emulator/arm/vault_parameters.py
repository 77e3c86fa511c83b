"""Parameters of deployments that refer to a vault's secret (documented: key vault parameter)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.vault_secrets import VAULT_TYPE, version_of
from aca_notebook.emulator.identity.access import forbidden
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.emulator.arm.deployment_requests import Asked
    from aca_notebook.emulator.arm.inner_calls import Caller
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.arm.vault_secrets import VaultSecrets

_ACTION = "Microsoft.KeyVault/vaults/deploy/action"
_HELP = "Please see https://aka.ms/arm-keyvault for usage details."


class HeldRoles(Protocol):
    """Who may use a vault for a template."""

    def allows(self, claims: Mapping[str, Any], action: str, scope: ResourceId) -> bool:
        """Tell whether a role of a caller permits it."""
        ...


class VaultParameters:
    """Reads the secrets that parameters refer to, for callers who may."""

    def __init__(self, store: Store, secrets: VaultSecrets, roles: HeldRoles) -> None:
        self._store = store
        self._secrets = secrets
        self._roles = roles

    def settled(self, asked: Asked, caller: Caller) -> Asked:
        """Return a deployment whose parameters have values.

        Raises `AzureError` for a vault or a secret that is not there, or not for this caller or for templates.
        """
        found = {
            name: {"value": self._value(name, each["reference"], caller)} if _refers(each) else each
            for name, each in asked.parameters.items()
        }
        return replace(asked, parameters=found)

    def _value(self, name: str, reference: dict[str, Any], caller: Caller) -> str:
        written = str((reference.get("keyVault") or {}).get("id", ""))
        vault = _vault_id(written)
        document = self._store.get(vault) if vault is not None else None
        if vault is None or document is None:
            raise invalid(
                "KeyVaultParameterReferenceNotFound", f"The specified KeyVault '{written}' could not be found. {_HELP}"
            )
        if not self._roles.allows(caller.claims, _ACTION, vault):
            raise forbidden(caller.claims, _ACTION, str(vault))
        if document["properties"].get("enabledForTemplateDeployment") is not True:
            raise _unread(name, "Forbidden", "The vault is not enabled for template deployment.")
        try:
            secret = self._secrets.find(vault, str(reference.get("secretName", "")))
            version = version_of(secret, str(reference.get("secretVersion") or ""))
            return self._secrets.value(vault, secret, version)
        except AzureError as refused:
            raise _unread(name, "NotFound" if refused.status == 404 else "Forbidden", refused.message) from refused


def _refers(given: Any) -> bool:
    return isinstance(given, dict) and isinstance(given.get("reference"), dict) and "value" not in given


def _vault_id(text: str) -> ResourceId | None:
    try:
        found = parse_id(text)
    except ValueError:
        return None
    return found if found.type.lower() == VAULT_TYPE.lower() else None


def _unread(name: str, status: str, why: str) -> AzureError:
    return invalid(
        "KeyVaultParameterReferenceSecretRetrieveFailed",
        f"The secret of KeyVault parameter '{name}' cannot be retrieved. Http status code: '{status}'. Error message: "
        f"'{why}'. {_HELP}",
    )
