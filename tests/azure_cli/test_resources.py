"""What stands around apps: groups, resources, tags, identities, roles, vaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.azure_cli.shell import HELLO

if TYPE_CHECKING:
    from tests.azure_cli.shell import Az


def test_groups_are_made_tagged_found_and_deleted_with_what_is_in_them(az: Az) -> None:
    assert az("group create -n passing -l westeurope --tags owner=me")["tags"] == {"owner": "me"}
    assert az("group exists -n passing") is True
    assert az.text("group list --tag owner=me --query [].name -o tsv").split() == ["passing"]
    az("identity create -n inside -g passing -l westeurope")
    assert az("group update -n passing --tags owner=you")["tags"] == {"owner": "you"}
    az("group delete -n passing --yes")
    assert az("group exists -n passing") is False
    assert "ResourceGroupNotFound" in az.refused("identity list -g passing")


def test_resources_of_any_type_are_made_shown_changed_and_deleted(az: Az, logged_in: Az) -> None:
    kind = "--resource-type Microsoft.OperationalInsights/workspaces"
    id_ = az(f"resource create -n generic {kind} -l eastus --properties {{}}")["id"]
    assert az(f"resource show -n generic {kind}")["name"] == "generic"
    assert az(f"resource update --ids {id_} --set tags.owner=me")["tags"] == {"owner": "me"}
    assert az(f"resource tag --ids {id_} --tags owner=you")["tags"] == {"owner": "you"}
    assert logged_in.text("resource list --tag owner=you --query [].name -o tsv").split() == ["generic"]
    merged = az(f"tag update --resource-id {id_} --operation Merge --tags cost=low")
    assert merged["properties"]["tags"] == {"owner": "you", "cost": "low"}
    assert az(f"tag list --resource-id {id_}")["properties"]["tags"] == {"owner": "you", "cost": "low"}
    az(f"resource delete --ids {id_}")
    assert "generic" not in az.text("resource list --query [].name -o tsv").split()


def test_providers_are_registered_and_tell_their_types(az: Az) -> None:
    shown = az("provider show -n Microsoft.App")
    assert shown["registrationState"] == "Registered"
    assert {"containerApps", "managedEnvironments", "jobs", "sessionPools"} <= {
        each["resourceType"] for each in shown["resourceTypes"]
    }
    az("provider register -n Microsoft.App")
    assert "Microsoft.OperationalInsights" in az.text("provider list --query [].namespace -o tsv").split()


def test_roles_are_assigned_listed_and_taken_back(az: Az) -> None:
    (pull,) = az("role definition list --name AcrPull")
    assert pull["permissions"][0]["actions"] == ["Microsoft.ContainerRegistry/registries/pull/read"]
    person = az("identity create -n puller")
    scope = az("acr create -n rolesregistry --sku Basic")["id"]
    assign = f"role assignment create --assignee-object-id {person['principalId']} --role AcrPull --scope {scope}"
    made = az(f"{assign} --assignee-principal-type ServicePrincipal")
    assert made["roleDefinitionId"].endswith(pull["name"])
    (kept,) = az(f"role assignment list --scope {scope}")
    assert (kept["principalId"], kept["roleDefinitionName"]) == (person["principalId"], "AcrPull")
    az(f"role assignment delete --assignee {person['principalId']} --role AcrPull --scope {scope}")
    assert az(f"role assignment list --scope {scope}") == []


@pytest.mark.parametrize("line", ["group show -n nowhere", "containerapp list -g nowhere"])
def test_a_group_that_is_not_there_is_told_in_azures_words(az: Az, line: str) -> None:
    assert "(ResourceGroupNotFound) Resource group 'nowhere' could not be found." in az.refused(line)


def test_a_vaults_secrets_are_set_listed_and_deleted(az: Az) -> None:
    az("keyvault create -n walk-vault -l eastus --enable-rbac-authorization false")
    address = az("keyvault show -n walk-vault")["properties"]["vaultUri"]
    # `secret set` takes a vault's name alone, and looks for a host of that name, which not every machine resolves.
    url = f"{address}secrets/key?api-version=7.4"
    az(f"rest --method put --resource https://vault.azure.net --url {url} --body", '{"value": "s3cret"}')
    secret = f"keyvault secret {{}} --id {address}secrets/key"
    assert az(secret.format("show"))["value"] == "s3cret"
    _let_an_app_read(az, f"{address}secrets/key")
    az(secret.format("delete"))
    assert "(SecretNotFound)" in az.refused(secret.format("show"))
    az("keyvault delete -n walk-vault")


def _let_an_app_read(az: Az, secret: str) -> None:
    """Make an app whose identity may read the vault, and whose secret is that of the vault."""
    az("containerapp env create -n vaulted -l eastus --logs-destination none")
    az(f"containerapp create -n reader --environment vaulted --image {HELLO} --system-assigned")
    principal = az("containerapp identity show -n reader")["principalId"]
    az(f"keyvault set-policy -n walk-vault --object-id {principal} --secret-permissions get")
    az(f"containerapp secret set -n reader --secrets key=keyvaultref:{secret},identityref:system")
    (kept,) = az("containerapp show -n reader")["properties"]["configuration"]["secrets"]
    assert kept == {"identity": "system", "keyVaultUrl": secret, "name": "key"}
    az("containerapp update -n reader --set-env-vars KEY=secretref:key")
    (variable,) = az("containerapp show -n reader")["properties"]["template"]["containers"][0]["env"]
    assert variable["secretRef"] == "key"
