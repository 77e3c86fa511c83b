"""The unmodified SDK deploys what `bicep build` writes: workspace, GPU environment, identity, registry, app and job."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity.aio import DefaultAzureCredential
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.deployments import models as m
from azure.mgmt.resource.deployments.aio import DeploymentsMgmtClient as AsyncDeploymentsMgmtClient

from tests.emulator.deployments.deploying import identity, resources, template

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulator.running import Running

CANARY = "canary-7c1f"
MADE = {
    "shop-logs", "shop-env", "shop-identity", "shop-web", "shop-nightly",
}  # fmt: skip


def main(**parameters: Any) -> m.Deployment:
    given = {"apiKey": CANARY, **parameters}
    return m.Deployment(
        properties=m.DeploymentProperties(
            mode="Incremental", template=template("main"),
            parameters={name: m.DeploymentParameter(value=value) for name, value in given.items()},
        )
    )  # fmt: skip


def test_a_typical_template_deploys_and_again_changes_nothing(sdk: Callable[[type], Any], emulator: Running) -> None:
    client = sdk(DeploymentsMgmtClient).deployments
    assert not client.check_existence("local", "one")
    checked = client.begin_validate("local", "one", main()).result()
    assert checked.error is None
    assert len(checked.properties.validated_resources) == 7
    made = client.begin_create_or_update("local", "one", main()).result()
    assert client.check_existence("local", "one")
    assert made.properties.provisioning_state == "Succeeded"
    assert len(made.properties.output_resources) == 7
    assert made.properties.parameters["apiKey"] == {"type": "SecureString"}
    assert made.properties.outputs["key"] == {"type": "SecureString"}
    assert made.properties.outputs["url"]["value"].startswith("https://127.0.0.1:")
    app = emulator.ask("GET", emulator.app_path("shop-web")).json()
    assert app["properties"]["workloadProfileName"] == "gpu"
    revision = app["properties"]["latestRevisionName"]

    what_if = m.DeploymentWhatIf(properties=m.DeploymentWhatIfProperties(main().properties.as_dict()))
    found = client.begin_what_if("local", "one", what_if).result()
    assert {each.change_type for each in found.changes if "shop" in each.resource_id} == {"NoChange"}
    assert {each.change_type for each in found.changes if each.resource_id.endswith("/local")} == {"Ignore"}
    client.begin_create_or_update("local", "one", main()).result()
    again = emulator.ask("GET", emulator.app_path("shop-web")).json()
    assert again["properties"]["latestRevisionName"] == revision
    assert client.export_template("local", "one").template == template("main")


def test_operations_say_what_was_done_to_which_resource(sdk: Callable[[type], Any]) -> None:
    client = sdk(DeploymentsMgmtClient)
    client.deployments.begin_create_or_update("local", "one", main()).result()
    done = list(client.deployment_operations.list("local", "one"))
    names = {each.properties.target_resource.resource_name for each in done if each.properties.target_resource}
    assert names > MADE
    assert {each.properties.provisioning_state for each in done} == {"Succeeded"}
    assert max(each.properties.provisioning_operation for each in done) == "EvaluateDeploymentOutput"
    one = client.deployment_operations.get("local", "one", done[0].operation_id)
    assert one.operation_id == done[0].operation_id


def test_deployments_are_listed_newest_first_and_deleted(sdk: Callable[[type], Any], emulator: Running) -> None:
    client = sdk(DeploymentsMgmtClient).deployments
    empty = m.Deployment(properties=m.DeploymentProperties(mode="Incremental", template=resources()))
    client.begin_create_or_update("local", "first", empty).result()
    emulator.advance(1)
    client.begin_create_or_update("local", "second", empty).result()
    assert [each.name for each in client.list_by_resource_group("local")] == ["second", "first"]
    assert [each.name for each in client.list_by_resource_group("local", top=1)] == ["second"]
    failed = client.list_by_resource_group("local", filter="provisioningState eq 'Failed'")
    assert list(failed) == []
    client.begin_delete("local", "first").result()
    client.begin_delete("local", "never").result()
    assert [each.name for each in client.list_by_resource_group("local")] == ["second"]


def test_a_subscription_deploys_a_group_and_what_is_in_it(sdk: Callable[[type], Any], emulator: Running) -> None:
    client = sdk(DeploymentsMgmtClient).deployments
    inner = resources(identity("inside"), outputs={"here": {"type": "string", "value": "[resourceGroup().name]"}})
    group = {"type": "Microsoft.Resources/resourceGroups", "apiVersion": "2025-04-01", "name": "made"}
    nested = {
        "type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": "nested",
        "resourceGroup": "made",
        "dependsOn": ["[subscriptionResourceId('Microsoft.Resources/resourceGroups', 'made')]"],
        "properties": {
            "mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"}, "template": inner,
        },
    }  # fmt: skip
    value = (
        "[reference(resourceId('made', 'Microsoft.Resources/deployments', 'nested'), '2025-04-01').outputs.here.value]"
    )
    whole = resources(
        group | {"location": "[deployment().location]"}, nested, outputs={"here": {"type": "string", "value": value}}
    )
    properties = m.DeploymentProperties(mode="Incremental", template=whole)
    asked = m.ScopedDeployment(location="eastus", properties=properties)
    client.begin_validate_at_subscription_scope("whole", asked).result()
    made = client.begin_create_or_update_at_subscription_scope("whole", asked).result()
    assert made.properties.outputs["here"]["value"] == "made"
    assert client.get("made", "nested").properties.provisioning_state == "Succeeded"
    assert [each.name for each in client.list_at_subscription_scope()] == ["whole"]
    with pytest.raises(HttpResponseError, match="must be specified") as refused:
        client.begin_create_or_update_at_subscription_scope("whole", m.Deployment(properties=properties))
    assert refused.value.error.code == "InvalidDeployment"


def test_two_templates_are_told_apart_by_their_hash(sdk: Callable[[type], Any]) -> None:
    client = sdk(DeploymentsMgmtClient).deployments
    found = client.calculate_template_hash(resources())
    assert found.template_hash != client.calculate_template_hash(resources(identity("a"))).template_hash
    assert found.minified_template.startswith('{"$SCHEMA"')


@pytest.mark.anyio
async def test_the_aio_client_deploys_too(emulator: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    asked = m.Deployment(properties=m.DeploymentProperties(mode="Incremental", template=resources(identity("one"))))
    async with (
        DefaultAzureCredential() as credential,
        AsyncDeploymentsMgmtClient(
            credential, os.environ["AZURE_SUBSCRIPTION_ID"], base_url=os.environ["AZURE_RESOURCE_MANAGER_URL"],
            connection_verify=os.environ["SSL_CERT_FILE"],
        ) as client,
    ):  # fmt: skip
        made = await (await client.deployments.begin_create_or_update("local", "one", asked)).result()
        assert made.properties.provisioning_state == "Succeeded"
        assert [each.name async for each in client.deployments.list_by_resource_group("local")] == ["one"]
