"""Bad days over HTTP: what the faults in force make the control plane answer, and what they leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from aca_notebook.model.fault_kinds import KINDS
from tests.emulator.running import API, Running, running_emulator
from tests.emulator.test_access import Caller

if TYPE_CHECKING:
    from pathlib import Path


def put_in_force(emulator: Running, fault: str) -> str:
    """Add a fault; returns its id."""
    answer = emulator.control("POST", "faults", {"fault": fault})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def in_force(emulator: Running) -> list[dict[str, Any]]:
    return emulator.control("GET", "faults").json()["value"]


def error(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_every_kind_can_be_put_in_force_by_its_name_alone_and_cleared(emulator: Running) -> None:
    for kind in KINDS:
        added = put_in_force(emulator, kind)
        assert [each["kind"] for each in in_force(emulator)] == [kind]
        assert emulator.control("GET", "status").json()["faults"] == [kind]
        assert emulator.control("DELETE", f"faults/{added}").json() == {"cleared": 1}
        assert in_force(emulator) == []
        assert emulator.control("DELETE", f"faults/{added}").status_code == 404


def test_a_fault_that_makes_no_sense_is_refused_in_words(emulator: Running) -> None:
    answer = emulator.control("POST", "faults", {"fault": "throtle"})
    assert error(answer) == (400, "InvalidFault")
    assert "did you mean throttle?" in answer.json()["error"]["message"]
    unknown = emulator.control("POST", "faults", {"fault": "outage on=ContainerApps_Frobnicate"})
    assert "no operation is called ContainerApps_Frobnicate" in unknown.json()["error"]["message"]
    assert in_force(emulator) == []


def test_there_is_an_end_to_faults(emulator: Running) -> None:
    assert error(emulator.control("POST", "faults", {"fault": f"fail-operation message={'x' * 2000}"}))[0] == 400
    for _ in range(100):
        put_in_force(emulator, "stuck-gpu")
    assert error(emulator.control("POST", "faults", {"fault": "stuck-gpu"})) == (400, "TooManyFaults")


def test_throttling_says_how_long_to_wait_and_ends_after_its_count(emulator: Running) -> None:
    put_in_force(emulator, "throttle retry_after=7 on=PUT containerApps/scorer count=2")
    assert emulator.ask("GET", emulator.app_path()).status_code == 404
    assert emulator.ask("PUT", emulator.app_path("other"), emulator.body()).status_code == 201
    for _ in range(2):
        answer = emulator.ask("PUT", emulator.app_path(), emulator.body())
        assert error(answer) == (429, "TooManyRequests")
        assert answer.headers["Retry-After"] == "7"
        assert answer.headers["x-ms-failure-cause"] == "gateway"
    assert emulator.ask("PUT", emulator.app_path(), emulator.body()).status_code == 201
    assert in_force(emulator) == []


@pytest.mark.parametrize(("status", "code"), [
    (500, "InternalServerError"), (502, "BadGatewayConnection"), (503, "ServiceUnavailable"), (504, "GatewayTimeout"),
])  # fmt: skip
def test_an_outage_answers_with_azures_code(emulator: Running, status: int, code: str) -> None:
    put_in_force(emulator, f"outage status={status} count=1 skip=1")
    assert emulator.ask("GET", emulator.app_path()).status_code == 404
    assert error(emulator.ask("GET", emulator.app_path())) == (status, code)
    assert emulator.ask("GET", emulator.app_path()).status_code == 404


@pytest.mark.parametrize("fault", ["outage when=after", "drop-connection when=after"])
def test_a_write_may_have_been_made_although_nobody_was_told(emulator: Running, fault: str) -> None:
    put_in_force(emulator, f"{fault} on=PUT count=1")
    if fault.startswith("drop"):
        with pytest.raises(requests.ConnectionError):
            emulator.ask("PUT", emulator.app_path(), emulator.body())
    else:
        assert emulator.ask("PUT", emulator.app_path(), emulator.body()).status_code == 503
    assert emulator.ask("GET", emulator.app_path()).status_code == 200


def test_nobody_hears_of_a_refusal_whose_connection_is_dropped(emulator: Running) -> None:
    put_in_force(emulator, "drop-connection when=after count=1")
    with pytest.raises(requests.ConnectionError):
        emulator.ask("GET", emulator.app_path())
    assert emulator.ask("GET", emulator.app_path()).status_code == 404


@pytest.mark.parametrize("secure", [False, True])
def test_a_connection_that_is_dropped_before_leaves_nothing(emulator: Running, *, secure: bool) -> None:
    put_in_force(emulator, "drop-connection on=PUT count=1")
    url = emulator.environment["AZURE_RESOURCE_MANAGER_URL" if secure else "AZURE_RESOURCE_MANAGER_HTTP_URL"]
    with pytest.raises(requests.ConnectionError):
        emulator.ask(
            "PUT", url + emulator.app_path(), emulator.body(), params=API,
            verify=emulator.environment["REQUESTS_CA_BUNDLE"],
        )  # fmt: skip
    assert emulator.ask("GET", emulator.app_path()).status_code == 404


def test_an_expired_token_is_told_with_its_challenge(emulator: Running) -> None:
    put_in_force(emulator, "expired-token count=1")
    answer = emulator.ask("GET", emulator.app_path())
    assert error(answer) == (401, "ExpiredAuthenticationToken")
    assert "'12/31/2025 11:59:00 PM' is earlier than current UTC time '1/1/2026 12:00:00 AM'" in answer.text
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert emulator.ask("GET", emulator.app_path()).status_code == 404


def test_a_missing_role_is_told_with_action_and_scope(emulator: Running) -> None:
    put_in_force(emulator, "forbidden on=PUT count=1")
    answer = emulator.ask("PUT", emulator.app_path(), emulator.body())
    assert error(answer) == (403, "AuthorizationFailed")
    message = answer.json()["error"]["message"]
    assert "perform action 'Microsoft.App/containerApps/write'" in message
    assert f"over scope '{emulator.app_path()}'" in message
    assert emulator.environment["AZURE_CLIENT_ID"] in message


def test_faults_outlive_a_restart_with_what_they_have_left(data_dir: Path) -> None:
    with running_emulator(data_dir) as emulator:
        put_in_force(emulator, "outage count=3 on=GET")
        assert emulator.ask("GET", emulator.app_path()).status_code == 503
    with running_emulator(data_dir) as emulator:
        assert [(each["met"], each["struck"]) for each in in_force(emulator)] == [(1, 1)]
        statuses = [emulator.ask("GET", emulator.app_path()).status_code for _ in range(3)]
        assert statuses == [503, 503, 404]


def test_a_fault_ends_when_its_time_is_over_also_over_a_restart(data_dir: Path) -> None:
    with running_emulator(data_dir) as emulator:
        put_in_force(emulator, "outage for=10m")
        emulator.advance(599)
        assert emulator.ask("GET", emulator.app_path()).status_code == 503
        emulator.advance(1)
        assert emulator.ask("GET", emulator.app_path()).status_code == 404
        put_in_force(emulator, "outage for=10m")
    with running_emulator(data_dir, elapsed_seconds=1200) as emulator:
        assert in_force(emulator) == []


def test_a_slow_operation_is_in_progress_for_so_long(emulator: Running) -> None:
    put_in_force(emulator, "slow-operation seconds=90 on=containerApps/scorer")
    answer = emulator.ask("PUT", emulator.app_path(), emulator.body())
    assert answer.status_code == 201
    url = answer.headers["Azure-AsyncOperation"]
    emulator.advance(89)
    assert emulator.ask("GET", url).json()["status"] == "InProgress"
    emulator.advance(2)
    assert emulator.follow(answer)["status"] == "Succeeded"


def test_an_operation_fails_as_it_is_told_to_and_so_do_app_and_revision(emulator: Running) -> None:
    put_in_force(
        emulator, "fail-operation code=AKSCapacityHeavyUsage message=The region is full. on=containerApps count=1"
    )
    ended = emulator.follow(emulator.ask("PUT", emulator.app_path(), emulator.body()))
    assert ended["status"] == "Failed"
    assert ended["error"] == {"code": "AKSCapacityHeavyUsage", "message": "The region is full."}
    assert emulator.ask("GET", emulator.app_path()).json()["properties"]["provisioningState"] == "Failed"
    (revision,) = emulator.ask("GET", f"{emulator.app_path()}/revisions").json()["value"]
    assert revision["properties"]["provisioningState"] == "Failed"
    assert emulator.follow(emulator.ask("PUT", emulator.app_path(), emulator.body()))["status"] == "Succeeded"


def test_an_operation_that_is_stuck_expires_after_fifteen_minutes(emulator: Running) -> None:
    put_in_force(emulator, "stuck-operation on=containerApps count=1")
    answer = emulator.ask("PUT", emulator.app_path(), emulator.body())
    emulator.advance(890)
    assert emulator.ask("GET", answer.headers["Azure-AsyncOperation"]).json()["status"] == "InProgress"
    emulator.advance(20)
    failed = emulator.follow(answer)["error"]
    assert failed["code"] == "ContainerAppOperationError"
    assert failed["message"].endswith("Error details: Operation expired.")


def test_a_delete_can_be_made_to_fail_and_leaves_the_app(emulator: Running) -> None:
    emulator.deploy()
    put_in_force(emulator, "fail-operation on=DELETE containerApps count=1")
    emulator.follow(emulator.ask("DELETE", emulator.app_path()))
    assert emulator.ask("GET", emulator.app_path()).json()["properties"]["provisioningState"] == "Failed"
    emulator.follow(emulator.ask("DELETE", emulator.app_path()))
    assert emulator.ask("GET", emulator.app_path()).status_code == 404


def test_an_operation_that_a_fault_holds_up_is_held_up_again_after_a_restart(data_dir: Path) -> None:
    with running_emulator(data_dir) as emulator:
        put_in_force(emulator, "slow-operation seconds=60 on=containerApps")
        url = emulator.ask("PUT", emulator.app_path(), emulator.body()).headers["Azure-AsyncOperation"]
        path = url.removeprefix(emulator.environment["AZURE_RESOURCE_MANAGER_HTTP_URL"])
        emulator.advance(30)
    with running_emulator(data_dir) as emulator:
        assert emulator.ask("GET", path).json()["status"] == "InProgress"
        emulator.advance(61)
        emulator.eventually(lambda: emulator.ask("GET", path).json()["status"] == "Succeeded")


def test_the_pace_changes_while_it_runs_and_stays_after_a_restart(data_dir: Path) -> None:
    with running_emulator(data_dir, pace=None) as emulator:
        assert emulator.control("GET", "pace").json() == {"pace": 0.0}
        assert emulator.control("PUT", "pace", {"pace": "realistic"}).json() == {"pace": 1.0}
        answer = emulator.ask("PUT", emulator.app_path(), emulator.body())
        emulator.advance(19)
        assert emulator.ask("GET", answer.headers["Azure-AsyncOperation"]).json()["status"] == "InProgress"
        emulator.advance(2)
        assert emulator.follow(answer)["status"] == "Succeeded"
        assert error(emulator.control("PUT", "pace", {"pace": "swift"})) == (400, "InvalidPace")
    with running_emulator(data_dir, pace=None) as emulator:
        assert emulator.control("GET", "status").json()["pace"] == 1.0
    with running_emulator(data_dir, pace=0.0) as emulator:
        assert emulator.control("GET", "status").json()["pace"] == 0.0


def test_a_bad_day_never_reaches_the_control_door_or_the_token_endpoint(emulator: Running) -> None:
    put_in_force(emulator, "outage")
    assert emulator.control("GET", "status").status_code == 200
    tenant = emulator.environment["AZURE_TENANT_ID"]
    assert emulator.ask("GET", f"/{tenant}/v2.0/.well-known/openid-configuration").status_code == 200
    put_in_force(emulator, "outage on=Oidc_*")
    assert emulator.ask("GET", f"/{tenant}/v2.0/.well-known/openid-configuration").status_code == 503
    assert emulator.control("DELETE", "faults").json() == {"cleared": 2}
    assert emulator.ask("GET", f"/{tenant}/v2.0/.well-known/openid-configuration").status_code == 200


def gpu_app(emulator: Running, **template: Any) -> dict[str, Any]:
    body = emulator.body(**template)
    body["properties"]["workloadProfileName"] = "gpu-t4"
    return body


def limit(emulator: Running, name: str) -> tuple[int, int]:
    """A quota's use and limit, as usages list them."""
    subscription = emulator.environment["AZURE_SUBSCRIPTION_ID"]
    path = f"/subscriptions/{subscription}/providers/Microsoft.App/locations/eastus/usages"
    (found,) = [each for each in emulator.ask("GET", path).json()["value"] if each["name"]["value"] == name]
    return found["currentValue"], found["limit"]


