"""Secret values go into their store and out by the operations that are for that: nowhere else, by no mistake.

Canaries are given to every operation that takes a secret, rightly and wrongly; then all that can be read is read.
"""

from __future__ import annotations

import base64
import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from aca_notebook.emulator.description.requests import TAKEN
from aca_notebook.emulator.wire import Door
from tests.emulator.furnished import IMAGE, furnish, job_body, named
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Reading a secret is what these are for.
TELLING = {
    "ContainerApps_ListSecrets", "Jobs_ListSecrets", "DaprComponents_ListSecrets", "Registries_ListCredentials",
    "SharedKeys_GetSharedKeys", "StorageAccounts_ListKeys", "KeyVault_GetSecret", "KeyVault_GetSecretVersion",
}  # fmt: skip


class Canaries:
    """Values that stand nowhere else, each by where it was put."""

    def __init__(self) -> None:
        self.sung: dict[str, str] = {}

    def __call__(self, where: str) -> str:
        return self.sung.setdefault(where, f"canary{len(self.sung):02}x{len(where)}yq7Zk1")

    def heard(self, text: str | bytes) -> list[str]:
        raw = text.encode() if isinstance(text, str) else text
        return [where for where, value in self.sung.items() if value.encode() in raw]


@pytest.fixture(scope="module")
def sung(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Canaries, dict[str, str], list[str]]]:
    folder = tmp_path_factory.mktemp("secrets") / "emulator"
    said: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda record: said.append(record.getMessage() + str(record.exc_info or ""))  # type: ignore[method-assign]  # a handler in one line
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with running_emulator(folder) as running:
            canaries = Canaries()
            known = furnish(running)
            for path, body in given(running, canaries):
                answer = running.ask("PUT", path, body)
                assert answer.status_code in {200, 201}, answer.text
                assert canaries.heard(answer.text) == [], path
                if "Azure-AsyncOperation" in answer.headers:
                    running.follow(answer)
            elsewhere(running, canaries)
            refused(running, canaries)
            yield running, canaries, known, said
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def given(running: Running, canary: Canaries) -> Iterator[tuple[str, dict[str, Any]]]:
    """Writes that Azure would take, each with secrets in it."""
    provider = f"{running.group}/providers/Microsoft.App"
    app = running.body(containers=[{
        "name": "main", "image": IMAGE, "env": [{"name": "A", "secretRef": "one"}],
    }])  # fmt: skip
    app["properties"]["configuration"]["secrets"] = [{"name": "one", "value": canary("app's secret")}]
    app["properties"]["configuration"]["registries"] = [
        {"server": "example.azurecr.io", "username": "u", "passwordSecretRef": "one"}
    ]
    yield running.app_path("app"), app
    job = job_body(running)
    job["properties"]["configuration"]["secrets"] = [{"name": "one", "value": canary("job's secret")}]
    yield f"{provider}/jobs/job", job
    secrets = [{"name": "one", "value": canary("pool's secret")}]
    yield (
        f"{provider}/sessionPools/pool",
        {
            "location": "eastus",
            "properties": {"containerType": "PythonLTS", "scaleConfiguration": {}, "secrets": secrets},
        },
    )
    share = {"accountName": "a", "shareName": "s", "accessMode": "ReadOnly", "accountKey": canary("share's key")}
    yield f"{running.environment_id}/storages/share", {"properties": {"azureFile": share}}
    secrets = [{"name": "one", "value": canary("component's secret")}]
    yield (
        f"{running.environment_id}/daprComponents/component",
        {"properties": {"componentType": "state.redis", "version": "v1", "secrets": secrets}},
    )
    password = canary("certificate's password")
    yield f"{running.environment_id}/certificates/one", {
        "location": "eastus", "properties": {"password": password, "value": certificate(password)},
    }  # fmt: skip
    logs = {"customerId": "8c6d8d7a-6d0a-4d0a-9d0a-6d0a8c6d8d7a", "sharedKey": canary("workspace's shared key")}
    yield (
        f"{provider}/managedEnvironments/second",
        {
            "location": "eastus",
            "properties": {
                "appLogsConfiguration": {"destination": "log-analytics", "logAnalyticsConfiguration": logs},
                "daprAIInstrumentationKey": canary("instrumentation key"),
                "daprAIConnectionString": canary("connection string"),
            },
        },
    )


