"""Requests as Azure's actions, and what built-in roles permit."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from aca_notebook.emulator.arm.role_definitions import BY_ID, ROLES
from aca_notebook.emulator.identity.actions import Asked, asked, linked
from aca_notebook.emulator.identity.replica_keys import Holder, ReplicaKeys

GROUP = "/subscriptions/s/resourceGroups/g"
APP = f"{GROUP}/providers/Microsoft.App/containerApps/a"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/subscriptions", None),
        ("GET", "/tenants", None),
        ("GET", "/subscriptions/s", Asked("/subscriptions/s")),
        ("GET", "/subscriptions/s/providers/Microsoft.App", Asked("/subscriptions/s")),
        ("POST", "/subscriptions/s/providers/Microsoft.App/register",
         Asked("/subscriptions/s", "Microsoft.App/register/action")),
        ("PUT", GROUP, Asked(GROUP, "Microsoft.Resources/subscriptions/resourceGroups/write")),
        ("GET", "/subscriptions/s/resourceGroups",
         Asked("/subscriptions/s", "Microsoft.Resources/subscriptions/resourceGroups/read", listing=True)),
        ("GET", "/subscriptions/s/resources",
         Asked("/subscriptions/s", "Microsoft.Resources/subscriptions/resources/read", listing=True)),
        ("GET", f"{GROUP}/resources", Asked(GROUP, "Microsoft.Resources/subscriptions/resourceGroups/resources/read")),
        ("PUT", APP, Asked(APP, "Microsoft.App/containerApps/write")),
        ("PATCH", APP, Asked(APP, "Microsoft.App/containerApps/write")),
        ("DELETE", APP, Asked(APP, "Microsoft.App/containerApps/delete")),
        ("HEAD", APP, Asked(APP, "Microsoft.App/containerApps/read")),
        ("GET", f"{APP}/", Asked(APP, "Microsoft.App/containerApps/read")),
        ("GET", f"{GROUP}/providers/Microsoft.App/containerApps", Asked(GROUP, "Microsoft.App/containerApps/read")),
        ("GET", "/subscriptions/s/providers/Microsoft.App/containerApps",
         Asked("/subscriptions/s", "Microsoft.App/containerApps/read", listing=True)),
        ("GET", f"{APP}/revisions", Asked(APP, "Microsoft.App/containerApps/revisions/read")),
        ("POST", f"{APP}/listSecrets", Asked(APP, "Microsoft.App/containerApps/listSecrets/action")),
        ("POST", f"{APP}/revisions/r/restart",
         Asked(f"{APP}/revisions/r", "Microsoft.App/containerApps/revisions/restart/action")),
        ("PUT", f"{APP}/providers/Microsoft.Authorization/roleAssignments/n",
         Asked(f"{APP}/providers/Microsoft.Authorization/roleAssignments/n",
               "Microsoft.Authorization/roleAssignments/write")),
        ("GET", f"{APP}/providers/Microsoft.Insights/metrics", Asked(APP, "Microsoft.Insights/metrics/read")),
        ("GET", f"{APP}/providers/Microsoft.Authorization/roleDefinitions", Asked("/subscriptions/s")),
        ("GET", "/subscriptions/s/providers/Microsoft.App/locations/eastus/containerappOperationStatuses/o",
         Asked("/subscriptions/s")),
        ("GET", "/subscriptions/s/operationresults/o", Asked("/subscriptions/s")),
        ("POST", "/subscriptions/s/providers/Microsoft.KeyVault/checkNameAvailability",
         Asked("/subscriptions/s", "Microsoft.KeyVault/checkNameAvailability/read")),
    ],
)  # fmt: skip
def test_a_request_is_one_of_azures_actions(method: str, path: str, expected: Asked | None) -> None:
    assert asked(method, path) == expected


@pytest.mark.parametrize(
    ("role", "action", "permitted"),
    [
        ("Owner", "Microsoft.Authorization/roleAssignments/write", True),
        ("Contributor", "Microsoft.App/containerApps/write", True),
        ("Contributor", "Microsoft.Authorization/roleAssignments/write", False),
        ("Contributor", "Microsoft.Authorization/roleAssignments/read", True),
        ("Reader", "Microsoft.App/containerApps/read", True),
        ("Reader", "Microsoft.App/containerApps/listSecrets/action", False),
        ("Reader", "Microsoft.ContainerRegistry/registries/pull/read", True),
        ("AcrPull", "microsoft.containerregistry/registries/PULL/read", True),
        ("AcrPull", "Microsoft.ContainerRegistry/registries/read", False),
        ("Container Apps Contributor", "Microsoft.App/containerApps/write", True),
        ("Container Apps Contributor", "Microsoft.App/containerApps/revisions/restart/action", True),
        ("Container Apps Contributor", "Microsoft.App/managedEnvironments/write", False),
        ("Container Apps Operator", "Microsoft.App/containerApps/write", False),
        ("Container Apps Operator", "Microsoft.App/containerApps/getAuthToken/action", True),
        ("Container Apps Jobs Operator", "Microsoft.App/jobs/start/action", True),
        ("Container Apps Jobs Operator", "Microsoft.App/jobs/write", False),
    ],
)
def test_a_role_permits_what_its_actions_say(role: str, action: str, permitted: bool) -> None:  # noqa: FBT001
    [found] = [each for each in ROLES if each.name == role]
    assert found.permits(action) is permitted


def test_an_owner_may_do_nothing_with_data_and_a_secrets_user_nothing_but_that() -> None:
    get = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
    allowed = {role.name for role in ROLES if role.permits(get, on_data=True)}
    assert allowed == {"Key Vault Secrets User", "Key Vault Secrets Officer", "Key Vault Administrator"}
    [user] = [role for role in ROLES if role.name == "Key Vault Secrets User"]
    assert not user.permits("Microsoft.KeyVault/vaults/read")


def test_every_role_has_a_guid_and_a_name_of_its_own() -> None:
    assert len(BY_ID) == len(ROLES) == len({role.name.lower() for role in ROLES})
    assert all(str(uuid.UUID(role.id)) == role.id for role in ROLES)


def test_a_replicas_header_tells_whose_it_is_and_cannot_be_made_up() -> None:
    keys = ReplicaKeys(b"k" * 32)
    holder = Holder("/subscriptions/s/…/containerapps/a", starting=True)
    header = keys.issue(holder)
    assert keys.read(header) == holder
    forged = ReplicaKeys(b"x" * 32).issue(holder)
    assert [keys.read(each) for each in (forged, "", ".", header[:-1], f"x{header}")] == [None] * 5


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, []),
        ({"properties": "x", "identity": ["x"]}, []),
        ({"properties": {"environmentId": "/e", "managedEnvironmentId": "/e"}}, [("/e", "join")]),
        ({"properties": {"environmentId": None}, "identity": {"type": "SystemAssigned"}}, []),
        ({"identity": {"userAssignedIdentities": {"/i": {}, "/gone": None}}}, [("/i", "assign")]),
    ],
)
def test_a_written_resource_needs_something_of_those_it_names(
    body: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert [(each.scope, each.action.split("/")[-2]) for each in linked(body)] == expected
