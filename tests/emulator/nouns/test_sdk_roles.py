"""azure-mgmt-msi and azure-mgmt-authorization, unmodified."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.models import RoleAssignmentCreateParameters
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.models import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulator.running import Running


def test_an_identity_is_made_given_a_role_and_taken_away(sdk: Callable[[type], Any], emulator: Running) -> None:
    identities = sdk(ManagedServiceIdentityClient).user_assigned_identities
    authorization = sdk(AuthorizationManagementClient)
    made = identities.create_or_update("local", "puller", Identity(location="eastus"))
    scope = f"{emulator.group}/providers/Microsoft.ContainerRegistry/registries/local"
    [role] = authorization.role_definitions.list(scope, filter="roleName eq 'AcrPull'")
    wanted = RoleAssignmentCreateParameters(
        role_definition_id=role.id, principal_id=made.principal_id, principal_type="ServicePrincipal"
    )
    given = authorization.role_assignments.create(scope, str(uuid.uuid4()), wanted)
    with pytest.raises(ResourceExistsError, match="RoleAssignmentExists"):
        authorization.role_assignments.create(scope, str(uuid.uuid4()), wanted)
    listed = authorization.role_assignments.list_for_scope(scope, filter=f"assignedTo('{made.principal_id}')")
    assert [each.id for each in listed] == [given.id]
    assert authorization.role_assignments.get_by_id(given.id).principal_id == made.principal_id
    assert authorization.role_definitions.get(scope, role.name).role_name == "AcrPull"
    authorization.role_assignments.delete(scope, given.name)
    of_it = f"assignedTo('{made.principal_id}')"
    assert list(authorization.role_assignments.list_for_scope(scope, filter=of_it)) == []
    assert [each.name for each in identities.list_by_resource_group("local")] == ["puller"]
    assert [each.name for each in identities.list_by_subscription()] == ["puller"]
    identities.delete("local", "puller")
    assert list(identities.list_by_subscription()) == []
