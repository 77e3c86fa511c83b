"""Roles: what a principal may do at a scope, given once however often it is asked for (facts §14)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from aca_notebook.azure import faults
from aca_notebook.clock import parse_instant
from aca_notebook.errors import Conflict, NotFound
from aca_notebook.model.roles import Assignment

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.azure.connection import Connection

_DEFINITIONS = "providers/Microsoft.Authorization/roleDefinitions"


class Roles:
    """The role assignments of one subscription. Every method raises the errors of `faults`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._subscription = connection.target.subscription_id

    async def named(self, name: str, scope: str) -> str:
        """Return the GUID of the role that Azure calls `name` (`Key Vault Secrets User`). Raises `NotFound`."""
        definitions = self._connection.authorization.role_definitions
        with faults.translated(f"the role {name!r}"):
            found = [each async for each in definitions.list(scope, filter=f"roleName eq '{name}'")]
        if not found:
            raise NotFound(
                f"there is no role {name!r}", status=404, code="RoleDefinitionDoesNotExist",
                hint="names are Azure's: `az role definition list --query [].roleName`",
            )  # fmt: skip
        return str(found[0].name)

    async def names(self) -> dict[str, str]:
        """Return what Azure calls each role of the subscription, by its GUID."""
        scope = f"/subscriptions/{self._subscription}"
        with faults.translated("the roles"):
            found = self._connection.authorization.role_definitions.list(scope)
            return {str(each.name).lower(): str(each.role_name) async for each in found}

    async def at(self, scope: str, principal: str = "") -> tuple[Assignment, ...]:
        """Return the assignments at a scope and above it: all, or a principal's with those of groups it is in."""
        client = self._connection.authorization.role_assignments
        wanted = f"assignedTo('{principal}')" if principal else "atScope()"
        with faults.translated("the role assignments"):
            return tuple([_read(each) async for each in client.list_for_scope(scope, filter=wanted)])

    async def assign(
        self, role: str, scope: str, principal: str, *, kind: str = "ServicePrincipal", description: str = ""
    ) -> None:  # fmt: skip
        """Give a role, by its GUID; the assignment's name follows from all three, so that twice is once.

        `kind` spares Azure the look-up of a principal that was made a moment ago, which it may not know everywhere yet.
        """
        from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters

        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}|{principal}|{role}".lower()))
        wanted = RoleAssignmentCreateParameters(
            role_definition_id=f"/subscriptions/{self._subscription}/{_DEFINITIONS}/{role}", principal_id=principal,
            principal_type=kind, description=description or None,
        )  # fmt: skip
        try:
            with faults.translated("the role assignment"):
                await self._connection.authorization.role_assignments.create(scope, name, wanted)
        except Conflict as there:
            if there.code != "RoleAssignmentExists":  # somebody has given it under another name
                raise

    async def remove(self, assignment_id: str) -> None:
        """Take a role away; one that is not there any more is fine."""
        with faults.translated("the role assignment"):
            await self._connection.authorization.role_assignments.delete_by_id(assignment_id)


def _read(found: object) -> Assignment:
    given = {name: getattr(found, name, None) for name in ("id", "role_definition_id", "principal_id", "scope")}
    id_, role, principal, scope = (str(value or "") for value in given.values())
    made = getattr(found, "created_on", None) or getattr(found, "updated_on", None)
    return Assignment(
        id_, role.rpartition("/")[2].lower(), principal.lower(), scope, _moment(made),
        str(getattr(found, "description", "") or ""),
    )  # fmt: skip


def _moment(made: object) -> datetime | None:
    return parse_instant(made) if isinstance(made, str) else made  # type: ignore[return-value]  # the SDK's datetime
