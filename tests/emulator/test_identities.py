"""Tokens for managed identities, outside and inside of replicas, and what their roles open."""

from __future__ import annotations

import json
import sys
import textwrap
import uuid
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential

from aca_notebook.emulator.arm.identities import client_id, principal_id
from aca_notebook.emulator.identity.replica_keys import Holder
from tests.emulator.test_vault_references import give, identity
from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulator.running import Running

ARM = "https://management.azure.com"
REGISTRY = "Microsoft.ContainerRegistry/registries"


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


@pytest.fixture
def endpoint(emulator: Running, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, emulator.environment[name])
    return emulator.environment["IDENTITY_ENDPOINT"]


def test_the_machine_has_the_emulators_client_and_every_user_assigned_identity(
    emulator: Running, endpoint: str
) -> None:
    assert endpoint
    id_ = identity(emulator)
    with ManagedIdentityCredential() as credential:
        own = claims(credential.get_token(f"{ARM}/.default").token)
    assert (own["oid"], own["appid"]) == (emulator.emulator.client.object_id, emulator.emulator.client.client_id)
    for asked in ({"client_id": client_id(id_)}, {"identity_config": {"object_id": principal_id(id_)}},
                  {"identity_config": {"resource_id": id_}}):  # fmt: skip
        with ManagedIdentityCredential(**asked) as credential:
            found = claims(credential.get_token(f"{ARM}/.default").token)
        assert (found["oid"], found["appid"], found["xms_mirid"]) == (principal_id(id_), client_id(id_), id_.lower())
    with ManagedIdentityCredential(client_id=str(uuid.uuid4())) as credential, pytest.raises(
        ClientAuthenticationError, match="No User Assigned or Delegated Managed Identity"
    ):  # fmt: skip
        credential.get_token(f"{ARM}/.default")


def test_a_replica_has_the_identities_of_its_app_and_no_others(emulator: Running) -> None:
    mine, other = identity(emulator, "mine"), identity(emulator, "other")
    body = emulator.body() | {
        "identity": {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {mine: {}}}
    }  # fmt: skip
    body["properties"]["configuration"]["identitySettings"] = [{"identity": mine, "lifecycle": "Init"}]
    shown = emulator.deploy(body=body)["identity"]
    url = emulator.environment["IDENTITY_ENDPOINT"]

    def ask(*, starting: bool = False, **query: str) -> requests.Response:
        holder = Holder(emulator.app_path().lower(), starting)
        headers = {"X-IDENTITY-HEADER": emulator.emulator._guards.keys.issue(holder)}
        return requests.get(url, params={"resource": ARM, **query}, headers=headers, timeout=10)

    system = ask().json()
    assert (claims(system["access_token"])["oid"], system["client_id"]) == (
        shown["principalId"], client_id(emulator.app_path()),
    )  # fmt: skip
    assert claims(ask(starting=True, mi_res_id=mine).json()["access_token"])["oid"] == principal_id(mine)
    for refused in (
        ask(mi_res_id=mine),
        ask(starting=True, mi_res_id=other),
        ask(starting=True, client_id=client_id(other)),
    ):
        assert (refused.status_code, refused.json()["statusCode"]) == (400, 400)
    emulator.deploy(body=emulator.body())
    without = ask()
    assert (without.status_code, without.json()["message"]) == (400, "Unable to load the proper Managed Identity.")
    forged = requests.get(url, params={"resource": ARM}, headers={"X-IDENTITY-HEADER": "x"}, timeout=10)
    assert forged.status_code == 401


def test_an_identity_does_what_its_role_permits(emulator: Running, endpoint: str) -> None:
    assert endpoint
    emulator.deploy()
    id_ = identity(emulator)
    with ManagedIdentityCredential(client_id=client_id(id_)) as credential:
        headers = {"Authorization": f"Bearer {credential.get_token(f'{ARM}/.default').token}"}
    assert emulator.ask("GET", emulator.app_path(), headers=headers).status_code == 403
    give(emulator, "Reader", principal_id(id_), emulator.app_path())
    assert emulator.ask("GET", emulator.app_path(), headers=headers).status_code == 200
    assert emulator.ask("DELETE", emulator.app_path(), headers=headers).status_code == 403


def refusal(emulator: Running, image: str = "local.azurecr.io/scorer:1") -> str:
    grants = emulator.emulator._guards.grants
    return str(emulator.on_loop(lambda: grants.pull_refusal(emulator.app_path().lower(), image)))


def test_an_app_pulls_from_a_registry_once_its_identity_may(emulator: Running) -> None:
    body = emulator.body() | {"identity": {"type": "SystemAssigned"}}
    body["properties"]["configuration"]["registries"] = [{"server": "local.azurecr.io", "identity": "system"}]
    principal = emulator.deploy(body=body)["identity"]["principalId"]
    assert refusal(emulator) == (
        'Invalid value: "local.azurecr.io/scorer:1": unable to pull image using Managed identity system for registry '
        "local.azurecr.io"
    )
    assert refusal(emulator, "mcr.microsoft.com/k8se/quickstart:latest") == ""
    assert refusal(emulator, "other.azurecr.io/scorer:1") == ""  # no registry of this emulator: an image of its table
    give(emulator, "AcrPull", principal, f"{emulator.group}/providers/{REGISTRY}/local")
    assert refusal(emulator) == ""