def test_without_quota_for_its_gpu_an_app_is_refused_and_leaves_nothing(emulator: Running) -> None:
    added = put_in_force(emulator, "quota name=T4 limit=0")
    assert limit(emulator, "SubscriptionConsumptionT4Gpus") == (0, 0)
    refused = emulator.ask("PUT", emulator.app_path(), gpu_app(emulator))
    assert error(refused) == (400, "QuotaExceeded")
    assert "SubscriptionConsumptionT4Gpus" in refused.text
    assert emulator.ask("GET", emulator.app_path()).status_code == 404
    emulator.deploy("plain")
    emulator.control("DELETE", f"faults/{added}")
    emulator.deploy(body=gpu_app(emulator))
    assert limit(emulator, "SubscriptionConsumptionT4Gpus") == (1, 8)


def test_a_quota_counts_what_others_hold_and_lets_an_app_be_written_again(emulator: Running) -> None:
    put_in_force(emulator, "quota name=T4 limit=2 on=locations/eastus")
    put_in_force(emulator, "quota name=T4 limit=0 on=locations/westus")
    two = gpu_app(emulator, scale={"minReplicas": 2})
    emulator.deploy("first", two)
    assert error(emulator.ask("PUT", emulator.app_path("second"), gpu_app(emulator))) == (400, "QuotaExceeded")
    assert emulator.ask("PUT", emulator.app_path("first"), two).status_code == 201


