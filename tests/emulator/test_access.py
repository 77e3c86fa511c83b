"""Who may do what: every route of Resource Manager asks for a token of its own and a role."""

from __future__ import annotations

import http.client
import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests

from aca_notebook.emulator.wire import Door
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from pathlib import Path

    from aca_notebook.emulator.wire import Route

API = {"api-version": "2026-07-01"}
ARM = "https://management.azure.com"
ROLES = {"Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7", "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
         "Managed Identity Operator": "f1a07417-d97a-45cb-824c-7a7467783830"}  # fmt: skip
IN_SUBSCRIPTION = "/subscriptions/{subscription}"


class Caller:
    """An application that a user added, with a token of its own."""

    def __init__(self, emulator: Running, name: str = "tester") -> None:
        self.emulator = emulator
        self.shown = emulator.control("POST", "principals", {"name": name}).json()
        self.token = self.obtain(ARM)

    def obtain(self, resource: str) -> str:
        tenant = self.emulator.environment["AZURE_TENANT_ID"]
        answer = requests.post(
            f"{self.emulator.environment['AZURE_RESOURCE_MANAGER_HTTP_URL']}/{tenant}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials", "client_id": self.shown["appId"],
                "client_secret": self.shown["password"], "scope": f"{resource}/.default",
            },
            timeout=10,
        )  # fmt: skip
        return str(answer.json()["access_token"])

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.emulator.ask(method, path, body, headers={"Authorization": f"Bearer {self.token}"}, params=API)

    def give(self, role: str, scope: str) -> requests.Response:
        subscription = scope.split("/")[2]
        definition = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}"
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        asked = {"properties": {"roleDefinitionId": definition, "principalId": self.shown["objectId"]}}
        answer = self.emulator.ask("PUT", path, asked, params={"api-version": "2022-04-01"})
        assert answer.status_code == 201, answer.text
        return answer


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.timeout(180)
def test_every_route_of_resource_manager_wants_a_token_for_it_that_is_not_over_and_a_role(emulator: Running) -> None:
    stranger = Caller(emulator)
    other_audience = stranger.obtain("https://vault.azure.net")
    over = emulator.emulator._issuer.issue(ARM, subject="x", lifetime_seconds=-1)
    subscription = emulator.environment["AZURE_SUBSCRIPTION_ID"]
    routes = [route for route in emulator.emulator.listed_routes() if route.door is Door.ARM]
    assert len(routes) > 200
    connection = http.client.HTTPConnection("127.0.0.1", emulator.emulator.endpoint.port, timeout=20)

    def ask(route: Route, token: str) -> tuple[int, str]:
        path = re.sub(r"\{\*?\w+\}", "x", route.template.replace("{subscription}", subscription))
        url = f"{path}?api-version={API['api-version']}"
        connection.request(route.method, url, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body)["error"]["code"] if answer.status in {401, 403} and body else ""

    for route in routes:
        told = route.method != "HEAD"  # an answer to HEAD has no body
        assert ask(route, other_audience) == (401, "InvalidAuthenticationTokenAudience" if told else ""), route
        assert ask(route, over) == (401, "ExpiredAuthenticationToken" if told else ""), route
        found = ask(route, stranger.token)
        if route.template.startswith(IN_SUBSCRIPTION):
            assert found == (403, "AuthorizationFailed" if told else ""), route
        else:  # for what is in no subscription any token of the tenant is enough, as on Azure
            assert found[0] not in {401, 403}, route
    connection.close()


def test_who_has_no_role_is_told_what_is_missing_and_sees_no_subscription(emulator: Running) -> None:
    stranger = Caller(emulator)
    refused = stranger.ask("GET", emulator.app_path())
    assert code(refused) == (403, "AuthorizationFailed")
    message = refused.json()["error"]["message"]
    assert f"The client '{stranger.shown['appId']}' with object id '{stranger.shown['objectId']}' does not" in message
    assert f"action 'Microsoft.App/containerApps/read' over scope '{emulator.app_path()}' or the scope is" in message
    assert stranger.ask("GET", "/subscriptions").json()["value"] == []