def test_the_identity_of_its_environment_may_pull_for_an_app(emulator: Running) -> None:
    body = emulator.body()
    body["properties"]["configuration"]["registries"] = [
        {"server": "local.azurecr.io", "identity": "system-environment"}
    ]
    emulator.deploy(body=body)
    assert refusal(emulator) == ""  # the seeded environment's has the role
    emulator.follow(emulator.ask("PATCH", emulator.environment_id, {"identity": {"type": "None"}}))
    assert refusal(emulator)
    emulator.follow(emulator.ask("PATCH", emulator.environment_id, {"identity": {"type": "SystemAssigned"}}))
    assert refusal(emulator) == ""


def test_an_app_pulls_by_password_when_it_is_the_registrys(emulator: Running) -> None:
    registry = f"{emulator.group}/providers/{REGISTRY}/local"
    password = emulator.ask("POST", f"{registry}/listCredentials").json()["passwords"][1]["value"]
    for tried, expected in ((password, ""), ("wrong", "UNAUTHORIZED: authentication required")):
        body = emulator.body()
        body["properties"]["configuration"] |= {
            "secrets": [{"name": "registry", "value": tried}],
            "registries": [{"server": "local.azurecr.io", "username": "local", "passwordSecretRef": "registry"}],
        }
        emulator.deploy(body=body)
        assert refusal(emulator).endswith(expected)
        assert bool(refusal(emulator)) is bool(expected)


def test_an_application_with_a_role_is_a_user_of_a_registry_too(emulator: Running) -> None:
    shown = emulator.control("POST", "principals", {"name": "puller"}).json()
    body = emulator.body()
    body["properties"]["configuration"] |= {
        "secrets": [{"name": "registry", "value": shown["password"]}],
        "registries": [{"server": "local.azurecr.io", "username": shown["appId"], "passwordSecretRef": "registry"}],
    }
    emulator.deploy(body=body)
    assert refusal(emulator)
    give(emulator, "AcrPull", shown["objectId"], f"{emulator.group}/providers/{REGISTRY}/local")
    assert refusal(emulator) == ""


PROGRAM = """
    import http.server, json, os
    from azure.identity import ManagedIdentityCredential
    from azure.keyvault.secrets import SecretClient

    credential = ManagedIdentityCredential()
    client = SecretClient(os.environ["VAULT"], credential, verify_challenge_resource=False)
    with open(os.environ["FILE"]) as file:
        found = {"file": file.read(), "variable": os.environ["KEY"], "sdk": client.get_secret("db-password").value}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def log_message(self, *_): pass
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["CONTAINER_APP_PORT"])), Handler).serve_forever()
"""


@pytest.mark.process
@pytest.mark.timeout(120)
def test_a_deployed_program_reads_its_secret_from_the_vault_as_its_app(tmp_path: Path) -> None:
    """A variable, a file and the unmodified SDK, all of one vault, with the identity of the app alone."""
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    emulator = RealEmulator(tmp_path / "emulator")
    try:
        control = {"Authorization": f"Bearer {(emulator.folder / 'control-token').read_text().strip()}"}
        added = {"image": "reader:1", "command": [sys.executable, str(program)]}
        url = f"{emulator.ready['http_url']}/_emulator/images"
        assert requests.put(url, json=added, headers=control, timeout=30).ok
        group = emulator.path("").partition("/providers/")[0]
        vault = f"{group}/providers/Microsoft.KeyVault/vaults/keys"
        asked = {"location": "eastus", "properties": {"enableRbacAuthorization": True}}
        address = emulator.call("PUT", vault, asked).json()["properties"]["vaultUri"]
        secret = {"properties": {"value": "from the vault"}}
        assert emulator.call("PUT", f"{vault}/secrets/db-password", secret).ok
        app = emulator.path("app-1")
        role = f"{vault}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        definition = f"{group.rpartition('/resourceGroups')[0]}/providers/Microsoft.Authorization/roleDefinitions/"
        given = {"roleDefinitionId": f"{definition}4633458b-17de-408a-b874-0445c86b69e6",
                 "principalId": principal_id(app)}  # fmt: skip
        assert emulator.call("PUT", role, {"properties": given}).status_code == 201
        properties = emulator.properties("reader:1")
        properties["configuration"]["secrets"] = [
            {"name": "key", "keyVaultUrl": "https://keys.vault.azure.net/secrets/db-password", "identity": "system"}
        ]
        properties["template"]["volumes"] = [{"name": "secrets", "storageType": "Secret"}]
        properties["template"]["containers"][0] |= {
            "env": [
                {"name": "KEY", "secretRef": "key"}, {"name": "VAULT", "value": address},
                {"name": "FILE", "value": "/mnt/secrets/key"},
            ],
            "volumeMounts": [{"volumeName": "secrets", "mountPath": "/mnt/secrets"}],
        }  # fmt: skip
        body = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": properties}
        made = emulator.call("PUT", app, body)
        assert made.status_code == 201, made.text
        answer = requests.get(emulator.address("app-1"), timeout=60)
        assert json.loads(answer.content) == dict.fromkeys(("file", "variable", "sdk"), "from the vault")
    finally:
        emulator.stop()
