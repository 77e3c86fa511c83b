"""Templates, locks and resources of any type by the Azure CLI: predicted, deployed, shown, tagged, deleted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.azure_cli.shell import ROOT

if TYPE_CHECKING:
    from tests.azure_cli.shell import Az

MAIN = ROOT / "tests" / "emulator" / "deployments" / "templates" / "main.json"
GIVEN = f"-f {MAIN} -p apiKey=canary-4b1f prefix=cli"
IDENTITY = {
    "type": "Microsoft.ManagedIdentity/userAssignedIdentities", "apiVersion": "2023-01-31", "name": "[parameters('n')]",
    "location": "[resourceGroup().location]",
}  # fmt: skip


def test_a_template_is_validated_predicted_deployed_and_found_again(az: Az) -> None:
    checked = az(f"deployment group validate -n shop {GIVEN}")
    assert len(checked["properties"]["validatedResources"]) == 7
    before = az(f"deployment group what-if -n shop {GIVEN} --no-pretty-print")
    assert {each["changeType"] for each in before["changes"]} - {"Ignore"} == {"Create"}
    made = az(f"deployment group create -n shop {GIVEN}")
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert made["properties"]["outputs"]["url"]["value"].startswith("https://127.0.0.1:")
    assert "canary" not in json.dumps(made)
    assert az("containerapp show -n cli-web")["properties"]["workloadProfileName"] == "gpu"
    assert "no change" in az.text(f"deployment group what-if -n shop {GIVEN}")
    assert "shop" in {each["name"] for each in az("deployment group list")}
    assert az("deployment group show -n shop")["id"] == made["id"]
    assert len(az("deployment operation group list -n shop")) == 8
    assert az("deployment group export -n shop") == json.loads(MAIN.read_text())
    az("deployment group delete -n shop")
    assert "shop" not in {each["name"] for each in az("deployment group list")}


def test_what_is_wrong_with_a_template_is_said_in_azures_words(az: Az) -> None:
    commented = '{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",\n'
    commented += ' "contentVersion": "1.0.0.0", // a comment\n "resources": [{"type": "Microsoft.App/jobs",\n'
    commented += ' "apiVersion": "2025-01-01", "name": "[frobnicate()]"}]}'
    file = az.folder / "wrong.json"
    file.write_text(commented)
    told = az.refused(f"deployment group create -n wrong -f {file}")
    assert "The template function 'frobnicate' is not valid" in told
    assert "line '3'" in told


def test_the_subscription_deploys_a_group(az: Az) -> None:
    file = az.folder / "group.json"
    group = {"type": "Microsoft.Resources/resourceGroups", "apiVersion": "2024-11-01", "name": "by-template",
             "location": "[deployment().location]"}  # fmt: skip
    schema = "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#"
    file.write_text(json.dumps({"$schema": schema, "contentVersion": "1.0.0.0", "resources": [group]}))
    made = az(f"deployment sub create -n whole -l eastus -f {file}")
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert az("group show -n by-template")["location"] == "eastus"
    assert [each["name"] for each in az("deployment sub list")] == ["whole"]
    az("group delete -n by-template --yes")
    assert az("group exists -n by-template") is False


def test_a_resource_is_listed_shown_tagged_locked_and_deleted(az: Az) -> None:
    file = az.folder / "identity.json"
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    parameters = {"n": {"type": "string"}}
    file.write_text(json.dumps(
        {"$schema": schema, "contentVersion": "1.0.0.0", "parameters": parameters, "resources": [IDENTITY]}
    ))  # fmt: skip
    az(f"deployment group create -n one -f {file} -p n=someone")
    [found] = az("resource list --name someone")
    assert found["type"] == IDENTITY["type"]
    assert az(f"resource show --ids {found['id']}")["properties"]["principalId"]
    tagged = az(f"resource tag --ids {found['id']} --tags team=a")
    assert tagged["tags"] == {"team": "a"}
    assert [each["name"] for each in az.within("")("resource list --tag team=a")] == ["someone"]
    one = f"-n keep --resource-type {IDENTITY['type']} --resource someone"
    az(f"lock create {one} --lock-type CanNotDelete")
    assert "ScopeLocked" in az.refused("identity delete -n someone")
    assert [each["name"] for each in az("lock list")] == ["keep"]
    az(f"lock delete {one}")
    az(f"resource delete --ids {found['id']}")
    assert az("resource list --name someone") == []


def test_a_group_is_exported_and_providers_are_told(az: Az) -> None:
    group = az.environment["AZURE_DEFAULTS_GROUP"]
    assert az(f"group export -n {group}")["contentVersion"] == "1.0.0.0"
    assert az("provider show -n Microsoft.App")["registrationState"] == "Registered"
    assert "Microsoft.Quota" in {each["namespace"] for each in az("provider list")}
    az("provider register -n Microsoft.App")
