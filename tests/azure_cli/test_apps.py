"""Apps: made, changed, read, listed and deleted; what hangs on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aca_notebook.model.app_export import exported, writable
from tests.azure_cli.shell import HELLO

if TYPE_CHECKING:
    from tests.azure_cli.shell import Az


@pytest.fixture(scope="module")
def app(az: Az, environment: str) -> str:
    """The name of an app with ingress, a secret and a scale rule."""
    az(
        f"containerapp create -n hello --environment {environment} --image {HELLO} --ingress external --target-port 80 "
        "--min-replicas 1 --max-replicas 3 --scale-rule-name web --scale-rule-type http "
        "--scale-rule-http-concurrency 10 --secrets key=s3cret --env-vars KEY=secretref:key MODE=first"
    )
    return "hello"


def test_a_created_app_is_shown_listed_and_answers(az: Az, app: str) -> None:
    shown = az(f"containerapp show -n {app}")
    properties = shown["properties"]
    assert properties["provisioningState"] == "Succeeded"
    assert properties["runningStatus"] == "Running"
    (rule,) = properties["template"]["scale"]["rules"]
    assert (rule["name"], rule["http"]["metadata"]) == ("web", {"concurrentRequests": "10"})
    assert {"name": "key"} in properties["configuration"]["secrets"]
    address = properties["configuration"]["ingress"]["fqdn"]
    assert "Your app hello is running" in az.call(address).text
    assert app in az.text("containerapp list --query [].name -o tsv").split()
    assert address in az.text("containerapp list -o table")
    assert app in az.text("containerapp list --environment env --query [].name -o tsv").split()


def test_an_update_makes_a_revision_and_leaves_the_rest(az: Az, app: str) -> None:
    before = az(f"containerapp show -n {app}")["properties"]["latestRevisionName"]
    az(f"containerapp update -n {app} --set-env-vars MODE=second NEW=one --cpu 0.75 --memory 1.5Gi --max-replicas 4")
    properties = az(f"containerapp show -n {app}")["properties"]
    container = properties["template"]["containers"][0]
    assert properties["latestRevisionName"] != before
    assert {each["name"]: each.get("value") for each in container["env"]} == {"KEY": "", "MODE": "second", "NEW": "one"}
    assert (container["resources"]["cpu"], container["resources"]["memory"]) == (0.75, "1.5Gi")
    assert properties["template"]["scale"]["maxReplicas"] == 4
    az(f"containerapp update -n {app} --remove-env-vars NEW --revision-suffix named")
    properties = az(f"containerapp show -n {app}")["properties"]
    assert properties["latestRevisionName"] == f"{app}--named"
    assert [each["name"] for each in properties["template"]["containers"][0]["env"]] == ["KEY", "MODE"]


def test_secrets_are_set_shown_and_removed(az: Az, app: str) -> None:
    secret = f"containerapp secret {{}} -n {app}"
    told = az.told(f"{secret.format('set')} --secrets other=value third=more")
    assert f"Containerapp '{app}' must be restarted" in told
    assert {"key", "other", "third"} <= set(az.text(f"{secret.format('list')} --query [].name -o tsv").split())
    assert az(f"{secret.format('show')} --secret-name other") == {"name": "other", "value": "value"}
    with_values = az(f"{secret.format('list')} --show-values")
    assert {"name": "key", "value": "s3cret"} in [
        {name: each[name] for name in ("name", "value")} for each in with_values
    ]
    az(f"{secret.format('remove')} --secret-names other third")
    assert "(ContainerAppSecretRefNotFound)" in az.refused(f"{secret.format('remove')} --secret-names key")


def test_identities_are_assigned_and_removed(az: Az, app: str) -> None:
    identity = f"containerapp identity {{}} -n {app}"
    own = az(f"{identity.format('assign')} --system-assigned")
    assert own["type"] == "SystemAssigned"
    user = az("identity create -n person")
    both = az(f"{identity.format('assign')} --user-assigned person")
    assert both["type"] == "SystemAssigned, UserAssigned"
    assert [each["principalId"] for each in both["userAssignedIdentities"].values()] == [user["principalId"]]
    assert az(identity.format("show"))["principalId"] == own["principalId"]
    assert az(f"{identity.format('remove')} --user-assigned person")["type"] == "SystemAssigned"
    assert az(f"{identity.format('remove')} --system-assigned")["type"] == "None"
    az("identity delete -n person")
    assert az("identity list") == []


def test_dapr_is_enabled_and_disabled(az: Az, app: str) -> None:
    options = "--dapr-app-port 80 --dapr-app-protocol http --dhmrs 4 --dhrbs 4 --dal --dapr-log-level info"
    on = az(f"containerapp dapr enable -n {app} --dapr-app-id hello {options}")
    assert on == {
        "appId": "hello", "appPort": 80, "appProtocol": "http", "enableApiLogging": True, "enabled": True,
        "httpMaxRequestSize": 4, "httpReadBufferSize": 4, "logLevel": "info",
    }  # fmt: skip
    assert az(f"containerapp dapr disable -n {app}")["enabled"] is False


def test_a_registrys_password_becomes_a_secret(az: Az, app: str) -> None:
    registry = f"containerapp registry {{}} -n {app}"
    az(f"{registry.format('set')} --server other.azurecr.io --username me --password s3cret")
    (kept,) = az(registry.format("list"))
    assert kept["server"] == "other.azurecr.io"
    assert kept["passwordSecretRef"] == "otherazurecrio-me"
    assert az(f"{registry.format('show')} --server other.azurecr.io") == kept
    az(f"{registry.format('remove')} --server other.azurecr.io")
    assert not az(registry.format("list"))


def test_signing_in_is_configured(az: Az, app: str) -> None:
    auth = f"containerapp auth {{}} -n {app}"
    assert az(auth.format("show")) == {}
    address = az(f"containerapp show -n {app}")["properties"]["configuration"]["ingress"]["fqdn"]
    assert az.call(address).status_code == 200
    az(f"{auth.format('update')} --enabled true --action Return401")
    assert az.call(address).status_code == 401
    az(f"{auth.format('microsoft update')} --client-id a-client --client-secret s3cret --tenant-id a-tenant --yes")
    shown = az(auth.format("show"))
    assert shown["platform"] == {"enabled": True}
    assert shown["globalValidation"]["unauthenticatedClientAction"] == "Return401"
    assert shown["identityProviders"]["azureActiveDirectory"]["registration"]["clientId"] == "a-client"
    az(
        f"{auth.format('openid-connect add')} --provider-name own --client-id x --client-secret-name key "
        "--openid-configuration https://example.com/.well-known/openid-configuration"
    )
    provider = az(f"{auth.format('openid-connect show')} --provider-name own")
    assert provider["registration"]["clientCredential"] == {"clientSecretSettingName": "key"}
    az(f"{auth.format('update')} --enabled false")
    assert az.call(address).status_code == 200


def test_what_was_shown_as_yaml_is_taken_back(az: Az, app: str) -> None:
    (az.folder / "app.yaml").write_text(az.text(f"containerapp show -n {app} -o yaml"))
    before = az(f"containerapp show -n {app}")["properties"]
    assert az(f"containerapp update -n {app} --yaml app.yaml")["properties"]["provisioningState"] == "Succeeded"
    assert az(f"containerapp show -n {app}")["properties"]["template"] == before["template"]


def test_up_makes_all_that_is_missing_and_then_updates(az: Az) -> None:
    told = az.told(
        f"containerapp up -n quick -g quick-group -l eastus --image {HELLO} --ingress external --target-port 80"
    )
    for line in ("Creating resource group 'quick-group'", "Creating ContainerAppEnvironment 'quick-env'",
                 "Your container app quick has been created and deployed! Congrats!"):  # fmt: skip
        assert line in told
    address = az("containerapp show -n quick -g quick-group")["properties"]["configuration"]["ingress"]["fqdn"]
    assert "Your app quick is running" in az.call(address).text
    again = az.told(f"containerapp up -n quick -g quick-group --image {HELLO} --env-vars A=b")
    assert "Updating Containerapp quick in resource group quick-group" in again
    az("group delete -n quick-group --yes")
    assert az("group exists -n quick-group") is False


def test_a_compose_file_becomes_apps(az: Az, environment: str) -> None:
    (az.folder / "compose.yaml").write_text(
        f"services:\n  web:\n    image: {HELLO}\n    ports: ['8080:80']\n    environment: [MODE=composed]\n"
        "    deploy:\n      resources:\n        limits: {cpus: '0.5', memory: 1G}\n"
    )
    (made,) = az(f"containerapp compose create --environment {environment} --compose-file-path compose.yaml")
    assert made["name"] == "web"
    assert made["properties"]["configuration"]["ingress"]["targetPort"] == 80
    az("containerapp delete -n web --yes")


def test_a_deleted_app_is_gone(az: Az, environment: str) -> None:
    az(f"containerapp create -n passing --environment {environment} --image {HELLO}")
    assert "Containerapp successfully deleted" in az.told("containerapp delete -n passing --yes")
    gone = az.refused("containerapp show -n passing")
    assert "(ResourceNotFound) The Resource 'Microsoft.App/containerApps/passing'" in gone
    assert "passing" not in az.text("containerapp list --query [].name -o tsv").split()


def test_the_lines_that_export_writes_make_the_same_app(az: Az, app: str) -> None:
    shown = az(f"containerapp show -n {app}")
    command = exported({**shown, "name": "again"}, "az").removeprefix("az ").replace("\\\n", " ")
    az(command.replace("$KEY", "s3cret").replace("$OTHER", "value").replace("$THIRD", "more"))
    before, after = writable(shown)["properties"], writable(az("containerapp show -n again"))["properties"]
    one, other = before["template"]["containers"][0], after["template"]["containers"][0]
    assert {name: one[name] for name in ("image", "env", "resources")} == {
        name: other[name] for name in ("image", "env", "resources")
    }
    for name in ("minReplicas", "maxReplicas", "rules"):
        assert before["template"]["scale"][name] == after["template"]["scale"][name]
    assert {each["name"] for each in before["configuration"]["secrets"]} == {
        each["name"] for each in after["configuration"]["secrets"]
    }
