"""Who may do what with the secrets of a vault: by roles, or by the vault's own access policies (documented)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.emulator.arm.vault_secrets import VaultError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.model.ids import ResourceId

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Needs:
    action: str  #: a data action under `Microsoft.KeyVault/vaults/secrets`
    permission: str  #: a word of an access policy


class SecretOperation(Enum):
    """What is done with secrets, each with what it takes in either mode."""

    GET = _Needs("getSecret/action", "get")
    LIST = _Needs("readMetadata/action", "list")
    SET = _Needs("setSecret/action", "set")
    UPDATE = _Needs("update/action", "set")
    DELETE = _Needs("delete", "delete")
    GET_DELETED = _Needs("readMetadata/action", "get")
    RECOVER = _Needs("recover/action", "recover")
    PURGE = _Needs("purge/action", "purge")


class DataRoles(Protocol):
    """Who asks for a role."""

    def is_owner(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether a caller is the emulator's own client."""
        ...

    def allows_on_data(self, claims: Mapping[str, Any], action: str, scope: ResourceId) -> bool:
        """Tell whether a role of a caller permits it."""
        ...


class VaultAccess:
    """Decides for vaults of both modes. The emulator's own client may do everything."""

    def __init__(self, roles: DataRoles) -> None:
        self._roles = roles

    def allows(self, claims: Mapping[str, Any], vault: Document, scope: ResourceId, operation: SecretOperation) -> bool:
        """Tell whether a caller may do something with a secret, or with the vault's secrets, in `scope`."""
        if self._roles.is_owner(claims):
            return True
        if vault["properties"]["enableRbacAuthorization"]:
            return self._roles.allows_on_data(claims, _action(operation), scope)
        return operation.value.permission in granted(vault, str(claims.get("oid", "")))

    def check(self, claims: Mapping[str, Any], vault: Document, scope: ResourceId, operation: SecretOperation) -> None:
        """Refuse who may not.

        Raises `VaultError` 403 in the words of the vault's mode.
        """
        if self.allows(claims, vault, scope, operation):
            return
        caller = f"appid={claims.get('appid', '')};oid={claims.get('oid', '')};iss={claims.get('iss', '')}"
        place = f"{vault['name']};location={vault['location']}"
        if vault["properties"]["enableRbacAuthorization"]:
            raise VaultError(403, "Forbidden", _denied_by_roles(caller, _action(operation), scope, place),
                             "ForbiddenByRbac")  # fmt: skip
        raise VaultError(
            403, "Forbidden",
            f"The user, group or application '{caller}' does not have secrets {operation.value.permission} permission "
            f"on key vault '{place}'. For help resolving this issue, please see "
            "https://go.microsoft.com/fwlink/?linkid=2125287",
            "AccessDenied",
        )  # fmt: skip


def granted(vault: Document, object_id: str) -> set[str]:
    """Return the permissions on secrets that the access policies give a principal."""
    words = {
        str(word).lower()
        for policy in vault["properties"]["accessPolicies"]
        if str(policy.get("objectId", "")).lower() == object_id.lower()
        for word in (policy.get("permissions") or {}).get("secrets") or ()
    }
    return {each.value.permission for each in SecretOperation} if "all" in words else words


def _action(operation: SecretOperation) -> str:
    return f"Microsoft.KeyVault/vaults/secrets/{operation.value.action}"


def _denied_by_roles(caller: str, action: str, scope: ResourceId, place: str) -> str:
    return (
        "Caller is not authorized to perform action on resource.\r\n"
        "If role assignments, deny assignments or role definitions were changed recently, please observe propagation "
        f"time.\r\nCaller: {caller}\r\nAction: '{action}'\r\nResource: '{scope.key}'\r\nAssignment: (not found)\r\n"
        f"DenyAssignmentId: null\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: {place}\r\n"
    )