def test_a_region_may_have_no_room_for_another_environment(emulator: Running) -> None:
    put_in_force(emulator, "quota name=ManagedEnvironmentCount limit=1")
    path = f"{emulator.group}/providers/Microsoft.App/managedEnvironments"
    refused = emulator.ask("PUT", f"{path}/second", {"location": "eastus", "properties": {}})
    assert error(refused) == (400, "MaxNumberOfRegionalEnvironmentsInSubExceeded")
    assert emulator.ask("PUT", f"{path}/second", {"location": "westus3", "properties": {}}).status_code == 201


def obtain_token(emulator: Running) -> dict[str, Any]:
    fields = {
        "grant_type": "client_credentials", "client_id": emulator.environment["AZURE_CLIENT_ID"],
        "client_secret": emulator.environment["AZURE_CLIENT_SECRET"], "scope": "https://management.azure.com/.default",
    }  # fmt: skip
    url = f"{emulator.environment['AZURE_RESOURCE_MANAGER_HTTP_URL']}/{emulator.environment['AZURE_TENANT_ID']}"
    return requests.post(f"{url}/oauth2/v2.0/token", data=fields, timeout=10).json()


def test_tokens_can_be_made_to_expire_soon_and_then_are_refused_in_azures_words(emulator: Running) -> None:
    put_in_force(emulator, "short-token seconds=30")
    told = obtain_token(emulator)
    assert told["expires_in"] == 30
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    assert emulator.ask("GET", emulator.group, headers=headers).status_code == 200
    emulator.advance(30)
    refused = emulator.ask("GET", emulator.group, headers=headers)
    assert error(refused) == (401, "ExpiredAuthenticationToken")
    assert "'1/1/2026 12:00:30 AM' is earlier than current UTC time '1/1/2026 12:00:30 AM'" in refused.text
    emulator.control("DELETE", "faults")
    assert obtain_token(emulator)["expires_in"] == 3600


