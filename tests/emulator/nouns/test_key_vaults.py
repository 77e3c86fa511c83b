"""Key vaults as resources, and who may do what with their secrets."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests

from aca_notebook.emulator.arm.role_definitions import ROLES
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from pathlib import Path

API = {"api-version": "2023-07-01"}
VAULT = "https://vault.azure.net"


def path(emulator: Running, name: str = "keys") -> str:
    return f"{emulator.group}/providers/Microsoft.KeyVault/vaults/{name}"


def vault(emulator: Running, name: str = "keys", **properties: Any) -> dict[str, Any]:
    tenant = emulator.environment["AZURE_TENANT_ID"]
    asked = {"tenantId": tenant, "sku": {"family": "A", "name": "standard"}, "accessPolicies": []} | properties
    answer = emulator.ask("PUT", path(emulator, name), {"location": "East US", "properties": asked}, params=API)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


class Holder:
    """An application of the directory that asks vaults."""

    def __init__(self, emulator: Running) -> None:
        self.emulator = emulator
        self.shown = emulator.control("POST", "principals", {"name": "holder"}).json()
        self.renew(emulator)

    def renew(self, emulator: Running) -> None:
        """Log in, at an emulator that may have been started again."""
        form = {
            "grant_type": "client_credentials", "client_id": self.shown["appId"],
            "client_secret": self.shown["password"], "scope": f"{VAULT}/.default",
        }  # fmt: skip
        url = emulator.environment["AZURE_RESOURCE_MANAGER_HTTP_URL"]
        found = requests.post(f"{url}/{self.shown['tenant']}/oauth2/v2.0/token", data=form, timeout=10)
        self.token = found.json()["access_token"]

    def ask(self, method: str, url: str, body: Any = None) -> requests.Response:
        return ask(self.emulator, method, url, body, token=self.token)

    def give(self, role: str, scope: str) -> None:
        [id_] = [each.id for each in ROLES if each.name == role]
        subscription = self.emulator.group.rpartition("/resourceGroups")[0]
        definition = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{id_}"
        assignment = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        asked = {"properties": {"roleDefinitionId": definition, "principalId": self.shown["objectId"]}}
        assert self.emulator.ask("PUT", assignment, asked, params={"api-version": "2022-04-01"}).status_code == 201


def owners_token(emulator: Running) -> str:
    return str(emulator.emulator._issuer.issue(VAULT, subject=emulator.emulator.client.object_id))


def ask(
    emulator: Running, method: str, url: str, body: Any = None, *, token: str = "", **headers: str
) -> requests.Response:  # fmt: skip
    shown = {"Authorization": f"Bearer {token or owners_token(emulator)}"} | headers
    plain = url.replace("https://", "http://")
    return requests.request(method, plain, params={"api-version": "7.4"}, json=body, headers=shown, timeout=10)


def code(answer: requests.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("innererror", {}).get("code", "")


def test_a_vault_is_made_changed_listed_and_its_name_is_taken(emulator: Running) -> None:
    made = vault(emulator)
    properties = made["properties"]
    assert (made["location"], properties["provisioningState"]) == ("eastus", "Succeeded")
    assert properties["enableRbacAuthorization"] is False
    assert properties["vaultUri"].startswith("https://127.0.0.1:")
    assert emulator.ask("GET", path(emulator), params=API).json() == made
    changed = emulator.ask(
        "PATCH", path(emulator), {"properties": {"enableRbacAuthorization": True}}, params=API
    ).json()
    assert changed["properties"] == properties | {"enableRbacAuthorization": True}
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    for listed in (f"{emulator.group}/providers/Microsoft.KeyVault/vaults",
                   f"{subscription}/providers/Microsoft.KeyVault/vaults"):  # fmt: skip
        assert [each["name"] for each in emulator.ask("GET", listed, params=API).json()["value"]] == ["keys"]
    check = f"{subscription}/providers/Microsoft.KeyVault/checkNameAvailability"
    found = [emulator.ask("POST", check, {"name": name}, params=API).json() for name in ("KEYS", "free-one", "a--b")]
    assert [each.get("reason") for each in found] == ["AlreadyExists", None, "AccountNameInvalid"]


@pytest.mark.parametrize(("version", "by_roles"), [("2025-05-01", False), ("2026-02-01", True)])
def test_a_vault_asks_for_roles_by_default_since_azures_does(emulator: Running, version: str, by_roles: bool) -> None:  # noqa: FBT001
    answer = emulator.ask("PUT", path(emulator), {"location": "eastus"}, params={"api-version": version})
    assert answer.json()["properties"]["enableRbacAuthorization"] is by_roles


@pytest.mark.parametrize(
    ("name", "properties", "expected"),
    [
        ("ab", {}, "VaultNameNotValid"),
        ("1abc", {}, "VaultNameNotValid"),
        ("keys", {"softDeleteRetentionInDays": 5}, "BadRequest"),
        ("keys", {"accessPolicies": "x"}, "InvalidRequestContent"),
        ("keys", {"accessPolicies": [{"permissions": {"secrets": 5}}]}, "InvalidRequestContent"),
        ("keys", {"accessPolicies": [{"permissions": {"secrets": [{}]}}]}, "InvalidRequestContent"),
    ],
)
def test_what_cannot_be_a_vault_is_refused(
    emulator: Running, name: str, properties: dict[str, Any], expected: str
) -> None:
    body = {"location": "eastus", "properties": properties}
    answer = emulator.ask("PUT", path(emulator, name), body, params=API)
    assert code(answer)[:2] == (400, expected)


def test_a_deleted_vault_keeps_its_name_and_its_secrets_until_it_is_recovered_or_purged(emulator: Running) -> None:
    address = vault(emulator)["properties"]["vaultUri"]
    ask(emulator, "PUT", f"{address}secrets/one", {"value": "1"})
    assert emulator.ask("DELETE", path(emulator), params=API).status_code == 200
    assert emulator.ask("GET", path(emulator), params=API).status_code == 404
    with pytest.raises(requests.ConnectionError):
        ask(emulator, "GET", f"{address}secrets/one")
    refused = emulator.ask("PUT", path(emulator), {"location": "eastus"}, params=API)
    assert code(refused)[:2] == (409, "ConflictError")
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    provider = f"{subscription}/providers/Microsoft.KeyVault"
    deleted = emulator.ask("GET", f"{provider}/deletedVaults", params=API).json()["value"]
    assert [each["properties"]["vaultId"] for each in deleted] == [path(emulator)]
    body = {"location": "eastus", "properties": {"createMode": "recover"}}
    address = emulator.ask("PUT", path(emulator), body, params=API).json()["properties"]["vaultUri"]
    assert ask(emulator, "GET", f"{address}secrets/one").json()["value"] == "1"
    emulator.ask("DELETE", path(emulator), params=API)
    assert emulator.ask("POST", f"{provider}/locations/eastus/deletedVaults/keys/purge", params=API).status_code == 200
    address = vault(emulator)["properties"]["vaultUri"]
    assert code(ask(emulator, "GET", f"{address}secrets/one"))[:2] == (404, "SecretNotFound")


def test_a_vault_tells_who_has_no_token_where_to_get_one(emulator: Running) -> None:
    address = vault(emulator)["properties"]["vaultUri"]
    host = address.removeprefix("https://").rstrip("/")
    tenant = emulator.environment["AZURE_TENANT_ID"]
    unknown = requests.get(f"http://{host}/secrets/x?api-version=7.4", timeout=10)
    assert code(unknown)[:2] == (401, "Unauthorized")
    assert "AKV10000" in unknown.text
    assert unknown.headers["WWW-Authenticate"] == (
        f'Bearer authorization="https://{host}/{tenant}", resource="https://vault.azure.net"'
    )
    wrong = ask(emulator, "GET", f"{address}secrets/x", token=emulator.environment["ACCESS_TOKEN"])
    assert wrong.status_code == 401
    assert "AKV10022: Invalid audience. Expected https://vault.azure.net, found: https://management" in wrong.text
    over = emulator.emulator._issuer.issue(VAULT, subject="x", lifetime_seconds=-1)
    assert ask(emulator, "GET", f"{address}secrets/x", token=over).status_code == 401
    assert ask(emulator, "GET", f"{address}secrets/x", token="x.y.z").status_code == 401


def test_a_vault_answers_to_its_host_name_with_a_challenge_that_clients_trust(emulator: Running) -> None:
    vault(emulator)
    url = emulator.environment["AZURE_RESOURCE_MANAGER_HTTP_URL"]
    port = url.rpartition(":")[2]
    host = f"keys.vault.localhost:{port}"
    unknown = requests.get(f"{url}/secrets?api-version=7.4", headers={"Host": host}, timeout=10)
    assert f'resource="https://vault.localhost:{port}"' in unknown.headers["WWW-Authenticate"]
    made = ask(emulator, "PUT", f"{url}/secrets/one", {"value": "1"}, Host=host).json()
    assert made["id"].startswith(f"https://{host}/secrets/one/")
    for other in (f"none.vault.localhost:{port}", f"127.0.0.1:{port}"):
        assert code(ask(emulator, "GET", f"{url}/secrets", Host=other))[:2] == (404, "VaultNotFound")


def test_a_role_on_a_vault_or_on_one_secret_opens_that_and_no_more(emulator: Running) -> None:
    address = vault(emulator, enableRbacAuthorization=True)["properties"]["vaultUri"]
    for name in ("one", "two"):
        assert ask(emulator, "PUT", f"{address}secrets/{name}", {"value": name}).status_code == 200
    caller = Holder(emulator)
    refused = caller.ask("GET", f"{address}secrets/one")
    assert code(refused) == (403, "Forbidden", "ForbiddenByRbac")
    message = refused.json()["error"]["message"]
    assert f"oid={caller.shown['objectId']};iss=https://sts.windows.net/{caller.shown['tenant']}/" in message
    assert "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nResource: '/subscriptions/" in message
    caller.give("Owner", path(emulator))
    assert caller.ask("GET", f"{address}secrets/one").status_code == 403  # an Owner of the resource, not of its data
    caller.give("Key Vault Secrets User", f"{path(emulator)}/secrets/one")
    assert caller.ask("GET", f"{address}secrets/one").json()["value"] == "one"
    assert caller.ask("GET", f"{address}secrets/two").status_code == 403
    caller.give("Key Vault Secrets User", path(emulator))
    assert caller.ask("GET", f"{address}secrets/two").json()["value"] == "two"
    assert caller.ask("GET", f"{address}secrets").status_code == 200
    assert code(caller.ask("PUT", f"{address}secrets/one", {"value": "x"}))[2] == "ForbiddenByRbac"
    caller.give("Key Vault Secrets Officer", path(emulator))
    assert caller.ask("PUT", f"{address}secrets/one", {"value": "x"}).status_code == 200


def test_an_access_policy_gives_what_it_names(emulator: Running) -> None:
    address = vault(emulator)["properties"]["vaultUri"]
    ask(emulator, "PUT", f"{address}secrets/one", {"value": "1"})
    caller = Holder(emulator)
    refused = caller.ask("GET", f"{address}secrets/one")
    assert code(refused) == (403, "Forbidden", "AccessDenied")
    assert "does not have secrets get permission on key vault 'keys;location=eastus'" in refused.text
    policy = {"tenantId": caller.shown["tenant"], "objectId": caller.shown["objectId"]}

    def change(how: str, words: list[str]) -> list[str]:
        asked = {"properties": {"accessPolicies": [policy | {"permissions": {"secrets": words}}]}}
        answer = emulator.ask("PUT", f"{path(emulator)}/accessPolicies/{how}", asked, params=API)
        policies = answer.json()["properties"]["accessPolicies"]
        return policies[0]["permissions"]["secrets"] if policies else []

    assert change("add", ["Get"]) == ["Get"]
    assert caller.ask("GET", f"{address}secrets/one").json()["value"] == "1"
    assert caller.ask("GET", f"{address}secrets").status_code == 403
    assert change("add", ["list"]) == ["Get", "list"]
    assert caller.ask("GET", f"{address}secrets").status_code == 200
    assert change("replace", ["all"]) == ["all"]
    assert caller.ask("DELETE", f"{address}secrets/one").status_code == 200
    assert change("remove", []) == []
    assert caller.ask("GET", f"{address}secrets").status_code == 403


def test_a_role_assignment_counts_for_a_vault_after_its_delay(data_dir: Path) -> None:
    with running_emulator(data_dir, role_delay_seconds=300.0) as emulator:
        address = vault(emulator, enableRbacAuthorization=True)["properties"]["vaultUri"]
        ask(emulator, "PUT", f"{address}secrets/one", {"value": "1"})
        caller = Holder(emulator)
        caller.give("Key Vault Secrets User", path(emulator))
        assert caller.ask("GET", f"{address}secrets/one").status_code == 403
        emulator.advance(300)
        assert caller.ask("GET", f"{address}secrets/one").json()["value"] == "1"


def test_secrets_outlive_a_restart_at_the_same_address_and_lie_nowhere_in_the_clear(data_dir: Path) -> None:
    value = f"value-{uuid.uuid4()}"
    with running_emulator(data_dir) as emulator:
        address = vault(emulator)["properties"]["vaultUri"]
        ask(emulator, "PUT", f"{address}secrets/one", {"value": value})
        ask(emulator, "PUT", f"{address}secrets/one", {"value": f"{value}-2"})
    with running_emulator(data_dir) as emulator:
        assert ask(emulator, "GET", f"{address}secrets/one").json()["value"] == f"{value}-2"
        versions = ask(emulator, "GET", f"{address}secrets/one/versions").json()["value"]
        assert len(versions) == 2
        first = versions[0]["id"].rpartition("/")[2]
        assert ask(emulator, "GET", f"{address}secrets/one/{first}").json()["value"] == value
    lying = [each for each in data_dir.rglob("*") if each.is_file() and value.encode() in each.read_bytes()]
    assert lying == []


def test_a_value_that_was_lost_is_missed_in_words_and_can_be_set_again(data_dir: Path) -> None:
    with running_emulator(data_dir) as emulator:
        address = vault(emulator)["properties"]["vaultUri"]
        ask(emulator, "PUT", f"{address}secrets/one", {"value": "1"})
        caller = Holder(emulator)
    (data_dir / "secrets.db").unlink()
    for left in data_dir.glob("secrets.*"):
        left.unlink()
    with running_emulator(data_dir) as emulator:
        lost = ask(emulator, "GET", f"{address}secrets/one")
        assert code(lost)[:2] == (404, "SecretNotFound")
        assert "was lost" in lost.text
        assert ask(emulator, "PUT", f"{address}secrets/one", {"value": "2"}).status_code == 200
        assert ask(emulator, "GET", f"{address}secrets/one").json()["value"] == "2"
        with pytest.raises(KeyError):  # no token for an application whose secret is gone
            caller.renew(emulator)


def test_an_arm_template_may_write_a_secret_and_never_read_it(emulator: Running) -> None:
    address = vault(emulator)["properties"]["vaultUri"]
    body = {"properties": {"value": "from a template", "contentType": "text/plain"}}
    made = emulator.ask("PUT", f"{path(emulator)}/secrets/one", body, params=API)
    assert made.status_code == 200
    assert emulator.ask("GET", f"{path(emulator)}/secrets/one", params=API).json() == made.json()
    listed = emulator.ask("GET", f"{path(emulator)}/secrets", params=API)
    assert listed.json()["value"] == [made.json()]
    assert "from a template" not in made.text + listed.text
    assert ask(emulator, "GET", f"{address}secrets/one").json()["value"] == "from a template"
    assert emulator.ask("GET", f"{path(emulator)}/secrets/none", params=API).status_code == 404


@pytest.mark.parametrize(
    ("method", "what", "body", "expected"),
    [
        ("PUT", "secrets/one", {}, (400, "BadParameter", "")),
        ("PUT", "secrets/one", {"value": "x" * 26_000}, (400, "BadParameter", "")),
        ("PUT", "secrets/a_b", {"value": "x"}, (400, "BadParameter", "")),
        ("GET", "secrets/none", None, (404, "SecretNotFound", "")),
        ("GET", "secrets/off", None, (403, "Forbidden", "SecretDisabled")),
        ("GET", "secrets/off/00000000000000000000000000000000", None, (404, "SecretNotFound", "")),
        ("PUT", "secrets/gone", {"value": "x"}, (409, "Conflict", "ObjectIsDeletedButRecoverable")),
        ("GET", "deletedsecrets/off", None, (404, "SecretNotFound", "")),
        ("POST", "secrets/off/backup", None, (501, "NotImplemented", "")),
    ],
)
def test_what_a_vault_refuses_it_refuses_in_its_own_words(
    emulator: Running, method: str, what: str, body: Any, expected: tuple[int, str, str]
) -> None:
    address = vault(emulator)["properties"]["vaultUri"]
    ask(emulator, "PUT", f"{address}secrets/off", {"value": "x", "attributes": {"enabled": False}})
    ask(emulator, "PUT", f"{address}secrets/gone", {"value": "x"})
    ask(emulator, "DELETE", f"{address}secrets/gone")
    assert code(ask(emulator, method, f"{address}{what}", body)) == expected


def test_a_deleted_secret_goes_for_good_when_its_days_are_over(data_dir: Path) -> None:
    with running_emulator(data_dir) as emulator:
        address = vault(emulator, softDeleteRetentionInDays=7)["properties"]["vaultUri"]
        ask(emulator, "PUT", f"{address}secrets/one", {"value": "1"})
        ask(emulator, "DELETE", f"{address}secrets/one")
        assert len(ask(emulator, "GET", f"{address}deletedsecrets").json()["value"]) == 1
    with running_emulator(data_dir, elapsed_seconds=7 * 24 * 3600) as emulator:
        assert ask(emulator, "GET", f"{address}deletedsecrets").json()["value"] == []
        assert ask(emulator, "PUT", f"{address}secrets/one", {"value": "2"}).status_code == 200
        assert len(ask(emulator, "GET", f"{address}secrets/one/versions").json()["value"]) == 1


def test_a_group_takes_its_vaults_along_and_they_can_be_recovered(emulator: Running) -> None:
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    group = f"{subscription}/resourceGroups/other"
    emulator.ask("PUT", group, {"location": "eastus"})
    assert emulator.ask("PUT", f"{group}/providers/Microsoft.KeyVault/vaults/keys", {"location": "eastus"}, params=API)
    emulator.follow(emulator.ask("DELETE", group))
    deleted = emulator.ask("GET", f"{subscription}/providers/Microsoft.KeyVault/deletedVaults", params=API).json()
    assert [each["name"] for each in deleted["value"]] == ["keys"]
