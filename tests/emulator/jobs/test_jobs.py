"""Jobs over HTTP: shapes, states and refusals as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aca_notebook.model.ids import parse_id
from tests.emulator.jobs.conftest import NEWEST, QUICKSTART, STABLE, JobWorld

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT = {
    "triggerType": "Event",
    "secrets": [{"name": "connection", "value": "hidden"}],
    "eventTriggerConfig": {
        "scale": {
            "pollingInterval": "60",
            "rules": [{
                "name": "queue", "type": "azure-queue", "metadata": {"queueName": "q"}, "azureQueue": None,
                "auth": [{"triggerParameter": "connection", "secretRef": "connection"}],
            }],
        },
    },
}  # fmt: skip


def test_a_put_answers_201_and_the_job_settles_behind_it(jobs: JobWorld) -> None:
    answer = jobs.emulator.ask("PUT", jobs.path(), jobs.body())
    assert answer.status_code == 201
    assert answer.headers["x-ms-async-operation-timeout"] == "PT15M"
    assert "/locations/eastus/containerappsjobOperationStatuses/" in answer.headers["Azure-AsyncOperation"]
    assert answer.json()["properties"]["provisioningState"] == "InProgress"
    jobs.emulator.follow(answer)
    job = jobs.emulator.ask("GET", jobs.path()).json()
    assert job["id"].endswith("/Microsoft.App/jobs/train")
    assert (job["type"], job["identity"]) == ("Microsoft.App/jobs", {"type": "None"})
    assert job["properties"]["provisioningState"] == "Succeeded"
    assert job["properties"]["eventStreamEndpoint"].endswith("/containerApps/train/eventstream")


def test_what_is_not_said_is_filled_in(jobs: JobWorld) -> None:
    properties = jobs.put()["properties"]
    assert properties["workloadProfileName"] == "Consumption"
    assert properties["configuration"] == {
        "secrets": None, "triggerType": "Manual", "replicaTimeout": 60, "replicaRetryLimit": 0,
        "manualTriggerConfig": {"replicaCompletionCount": 1, "parallelism": 1}, "scheduleTriggerConfig": None,
        "eventTriggerConfig": None, "registries": None, "identitySettings": [], "dapr": None,
    }  # fmt: skip
    assert properties["template"] == {
        "containers": [{
            "image": QUICKSTART, "imageType": "ContainerImage", "name": "main",
            "resources": {"cpu": 0.5, "memory": "1Gi", "ephemeralStorage": "2Gi"},
        }],
        "initContainers": None, "volumes": None,
    }  # fmt: skip


def test_an_event_rule_is_flat_and_kept(jobs: JobWorld) -> None:
    configuration = jobs.put(**EVENT)["properties"]["configuration"]
    assert configuration["manualTriggerConfig"] is None
    scale = configuration["eventTriggerConfig"]["scale"]
    assert scale == {
        "minExecutions": 0, "maxExecutions": 100, "pollingInterval": 60,
        "rules": [{
            "name": "queue", "type": "azure-queue", "metadata": {"queueName": "q"},
            "auth": [{"secretRef": "connection", "triggerParameter": "connection"}],
        }],
    }  # fmt: skip


def test_it_is_ready_under_the_name_each_version_has_for_it(jobs: JobWorld) -> None:
    jobs.put()
    shown = {
        version: {name: value for name, value in properties.items() if name.startswith("running")}
        for version in ("2025-01-01", "2025-02-02-preview", "2026-07-01")
        for properties in [jobs.emulator.ask("GET", jobs.path(), params={"api-version": version}).json()["properties"]]
    }
    assert shown == {
        "2025-01-01": {},
        "2025-02-02-preview": {"runningStatus": "Ready"},
        "2026-07-01": {"runningState": "Ready"},
    }


def test_a_patch_has_a_location_alone_and_merges(jobs: JobWorld) -> None:
    jobs.put(secrets=[{"name": "key", "value": "hidden"}])
    answer = jobs.emulator.ask(
        "PATCH", jobs.path(), {"properties": {"configuration": {"replicaTimeout": 300, "replicaRetryLimit": 1}}}
    )
    assert (answer.status_code, answer.content) == (202, b"")
    assert "Azure-AsyncOperation" not in answer.headers
    settled = jobs.emulator.follow(answer)["properties"]["configuration"]
    assert (settled["replicaTimeout"], settled["replicaRetryLimit"]) == (300, 1)
    assert settled["secrets"] == [{"name": "key"}]
    listed = jobs.emulator.ask("POST", f"{jobs.path()}/listSecrets").json()
    assert listed == {"value": [{"name": "key", "value": "hidden"}]}


def test_a_patch_to_another_trigger_leaves_the_first(jobs: JobWorld) -> None:
    jobs.put()
    patch = {"triggerType": "Schedule", "scheduleTriggerConfig": {"cronExpression": "*/5 * * * *"}}
    settled = jobs.emulator.follow(
        jobs.emulator.ask("PATCH", jobs.path(), {"properties": {"configuration": patch}})
    )  # fmt: skip
    configuration = settled["properties"]["configuration"]
    assert configuration["manualTriggerConfig"] is None
    assert configuration["scheduleTriggerConfig"] == {
        "replicaCompletionCount": 1, "cronExpression": "*/5 * * * *", "parallelism": 1,
    }  # fmt: skip


def test_a_deleted_job_is_gone_with_its_executions_and_secrets(jobs: JobWorld) -> None:
    jobs.put(secrets=[{"name": "key", "value": "hidden"}])
    jobs.ended(jobs.start())
    answer = jobs.emulator.ask("DELETE", jobs.path())
    assert answer.status_code == 202
    assert "containerappsjobOperationResults" in answer.headers["Location"]
    jobs.emulator.follow(answer)
    assert jobs.emulator.ask("GET", jobs.path()).json()["error"]["code"] == "ResourceNotFound"
    assert jobs.emulator.ask("DELETE", jobs.path()).status_code == 204
    jobs.put()
    assert jobs.emulator.ask("GET", f"{jobs.path()}/executions").json() == {"value": []}


def test_a_deleted_job_leaves_nothing_running(jobs: JobWorld) -> None:
    jobs.programs.exit_code = None
    jobs.put()
    jobs.running(jobs.start())
    assert len(jobs.emulator.spawn.alive) == 1
    jobs.emulator.follow(jobs.emulator.ask("DELETE", jobs.path()))
    assert jobs.emulator.spawn.alive == []


def test_a_deleted_group_takes_its_jobs_with_it(jobs: JobWorld) -> None:
    group = jobs.emulator.group.replace("/local", "/other")
    jobs.emulator.ask("PUT", group, {"location": "eastus"})
    path = f"{group}/providers/Microsoft.App/jobs/train"
    jobs.emulator.follow(jobs.emulator.ask("PUT", path, jobs.body()))
    jobs.emulator.follow(jobs.emulator.ask("DELETE", group))
    everywhere = jobs.emulator.group.replace("/resourceGroups/local", "/providers/Microsoft.App/jobs")
    assert jobs.emulator.ask("GET", everywhere).json() == {"value": []}


def test_lists_show_jobs_of_the_group_and_of_the_subscription(jobs: JobWorld) -> None:
    jobs.put("one")
    jobs.put("two")
    everywhere = jobs.emulator.group.replace("/resourceGroups/local", "/providers/Microsoft.App/jobs")
    for path in (jobs.path("").rstrip("/"), everywhere):
        assert [each["name"] for each in jobs.emulator.ask("GET", path).json()["value"]] == ["one", "two"]


def test_the_token_is_for_the_job(jobs: JobWorld) -> None:
    jobs.put()
    answer = jobs.emulator.ask("POST", f"{jobs.path()}/getAuthToken", params={"api-version": "2023-11-02-preview"})
    assert answer.json()["type"] == "Microsoft.App/jobs/accesstoken"
    assert answer.json()["id"] == jobs.emulator.ask("GET", jobs.path()).json()["id"]


def test_a_write_while_one_is_under_way_is_a_conflict(jobs: JobWorld) -> None:
    # At pace 0 an operation ends within a turn or two: the job is taken by hand.
    id_ = parse_id(jobs.put()["id"])
    operations = jobs.emulator.emulator._operations
    taken = jobs.emulator.on_loop(lambda: operations.reserve(id_, "containerappsjob", "provision", "eastus"))
    for method, path, body in (("PUT", jobs.path(), jobs.body()), ("POST", f"{jobs.path()}/start", None)):
        answer = jobs.emulator.ask(method, path, body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ContainerAppsJobOperationInProgress")
        assert taken.name in answer.json()["error"]["message"]
    jobs.emulator.on_loop(lambda: operations.release(taken))


def _with(**configuration: Any) -> Callable[[JobWorld], dict[str, Any]]:
    return lambda jobs: jobs.body(**configuration)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (_with(triggerType="Sometimes"), "InvalidRequestContent"),
        (_with(triggerType=None), "InvalidRequestContent"),
        (_with(replicaTimeout=None), "InvalidParameterValueInJobConfiguration"),
        (_with(replicaTimeout=0), "InvalidParameterValueInJobConfiguration"),
        (_with(replicaRetryLimit=-1), "InvalidParameterValueInJobConfiguration"),
        (_with(manualTriggerConfig={"parallelism": 0}), "InvalidParameterValueInJobConfiguration"),
        (_with(manualTriggerConfig={"parallelism": "many"}), "InvalidRequestContent"),
        (_with(triggerType="Schedule"), "InvalidCronExpression"),
        (_with(triggerType="Schedule", scheduleTriggerConfig={"cronExpression": "daily"}), "InvalidCronExpression"),
        (_with(**EVENT | {"secrets": []}), "ContainerAppSecretRefNotFound"),
        (
            _with(triggerType="Event", eventTriggerConfig={"scale": {"minExecutions": 5, "maxExecutions": 1}}),
            "InvalidParameterValueInJobConfiguration",
        ),
        (
            _with(triggerType="Event", eventTriggerConfig={"scale": {"rules": [{"name": "queue"}]}}),
            "ContainerAppsJobInvalidScaleRule",
        ),
        (_with(secrets=[{"name": "key"}]), "ContainerAppSecretInvalid"),
        (
            _with(containers=[{"name": "a", "image": "i", "resources": {"cpu": 9, "memory": "18Gi"}}]),
            "ContainerAppInvalidResourceTotal",
        ),
        (
            _with(containers=[{"name": "a", "image": "i", "env": [{"name": "K", "secretRef": "no"}]}]),
            "ContainerAppSecretRefNotFound",
        ),
    ],
)  # fmt: skip
def test_what_azure_refuses_is_refused_with_its_code(jobs: JobWorld, body, code: str) -> None:
    answer = jobs.emulator.ask("PUT", jobs.path(), body(jobs), params=STABLE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert jobs.emulator.ask("GET", jobs.path()).status_code == 404


@pytest.mark.parametrize("name", ["Train", "a--b", "1st", "x" * 33, "end-"])
def test_a_name_azure_refuses_is_refused(jobs: JobWorld, name: str) -> None:
    answer = jobs.emulator.ask("PUT", jobs.path(name), jobs.body(), params=NEWEST)
    assert answer.json()["error"]["code"] == "ContainerAppInvalidName"


def test_an_environment_stays_while_a_job_is_in_it(jobs: JobWorld) -> None:
    jobs.put()
    environment = jobs.emulator.environment_id
    before = jobs.emulator.ask("DELETE", environment)
    assert before.status_code >= 400, before.text
    assert jobs.emulator.ask("GET", environment).json()["properties"]["provisioningState"] == "Succeeded"
