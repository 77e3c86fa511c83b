"""What Resource Manager does for every provider: headers, api-versions, media types, what is not there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.emulator.running import Running

VERSION = "2025-02-02-preview"
_GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def test_every_answer_can_be_told_from_every_other(emulator: Running) -> None:
    """The forms are those of recorded answers; a client that asks for its own id gets it back."""
    asked = {"x-ms-client-request-id": "mine", "x-ms-return-client-request-id": "true"}
    first, second = (emulator.ask("GET", emulator.environment_id, headers=asked).headers for _ in range(2))
    assert re.fullmatch(_GUID, first["x-ms-request-id"])
    assert first["x-ms-request-id"] != second["x-ms-request-id"]
    assert first["x-ms-correlation-request-id"] == first["x-ms-request-id"]
    assert re.fullmatch(rf"[A-Z0-9]+:\d{{8}}T\d{{6}}Z:{_GUID}", first["x-ms-routing-request-id"])
    assert re.fullmatch(rf"tenantId=\S+,objectId=\S+/[a-z0-9]+/{_GUID}", first["x-ms-operation-identifier"])
    assert first["x-ms-client-request-id"] == "mine"
    assert first["content-type"] == "application/json; charset=utf-8"


def test_a_client_s_own_id_comes_back_only_when_it_is_asked_for(emulator: Running) -> None:
    answer = emulator.ask("GET", emulator.environment_id, headers={"x-ms-client-request-id": "mine"})
    assert "x-ms-client-request-id" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "body", "allowance"),
    [
        ("GET", "managedEnvironments/local", None, "reads"),
        ("DELETE", "containerApps/none", None, "deletes"),
        ("POST", "managedEnvironments/local/getAuthToken", None, "writes"),
        ("PATCH", "managedEnvironments/local", {"tags": {"a": "b"}}, "resource-requests"),
    ],
)
def test_an_answer_says_what_is_left_of_its_own_kind_of_request(
    emulator: Running, method: str, path: str, body: object, allowance: str
) -> None:
    answer = emulator.ask(method, f"{emulator.group}/providers/Microsoft.App/{path}", body)
    left = {name: value for name, value in answer.headers.items() if "ratelimit" in name}
    assert list(left) == [f"x-ms-ratelimit-remaining-subscription-{allowance}"]
    assert all(value.isdigit() for value in left.values())


@pytest.mark.parametrize(
    ("path", "first", "never"),
    [
        ("containerApps", "2022-03-01", ""),
        ("jobs", "2022-11-01-preview", ""),
        ("sessionPools", "2023-08-01-preview", "2024-03-01"),
        ("containerApps/scorer/resiliencyPolicies", "2023-08-01-preview", "2025-01-01"),
    ],
)
def test_each_type_lists_its_own_versions(emulator: Running, path: str, first: str, never: str) -> None:
    """Recorded: app_e2e, job_manual_e2e, sessionpool_e2e, resiliency."""
    emulator.deploy()
    answer = emulator.ask("GET", f"{emulator.group}/providers/Microsoft.App/{path}")
    listed = answer.headers["api-supported-versions"].split(", ")
    assert listed[0] == first
    assert never not in listed
    assert VERSION in listed


@pytest.mark.parametrize(
    ("path", "version", "status", "code", "sentence"),
    [
        ("Microsoft.App/containerApps", "", 400, "MissingApiVersionParameter", "is required for all requests."),
        ("Microsoft.App/containerApps", "2025-13-45", 400, "InvalidApiVersionParameter", "'2025-13-45' is invalid."),
        ("Microsoft.App/jobs/x", "2022-03-01", 400, "NoRegisteredProviderFound", "for type 'jobs'."),
        ("Microsoft.App/gadgets/x", VERSION, 404, "InvalidResourceType", "in the namespace 'Microsoft.App' for"),
        ("Microsoft.Gadgets/gadgets/x", VERSION, 404, "InvalidResourceNamespace", "'Microsoft.Gadgets' is invalid."),
        ("Microsoft.App/containerApps/x", VERSION, 404, "ResourceNotFound", "'Microsoft.App/containerApps/x' under"),
    ],
)
def test_what_resource_manager_refuses_it_refuses_itself(
    emulator: Running, path: str, version: str, status: int, code: str, sentence: str
) -> None:
    params = {"api-version": version} if version else {}
    answer = emulator.ask("GET", f"{emulator.group}/providers/{path}", params=params)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert sentence in error["message"]
    assert answer.headers["x-ms-failure-cause"] == "gateway"
    assert "api-supported-versions" not in answer.headers  # no provider was asked


def test_a_body_of_another_media_type_is_refused(emulator: Running) -> None:
    answer = emulator.ask("PUT", emulator.app_path(), headers={"Content-Type": "text/plain"}, data="name: x")
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "UnsupportedMediaType"


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "text/json", "application/merge-patch+json"])
def test_every_name_of_json_is_taken(emulator: Running, media_type: str) -> None:
    headers = {"Content-Type": media_type}
    answer = emulator.ask("PATCH", emulator.environment_id, headers=headers, data="{}")
    assert answer.status_code == 200


def test_head_tells_whether_a_resource_is_there(emulator: Running) -> None:
    """`resources.check_existence_by_id` of azure-mgmt-resource asks so."""
    assert emulator.ask("HEAD", emulator.environment_id).status_code == 204
    assert emulator.ask("HEAD", emulator.app_path("none")).status_code == 404


@pytest.mark.parametrize("path", ["containerApps/scorer", "managedEnvironments/local"])
def test_a_resource_does_not_move(emulator: Running, path: str) -> None:
    """Documented: Resource Manager refuses another location before the provider is asked."""
    emulator.deploy()
    body = (emulator.body() if "Apps" in path else {"properties": {}}) | {"location": "westus2"}
    answer = emulator.ask("PUT", f"{emulator.group}/providers/Microsoft.App/{path}", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "InvalidResourceLocation")
    assert "already exists in location 'eastus' in resource group 'local'" in answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [{}, {"location": None}, {"properties": {}}])
def test_what_has_a_place_must_name_it(emulator: Running, body: dict[str, object]) -> None:
    answer = emulator.ask("PUT", emulator.app_path(), body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "LocationRequired")
