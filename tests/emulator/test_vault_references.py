"""Secrets of apps and jobs that come from a vault, through the identity of the app."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from aca_notebook.emulator.arm.directory import user_identity
from aca_notebook.emulator.arm.identities import principal_id
from aca_notebook.emulator.arm.role_definitions import ROLES
from aca_notebook.emulator.arm.vault_references import Reference, read_reference
from aca_notebook.emulator.arm.vault_watch import LOOK_SECONDS, VaultWatch, uses_secret
from aca_notebook.emulator.wire import AzureError
from tests.emulator.nouns.test_key_vaults import ask, path, vault
from tests.emulator.running import Running, running_emulator
from tests.fakes.clock import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

    from requests import Response


def identity(emulator: Running, name: str = "puller") -> str:
    where = f"{emulator.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    made = emulator.ask("PUT", where, {"location": "eastus"}, params={"api-version": "2023-01-31"})
    return str(made.json()["id"])


def give(emulator: Running, role: str, principal: str, scope: str) -> None:
    [id_] = [each.id for each in ROLES if each.name == role]
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    definition = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{id_}"
    assignment = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    asked = {"properties": {"roleDefinitionId": definition, "principalId": principal}}
    assert emulator.ask("PUT", assignment, asked, params={"api-version": "2022-04-01"}).status_code == 201


def body(
    emulator: Running, url: str, who: str, *, identities: list[str] | None = None, **secret: Any
) -> dict[str, Any]:
    """An app with one secret from a vault, in a variable."""
    asked = emulator.body(
        containers=[
            {
                "name": "main", "image": "mcr.microsoft.com/k8se/quickstart:latest",
                "env": [{"name": "KEY", "secretRef": "key"}],
            }
        ]
    )  # fmt: skip
    asked["properties"]["configuration"]["secrets"] = [{"name": "key", "keyVaultUrl": url, "identity": who, **secret}]
    if identities is None:
        return asked | {"identity": {"type": "SystemAssigned"}}
    return asked | {"identity": {"type": "UserAssigned", "userAssignedIdentities": {each: {} for each in identities}}}


def value(emulator: Running, key: str) -> str:
    return str(emulator.on_loop(lambda: emulator.emulator._secrets.get(key, "key")))


@pytest.fixture
def keys(emulator: Running) -> str:
    """The address of a vault with one secret."""
    address = str(vault(emulator, enableRbacAuthorization=True)["properties"]["vaultUri"])
    ask(emulator, "PUT", f"{address}secrets/db-password", {"value": "one"})
    return address


def refused(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("form", ["own", "azure", "host"])
def test_an_app_has_the_value_that_its_identity_may_read(emulator: Running, keys: str, form: str) -> None:
    url = {
        "own": f"{keys}secrets/db-password",
        "azure": "https://keys.vault.azure.net/secrets/db-password",
        "host": "https://KEYS.vault.localhost:8321/secrets/db-password/",
    }[form]
    who = identity(emulator)
    give(emulator, "Key Vault Secrets User", principal_id(who), path(emulator))
    shown = emulator.deploy(body=body(emulator, url, who, identities=[who]))
    assert shown["properties"]["configuration"]["secrets"] == [{"name": "key", "keyVaultUrl": url, "identity": who}]
    assert value(emulator, emulator.app_path().lower()) == "one"
    listed = emulator.ask("POST", f"{emulator.app_path()}/listSecrets").json()["value"]
    assert listed == [{"name": "key", "keyVaultUrl": url, "identity": who}]


def test_an_app_reads_as_itself_once_its_own_identity_has_the_role(emulator: Running, keys: str) -> None:
    url = f"{keys}secrets/db-password"
    first = emulator.ask("PUT", emulator.app_path(), body(emulator, url, "system"))
    assert refused(first) == (400, "InvalidParameterValueInContainerTemplate")
    assert first.json()["error"]["message"] == (
        "The following field(s) are either invalid or missing. Field 'configuration.secrets' is invalid with details: "
        '\'Invalid value: "key": Unable to get value using Managed identity system for secret key. Error: unable to '
        "fetch secret 'key' using Managed identity 'system'';."
    )
    assert emulator.ask("GET", emulator.app_path()).status_code == 404
    plain = emulator.body() | {"identity": {"type": "SystemAssigned"}}
    principal = emulator.deploy(body=plain)["identity"]["principalId"]
    give(emulator, "Key Vault Secrets User", principal, f"{path(emulator)}/secrets/db-password")
    emulator.deploy(body=body(emulator, url, "system"))
    assert value(emulator, emulator.app_path().lower()) == "one"


def test_an_access_policy_opens_a_vault_to_an_identity_too(emulator: Running) -> None:
    who = identity(emulator)
    policy = {"tenantId": "t", "objectId": principal_id(who), "permissions": {"secrets": ["get"]}}
    address = vault(emulator, accessPolicies=[policy])["properties"]["vaultUri"]
    ask(emulator, "PUT", f"{address}secrets/db-password", {"value": "one"})
    emulator.deploy(body=body(emulator, f"{address}secrets/db-password", who, identities=[who]))
    assert value(emulator, emulator.app_path().lower()) == "one"


@pytest.mark.parametrize(
    ("url", "who", "expected"),
    [
        ("https://keys.vault.azure.net/secrets/none", "own", "InvalidParameterValueInContainerTemplate"),
        ("https://none.vault.azure.net/secrets/db-password", "own", "InvalidParameterValueInContainerTemplate"),
        ("https://keys.vault.azure.net/secrets/db-password", "other", "InvalidParameterValueInContainerTemplate"),
        ("https://keys..vault.azure.net/secrets/db-password", "own", "ContainerAppSecretKeyVaultUrlInvalid"),
        ("keys/db-password", "own", "ContainerAppSecretKeyVaultUrlInvalid"),
        ("https://keys.vault.azure.net/secrets/db-password", "", "ContainerAppSecretInvalid"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(
    emulator: Running, keys: str, url: str, who: str, expected: str
) -> None:
    assert keys
    own, other = identity(emulator), identity(emulator, "other")
    for each in (own, other):
        give(emulator, "Key Vault Secrets User", principal_id(each), path(emulator))
    named = {"own": own, "other": other, "": ""}[who]
    answer = emulator.ask("PUT", emulator.app_path(), body(emulator, url, named, identities=[own]))
    assert refused(answer) == (400, expected)


def test_the_newest_version_is_taken_over_and_who_uses_it_restarted(emulator: Running, keys: str) -> None:
    who = identity(emulator)
    give(emulator, "Key Vault Secrets User", principal_id(who), path(emulator))
    version = ask(emulator, "GET", f"{keys}secrets/db-password").json()["id"].rpartition("/")[2]
    url = "https://keys.vault.azure.net/secrets/db-password"
    for name, reference in (("newest", url), ("pinned", f"{url}/{version}")):
        emulator.deploy(name, body(emulator, reference, who, identities=[who]))
    other = body(emulator, url, who, identities=[who])
    other["properties"]["template"]["containers"][0]["env"] = []
    emulator.deploy("unused", other)
    ask(emulator, "PUT", f"{keys}secrets/db-password", {"value": "two"})
    asyncio.run_coroutine_threadsafe(emulator.emulator._vault_watch.once(), emulator.loop).result(20)
    assert [each.rpartition("/")[2] for each, _ in emulator.runtime.restarted] == ["newest"]
    found = {name: value(emulator, emulator.app_path(name).lower()) for name in ("newest", "pinned", "unused")}
    assert found == {"newest": "two", "pinned": "one", "unused": "two"}


@pytest.mark.anyio
async def test_the_first_look_is_after_half_an_hour_and_one_that_the_disk_refuses_is_made_again() -> None:
    looks: list[float] = []
    clock = ManualClock()

    class Store:
        def list(self, *_: object) -> list[dict[str, Any]]:
            looks.append(clock.monotonic())
            if len(looks) == 1:
                raise AzureError(507, "InsufficientStorage", "full")
            return []

    watch = VaultWatch(store=Store(), references=None, runs=None, clock=clock, subscription="s")  # type: ignore[arg-type]  # not asked here
    began = clock.monotonic()
    watch.start()
    await clock.advance(LOOK_SECONDS - 1)
    assert looks == []
    await clock.advance(1 + LOOK_SECONDS)
    assert {each - began for each in looks} == {LOOK_SECONDS, 2 * LOOK_SECONDS}
    await watch.close()


def test_a_restart_takes_over_the_newest_and_what_can_no_longer_be_read_stays(emulator: Running, keys: str) -> None:
    who = identity(emulator)
    give(emulator, "Key Vault Secrets User", principal_id(who), path(emulator))
    app = emulator.deploy(body=body(emulator, f"{keys}secrets/db-password", who, identities=[who]))
    revision = app["properties"]["latestRevisionName"]
    ask(emulator, "PUT", f"{keys}secrets/db-password", {"value": "two"})
    assert value(emulator, emulator.app_path().lower()) == "one"
    assert emulator.ask("POST", f"{emulator.app_path()}/revisions/{revision}/restart").status_code == 200
    assert value(emulator, emulator.app_path().lower()) == "two"
    ask(emulator, "DELETE", f"{keys}secrets/db-password")
    assert emulator.ask("POST", f"{emulator.app_path()}/revisions/{revision}/restart").status_code == 200
    assert value(emulator, emulator.app_path().lower()) == "two"


def test_a_job_has_its_secrets_from_a_vault_and_takes_over_the_newest_when_it_starts(
    emulator: Running, keys: str
) -> None:
    who = identity(emulator)
    give(emulator, "Key Vault Secrets User", principal_id(who), path(emulator))
    job = f"{emulator.group}/providers/Microsoft.App/jobs/nightly"
    container = {"name": "main", "image": "mcr.microsoft.com/k8se/quickstart-jobs:latest",
                 "env": [{"name": "KEY", "secretRef": "key"}]}  # fmt: skip
    asked = {
        "location": "eastus",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {who: {}}},
        "properties": {
            "environmentId": emulator.environment_id,
            "configuration": {
                "triggerType": "Manual", "replicaTimeout": 30,
                "secrets": [{"name": "key", "keyVaultUrl": f"{keys}secrets/db-password", "identity": who}],
            },
            "template": {"containers": [container]},
        },
    }  # fmt: skip
    emulator.follow(emulator.ask("PUT", job, asked))
    assert value(emulator, job.lower()) == "one"
    ask(emulator, "PUT", f"{keys}secrets/db-password", {"value": "two"})
    assert emulator.ask("POST", f"{job}/start").status_code == 200
    emulator.eventually(lambda: emulator.ask("GET", job).ok and bool(emulator.spawn.children))
    assert emulator.spawn.children[0].launch.environment["KEY"] == "two"


def test_a_value_from_a_vault_lies_nowhere_in_the_clear(data_dir: Path) -> None:
    canary = f"value-{uuid.uuid4()}"
    with running_emulator(data_dir) as emulator:
        address = vault(emulator, enableRbacAuthorization=True)["properties"]["vaultUri"]
        ask(emulator, "PUT", f"{address}secrets/db-password", {"value": canary})
        who = identity(emulator)
        give(emulator, "Key Vault Secrets User", principal_id(who), path(emulator))
        emulator.deploy(body=body(emulator, f"{address}secrets/db-password", who, identities=[who]))
        assert value(emulator, emulator.app_path().lower()) == canary
    assert [each for each in data_dir.rglob("*") if each.is_file() and canary.encode() in each.read_bytes()] == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://v.vault.azure.net/secrets/s", Reference("s", vault="v")),
        ("https://V.VAULT.azure.net:443/secrets/s/", Reference("s", vault="v")),
        (f"https://v.vault.azure.net/secrets/s/{'A' * 32}", Reference("s", "a" * 32, "v")),
        ("https://v.vault.localhost:8321/secrets/s", Reference("s", vault="v")),
        ("https://127.0.0.1:18100/secrets/s", Reference("s", port=18100)),
        ("https://127.0.0.1/secrets/s", None),
        ("http://v.vault.azure.net/secrets/s", None),
        ("https://v.vault.azure.net/keys/s", None),
        ("https://v.vault.azure.net/secrets/s/short", None),
        ("https://v.vault.azure.net.evil.example/secrets/s", None),
        ("", None),
    ],
)
def test_a_key_vault_url_is_read_as_azures_or_as_ours(url: str, expected: Reference | None) -> None:
    assert read_reference(url) == expected


@pytest.mark.parametrize(
    ("template", "uses"),
    [
        ({"containers": [{"env": [{"name": "A", "secretRef": "key"}]}]}, True),
        ({"containers": [], "initContainers": [{"env": [{"name": "A", "secretRef": "key"}]}]}, True),
        ({"containers": [{"env": [{"name": "A", "secretRef": "other"}, {"name": "B", "value": "key"}]}]}, False),
        ({"containers": [], "volumes": [{"name": "v", "storageType": "Secret"}]}, True),
        ({"containers": [], "volumes": [{"storageType": "Secret", "secrets": [{"secretRef": "other"}]}]}, False),
        ({"containers": [], "volumes": [{"name": "v", "storageType": "EmptyDir"}]}, False),
    ],
)
def test_a_revision_uses_a_secret_in_a_variable_or_a_volume(template: dict[str, Any], uses: bool) -> None:  # noqa: FBT001
    assert uses_secret(template, {"key"}) is uses


def test_an_identity_is_the_same_principal_wherever_it_is_named() -> None:
    id_ = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/I"
    assert user_identity(id_, "I").object_id == user_identity(id_.lower(), "I").object_id == principal_id(id_)
