"""Identities, roles and the directory: what clients make before they let an app pull or a caller execute."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from aca_notebook.emulator.arm.roles import ACR_PULL, SESSION_EXECUTOR, Roles
from aca_notebook.emulator.arm.stored import Keeping
from aca_notebook.model.ids import parse_id
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from pathlib import Path

    from requests import Response

PULL = {"api-version": "2022-04-01"}


def identity(emulator: Running, name: str = "puller") -> Response:
    path = f"{emulator.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    return emulator.ask("PUT", path, {"location": "eastus"}, params={"api-version": "2023-01-31"})


def assign(emulator: Running, scope: str, principal: str, role: str = ACR_PULL.id, name: str = "") -> Response:
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name or uuid.uuid4()}"
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    role_id = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    body = {"properties": {"roleDefinitionId": role_id, "principalId": principal, "principalType": "ServicePrincipal"}}
    return emulator.ask("PUT", path, body, params=PULL)


def registry(emulator: Running) -> str:
    return f"{emulator.group}/providers/Microsoft.ContainerRegistry/registries/local"


def test_an_identity_keeps_its_ids_and_an_app_that_has_it_shows_the_same(emulator: Running) -> None:
    made = identity(emulator)
    assert made.status_code == 201
    assert made.headers["Location"] == made.json()["id"]
    again = identity(emulator)
    assert again.status_code == 200
    assert again.json()["properties"] == made.json()["properties"]
    body = emulator.body() | {"identity": {"type": "UserAssigned", "userAssignedIdentities": {made.json()["id"]: {}}}}
    shown = emulator.deploy(body=body)["identity"]["userAssignedIdentities"][made.json()["id"]]
    assert shown == {key: made.json()["properties"][key] for key in ("principalId", "clientId")}


def test_a_role_is_found_by_its_name_in_any_case(emulator: Running) -> None:
    path = f"{registry(emulator)}/providers/Microsoft.Authorization/roleDefinitions"
    found = emulator.ask("GET", path, params=PULL | {"$filter": "roleName eq 'acrpull'"}).json()["value"]
    assert [each["name"] for each in found] == [ACR_PULL.id]
    assert emulator.ask("GET", f"{path}/{ACR_PULL.id}", params=PULL).json() == found[0]
    refused = emulator.ask("GET", path, params=PULL | {"$filter": "owner eq 'x'"})
    assert refused.json()["error"]["code"] == "InvalidFilterInQueryString"


def test_the_same_role_is_not_given_to_the_same_principal_twice(emulator: Running) -> None:
    principal = str(uuid.uuid4())
    first = assign(emulator, registry(emulator), principal)
    assert first.status_code == 201
    second = assign(emulator, registry(emulator), principal)
    assert (second.status_code, second.json()["error"]["code"]) == (409, "RoleAssignmentExists")
    once_more = assign(emulator, registry(emulator), principal, name=first.json()["name"])
    assert (once_more.status_code, once_more.json()) == (200, first.json())
    assert assign(emulator, registry(emulator), principal, SESSION_EXECUTOR.id).status_code == 201


def test_an_assignments_description_may_change(emulator: Running) -> None:
    first = assign(emulator, registry(emulator), str(uuid.uuid4())).json()
    asked = {**first["properties"], "description": "for the builds"}
    changed = emulator.ask("PUT", first["id"], {"properties": asked}, params=PULL)
    assert (changed.status_code, changed.json()) == (200, first | {"properties": asked})
    assert emulator.ask("GET", first["id"], params=PULL).json() == changed.json()


def test_assignments_are_listed_at_above_and_below_a_scope(emulator: Running) -> None:
    principal = str(uuid.uuid4())
    seeded = emulator.ask("GET", f"{registry(emulator)}/providers/Microsoft.Authorization/roleAssignments", params=PULL)
    [of_the_environment] = [each["name"] for each in seeded.json()["value"]]
    at_registry = assign(emulator, registry(emulator), principal).json()["name"]
    at_group = assign(emulator, emulator.group, principal).json()["name"]

    def listed(scope: str, wanted: str = "") -> set[str]:
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
        answer = emulator.ask("GET", path, params=PULL | {"$filter": wanted})
        return {each["name"] for each in answer.json()["value"]} - {of_the_environment}

    assert listed(emulator.group) == listed(registry(emulator)) == {at_registry, at_group}
    assert listed(emulator.group, "atScope()") == {at_group}
    assert listed(registry(emulator), f"principalId eq '{uuid.uuid4()}'") == set()


@pytest.mark.parametrize(
    ("scope", "role", "name", "status", "code"),
    [
        ("{group}/providers/Microsoft.App/containerApps/none", ACR_PULL.id, "", 404, "ResourceNotFound"),
        ("{group}", str(uuid.UUID(int=1)), "", 404, "RoleDefinitionDoesNotExist"),
        ("{group}", ACR_PULL.id, "not-a-guid", 400, "InvalidRoleAssignmentRequest"),
    ],
)
def test_what_cannot_be_assigned_is_refused(
    emulator: Running, scope: str, role: str, name: str, status: int, code: str
) -> None:
    answer = assign(emulator, scope.format(group=emulator.group), str(uuid.uuid4()), role, name)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_role_counts_only_after_its_delay_and_no_longer_once_it_is_taken_away(emulator: Running) -> None:
    principal, parts = str(uuid.uuid4()), emulator.emulator
    keeping = Keeping(None, parts._store, parts._secrets, emulator.clock)  # type: ignore[arg-type]  # not asked here
    roles = Roles(keeping, delay_seconds=60)
    scope = parse_id(registry(emulator))

    def counts() -> bool:
        return bool(emulator.on_loop(lambda: roles.in_effect(principal, ACR_PULL, scope)))

    assert not counts()
    made = assign(emulator, emulator.group, principal).json()
    assert not counts()
    emulator.advance(timedelta(minutes=1).total_seconds())
    assert counts()
    assert emulator.ask("DELETE", made["id"], params=PULL).json() == made
    assert not counts()
    assert emulator.ask("DELETE", made["id"], params=PULL).status_code == 204


def test_the_directory_knows_the_caller_and_the_identities(emulator: Running) -> None:
    made = identity(emulator).json()["properties"]
    headers = {"Authorization": f"Bearer {emulator.environment['ACCESS_TOKEN']}"}
    assert emulator.ask("GET", "/v1.0/me", headers=headers, params={}).status_code == 401  # a token for another
    token = emulator.emulator._issuer.issue("https://graph.microsoft.com", subject="x", lifetime_seconds=60)
    headers = {"Authorization": f"Bearer {token}"}
    me = emulator.ask("GET", "/v1.0/me", headers=headers, params={}).json()
    assert uuid.UUID(me["id"])
    wanted = {"$filter": f"servicePrincipalNames/any(c:c eq '{made['clientId']}')"}
    found = emulator.ask("GET", "/v1.0/servicePrincipals", headers=headers, params=wanted).json()["value"]
    assert [each["id"] for each in found] == [made["principalId"]]
    ids = {"ids": [made["principalId"], me["id"]]}
    by_ids = emulator.ask("POST", "/v1.0/directoryObjects/getByIds", ids, headers=headers, params={}).json()
    assert {each["id"] for each in by_ids["value"]} == set(ids["ids"])


def test_what_is_about_a_resource_outlives_a_restart_and_goes_with_the_resource(data_dir: Path) -> None:
    with running_emulator(data_dir) as emulator:
        emulator.deploy()
        made = assign(emulator, emulator.app_path(), str(uuid.uuid4())).json()
    with running_emulator(data_dir) as emulator:
        assert emulator.ask("GET", made["id"], params=PULL).json() == made
        emulator.follow(emulator.ask("DELETE", emulator.app_path()))
        emulator.deploy()
        assert emulator.ask("GET", made["id"], params=PULL).json()["error"]["code"] == "RoleAssignmentNotFound"