def test_a_role_can_be_made_to_take_long_to_be_in_effect(emulator: Running) -> None:
    emulator.deploy()
    caller = Caller(emulator)
    put_in_force(emulator, "role-delay seconds=120")
    caller.give("Reader", emulator.app_path())
    assert caller.ask("GET", emulator.app_path()).status_code == 403
    emulator.advance(119)
    assert caller.ask("GET", emulator.app_path()).status_code == 403
    emulator.advance(1)
    assert caller.ask("GET", emulator.app_path()).status_code == 200


def tagged(emulator: Running, tag: str) -> dict[str, Any]:
    return emulator.body() | {"tags": {"aca-notebook-fault": tag}}


def test_a_resource_spells_its_own_faults_in_a_tag(data_dir: Path) -> None:
    with running_emulator(data_dir) as emulator:
        emulator.deploy(body=tagged(emulator, "forbidden on=DELETE; outage count=1 on=GET skip=1"))
        emulator.deploy("other")
    with running_emulator(data_dir) as emulator:
        assert [each["kind"] for each in in_force(emulator)] == ["forbidden", "outage"], "it is in the tag"
        assert [emulator.ask("GET", emulator.app_path(name)).status_code for name in ("other", "other")] == [200, 200]
        assert [emulator.ask("GET", emulator.app_path()).status_code for _ in range(3)] == [200, 503, 200]
        assert emulator.ask("DELETE", emulator.app_path()).status_code == 403
        emulator.follow(emulator.ask("PUT", emulator.app_path(), emulator.body()))
        assert in_force(emulator) == [], "the tag is gone"
        assert emulator.ask("DELETE", emulator.app_path()).status_code == 202


