"""What hangs on environments and apps, by the unmodified SDK; secrets in their bodies are nowhere but in the store."""

from __future__ import annotations

import base64
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.emulator.running import Running

CANARY = "canary-5b1f0d7c-not-to-be-seen"
ENVIRONMENT = ("local", "local")


@pytest.fixture
def client(sdk: Callable[[type], Any]) -> Any:
    return sdk(ContainerAppsAPIClient)


@pytest.fixture
def quiet(emulator: Running, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """After the test the canary is in no file of the emulator, and was in no log line."""
    caplog.set_level("DEBUG", logger="aca_notebook")
    yield
    files = [each for each in emulator.emulator.settings.data_dir.rglob("*") if each.is_file()]
    encoded = (CANARY.encode(), base64.b64encode(CANARY.encode()))
    assert [each.name for each in files if any(form in each.read_bytes() for form in encoded)] == []
    assert CANARY not in caplog.text


@pytest.mark.usefixtures("quiet")
def test_a_dapr_component_keeps_its_secrets_apart(client: Any, emulator: Running) -> None:
    body = {
        "properties": {
            "componentType": "state.redis", "version": "v1", "secrets": [{"name": "key", "value": CANARY}],
            "metadata": [{"name": "password", "secretRef": "key"}], "scopes": ["scorer"],
        }
    }  # fmt: skip
    components = client.dapr_components
    made = components.create_or_update(*ENVIRONMENT, "store", body)
    assert CANARY not in str(made.as_dict()) + str([each.as_dict() for each in components.list(*ENVIRONMENT)])
    assert components.list_secrets(*ENVIRONMENT, "store").value[0].value == CANARY
    body["properties"]["secrets"] = [{"name": "key"}]  # named again, not given again: it stays
    components.create_or_update(*ENVIRONMENT, "store", body)
    assert components.list_secrets(*ENVIRONMENT, "store").value[0].value == CANARY
    body["properties"]["metadata"] = [{"name": "password", "secretRef": "other"}]
    with pytest.raises(HttpResponseError, match="DaprComponentSecretRefNotFound"):
        components.create_or_update(*ENVIRONMENT, "store", body)
    key = f"{emulator.environment_id}/daprComponents/store".lower()
    components.delete(*ENVIRONMENT, "store")
    assert not emulator.emulator._secrets.has(key, "key")


def test_a_policy_of_a_dapr_component_needs_the_component(client: Any) -> None:
    policies, body = (
        client.dapr_component_resiliency_policies,
        {"properties": {"outboundPolicy": {"timeoutPolicy": {"responseTimeoutInSeconds": 9}}}},
    )
    with pytest.raises(HttpResponseError, match="Dapr Component with name 'store' was not found"):
        policies.create_or_update(*ENVIRONMENT, "store", "calm", body)
    client.dapr_components.create_or_update(*ENVIRONMENT, "store", {"properties": {"componentType": "state.redis"}})
    policies.create_or_update(*ENVIRONMENT, "store", "calm", body)
    found = policies.get(*ENVIRONMENT, "store", "calm")
    assert found.properties.outbound_policy.timeout_policy.response_timeout_in_seconds == 9
    with pytest.raises(HttpResponseError, match="DaprComponentResiliencyNotFound"):
        policies.get(*ENVIRONMENT, "store", "wild")
    client.dapr_components.delete(*ENVIRONMENT, "store")
    with pytest.raises(HttpResponseError, match="DaprComponentNotFound"):
        policies.get(*ENVIRONMENT, "store", "calm")


@pytest.mark.usefixtures("quiet")
def test_the_key_of_a_share_is_not_shown(client: Any) -> None:
    share = {"accountName": "kept1", "accountKey": CANARY, "accessMode": "readwrite", "shareName": "s"}
    storages = client.managed_environments_storages
    storages.create_or_update(*ENVIRONMENT, "share", {"properties": {"azureFile": share}})
    found = storages.get(*ENVIRONMENT, "share").properties.azure_file
    assert (found.account_key, found.access_mode, found.share_name) == (None, "ReadWrite", "s")
    assert [each.name for each in storages.list(*ENVIRONMENT).value] == ["share"]
    with pytest.raises(HttpResponseError, match="ReadOnly, ReadWrite"):
        storages.create_or_update(*ENVIRONMENT, "x", {"properties": {"azureFile": share | {"accessMode": "all"}}})
    storages.delete(*ENVIRONMENT, "share")
    with pytest.raises(HttpResponseError, match="ManagedEnvironmentStorageNotFound"):
        storages.get(*ENVIRONMENT, "share")


def pfx(password: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
    day = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(day).not_valid_after(day.replace(year=2099))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("www.example.org")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    encryption = serialization.BestAvailableEncryption(password.encode())
    raw = pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, encryption)
    return base64.b64encode(raw).decode()


@pytest.mark.usefixtures("quiet")
def test_a_certificate_says_what_it_is_and_not_its_key(client: Any, emulator: Running) -> None:
    value = pfx(CANARY)
    body = {"location": "eastus", "properties": {"value": value, "password": CANARY}}
    made = client.certificates.create_or_update(*ENVIRONMENT, "site", body)
    assert (made.properties.subject_name, made.properties.valid) == ("CN=example.org", True)
    assert made.properties.subject_alternative_names == ["www.example.org"]
    assert (made.properties.value, made.properties.password) == (None, None)
    with pytest.raises(HttpResponseError, match="wrong password") as refused:
        client.certificates.create_or_update(
            *ENVIRONMENT, "bad", {"location": "eastus", "properties": {"value": value, "password": "x"}}
        )
    assert value[:40] not in str(refused.value)
    assert [each.name for each in client.certificates.list(*ENVIRONMENT)] == ["site"]
    assert list(client.managed_certificates.list(*ENVIRONMENT)) == []
    assert emulator.emulator._secrets.has(f"{emulator.environment_id}/certificates/site".lower(), "value")


def test_routes_and_maintenance_come_back_as_written(client: Any) -> None:
    rule = {"targets": [{"containerApp": "scorer"}], "routes": [{"match": {"prefix": "/a"}}]}
    made = client.http_route_config.create_or_update(*ENVIRONMENT, "front", {"properties": {"rules": [rule]}})
    assert made.properties.rules[0].targets[0].container_app == "scorer"
    assert client.http_route_config.get(*ENVIRONMENT, "front").properties.fqdn.startswith("127.0.0.1:")
    with pytest.raises(HttpResponseError, match="no targets"):
        client.http_route_config.create_or_update(*ENVIRONMENT, "bad", {"properties": {"rules": [{}]}})
    client.http_route_config.begin_delete(*ENVIRONMENT, "front").result()
    assert list(client.http_route_config.list(*ENVIRONMENT)) == []
    entry = {"weekDay": "sunday", "startHourUtc": 3, "durationHours": 8}
    kept = client.maintenance_configurations.create_or_update(
        *ENVIRONMENT, "default", {"properties": {"scheduledEntries": [entry]}}
    )
    assert kept.properties.scheduled_entries[0].week_day == "Sunday"
    for changed in ({"startHourUtc": 24}, {"durationHours": 7}, {"weekDay": "someday"}):
        with pytest.raises(HttpResponseError):
            client.maintenance_configurations.create_or_update(
                *ENVIRONMENT, "default", {"properties": {"scheduledEntries": [entry | changed]}}
            )


def test_a_sign_in_must_name_a_secret_that_the_app_has(client: Any, emulator: Running) -> None:
    body = emulator.body()
    body["properties"]["configuration"]["secrets"] = [{"name": "known", "value": "x"}]
    emulator.deploy(body=body)
    app = ("local", "scorer")

    def provider(secret: str) -> dict[str, Any]:
        registration = {"clientId": "x", "clientSecretSettingName": secret}
        return {"properties": {"identityProviders": {"google": {"registration": registration}}}}

    with pytest.raises(HttpResponseError, match="AuthConfigSecretRefNotFound"):
        client.container_apps_auth_configs.create_or_update(*app, "current", provider("unknown"))
    client.container_apps_auth_configs.create_or_update(*app, "current", provider("known"))
    found = client.container_apps_auth_configs.get(*app, "current").properties.identity_providers.google
    assert found.registration.client_secret_setting_name == "known"
    client.container_apps_auth_configs.delete(*app, "current")
    with pytest.raises(HttpResponseError, match="AuthConfig current was not found under container app scorer"):
        client.container_apps_auth_configs.get(*app, "current")


def test_what_is_empty_here_is_listed_as_empty(client: Any, emulator: Running) -> None:
    body = emulator.body()
    body["properties"]["configuration"]["ingress"]["traffic"] = [
        {"latestRevision": True, "weight": 100, "label": "blue"}
    ]
    emulator.deploy(body=body)
    assert list(client.container_apps_source_controls.list_by_container_app("local", "scorer")) == []
    assert list(client.container_apps_diagnostics.list_detectors("local", "scorer")) == []
    histories = client.container_apps_label_history.list_label_history("local", "scorer")
    assert [each.name for each in histories] == ["blue"]
    assert {each.name for each in client.available_environment_modes.list("eastus")} >= {"WorkloadProfiles"}
    assert client.billing_meters.get("East US").value


@pytest.mark.parametrize(
    ("method", "path", "noun"),
    [
        ("PUT", "sandboxGroups/x", "sandbox groups"),
        ("GET", "builders", "cloud builds"),
        ("PUT", "builders/x/builds/y", "cloud builds"),
        ("PUT", "connectedEnvironments/x", "connected environments"),
        ("PUT", "managedEnvironments/local/javaComponents/x", "Java components"),
        ("GET", "managedEnvironments/local/dotNetComponents/x", ".NET components"),
        ("PUT", "managedEnvironments/local/privateEndpointConnections/x", "private endpoints"),
        ("PUT", "containerApps/x/providers/Microsoft.App/logicApps/x", "logic apps"),
    ],
)
def test_what_is_not_offered_is_refused_by_name(emulator: Running, method: str, path: str, noun: str) -> None:
    answer = emulator.ask(method, f"{emulator.group}/providers/Microsoft.App/{path}", {})
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotImplemented")
    assert f"does not offer {noun}." in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["a%2Fb", "..", "%2e%2e", "x%00y", "x" * 300, "a%3Fb"])
def test_a_name_that_would_be_another_id_is_refused(emulator: Running, name: str) -> None:
    answer = emulator.ask("PUT", f"{emulator.environment_id}/daprComponents/{name}", {"properties": {}})
    assert answer.status_code in {400, 404, 405}
    assert answer.json()["error"]["code"]
