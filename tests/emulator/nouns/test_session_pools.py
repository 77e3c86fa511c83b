"""Session pools over HTTP and by the unmodified SDK: what is there at once, what takes time, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.mgmt.appcontainers import ContainerAppsAPIClient

from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CANARY = "canary-9e1c44-not-to-be-seen"
PYTHON = {"location": "eastus", "properties": {"containerType": "PythonLTS", "poolManagementType": "Dynamic"}}


def path(emulator: Running, name: str = "pool") -> str:
    return f"{emulator.group}/providers/Microsoft.App/sessionPools/{name}"


def custom(emulator: Running, **changed: Any) -> dict[str, Any]:
    properties = {
        "containerType": "CustomContainer",
        "environmentId": emulator.environment_id,
        "secrets": [{"name": "key", "value": CANARY}],
        "scaleConfiguration": {"maxConcurrentSessions": 5, "readySessionInstances": 2},
        "customContainerTemplate": {"containers": [{"image": "i", "name": "c"}], "ingress": {"targetPort": 80}},
    }
    return {"location": "eastus", "properties": properties | changed}


def test_a_pool_of_the_platforms_containers_is_there_at_once(sdk: Callable[[type], Any]) -> None:
    pools = sdk(ContainerAppsAPIClient).container_apps_session_pools
    made = pools.begin_create_or_update("local", "pool", PYTHON).result()
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.pool_management_endpoint.endswith("/resourceGroups/local/sessionPools/pool")
    assert [each.name for each in pools.list_by_subscription()] == ["pool"]
    changed = pools.begin_update(
        "local", "pool", {"properties": {"scaleConfiguration": {"maxConcurrentSessions": 20}}}
    ).result()
    assert changed.properties.scale_configuration.max_concurrent_sessions == 20
    pools.begin_delete("local", "pool").result()
    assert list(pools.list_by_resource_group("local")) == []


def test_a_pool_of_custom_containers_takes_an_operation(data_dir: Path) -> None:
    with running_emulator(data_dir, pace=1.0) as emulator:
        made = emulator.ask("PUT", path(emulator), custom(emulator))
        assert (made.status_code, made.headers["x-ms-async-operation-timeout"]) == (201, "PT30M")
        assert made.json()["properties"]["provisioningState"] == "InProgress"
        busy = emulator.ask("PUT", path(emulator), custom(emulator))
        assert (busy.status_code, busy.json()["error"]["code"]) == (409, "SessionPoolOperationInProgress")
        status = emulator.ask("GET", made.headers["Azure-AsyncOperation"])
        assert status.json()["status"] == "InProgress"
        emulator.advance(241)
        assert emulator.follow(made)["status"] == "Succeeded"
        shown = emulator.ask("GET", path(emulator)).json()["properties"]
        assert shown["templateUpdateStatus"]["activeTemplate"]["status"]["expectedCount"] == 2


def test_the_values_of_a_pools_secrets_are_nowhere_to_be_seen(
    emulator: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="aca_notebook")
    made = emulator.ask("PUT", path(emulator), custom(emulator))
    emulator.follow(made)
    shown = emulator.ask("GET", path(emulator))
    assert shown.json()["properties"]["secrets"] == [{"name": "key"}]
    key = shown.json()["id"].lower()
    assert emulator.emulator._secrets.get(key, "key") == CANARY
    emulator.follow(emulator.ask("PATCH", path(emulator), {"tags": {"a": "b"}}))
    assert emulator.emulator._secrets.get(key, "key") == CANARY
    files = [each for each in emulator.emulator.settings.data_dir.rglob("*") if each.is_file()]
    assert [each.name for each in files if CANARY.encode() in each.read_bytes()] == []
    assert CANARY not in made.text + shown.text + caplog.text
    emulator.follow(emulator.ask("DELETE", path(emulator)))
    assert not emulator.emulator._secrets.has(key, "key")


@pytest.mark.parametrize(
    ("name", "changed", "status", "code"),
    [
        ("my-pool", {}, 400, "SessionPoolInvalidName"),
        ("pool", {"environmentId": None}, 400, "LinkedInvalidPropertyId"),
        ("pool", {"environmentId": "{environment}x"}, 404, "ManagedEnvironmentNotFound"),
        ("pool", {"containerType": "CsharpLTS"}, 400, "SessionTypeNotSupportedInRegion"),
    ],
)
def test_what_azure_refuses_is_refused_and_leaves_nothing(
    emulator: Running, name: str, changed: dict[str, Any], status: int, code: str
) -> None:
    changed = {key: value and value.replace("{environment}", emulator.environment_id) for key, value in changed.items()}
    answer = emulator.ask("PUT", path(emulator, name), custom(emulator, **changed))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert emulator.ask("GET", path(emulator, name)).status_code == 404


def test_credentials_of_an_mcp_server_that_is_not_there_are_refused(
    emulator: Running, sdk: Callable[[type], Any]
) -> None:
    pools = sdk(ContainerAppsAPIClient).container_apps_session_pools
    pools.begin_create_or_update("local", "pool", PYTHON).result()
    answer = emulator.ask("POST", f"{path(emulator)}/fetchMCPServerCredentials")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "SessionMCPServerNotEnabled")
    assert answer.json()["error"]["message"] == "Session pool 'pool' does not have MCP Server enabled."


def test_a_pool_tells_how_many_of_its_containers_wait_and_are_in_use(emulator: Running) -> None:
    made = custom(emulator, secrets=[])
    emulator.follow(emulator.ask("PUT", path(emulator), made))

    def counts() -> dict[str, int]:
        shown = emulator.ask("GET", path(emulator)).json()["properties"]
        return shown["templateUpdateStatus"]["activeTemplate"]["status"]

    assert counts() == {
        "expectedCount": 2, "readyCount": 2, "pendingCount": 0, "imagePullFailCount": 0, "crashCount": 0,
        "allocatedCount": 0,
    }  # fmt: skip
