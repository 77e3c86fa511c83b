"""azure-keyvault-secrets, unmodified, sync and aio."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.identity.aio import DefaultAzureCredential as AsyncCredential
from azure.keyvault.secrets import SecretClient
from azure.keyvault.secrets.aio import SecretClient as AsyncSecretClient

from tests.emulator.nouns.test_key_vaults import vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulator.running import Running


@pytest.fixture
def address(emulator: Running, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    return str(vault(emulator)["properties"]["vaultUri"])


@pytest.fixture
def client(address: str) -> Iterator[SecretClient]:
    with DefaultAzureCredential() as credential, SecretClient(
        address, credential, verify_challenge_resource=False
    ) as made:  # fmt: skip
        yield made


def test_a_secret_is_set_read_listed_changed_and_lives_on_in_its_versions(client: SecretClient) -> None:
    expires = datetime(2030, 1, 1, tzinfo=UTC)
    first = client.set_secret("db-password", "one", content_type="text/plain", tags={"a": "b"}, expires_on=expires)
    second = client.set_secret("db-password", "two")
    assert client.get_secret("db-password").value == "two"
    old = client.get_secret("db-password", first.properties.version)
    assert (old.value, old.properties.content_type, old.properties.tags) == ("one", "text/plain", {"a": "b"})
    assert (old.properties.expires_on, old.properties.enabled) == (expires, True)
    assert [each.name for each in client.list_properties_of_secrets()] == ["db-password"]
    versions = [each.version for each in client.list_properties_of_secret_versions("db-password")]
    assert versions == [first.properties.version, second.properties.version]
    changed = client.update_secret_properties("db-password", first.properties.version, enabled=False)
    assert (changed.enabled, changed.content_type) == (False, "text/plain")
    with pytest.raises(HttpResponseError, match="disabled secret"):
        client.get_secret("db-password", first.properties.version)
    assert client.update_secret_properties("db-password", tags={"new": "tag"}).tags == {"new": "tag"}
    assert client.get_secret("db-password").value == "two"


def test_a_secret_is_deleted_recovered_deleted_and_purged(client: SecretClient) -> None:
    client.set_secret("gone", "soon")
    poller = client.begin_delete_secret("gone")
    poller.wait()
    deleted = poller.result()
    assert deleted.scheduled_purge_date - deleted.deleted_date == timedelta(days=90)
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("gone")
    assert client.get_deleted_secret("gone").recovery_id == deleted.recovery_id
    client.begin_recover_deleted_secret("gone").wait()
    assert client.get_secret("gone").value == "soon"
    client.begin_delete_secret("gone").wait()
    assert [each.name for each in client.list_deleted_secrets()] == ["gone"]
    client.purge_deleted_secret("gone")
    assert list(client.list_deleted_secrets()) == []


def test_a_long_list_comes_in_pages(client: SecretClient) -> None:
    names = [f"s{number:02}" for number in range(30)]
    for name in names:
        client.set_secret(name, name)
    assert [each.name for each in client.list_properties_of_secrets()] == names
    pages = client.list_properties_of_secrets(max_page_size=12).by_page()
    assert [len(list(page)) for page in pages] == [12, 12, 6]


@pytest.mark.anyio
async def test_the_async_client_does_the_same(address: str) -> None:
    roots = os.environ["SSL_CERT_FILE"]  # read by aiohttp when it is imported; this process had it later
    async with AsyncCredential() as credential, AsyncSecretClient(
        address, credential, verify_challenge_resource=False, connection_verify=roots
    ) as client:  # fmt: skip
        await client.set_secret("one", "1")
        assert (await client.get_secret("one")).value == "1"
        assert [each.name async for each in client.list_properties_of_secrets()] == ["one"]
        await client.delete_secret("one")
        await client.recover_deleted_secret("one")
        assert (await client.get_secret("one")).value == "1"


def test_a_service_principal_without_a_role_is_refused_and_one_with_a_wrong_secret_gets_no_token(
    emulator: Running, address: str
) -> None:
    shown = emulator.control("POST", "principals", {"name": "reader"}).json()

    def client(secret: str) -> SecretClient:
        options: dict[str, Any] = {
            "authority": emulator.environment["AZURE_AUTHORITY_HOST"], "disable_instance_discovery": True,
        }  # fmt: skip
        credential = ClientSecretCredential(shown["tenant"], shown["appId"], secret, **options)
        return SecretClient(address, credential, verify_challenge_resource=False)

    with client(shown["password"]) as right, pytest.raises(HttpResponseError, match="AccessDenied") as refused:
        right.get_secret("one")
    assert refused.value.status_code == 403
    with client("wrong") as wrong, pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        wrong.get_secret("one")
