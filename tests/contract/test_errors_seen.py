"""Errors that Azure was seen to answer are provoked here, and told with the same status, code and sentence.

The list is another's file, beside the recordings. Its paths are cut off, so names are read from the sentences.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.conftest import folder_named_by, require_folder
from tests.contract.test_recorded_traffic import RECORDINGS
from tests.emulator.nouns.test_children import pfx
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

_FILE = "errors-seen.txt"
_HEAD = re.compile(r"(?P<status>\d{3}) (?P<code>\S+) \| \S+ \| (?P<method>[A-Z]+) (?P<path>\S+)")
_SUBSCRIPTION = re.compile(r"/subscriptions/[0-9a-f-]{36}")
#: Codes of what is not offered, each with the reason.
ELSEWHERE = {
    "NotFound": "DNS zones are not emulated",
    "JavaComponentInUse": "Java components are refused",
    "100026": "connected environments are refused",
    "100200": "connected environments are refused",
    "Unauthorized": "a key vault answers at an address of its own",
}


@dataclass(frozen=True)
class Seen:
    """One error: what was asked for and what was said."""

    status: int
    code: str
    method: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.method} {self.code} {re.sub(r'[^A-Za-z]+', ' ', self.message)[:40]}"

    def names(self, pattern: str) -> tuple[str, ...]:
        """The names that the sentence holds."""
        found = re.search(pattern, self.message)
        assert found is not None, self.message
        return found.groups()

    @property
    def group(self) -> str:
        """The resource group it is about."""
        found = re.search(r"/resourceGroups/([^/]+)", f"{self.path} {self.message}", re.IGNORECASE)
        return found[1] if found else "local"


def _all_seen() -> list[Seen]:
    folder = folder_named_by(RECORDINGS)
    file = folder.parent / _FILE if folder else None
    if file is None or not file.exists():
        return []
    lines = file.read_text().splitlines()
    found: dict[tuple[str, str], Seen] = {}
    for line, following in pairwise(lines):
        head = _HEAD.match(line)
        if head is None or int(head["status"]) < 400 or head["code"] == "None":
            continue
        body = json.loads(following)
        error = body.get("error", body)
        seen = Seen(int(head["status"]), str(error["code"]), head["method"], head["path"], error["message"])
        found.setdefault((seen.method, seen.message), seen)
    return list(found.values())


SEEN = _all_seen()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_emulator(tmp_path_factory.mktemp("errors")) as running:
        yield running


class World:
    """One emulator with what an error needs around it, under the names that were seen."""

    def __init__(self, emulator: Running, seen: Seen) -> None:
        self.emulator = emulator
        self.seen = seen
        subscription = emulator.group.rpartition("/resourceGroups/")[0]
        self.group = f"{subscription}/resourceGroups/{seen.group}"
        self.app_provider = f"{self.group}/providers/Microsoft.App"
        self.put(self.group, {"location": "eastus"})

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.emulator.ask(method, path if path.startswith("/subscr") else f"{self.app_provider}/{path}", body)

    def put(self, path: str, body: Any) -> str:
        answer = self.ask("PUT", path, body)
        assert answer.status_code < 300, answer.text
        if "Azure-AsyncOperation" in answer.headers:
            self.emulator.follow(answer)
        return str(answer.json()["id"])

    def environment(self, name: str) -> str:
        profiles = [{"name": "Consumption", "workloadProfileType": "Consumption"}]
        return self.put(
            f"managedEnvironments/{name}", {"location": "eastus", "properties": {"workloadProfiles": profiles}}
        )

    def app(self, name: str, **ingress: Any) -> str:
        return self.put(f"containerApps/{name}", self.app_body(**ingress))

    def app_body(self, **ingress: Any) -> dict[str, Any]:
        body = self.emulator.body()
        body["properties"]["configuration"]["ingress"] |= ingress
        return body


def _registry_secret(world: World) -> requests.Response:
    secret, server = world.seen.names(r"PasswordSecretRef '(\S+)' defined for registry server '(\S+)'")
    body = world.app_body()
    body["properties"]["configuration"]["registries"] = [
        {"server": server, "username": "u", "passwordSecretRef": secret}
    ]
    return world.ask("PUT", "containerApps/with-registry", body)


def _storage(world: World) -> requests.Response:
    (name,) = world.seen.names(r"'(\S+)'")
    world.environment("env")
    return world.ask("GET", f"managedEnvironments/env/storages/{name}")


def _sign_in(world: World) -> requests.Response:
    (app,) = world.seen.names(r"container app (\S+)\.$")
    world.app(app)
    return world.ask("GET", f"containerApps/{app}/authConfigs/current")


def _sign_in_secret(world: World) -> requests.Response:
    secret, app = world.seen.names(r"name '(\S+)' is .* app '(\S+)'\.$")
    world.app(app)
    facebook = {"registration": {"appId": "1", "appSecretSettingName": secret}}
    body = {"properties": {"identityProviders": {"facebook": facebook}}}
    return world.ask("PUT", f"containerApps/{app}/authConfigs/current", body)


def _role(world: World) -> requests.Response:
    scope = world.environment("env")
    roles = f"{scope.partition('/resourceGroups')[0]}/providers/Microsoft.Authorization"
    role = f"{roles}/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d"
    asked = {"properties": {"roleDefinitionId": role, "principalId": "33333333-3333-4333-8333-333333333333"}}
    assignments = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
    first = world.ask("PUT", f"{assignments}/11111111-1111-4111-8111-111111111111", asked)
    assert first.status_code == 201, first.text
    return world.ask("PUT", f"{assignments}/22222222-2222-4222-8222-222222222222", asked)


def _certificate(world: World) -> requests.Response:
    (name,) = world.seen.names(r"Certificate '(\S+)' is")
    managed = name.startswith("mc-")
    kind = "managedCertificates" if managed else "certificates"
    host = "shop.example.org"
    world.app("shop", customDomains=[{"name": host, "bindingType": "Disabled"}])
    path = f"{world.emulator.environment_id}/{kind}/{name}"
    properties = {"subjectName": host} if managed else {"value": pfx("word"), "password": "word"}
    id_ = world.put(path, {"location": "eastus", "properties": properties})
    world.app("shop", customDomains=[{"name": host, "bindingType": "SniEnabled", "certificateId": id_}])
    return world.ask("DELETE", path)


def _dapr_component(world: World) -> requests.Response:
    (name,) = world.seen.names(r"'(\S+)'")
    world.environment("env")
    path = f"managedEnvironments/env/daprComponents/{name}"
    if world.seen.method == "GET":
        return world.ask("GET", path)
    return world.ask("PUT", f"{path}/resiliencyPolicies/calm", {"properties": {}})


def _dapr_policy(world: World) -> requests.Response:
    (name,) = world.seen.names(r"'(\S+)'")
    world.environment("env")
    component = "managedEnvironments/env/daprComponents/store"
    world.put(component, {"properties": {"componentType": "state.redis", "version": "v1"}})
    return world.ask("GET", f"{component}/resiliencyPolicies/{name}")


def _maintenance(world: World) -> requests.Response:
    world.environment("env")
    return world.ask("GET", "managedenvironments/env/maintenanceConfigurations/default")


def _parent(world: World) -> requests.Response:
    verb, types, parent = world.seen.names(r"perform '(\w+)' .* type '(\S+)', because the parent resource '(\S+)'")
    ours = re.sub(r"^/subscriptions/[^/]+", world.group.partition("/resourceGroups")[0], parent)
    method = {"write": "PUT", "read": "GET"}[verb]
    return world.ask(method, f"{ours}/{types.rpartition('/')[2]}/calm", {"properties": {}} if verb == "write" else None)


def _app_policy(world: World) -> requests.Response:
    (name,) = world.seen.names(r"'(\S+)'")
    world.app("calm-app")
    return world.ask("GET", f"containerApps/calm-app/resiliencyPolicies/{name}")


PROVOKED: dict[str, Callable[[World], requests.Response]] = {
    "ContainerAppRegistriesPasswordSecretRefNotFound": _registry_secret,
    "ManagedEnvironmentStorageNotFound": _storage,
    "AuthConfigNotFound": _sign_in,
    "AuthConfigSecretRefNotFound": _sign_in_secret,
    "RoleAssignmentExists": _role,
    "CertificateInUse": _certificate,
    "DaprComponentNotFound": _dapr_component,
    "DaprComponentResiliencyNotFound": _dapr_policy,
    "MaintenanceConfigurationNotFound": _maintenance,
    "ParentResourceNotFound": _parent,
    "AppResiliencyNotFound": _app_policy,
}


def _require_list() -> None:
    require_folder(RECORDINGS)
    if not SEEN:
        pytest.skip(f"there is no {_FILE} beside the recordings")


@pytest.mark.parametrize("seen", [each for each in SEEN if each.code in PROVOKED] or [None], ids=str)
def test_an_error_is_told_as_it_was_seen(emulator: Running, seen: Seen | None) -> None:
    _require_list()
    assert seen is not None
    answer = PROVOKED[seen.code](World(emulator, seen))
    error = answer.json()["error"]
    expected = _SUBSCRIPTION.sub("/subscriptions/…", seen.message)
    assert (answer.status_code, error["code"]) == (seen.status, seen.code)
    assert _SUBSCRIPTION.sub("/subscriptions/…", error["message"]) == expected


def test_every_error_seen_is_provoked_or_named_as_not_offered() -> None:
    _require_list()
    assert {each.code for each in SEEN} == {*PROVOKED, *ELSEWHERE}


def test_a_group_that_is_not_there_is_told_by_head(emulator: Running) -> None:
    """Seen as a bare 404."""
    answer = emulator.ask(
        "HEAD", f"{emulator.group.rpartition('/')[0]}/none".replace("resourceGroups", "resourcegroups")
    )
    assert (answer.status_code, answer.content) == (404, b"")
