"""What a session pool may be: bounds at both ends, and every refusal in a code of its own."""

from __future__ import annotations

from typing import Any

import pytest

from aca_notebook.emulator.arm.session_pool_rules import (
    check_name,
    has_mcp_server,
    secret_values,
    settled_properties,
    shown_properties,
)
from aca_notebook.emulator.wire import AzureError

CUSTOM = {
    "containerType": "customcontainer",
    "environmentId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/managedEnvironments/e",
    "secrets": [{"name": "key", "value": "hidden"}],
    "customContainerTemplate": {
        "containers": [{"image": "i", "name": "c", "env": [{"name": "KEY", "secretRef": "key"}]}],
        "registryCredentials": {"server": "r", "username": "u", "passwordSecretRef": "key"},
        "ingress": {"targetPort": "80"},
    },
}
PYTHON = {"containerType": "PythonLTS"}


def code_of(asked: dict[str, Any], kept: dict[str, Any] | None = None) -> str:
    with pytest.raises(AzureError) as refused:
        settled_properties(asked, kept or {})
    return refused.value.code


@pytest.mark.parametrize("name", ["abc", "a" * 63, "pool1"])
def test_a_name_is_letters_and_digits_and_starts_with_a_letter(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["ab", "a" * 64, "1pool", "my-pool", "Pool", ""])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(AzureError, match="SessionPoolInvalidName"):
        check_name(name)


def test_what_is_not_asked_for_gets_azures_defaults() -> None:
    settled = settled_properties(PYTHON, {})
    assert settled["scaleConfiguration"] == {"maxConcurrentSessions": 10}
    lifecycle = settled["dynamicPoolConfiguration"]["lifecycleConfiguration"]
    assert lifecycle == {"lifecycleType": "Timed", "cooldownPeriodInSeconds": 300}
    assert settled["sessionNetworkConfiguration"] == {"status": "EgressDisabled"}


@pytest.mark.parametrize(("most", "fits"), [(0, False), (1, True), (600, True), (601, False)])
def test_a_pool_has_one_to_six_hundred_sessions(most: int, *, fits: bool) -> None:
    asked = PYTHON | {"scaleConfiguration": {"maxConcurrentSessions": most}}
    if fits:
        assert settled_properties(asked, {})["scaleConfiguration"]["maxConcurrentSessions"] == most
    else:
        assert code_of(asked) == "SessionPoolInvalidMaxConcurrentSessions"


@pytest.mark.parametrize(("seconds", "fits"), [(299, False), (300, True), ("3600", True), (3601, False)])
@pytest.mark.parametrize("old", [True, False])
def test_the_cooldown_is_five_minutes_to_an_hour_in_either_api(seconds: Any, *, fits: bool, old: bool) -> None:
    lifecycle = {"cooldownPeriodInSeconds": seconds}
    asked = PYTHON | {"dynamicPoolConfiguration": lifecycle if old else {"lifecycleConfiguration": lifecycle}}
    if fits:
        found = settled_properties(asked, {})["dynamicPoolConfiguration"]["lifecycleConfiguration"]
        assert found["cooldownPeriodInSeconds"] == int(seconds)
    else:
        assert code_of(asked) == "SessionPoolInvalidLifecycleConfiguration"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"containerType": "CsharpLTS"}, "SessionTypeNotSupportedInRegion"),
        ({"containerType": "COBOL"}, "SessionTypeNotSupported"),
        ({"customContainerTemplate": {}}, "SessionPoolMustContainContainer"),
        ({"customContainerTemplate": {"containers": [{"name": "c"}]}}, "ContainerAppImageRequired"),
        ({"secrets": []}, "SessionPoolSecretRefNotFound"),
        ({"scaleConfiguration": {"maxConcurrentSessions": 2, "readySessionInstances": 3}},
         "SessionPoolInvalidReadySessionInstances"),
        ({"dynamicPoolConfiguration": {"lifecycleConfiguration": {
            "lifecycleType": "OnContainerExit", "cooldownPeriodInSeconds": 300}}},
         "SessionPoolInvalidLifecycleConfiguration"),
        ({"poolManagementType": "Sometimes"}, "InvalidParameterValue"),
        ({"scaleConfiguration": []}, "InvalidRequestContent"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(changed: dict[str, Any], code: str) -> None:
    assert code_of(CUSTOM | changed) == code


def test_containers_get_no_mcp_server_and_nothing_is_said_of_it() -> None:
    asked = {"mcpServerSettings": {"isMCPServerEnabled": True}}
    assert "mcpServerSettings" not in settled_properties(CUSTOM | asked, {})
    assert not has_mcp_server(settled_properties(PYTHON, {}))
    python = settled_properties(PYTHON | asked, {})
    assert has_mcp_server(python)
    for version, shown in (("2025-10-02-preview", True), ("2025-07-01", False)):
        assert ("mcpServerSettings" in shown_properties(python, version, status=None, created_at="")) is shown


def test_what_cannot_change_is_refused() -> None:
    kept = settled_properties(CUSTOM, {})
    assert code_of(PYTHON, kept) == "SessionPoolPropertyNotUpdatable"
    assert code_of(CUSTOM | {"environmentId": "/other"}, kept) == "SessionPoolPropertyNotUpdatable"


def test_secret_values_are_read_apart_and_never_settled() -> None:
    assert "hidden" not in str(settled_properties(CUSTOM, {}))
    assert secret_values(CUSTOM) == {"key": "hidden"}


def test_the_lifecycle_has_the_shape_of_the_api_version() -> None:
    properties = settled_properties(PYTHON, {})
    old = shown_properties(properties, "2024-02-02-preview", status={"readyCount": 0}, created_at="")
    new = shown_properties(properties, "2025-07-01", status={"readyCount": 0}, created_at="")
    assert old["dynamicPoolConfiguration"] == {"executionType": "Timed", "cooldownPeriodInSeconds": 300}
    assert "lifecycleConfiguration" in new["dynamicPoolConfiguration"]
    assert "managedIdentitySettings" not in old
    assert new["managedIdentitySettings"] == []
