"""What Resource Manager answers about resources of any type, by the unmodified SDKs: lists, groups, quotas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.quota import QuotaMgmtClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.subscriptions import SubscriptionClient

from tests.emulator.deployments.deploying import ask, body, changes, deploy

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulator.running import Running


@pytest.fixture
def client(sdk: Callable[[type], Any]) -> Any:
    return sdk(ResourceManagementClient)


def names(found: Any) -> list[str]:
    return sorted(each.name for each in found)


def test_a_list_is_filtered_expanded_and_in_pages(client: Any, emulator: Running) -> None:
    emulator.deploy("first", emulator.body() | {"tags": {"team": "a"}})
    emulator.deploy("second", emulator.body() | {"tags": {"team": "b"}})
    listed = client.resources.list
    apps = "resourceType eq 'Microsoft.App/containerApps'"
    assert names(listed(filter=apps)) == ["first", "second"]
    assert names(listed(filter=f"{apps} and name ne 'first'")) == ["second"]
    assert names(listed(filter="substringof('ECON', name)")) == ["second"]
    assert names(listed(filter="tagName eq 'team' and tagValue eq 'a'")) == ["first"]
    assert names(listed(filter=f"({apps} and name eq 'first') or startswith(name, 'sec')")) == ["first", "second"]
    assert names(client.resources.list_by_resource_group("local", filter="location eq 'West US'")) == []
    assert names(listed(top=1)) == names(listed())
    [first] = listed(filter="name eq 'first'", expand="createdTime,changedTime,provisioningState")
    assert (first.provisioning_state, first.location) == ("Succeeded", "eastus")
    assert first.created_time <= first.changed_time
    with pytest.raises(HttpResponseError, match="InvalidFilterInQueryString"):
        list(listed(filter="size gt 3"))


def test_any_resource_is_read_written_and_deleted_by_its_id(client: Any, emulator: Running) -> None:
    id_ = f"{emulator.group}/providers/Microsoft.Network/virtualNetworks/one"
    version = {"api_version": "2024-01-01"}
    assert not client.resources.check_existence_by_id(id_, **version)
    asked = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    made = client.resources.begin_create_or_update_by_id(id_, asked, **version).result()
    assert made.properties["provisioningState"] == "Succeeded"
    assert client.resources.check_existence_by_id(id_, **version)
    assert client.resources.get_by_id(id_, **version).name == "one"
    client.resources.begin_delete_by_id(id_, **version).result()
    assert not client.resources.check_existence_by_id(id_, **version)


def test_a_group_is_listed_by_its_tags_changed_and_exported(client: Any, emulator: Running) -> None:
    groups = client.resource_groups
    groups.create_or_update("made", {"location": "eastus", "tags": {"team": "a"}})
    assert names(groups.list(filter="tagName eq 'team' and tagValue eq 'a'")) == ["made"]
    assert groups.update("made", {"tags": {"team": "b"}}).tags == {"team": "b"}
    assert groups.get("made").location == "eastus"
    emulator.deploy()
    template = groups.begin_export_template("local", {"resources": ["*"]}).result().template
    app = next(each for each in template["resources"] if each["type"] == "Microsoft.App/containerApps")
    assert app["name"] == "[parameters('containerApps_scorer_name')]"
    environment = "[resourceId('Microsoft.App/managedEnvironments', parameters('managedEnvironments_local_name'))]"
    assert app["properties"]["environmentId"] == environment
    assert app["dependsOn"] == [environment]
    assert set(changes(emulator, body(template)).values()) == {"NoChange"}


def test_nothing_is_written_into_a_group_that_goes(client: Any, emulator: Running) -> None:
    client.resource_groups.create_or_update("made", {"location": "eastus"})
    group = emulator.group.replace("/local", "/made")
    documents = emulator.emulator._store._documents  # as it is while what is in the group is being deleted
    emulator.on_loop(lambda: documents[group.lower()]["properties"].update(provisioningState="Deleting"))
    path = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one"
    refused = ask(emulator, "PUT", path, {"location": "eastus"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ResourceGroupBeingDeleted")


def test_deleting_a_group_ends_its_deployments_and_all_that_is_in_it(client: Any, emulator: Running) -> None:
    template = client.resource_groups.begin_export_template("local", {"resources": ["*"]}).result().template
    assert deploy(emulator, body(template))["properties"]["provisioningState"] == "Succeeded"
    client.resource_groups.begin_delete("local").result()
    assert list(client.resources.list()) == []
    assert not client.resource_groups.check_existence("local")


def test_providers_tell_their_types_and_whether_they_are_registered(client: Any, emulator: Running) -> None:
    found = {each.namespace: each for each in client.providers.list()}
    assert {each.registration_state for each in found.values()} == {"Registered"}
    types = {each.resource_type: each for each in found["Microsoft.App"].resource_types}
    assert types["containerApps"].api_versions[0] == "2026-07-01"
    assert "East US" in types["managedEnvironments/storages"].locations
    assert client.providers.unregister("Microsoft.Storage").registration_state == "NotRegistered"
    assert client.providers.get("microsoft.storage").registration_state == "NotRegistered"
    assert client.providers.register("Microsoft.Storage").registration_state == "Registered"
    assert client.providers.get_at_tenant_scope("Microsoft.App").namespace == "Microsoft.App"
    assert client.provider_resource_types.list("Microsoft.App").value
    with pytest.raises(HttpResponseError, match="InvalidResourceNamespace"):
        client.providers.get("Microsoft.Nothing")


def test_tags_are_counted_by_name_and_value(client: Any, emulator: Running) -> None:
    emulator.deploy("first", emulator.body() | {"tags": {"team": "a"}})
    emulator.deploy("second", emulator.body() | {"tags": {"team": "b"}})
    [team] = client.tags.list()
    assert (team.tag_name, team.count.value) == ("team", 2)
    assert [each.tag_value for each in team.values_property] == ["a", "b"]


def test_reserved_names_are_told(sdk: Callable[[type], Any]) -> None:
    subscriptions = sdk(SubscriptionClient)
    for name, status in (("scorer", "Allowed"), ("MyMicrosoftApp", "Reserved"), ("login-page", "Reserved")):
        found = subscriptions.check_resource_name({"name": name, "type": "Microsoft.App/containerApps"})
        assert found.status == status


def test_what_keeps_an_environment_is_told_by_its_kind(emulator: Running) -> None:
    emulator.deploy()
    refused = emulator.ask("DELETE", emulator.environment_id)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ManagedEnvironmentHasContainerApps")
    assert refused.json()["error"]["message"] == (
        "The specified environment local cannot be deleted because it still contains 1 ContainerApps."
    )


def test_more_quota_is_granted_and_counts_from_then_on(sdk: Callable[[type], Any], emulator: Running) -> None:
    client = sdk(QuotaMgmtClient)
    subscription = emulator.environment["AZURE_SUBSCRIPTION_ID"]
    scope = f"subscriptions/{subscription}/providers/Microsoft.App/locations/eastus"
    limits = {each.name: each.properties.limit.value for each in client.quota.list(scope)}
    usages = {each.name: each.properties.usages.value for each in client.usages.list(scope)}
    listed = emulator.ask("GET", f"/{scope}/usages").json()["value"]
    assert limits == {each["name"]["value"]: each["limit"] for each in listed}
    assert usages == {each["name"]["value"]: each["usage"] for each in listed}
    asked = client.quota.get("SubscriptionConsumptionT4Gpus", scope)
    asked.properties.limit.value = 16
    granted = client.quota.begin_create_or_update("SubscriptionConsumptionT4Gpus", scope, asked).result()
    assert granted.properties.limit.value == 16
    again = {each["name"]["value"]: each["limit"] for each in emulator.ask("GET", f"/{scope}/usages").json()["value"]}
    assert again == limits | {"SubscriptionConsumptionT4Gpus": 16}
    [request] = client.quota_request_status.list(scope)
    assert request.properties.provisioning_state == "Succeeded"
    assert request.properties.value[0].limit.value == 16
    assert client.quota_request_status.get(request.name, scope).name == request.name
    elsewhere = scope.replace("eastus", "westeurope")
    assert client.quota.get("SubscriptionConsumptionT4Gpus", elsewhere).properties.limit.value == 8
    with pytest.raises(HttpResponseError, match="InvalidResourceName"):
        client.quota.get("Nothing", scope)