def test_a_tag_that_spells_no_fault_is_a_tag_and_one_that_locks_the_door_can_be_cleared(emulator: Running) -> None:
    emulator.deploy(body=tagged(emulator, "not a fault"))
    assert in_force(emulator) == []
    assert emulator.ask("PUT", emulator.app_path(), tagged(emulator, "outage")).status_code == 201
    assert emulator.ask("PUT", emulator.app_path(), emulator.body()).status_code == 503
    assert emulator.control("DELETE", "faults").json() == {"cleared": 1}
    assert emulator.ask("GET", emulator.app_path()).json()["tags"] == {"aca-notebook-fault": "outage"}


def test_the_faults_of_a_resource_go_with_it(emulator: Running) -> None:
    emulator.deploy(body=tagged(emulator, "stuck-gpu"))
    assert len(in_force(emulator)) == 1
    emulator.follow(emulator.ask("DELETE", emulator.app_path()))
    assert in_force(emulator) == []


def test_a_metric_can_be_missing_as_in_places_of_azure(emulator: Running) -> None:
    emulator.deploy()
    metrics = f"{emulator.app_path()}/providers/Microsoft.Insights/metrics"

    def asked(name: str) -> int:
        return emulator.ask("GET", metrics, params={"api-version": "2024-02-01", "metricnames": name}).status_code

    assert asked("GpuUtilizationPercentage") == 200
    assert emulator.control("POST", "faults", {"fault": "missing-metric"}).status_code in {200, 201}
    assert (asked("GpuUtilizationPercentage"), asked("UsageNanoCores")) == (400, 200)
    assert emulator.control("DELETE", "faults").status_code == 200
    assert asked("GpuUtilizationPercentage") == 200
