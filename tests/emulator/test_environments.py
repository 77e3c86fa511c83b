"""Managed environments, groups, registries and look-ups over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from pathlib import Path

CONSUMPTION = {"workloadProfileType": "Consumption", "Name": "Consumption"}  # `az` writes Name so


def path(emulator: Running, name: str = "env") -> str:
    return f"{emulator.group}/providers/Microsoft.App/managedEnvironments/{name}"


def put(emulator: Running, *profiles: dict, name: str = "env", **properties) -> dict:
    body = {"location": "westus3", "properties": {"workloadProfiles": [CONSUMPTION, *profiles]} | properties}
    answer = emulator.ask("PUT", path(emulator, name), body)
    assert answer.status_code == 201, answer.text
    emulator.follow(answer)
    return emulator.ask("GET", path(emulator, name)).json()


def test_a_put_answers_201_waiting_and_ends_succeeded(emulator: Running) -> None:
    body = {"location": "eastus", "properties": {"workloadProfiles": [CONSUMPTION]}}
    answer = emulator.ask("PUT", path(emulator), body)
    assert answer.status_code == 201
    assert "/locations/eastus/managedEnvironmentOperationStatuses/" in answer.headers["Azure-AsyncOperation"]
    assert answer.json()["properties"]["provisioningState"] == "Waiting"
    assert emulator.follow(answer)["status"] == "Succeeded"
    properties = emulator.ask("GET", path(emulator)).json()["properties"]
    assert properties["provisioningState"] == "Succeeded"
    assert properties["workloadProfiles"] == [
        {"workloadProfileType": "Consumption", "name": "Consumption", "enableFips": False}
    ]
    assert properties["appLogsConfiguration"] == {"destination": None, "logAnalyticsConfiguration": None}


def test_a_realistic_pace_takes_its_time(data_dir: Path) -> None:
    with running_emulator(data_dir, pace=1.0) as emulator:
        answer = emulator.ask("PUT", path(emulator), {"location": "eastus", "properties": {}})
        emulator.advance(100)
        assert emulator.ask("GET", answer.headers["Azure-AsyncOperation"]).json()["status"] == "InProgress"
        app = emulator.body() | {}
        app["properties"]["environmentId"] = path(emulator)
        refused = emulator.ask("PUT", emulator.app_path(), app)
        assert refused.json()["error"]["code"] == "ManagedEnvironmentNotReadyForAppCreation"
        emulator.advance(200)
        assert emulator.follow(answer)["status"] == "Succeeded"


def test_a_patch_adds_a_profile_in_azures_spelling_and_answers_with_location_alone(emulator: Running) -> None:
    put(emulator)
    profiles = [CONSUMPTION, {"name": "serverless-t4", "workloadProfileType": "CONSUMPTION-GPU-NC8AS-T4"}]
    answer = emulator.ask("PATCH", path(emulator), {"properties": {"workloadProfiles": profiles}})
    assert (answer.status_code, "Azure-AsyncOperation" in answer.headers) == (202, False)
    changed = emulator.follow(answer)["properties"]
    assert changed["workloadProfiles"][1]["workloadProfileType"] == "Consumption-GPU-NC8as-T4"
    assert changed["provisioningState"] == "Succeeded"
    again = emulator.ask("PATCH", path(emulator), {"properties": {"workloadProfiles": profiles}})
    assert again.status_code == 200  # nothing changes


def test_profile_states_count_the_nodes_of_dedicated_profiles(emulator: Running) -> None:
    put(emulator, {"workloadProfileType": "d4", "name": "my-d4", "minimumCount": "2", "maximumCount": "3"})
    states = emulator.ask("GET", f"{path(emulator)}/workloadProfileStates").json()["value"]
    assert states[1]["type"] == "D4"
    assert states[1]["properties"]["currentCount"] == 2
    assert "currentCount" not in states[0]["properties"]


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        ({"name": "x", "workloadProfileType": "H100"}, "WorkloadProfileTypeNotSupported"),
        (
            {"name": "Consumption-GPU-NC24-A100", "workloadProfileType": "Consumption-GPU-NC24-A100"},
            "WorkloadProfileInvalidNameTooLong",
        ),
        (
            {"name": "a100", "workloadProfileType": "Consumption-GPU-NC24-A100", "minimumCount": 1},
            "WorkloadProfilePropertyNotSupported",
        ),
        (
            {"name": "d4", "workloadProfileType": "D4", "minimumCount": 3, "maximumCount": 1},
            "WorkloadProfileInvalidCounts",
        ),
        ({"name": "Consumption", "workloadProfileType": "D4"}, "WorkloadProfileDuplicateName"),
    ],
)
def test_a_profile_that_cannot_be_is_refused(emulator: Running, profile: dict, code: str) -> None:
    body = {"location": "eastus", "properties": {"workloadProfiles": [CONSUMPTION, profile]}}
    answer = emulator.ask("PUT", path(emulator), body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_serverless_count_is_refused_in_azures_sentence(emulator: Running) -> None:
    profile = {"name": "a100", "workloadProfileType": "Consumption-GPU-NC24-A100", "minimumCount": 1}
    body = {"location": "eastus", "properties": {"workloadProfiles": [CONSUMPTION, profile]}}
    message = emulator.ask("PUT", path(emulator), body).json()["error"]["message"]
    assert message == (
        "Workload Profile property 'MinimumCount' is not supported for Consumption_GPU_NC24_A100"
    )  # fmt: skip


def test_a_profile_in_use_stays(emulator: Running) -> None:
    body = emulator.body()
    body["properties"]["workloadProfileName"] = "gpu-t4"
    emulator.deploy(body=body)
    answer = emulator.ask("PATCH", emulator.environment_id, {"properties": {"workloadProfiles": [CONSUMPTION]}})
    assert answer.json()["error"]["code"] == "WorkloadProfileInUse"


def test_an_environment_with_apps_stays_and_an_empty_one_goes(emulator: Running) -> None:
    emulator.deploy()
    refused = emulator.ask("DELETE", emulator.environment_id)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ManagedEnvironmentHasContainerApps")
    put(emulator)
    answer = emulator.ask("DELETE", path(emulator))
    assert answer.status_code == 202
    emulator.follow(answer)
    assert emulator.ask("GET", answer.headers["Location"]).status_code == 204
    assert emulator.ask("DELETE", path(emulator)).status_code == 204


def test_the_shared_key_is_never_answered_nor_stored(emulator: Running) -> None:
    analytics = {"customerId": "11111111-2222-3333-4444-555555555555", "sharedKey": "canary-9930"}
    logs = {"destination": "log-analytics", "logAnalyticsConfiguration": analytics}
    environment = put(emulator, appLogsConfiguration=logs)
    shown = environment["properties"]["appLogsConfiguration"]["logAnalyticsConfiguration"]
    assert shown == {"customerId": analytics["customerId"], "sharedKey": None, "dynamicJsonColumns": False}
    folder = emulator.emulator.settings.data_dir
    assert not [each for each in folder.rglob("*") if each.is_file() and b"canary-9930" in each.read_bytes()]


def test_a_group_is_made_found_and_deleted_with_what_is_in_it(emulator: Running) -> None:
    group = emulator.group.replace("resourceGroups/local", "resourcegroups/Mine")
    assert emulator.ask("HEAD", group).status_code == 404
    assert emulator.ask("PUT", group, {"location": "East US", "tags": {"a": "b"}}).status_code == 201
    assert emulator.ask("PUT", group, {"location": "eastus"}).status_code == 200
    assert emulator.ask("HEAD", group).status_code == 204
    registry = f"{group}/providers/Microsoft.ContainerRegistry/registries/mine1"
    assert emulator.ask("PUT", registry, {"location": "eastus", "sku": {"name": "Basic"}}).status_code == 201
    body = emulator.body()
    app = f"{group}/providers/Microsoft.App/containerApps/scorer"
    emulator.follow(emulator.ask("PUT", app, body))
    answer = emulator.ask("DELETE", group)
    assert answer.status_code == 202
    emulator.eventually(lambda: emulator.ask("GET", answer.headers["Location"]).status_code == 200)
    assert emulator.ask("GET", registry).json()["error"]["code"] == "ResourceGroupNotFound"
    assert emulator.ask("GET", emulator.app_path()).status_code == 404
    assert emulator.runtime.apps == {}


def test_another_group_or_subscription_is_not_found(emulator: Running) -> None:
    wrong = emulator.app_path().replace("/local/", "/nope/")
    assert emulator.ask("PUT", wrong, emulator.body()).json()["error"] == {
        "code": "ResourceGroupNotFound", "message": "Resource group 'nope' could not be found.",
    }  # fmt: skip
    stranger = "/subscriptions/00000000-0000-0000-0000-000000000000"
    assert emulator.ask("GET", stranger).json()["error"]["code"] == "SubscriptionNotFound"


def test_a_registry_is_made_and_hands_out_its_admins_password(emulator: Running) -> None:
    registry = f"{emulator.group}/providers/Microsoft.ContainerRegistry/registries/acr000003"
    body = {"location": "eastus", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": True}}
    created = emulator.ask("PUT", registry, body)
    assert created.status_code == 201
    assert created.json()["properties"]["provisioningState"] == "Creating"
    assert emulator.follow(created) == {"status": "Succeeded"}
    assert emulator.ask("GET", registry).json()["properties"]["loginServer"] == "acr000003.azurecr.io"
    credentials = emulator.ask("POST", f"{registry}/listCredentials").json()
    assert credentials["username"] == "acr000003"
    assert [each["name"] for each in credentials["passwords"]] == ["password", "password2"]
    assert emulator.ask("POST", f"{registry}/listCredentials").json() == credentials
    found = emulator.ask(
        "GET", f"{emulator.group.rpartition('/resourceGroups')[0]}/resources",
        params={"api-version": "2022-09-01", "$filter": "resourceType eq 'Microsoft.ContainerRegistry/registries'"},
    ).json()  # fmt: skip
    assert {each["name"] for each in found["value"]} == {"local", "acr000003"}


def test_a_registry_without_an_admin_has_no_password(emulator: Running) -> None:
    registry = f"{emulator.group}/providers/Microsoft.ContainerRegistry/registries/acr000003"
    emulator.ask("PUT", registry, {"location": "eastus"})
    assert emulator.ask("POST", f"{registry}/listCredentials").status_code == 400


def test_az_finds_the_provider_with_locations_by_display_name(emulator: Running) -> None:
    subscription = emulator.group.rpartition("/resourceGroups")[0]
    provider = emulator.ask("GET", f"{subscription}/providers/microsoft.app").json()
    assert provider["registrationState"] == "Registered"
    apps = next(each for each in provider["resourceTypes"] if each["resourceType"] == "containerApps")
    assert "West US 3" in apps["locations"]
    assert emulator.ask("GET", "/subscriptions").json()["value"][0]["state"] == "Enabled"
    assert emulator.ask("GET", f"{subscription}/locations").json()["value"][0]["displayName"]


def test_usages_are_named_and_limited_as_recorded(emulator: Running) -> None:
    location = f"{emulator.group.rpartition('/resourceGroups')[0]}/providers/Microsoft.App/locations/eastus"
    usages = {each["name"]["value"]: each for each in emulator.ask("GET", f"{location}/usages").json()["value"]}
    assert usages["ManagedEnvironmentCount"]["currentValue"] == 1  # the seed
    t4 = usages["SubscriptionConsumptionT4Gpus"]
    assert (t4["limit"], t4["name"]["localizedValue"]) == (8, "Subscription Consumption T 4 Gpus")
    types = emulator.ask("GET", f"{location}/availableManagedEnvironmentsWorkloadProfileTypes").json()["value"]
    assert {"D4", "Consumption-GPU-NC8as-T4"} <= {each["name"] for each in types}
    assert "NC24-A100" not in {each["name"] for each in types}  # nodes with GPUs are had in two regions
