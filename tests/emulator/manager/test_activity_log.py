"""The activity log: what was asked of Resource Manager, by whom, and how it ended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure.mgmt.monitor import MonitorManagementClient

from tests.emulator.running import Running, running_emulator
from tests.emulator.test_access import Caller

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOG = {"api-version": "2015-04-01"}


def since(emulator: Running, hours: float = 1.0) -> str:
    return f"eventTimestamp ge '{(emulator.clock.now() - timedelta(hours=hours)).isoformat()}'"


def listed(emulator: Running, more: str = "", **query: str) -> list[dict[str, Any]]:
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    path = f"{subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    params = LOG | {"$filter": since(emulator) + (f" and {more}" if more else "")} | query
    answer = emulator.ask("GET", path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["value"]


def told(events: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(each["operationName"]["value"], each["status"]["value"], each["subStatus"]["value"]) for each in events]


def test_the_sdk_lists_who_changed_what_and_how_it_ended(sdk: Callable[[type], Any], emulator: Running) -> None:
    emulator.deploy()
    refused = emulator.ask("PUT", emulator.app_path("Wrong_Name"), emulator.body())
    assert refused.status_code == 400
    client = sdk(MonitorManagementClient)
    found = list(client.activity_logs.list(filter=f"{since(emulator)} and eventChannels eq 'Admin, Operation'"))
    by_status = {(each.status.value, each.resource_id.rpartition("/")[2]): each for each in found}
    made = by_status["Accepted", "scorer"]
    assert made.operation_name.value == "Microsoft.App/containerApps/write"
    assert made.caller == emulator.environment["AZURE_CLIENT_ID"]
    assert (made.level, made.http_request.method) == ("Informational", "PUT")
    assert (made.resource_group_name, made.resource_type.value) == ("local", "Microsoft.App/containerApps")
    assert made.sub_status.localized_value == "Created (HTTP Status Code: 201)"
    assert by_status["Started", "scorer"].correlation_id == made.correlation_id
    failed = by_status["Failed", "Wrong_Name"]
    assert (failed.level, failed.sub_status.value) == ("Error", "BadRequest")
    assert refused.json()["error"]["code"] in failed.properties["statusMessage"]
    assert failed.correlation_id == refused.headers["x-ms-correlation-request-id"]
    assert next(each.value for each in client.event_categories.list()) == "Administrative"


def test_a_filter_asks_for_a_group_a_resource_a_provider_or_one_request(emulator: Running) -> None:
    emulator.deploy()
    group = emulator.group.rpartition("/")[0] + "/other"
    emulator.ask("PUT", group, {"location": "eastus"})
    emulator.ask("POST", f"{emulator.app_path()}/listSecrets")
    emulator.ask("GET", emulator.app_path())
    assert {each["resourceGroupName"] for each in listed(emulator)} == {"local", "other"}
    assert told(listed(emulator, "resourceGroupName eq 'OTHER'")) == [
        ("Microsoft.Resources/subscriptions/resourceGroups/write", "Succeeded", "Created"),
        ("Microsoft.Resources/subscriptions/resourceGroups/write", "Started", ""),
    ]
    of_app = listed(emulator, f"resourceUri eq '{emulator.app_path().upper()}'")
    assert told(of_app)[0] == ("Microsoft.App/containerApps/listSecrets/action", "Succeeded", "OK")
    assert {each["resourceType"]["value"] for each in of_app} == {"Microsoft.App/containerApps"}
    assert len(of_app) == 4  # reading leaves none
    assert len(listed(emulator, "resourceProvider eq 'Microsoft.App'")) == 4
    one = of_app[0]["correlationId"]
    assert {each["correlationId"] for each in listed(emulator, f"correlationId eq '{one}'")} == {one}
    (event, *_) = listed(emulator, **{"$select": "caller,status"})
    assert set(event) == {"caller", "status"}


def test_questions_that_come_by_post_and_strangers_without_a_token_leave_nothing(emulator: Running) -> None:
    name = {"name": "x", "type": "Microsoft.App/containerApps"}
    emulator.ask("POST", f"{emulator.environment_id}/checkNameAvailability", name)
    emulator.ask("PUT", emulator.app_path(), emulator.body(), headers={"Authorization": "Bearer none"})
    assert listed(emulator) == []


def test_what_a_role_forbids_is_noted_as_failed(emulator: Running) -> None:
    stranger = Caller(emulator)
    token = {"Authorization": f"Bearer {stranger.obtain('https://management.azure.com')}"}
    stranger.give("Reader", emulator.group)
    assert emulator.ask("DELETE", emulator.app_path(), headers=token).status_code == 403
    failed = [each for each in listed(emulator) if each["status"]["value"] == "Failed"]
    assert told(failed) == [("Microsoft.App/containerApps/delete", "Failed", "Forbidden")]


@pytest.mark.parametrize(
    "text",
    ["", "eventTimestamp le '2026-01-01'", "eventTimestamp ge 'yesterday'", "eventTimestamp ge '2026-01-01' or 1",
     "eventTimestamp ge '2026-01-01' and colour eq 'red'"],
)  # fmt: skip
def test_any_other_syntax_is_refused(emulator: Running, text: str) -> None:
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    path = f"{subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    answer = emulator.ask("GET", path, params=LOG | {"$filter": text})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


def test_moments_need_no_quotes(emulator: Running) -> None:
    emulator.deploy()
    path = f"{emulator.group.rpartition('/resourceGroups')[0]}/providers/Microsoft.Insights/eventtypes"
    span = "eventTimestamp ge 2000-01-01T00:00:00.5 and eventTimestamp le 2100-01-01T00:00:00"  # as az writes it
    answer = emulator.ask("GET", f"{path}/management/values", params=LOG | {"$filter": span})
    assert len(answer.json()["value"]) == 2


def test_a_long_log_comes_in_pages(sdk: Callable[[type], Any], emulator: Running) -> None:
    for _ in range(105):
        emulator.ask("POST", f"{emulator.app_path()}/listSecrets")  # of an app that is not there
    client = sdk(MonitorManagementClient)
    pages = list(client.activity_logs.list(filter=since(emulator)).by_page())
    events = [event.event_data_id for page in pages for event in page]
    assert len(events) == len(set(events)) == 210


def test_the_log_is_there_after_a_restart_and_for_ninety_days(data_dir: Path) -> None:
    with running_emulator(data_dir) as emulator:
        emulator.deploy()
    with running_emulator(data_dir) as emulator:
        assert ("Microsoft.App/containerApps/write", "Started", "") in told(listed(emulator))
    with running_emulator(data_dir, elapsed_seconds=91 * 86400) as emulator:
        path = f"{emulator.group.rpartition('/resourceGroups')[0]}/providers/Microsoft.Insights/eventtypes"
        params = LOG | {"$filter": since(emulator, hours=24 * 365)}
        assert emulator.ask("GET", f"{path}/management/values", params=params).json()["value"] == []