def test_a_reader_reads_and_a_contributor_writes_and_neither_gives_roles(emulator: Running) -> None:
    emulator.deploy()
    reader, contributor = Caller(emulator, "reader"), Caller(emulator, "contributor")
    reader.give("Reader", emulator.group)
    contributor.give("Contributor", emulator.group)
    assert reader.ask("GET", emulator.app_path()).status_code == 200
    assert len(reader.ask("GET", "/subscriptions").json()["value"]) == 1
    assert code(reader.ask("PUT", emulator.app_path(), emulator.body())) == (403, "AuthorizationFailed")
    assert code(reader.ask("POST", f"{emulator.app_path()}/listSecrets"))[0] == 403
    made = contributor.ask("PUT", emulator.app_path("other"), emulator.body())
    assert made.status_code == 201
    assert contributor.ask("GET", made.headers["Azure-AsyncOperation"].partition("?")[0]).status_code == 200
    assignment = f"{emulator.group}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    assert code(contributor.ask("PUT", assignment, {})) == (403, "AuthorizationFailed")


def test_who_writes_an_app_must_be_let_into_its_environment_and_may_assign_its_identities(emulator: Running) -> None:
    emulator.deploy()
    caller = Caller(emulator)
    caller.give("Contributor", emulator.app_path())
    refused = caller.ask("PUT", emulator.app_path(), emulator.body())
    assert code(refused) == (403, "LinkedAuthorizationFailed")
    said = refused.json()["error"]["message"]
    assert (
        f"action(s) 'Microsoft.App/managedEnvironments/join/action' on the linked scope(s) '{emulator.environment_id}'"
        in said
    )
    caller.give("Contributor", emulator.environment_id)
    emulator.follow(caller.ask("PUT", emulator.app_path(), emulator.body()))
    identity = f"{emulator.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one"
    emulator.ask("PUT", identity, {"location": "eastus"}, params=API)
    asked = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}}
    assert code(caller.ask("PATCH", emulator.app_path(), asked)) == (403, "LinkedAuthorizationFailed")
    caller.give("Managed Identity Operator", identity)
    assert caller.ask("PATCH", emulator.app_path(), asked).status_code == 202


def test_a_list_of_the_subscription_shows_what_its_caller_may_read(emulator: Running) -> None:
    emulator.deploy("mine")
    emulator.deploy("theirs")
    caller = Caller(emulator)
    caller.give("Reader", emulator.app_path("mine"))
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    apps = caller.ask("GET", f"{subscription}/providers/Microsoft.App/containerApps").json()["value"]
    assert [each["name"] for each in apps] == ["mine"]
    resources = caller.ask("GET", f"{subscription}/resources").json()["value"]
    assert [each["name"] for each in resources] == ["mine"]
    assert caller.ask("GET", f"{subscription}/resourceGroups").json()["value"] == []
    assert caller.ask("GET", emulator.app_path("theirs")).status_code == 403


def test_a_role_counts_once_it_is_in_effect(data_dir: Path) -> None:
    with running_emulator(data_dir, role_delay_seconds=60.0) as emulator:
        emulator.deploy()
        caller = Caller(emulator)
        caller.give("Reader", emulator.app_path())
        assert caller.ask("GET", emulator.app_path()).status_code == 403
        emulator.advance(60)
        assert caller.ask("GET", emulator.app_path()).status_code == 200


def test_a_principal_outlives_a_restart_and_its_secret_is_told_once(data_dir: Path) -> None:
    with running_emulator(data_dir) as emulator:
        caller = Caller(emulator)
        caller.give("Reader", emulator.group)
    with running_emulator(data_dir) as emulator:
        caller.emulator = emulator
        caller.token = caller.obtain(ARM)
        assert caller.ask("GET", emulator.group).status_code == 200
        listed = emulator.control("GET", "principals").json()["value"]
        assert [each["displayName"] for each in listed] == ["Local", "tester"]
        assert caller.shown["password"] not in str(listed)
        assert emulator.control("DELETE", f"principals/{caller.shown['appId']}").status_code == 204
        with pytest.raises(KeyError):
            caller.obtain(ARM)
        assert emulator.control("DELETE", f"principals/{caller.shown['appId']}").status_code == 404
        own = emulator.environment["AZURE_CLIENT_ID"]
        assert emulator.control("DELETE", f"principals/{own}").status_code == 400


def test_a_principal_with_a_wrong_secret_or_an_odd_name_gets_nothing(emulator: Running) -> None:
    caller = Caller(emulator)
    caller.shown["password"] = "wrong"  # that is the point
    with pytest.raises(KeyError):
        caller.obtain(ARM)
    assert emulator.control("POST", "principals", {"name": "/"}).status_code == 400
