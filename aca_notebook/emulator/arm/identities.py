"""Managed identities of resources: what was asked for, with the ids Azure gives them (facts §3.3)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.values import member, text

if TYPE_CHECKING:
    from aca_notebook.model.ids import ResourceId

_NAMESPACE = uuid.UUID("5cbd4fb4-5c5f-5a2d-9a5e-9f2c2ad9e0a1")


def settled_identity(asked: Any, owner: ResourceId, tenant_id: str) -> dict[str, Any]:
    """Return the identity a resource answers; ids are the same each time.

    Raises `AzureError` 400 for a type that does not exist.
    """
    given = member(asked, "identity")
    wanted = text(given.get("type"), "identity.type") or "None"
    parts = {part.strip().lower() for part in wanted.split(",")}
    unknown = parts - {"none", "systemassigned", "userassigned"}
    if unknown:
        raise invalid("InvalidIdentityType", f"The identity type '{wanted}' is not valid.")
    system, user = "systemassigned" in parts, "userassigned" in parts
    kinds = [name for name, there in (("SystemAssigned", system), ("UserAssigned", user)) if there]
    shown: dict[str, Any] = {"type": ", ".join(kinds) or "None"}
    if system:
        shown |= {"principalId": principal_id(owner.key), "tenantId": tenant_id}
    if user:
        identities = member(given.get("userAssignedIdentities"), "identity.userAssignedIdentities")
        shown["userAssignedIdentities"] = {
            id_: {"principalId": principal_id(id_), "clientId": client_id(id_)} for id_ in identities
        }
    return shown


def principal_id(owner: str) -> str:
    """Return the directory's id for an identity, given the id of the resource that has it or is it."""
    return _guid("principal", owner.lower())


def client_id(owner: str) -> str:
    """Return the application's id of an identity, which tokens are asked for by."""
    return _guid("client", owner.lower())


def _guid(what: str, of: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{what} {of}"))
