"""What Container Apps' users make beside their apps: stored as they say it, refused where Azure would refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.monitor import models as monitor
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.resources.models import Tags, TagsPatchResource

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulator.running import Running

STORAGE = {"api-version": "2024-01-01"}


def alert(scope: str, **changed: Any) -> monitor.MetricAlertResource:
    criterion = monitor.MetricCriteria(
        name="busy", metric_name="Requests", operator="GreaterThan", threshold=5, time_aggregation="Total"
    )
    criteria = monitor.MetricAlertSingleResourceMultipleMetricCriteria(all_of=[criterion])
    return monitor.MetricAlertResource(
        **{
            "location": "global", "severity": 2, "enabled": True, "scopes": [scope], "evaluation_frequency": "PT1M",
            "window_size": "PT5M", "criteria": criteria,
        }
        | changed
    )  # fmt: skip


def test_an_alert_comes_back_as_it_was_written(sdk: Callable[[type], Any], emulator: Running) -> None:
    client = sdk(MonitorManagementClient)
    group = client.action_groups.create_or_update(
        "local", "people", monitor.ActionGroupResource(location="Global", group_short_name="people", enabled=True)
    )
    emulator.deploy()
    actions = [monitor.MetricAlertAction(action_group_id=group.id)]
    client.metric_alerts.create_or_update("local", "busy", alert(emulator.app_path(), actions=actions))
    [found] = client.metric_alerts.list_by_resource_group("local")
    assert found.criteria.all_of[0].threshold == 5
    assert found.actions[0].action_group_id == group.id
    changed = client.metric_alerts.update("local", "busy", monitor.MetricAlertResourcePatch(enabled=False))
    assert (changed.enabled, changed.severity) == (False, 2)
    assert [each.name for each in client.metric_alerts.list_by_subscription()] == ["busy"]
    with pytest.raises(HttpResponseError, match="severity"):
        client.metric_alerts.create_or_update("local", "other", alert(emulator.app_path(), severity=9))
    client.metric_alerts.delete("local", "busy")
    client.action_groups.delete("local", "people")
    assert list(client.action_groups.list_by_subscription_id()) == []


def test_tags_are_those_of_the_resource_itself(sdk: Callable[[type], Any], emulator: Running) -> None:
    client = sdk(ResourceManagementClient)
    emulator.deploy()
    client.tags.begin_create_or_update_at_scope(
        emulator.app_path(), {"properties": {"tags": {"owner": "a", "cost": "b"}}}
    ).result()
    patch = TagsPatchResource(operation="Merge", properties=Tags(tags={"owner": "c"}))
    client.tags.begin_update_at_scope(emulator.app_path(), patch).result()
    assert emulator.ask("GET", emulator.app_path()).json()["tags"] == {"owner": "c", "cost": "b"}
    assert [each.name for each in client.resources.list(filter="tagName eq 'owner' and tagValue eq 'c'")] == ["scorer"]
    assert list(client.resources.list(filter="tagName eq 'owner' and tagValue eq 'a'")) == []
    patch = TagsPatchResource(operation="Delete", properties=Tags(tags={"owner": "c"}))
    client.tags.begin_update_at_scope(emulator.app_path(), patch).result()
    assert client.tags.get_at_scope(emulator.app_path()).properties.tags == {"cost": "b"}
    client.tags.begin_delete_at_scope(emulator.app_path()).result()
    assert client.tags.get_at_scope(emulator.app_path()).properties.tags == {}


def test_a_diagnostic_setting_is_shown_with_every_category_of_its_environment(emulator: Running) -> None:
    path = f"{emulator.environment_id}/providers/microsoft.insights/diagnosticSettings/all"
    logs = [{"category": "ContainerAppConsoleLogs", "enabled": True}]
    refused = emulator.ask("PUT", path, {"properties": {"logs": logs}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadRequest")
    made = emulator.ask("PUT", path, {"properties": {"logs": logs, "workspaceId": "/subscriptions/x"}})
    assert [each["category"] for each in made.json()["properties"]["logs"]] == ["ContainerAppConsoleLogs"]
    shown = emulator.ask("GET", path).json()["properties"]["logs"]
    assert {each["category"] for each in shown if each["enabled"]} == {"ContainerAppConsoleLogs"}
    assert len(shown) == 6
    assert emulator.ask("GET", path.rpartition("/")[0]).json()["value"][0]["name"] == "all"
    assert emulator.ask("DELETE", path).status_code == 200
    assert emulator.ask("GET", path).json()["error"]["code"] == "ResourceNotFound"


def test_a_storage_account_has_keys_that_are_nowhere_else(emulator: Running) -> None:
    path = f"{emulator.group}/providers/Microsoft.Storage/storageAccounts/kept1"
    body = {"location": "eastus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    made = emulator.ask("PUT", path, body, params=STORAGE)
    assert (made.status_code, made.text) == (202, "")
    assert emulator.ask("GET", made.headers["Location"]).json() == emulator.ask("GET", path).json()
    keys = emulator.ask("POST", f"{path}/listKeys").json()["keys"]
    assert [each["keyName"] for each in keys] == ["key1", "key2"]
    assert emulator.ask("POST", f"{path}/listKeys").json()["keys"] == keys
    files = [*emulator.emulator.settings.data_dir.rglob("*")]
    held = [each for each in files if each.is_file() and keys[0]["value"].encode() in each.read_bytes()]
    assert held == []
    assert emulator.ask("DELETE", path).status_code == 200
    assert not emulator.emulator._secrets.has(path.lower(), "key1")


def test_a_name_for_a_storage_account_is_available_once(emulator: Running) -> None:
    subscription = emulator.group.rpartition("/resourceGroups")[0]

    def available(name: str) -> Any:
        path = f"{subscription}/providers/Microsoft.Storage/checkNameAvailability"
        return emulator.ask("POST", path, {"name": name, "type": "Microsoft.Storage/storageAccounts"}).json()

    assert available("kept1") == {"nameAvailable": True}
    path = f"{emulator.group}/providers/Microsoft.Storage/storageAccounts/kept1"
    emulator.ask("PUT", path, {"location": "eastus"})
    assert available("kept1")["reason"] == "AlreadyExists"
    assert available("Not-Valid")["reason"] == "AccountNameInvalid"


def test_a_network_shows_its_subnets_and_takes_them_with_it(emulator: Running) -> None:
    path = f"{emulator.group}/providers/Microsoft.Network/virtualNetworks/net"
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    subnets = {"subnets": [{"name": "one", "properties": {"addressPrefix": "10.0.0.0/23"}}]}
    made = emulator.ask("PUT", path, {"location": "eastus", "properties": space | subnets})
    assert (made.status_code, made.json()["properties"]["provisioningState"]) == (201, "Updating")
    assert emulator.follow(made) == {"status": "Succeeded"}
    two = emulator.ask("PUT", f"{path}/subnets/two", {"properties": {"addressPrefix": "10.0.2.0/23"}})
    assert two.status_code == 201
    assert [each["name"] for each in emulator.ask("GET", path).json()["properties"]["subnets"]] == ["one", "two"]
    refused = emulator.ask("PUT", f"{path}/subnets/bad", {"properties": {"addressPrefix": "10.0.2.0/99"}})
    assert refused.json()["error"]["code"] == "InvalidAddressPrefixFormat"
    orphan = emulator.ask("PUT", f"{path}x/subnets/two", {"properties": {"addressPrefix": "10.0.2.0/23"}})
    assert orphan.json()["error"]["code"] == "ParentResourceNotFound"
    emulator.ask("DELETE", path)
    assert emulator.ask("GET", f"{path}/subnets/two").status_code == 404
