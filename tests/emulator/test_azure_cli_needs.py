"""What the unmodified Azure CLI needs of an answer, beyond what the SDKs read; each made a command of it fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.emulator.running import Running


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("restart", "Restart succeeded"),
        ("deactivate", "Deactivate succeeded"),
        ("activate", "Activate succeeded"),
    ],
)
def test_what_is_done_to_a_revision_answers_with_a_text_in_json(emulator: Running, action: str, said: str) -> None:
    """`az containerapp revision restart` reads JSON and prints it."""
    name = emulator.deploy()["properties"]["latestRevisionName"]
    answer = emulator.ask("POST", f"{emulator.app_path()}/revisions/{name}/{action}")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json() == said


def resources(emulator: Running, wanted: str) -> set[str]:
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    answer = emulator.ask(
        "GET", f"{subscription}/resources", params={"api-version": "2024-11-01", "$filter": wanted}
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return {each["name"] for each in answer.json()["value"]}


def test_resources_are_listed_by_group_type_and_name(emulator: Running) -> None:
    """`az resource list -g`, `--resource-type` and `--name` leave the choice to Azure."""
    emulator.deploy()
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    assert emulator.ask("PUT", f"{subscription}/resourcegroups/empty", {"location": "eastus"}).status_code == 201
    assert resources(emulator, "") == {"scorer", "local"}
    assert resources(emulator, "resourceGroup eq 'empty'") == set()
    assert resources(emulator, "resourceGroup eq 'LOCAL' and name eq 'scorer'") == {"scorer"}
    assert resources(emulator, "resourceType eq 'microsoft.app/containerapps'") == {"scorer"}


def test_resources_and_groups_are_found_by_their_tags(emulator: Running) -> None:
    """`az resource list --tag owner=me` and `az group list --tag owner=me`."""
    emulator.deploy(body=emulator.body() | {"tags": {"Owner": "me"}})
    groups = f"{emulator.group.rpartition('/resourceGroups')[0]}/resourcegroups"
    emulator.ask("PUT", f"{groups}/tagged", {"location": "eastus", "tags": {"owner": "me"}})
    assert resources(emulator, "tagname eq 'owner' and tagvalue eq 'me'") == {"scorer"}
    assert resources(emulator, "tagName eq 'owner'") == {"scorer"}
    assert resources(emulator, "tagName eq 'owner' and tagValue eq 'ME'") == set()
    params = {"api-version": "2024-11-01", "$filter": "tagName eq 'owner' and tagValue eq 'me'"}
    found = emulator.ask("GET", groups, params=params).json()["value"]
    assert [each["name"] for each in found] == ["tagged"]


@pytest.mark.parametrize("wanted", ["kind eq 'x'", "name gt 'x'", "name eq 'x' or"])
def test_a_filter_that_is_not_understood_is_refused_and_not_ignored(emulator: Running, wanted: str) -> None:
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    answer = emulator.ask(
        "GET", f"{subscription}/resources", params={"api-version": "2024-11-01", "$filter": wanted}
    )  # fmt: skip
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "InvalidFilterInQueryString"


def test_the_domain_verification_id_is_a_bare_text(emulator: Running) -> None:
    """`az containerapp show-custom-domain-verification-id` prints the JSON text it gets."""
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    answer = emulator.ask("POST", f"{subscription}/providers/Microsoft.App/getCustomDomainVerificationId")
    app = emulator.deploy()
    assert answer.json() == app["properties"]["customDomainVerificationId"]


def test_a_group_shows_tags_only_where_some_were_given(emulator: Running) -> None:
    """`az group create` prints `"tags": null` without them."""
    groups = f"{emulator.group.rpartition('/resourceGroups')[0]}/resourcegroups"
    assert "tags" not in emulator.ask("PUT", f"{groups}/bare", {"location": "eastus"}).json()
    tagged = emulator.ask("PUT", f"{groups}/tagged", {"location": "eastus", "tags": {"owner": "me"}})
    assert tagged.json()["tags"] == {"owner": "me"}


def workspace(emulator: Running, name: str = "workspace-local7rLY") -> str:
    return f"{emulator.group}/providers/Microsoft.OperationalInsights/workspaces/{name}"


def test_env_create_makes_itself_a_workspace_and_takes_its_id_and_key(emulator: Running) -> None:
    """`az containerapp env create` without `--logs-destination` does this first, at api-version 2021-12-01-preview."""
    version = {"api-version": "2021-12-01-preview"}
    made = emulator.ask("PUT", workspace(emulator), {"location": "eastus"}, params=version)
    assert made.status_code == 201
    assert "Azure-AsyncOperation" not in made.headers
    emulator.eventually(
        lambda: emulator.ask("GET", workspace(emulator)).json()["properties"]["provisioningState"] == "Succeeded"
    )
    customer = emulator.ask("GET", workspace(emulator)).json()["properties"]["customerId"]
    keys = emulator.ask("POST", f"{workspace(emulator)}/sharedKeys").json()
    assert set(keys) == {"primarySharedKey", "secondarySharedKey"}
    logs = {"destination": "log-analytics", "logAnalyticsConfiguration": {
        "customerId": customer, "sharedKey": keys["primarySharedKey"],
    }}  # fmt: skip
    environment = f"{emulator.group}/providers/Microsoft.App/managedEnvironments/logged"
    body = {"location": "eastus", "properties": {"appLogsConfiguration": logs}}
    emulator.follow(emulator.ask("PUT", environment, body))
    shown = emulator.ask("GET", environment).json()["properties"]["appLogsConfiguration"]
    assert shown["logAnalyticsConfiguration"]["customerId"] == customer
    assert keys["primarySharedKey"] not in str(shown)


def test_a_workspace_keeps_its_id_and_keys_through_a_second_put(emulator: Running) -> None:
    """`az containerapp env create --logs-workspace-id` finds the workspace by its customer id."""
    first = emulator.ask("PUT", workspace(emulator), {"location": "eastus"}).json()
    keys = emulator.ask("POST", f"{workspace(emulator)}/sharedKeys").json()
    body = {"location": "eastus", "tags": {"owner": "me"}, "properties": {"retentionInDays": 90}}
    again = emulator.ask("PUT", workspace(emulator), body)
    assert again.status_code == 200
    assert again.json()["properties"]["customerId"] == first["properties"]["customerId"]
    assert again.json()["properties"]["retentionInDays"] == 90
    assert emulator.follow(again)["status"] == "Succeeded"
    assert emulator.ask("POST", f"{workspace(emulator)}/sharedKeys").json() == keys
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    listed = emulator.ask("GET", f"{subscription}/providers/Microsoft.OperationalInsights/workspaces").json()["value"]
    assert [each["tags"] for each in listed if each["id"] == first["id"]] == [{"owner": "me"}]


def test_a_deleted_workspace_is_gone_with_its_keys(emulator: Running) -> None:
    emulator.ask("PUT", workspace(emulator), {"location": "eastus"})
    keys = emulator.ask("POST", f"{workspace(emulator)}/sharedKeys").json()
    assert emulator.ask("DELETE", workspace(emulator)).status_code == 200
    assert emulator.ask("DELETE", workspace(emulator)).status_code == 204
    assert emulator.ask("POST", f"{workspace(emulator)}/sharedKeys").status_code == 404
    emulator.ask("PUT", workspace(emulator), {"location": "eastus"})
    assert emulator.ask("POST", f"{workspace(emulator)}/sharedKeys").json() != keys


@pytest.mark.parametrize("name", ["x", "-starts-with-a-hyphen", "has_underscore"])
def test_a_workspace_name_that_azure_refuses_is_refused(emulator: Running, name: str) -> None:
    assert emulator.ask("PUT", workspace(emulator, name), {"location": "eastus"}).status_code == 400


def test_a_poll_of_a_workspaces_operation_says_when_to_ask_again(emulator: Running) -> None:
    """`az monitor log-analytics workspace create` waits 30 s where no answer says so."""
    made = emulator.ask("PUT", workspace(emulator), {"location": "eastus"}, params={"api-version": "2025-02-01"})
    assert emulator.ask("GET", made.headers["Azure-AsyncOperation"]).headers["retry-after-ms"] == "50"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [("http", "Http"), ("HTTP2", "Http2"), ("auto", "Auto"), ("Http", "Http")],
)
def test_a_transport_is_known_in_any_case(emulator: Running, sent: str, shown: str) -> None:
    """`az containerapp ingress update --transport http` sends it in lower case."""
    body = emulator.body()
    body["properties"]["configuration"]["ingress"]["transport"] = sent
    app = emulator.deploy(body=body)
    assert app["properties"]["configuration"]["ingress"]["transport"] == shown


def test_what_a_resource_can_send_is_listed_before_a_setting_names_it(emulator: Running) -> None:
    """`az monitor diagnostic-settings categories list`."""
    emulator.deploy()
    kind = "providers/Microsoft.Insights/diagnosticSettingsCategories"
    version = {"api-version": "2017-05-01-preview"}
    listed = emulator.ask("GET", f"{emulator.environment_id}/{kind}", params=version).json()["value"]
    assert {each["name"]: each["properties"]["categoryType"] for each in listed}.items() >= {
        "ContainerAppConsoleLogs": "Logs", "ContainerAppSystemLogs": "Logs", "AllMetrics": "Metrics",
    }.items()  # fmt: skip
    of_app = emulator.ask("GET", f"{emulator.app_path()}/{kind}", params=version).json()["value"]
    assert [each["name"] for each in of_app] == ["AllMetrics"]
    one = f"{emulator.environment_id}/{kind}"
    assert emulator.ask("GET", f"{one}/allmetrics", params=version).json()["name"] == "AllMetrics"
    assert emulator.ask("GET", f"{one}/NoSuch", params=version).status_code == 404
    assert emulator.ask("GET", f"{emulator.app_path('none')}/{kind}", params=version).status_code == 404