def elsewhere(running: Running, canary: Canaries) -> None:
    """Secrets that do not come by Resource Manager, or are made here."""
    tenant = running.environment["AZURE_TENANT_ID"]
    vault = f"{running.group}/providers/Microsoft.KeyVault/vaults/canaries"
    asked = {"tenantId": tenant, "sku": {"family": "A", "name": "standard"}, "accessPolicies": [
        {"tenantId": tenant, "objectId": running.emulator.client.object_id, "permissions": {"secrets": ["all"]}}
    ]}  # fmt: skip
    made = running.ask("PUT", vault, {"location": "eastus", "properties": asked}, params={"api-version": "2023-07-01"})
    address = made.json()["properties"]["vaultUri"].replace("https://", "http://")
    token = running.emulator._issuer.issue("https://vault.azure.net", subject=running.emulator.client.object_id)
    kept = running.ask(
        "PUT", f"{address}secrets/one", {"value": canary("vault's secret")}, params={"api-version": "7.4"},
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip
    assert kept.status_code == 200, kept.text
    principal = running.control("POST", "principals", {"name": "canary"}).json()
    canary.sung["principal's password"] = principal["password"]
    storage = f"{running.group}/providers/Microsoft.Storage/storageAccounts/account/listKeys"
    canary.sung["storage account's key"] = running.ask("POST", storage).json()["keys"][0]["value"]
    workspace = f"{running.group}/providers/Microsoft.OperationalInsights/workspaces/workspace/sharedKeys"
    canary.sung["workspace's own key"] = running.ask("POST", workspace).json()["primarySharedKey"]
    token = running.ask("POST", f"{running.app_path('app')}/getAuthToken").json()["properties"]["token"]
    canary.sung["log stream's token"] = token
    registry = f"{running.group}/providers/Microsoft.ContainerRegistry/registries/local"
    arguments = [{"name": "PASSWORD", "value": canary("build's argument"), "isSecret": True}]
    running.ask("POST", f"{registry}/scheduleRun", {"type": "EncodedTaskRunRequest", "values": arguments})
    running.ask("POST", f"{registry}/scheduleRun", {"type": "DockerBuildRequest", "arguments": arguments})


def refused(running: Running, canary: Canaries) -> None:
    """Writes that are no good, with a secret in the wrong place: the refusal must not repeat it."""
    wrong = canary("a secret in the wrong place")
    app = running.body()
    for place in (
        {"secrets": [{"name": "one", "value": {"inner": wrong}}]},
        {"secrets": [{"name": "one", "value": [wrong]}]},
        {"secrets": wrong},
        {"secrets": [wrong]},
        {"secrets": [{"name": "one", "value": wrong}], "activeRevisionsMode": "none of them"},
        {"secrets": [{"name": "ONE!", "value": wrong}]},
        {"ingress": wrong},
        {"registries": [{"server": "s", "username": "u", "passwordSecretRef": {"x": wrong}}]},
        {"maxInactiveRevisions": wrong},
    ):
        body = app | {"properties": app["properties"] | {"configuration": place}}
        answer = running.ask("PUT", running.app_path("refused"), body)
        assert answer.status_code == 400, (place, answer.text)
        assert canary.heard(answer.text) == [], place
    share = {"azureFile": {"accountName": 1, "accountKey": [wrong], "shareName": "s", "accessMode": "ReadOnly"}}
    for path, properties in (
        (f"{running.environment_id}/storages/refused", share),
        (f"{running.environment_id}/certificates/refused", {"value": wrong, "password": wrong}),
        (f"{running.environment_id}/daprComponents/refused", {"secrets": [{"name": "x", "value": wrong}]}),
    ):
        answer = running.ask("PUT", path, {"location": "eastus", "properties": properties})
        assert answer.status_code == 400, answer.text
        assert canary.heard(answer.text) == [], path
    raw = b'{"properties": {"configuration": {"secrets": [{"value": "' + wrong.encode() + b'"'
    answer = running.ask("PUT", running.app_path("refused"), data=raw, headers={"Content-Type": "application/json"})
    assert canary.heard(answer.text) == []
    token = f"/{running.environment['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "client_id": running.environment["AZURE_CLIENT_ID"], "scope": "x"}
    answer = running.ask("POST", token, data=form | {"client_secret": wrong})
    assert answer.status_code == 401
    assert canary.heard(answer.text) == []


def certificate(password: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.org")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=9000))
        .sign(key, hashes.SHA256())
    )
    packed = pkcs12.serialize_key_and_certificates(b"x", key, made, None, BestAvailableEncryption(password.encode()))
    return base64.b64encode(packed).decode()


def test_no_answer_repeats_a_secret_but_those_that_are_for_it(sung: Any) -> None:
    running, canaries, known, _ = sung
    told = {}
    read = 0
    for route in running.emulator.listed_routes():
        listing = route.method == "POST" and route.operation.rpartition("_")[2].startswith("List")
        if (route.method != "GET" and not listing) or route.door not in {Door.ARM, Door.CONTROL}:
            continue
        key = running.emulator.control_token if route.door is Door.CONTROL else running.environment["ACCESS_TOKEN"]
        answer = running.ask(route.method, named(route.template, known), headers={"Authorization": f"Bearer {key}"})
        heard = canaries.heard(answer.text) + canaries.heard(str(answer.headers))
        read += answer.status_code == 200
        if heard:
            told[route.operation] = heard
    assert set(told) <= TELLING, told
    assert {"ContainerApps_ListSecrets", "Jobs_ListSecrets", "DaprComponents_ListSecrets"} <= set(told)
    assert read > 60


def test_no_file_of_the_data_folder_has_a_secret_in_clear(sung: Any) -> None:
    running, canaries, _, _ = sung
    folder: Path = running.emulator.settings.data_dir
    files = [each for each in folder.rglob("*") if each.is_file()]
    assert any(each.suffix == ".db" or each.name.endswith("-wal") for each in files), files
    assert any(IMAGE.encode() in each.read_bytes() for each in files), "what is no secret would be found"
    for each in files:
        assert canaries.heard(each.read_bytes()) == [], each


def test_no_line_of_the_log_and_no_repr_has_a_secret(sung: Any) -> None:
    running, canaries, _, said = sung
    assert said
    for line in said:
        assert canaries.heard(line) == [], line
    emulator = running.emulator
    for part in (emulator, emulator.client, emulator._secrets, emulator._store, emulator._operations):
        assert canaries.heard(repr(part)) == []
        assert emulator.client.client_secret not in repr(part)


def test_every_operation_that_takes_a_secret_has_been_given_one(sung: Any) -> None:
    """A table that gets a member with a secret's name gets a canary here."""
    _, canaries, _, _ = sung
    takers = {operation for operation, shape in TAKEN.items() if _takes_secret(shape)}
    writers = {each for each in takers if each.endswith(("_CreateOrUpdate", "_Create"))}  # an update goes the same way
    covered = {
        "ContainerApps_CreateOrUpdate", "Jobs_CreateOrUpdate", "ContainerAppsSessionPools_CreateOrUpdate",
        "ManagedEnvironmentsStorages_CreateOrUpdate", "DaprComponents_CreateOrUpdate", "Certificates_CreateOrUpdate",
        "ManagedEnvironments_CreateOrUpdate",
    }  # fmt: skip
    assert writers == covered
    assert len(canaries.sung) >= len(covered)


def _takes_secret(shape: Any) -> bool:
    if isinstance(shape, list):
        return _takes_secret(shape[0])
    if not isinstance(shape, dict):
        return False
    names = {name.rstrip("!") for name in shape}
    if names & {"accountKey", "password", "sharedKey", "secrets"}:
        return True
    return any(_takes_secret(each) for each in shape.values())
