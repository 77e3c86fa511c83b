"""Executions over HTTP: started, seen, stopped, kept."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.emulator.jobs.conftest import NEWEST, QUICKSTART, STABLE, JobWorld, Programs
from tests.emulator.running import running_emulator
from tests.fakes.spawn import FakeSpawn

if TYPE_CHECKING:
    from pathlib import Path

REPLICAS = {"api-version": "2023-11-02-preview"}


def test_a_start_answers_the_executions_name_and_it_succeeds(jobs: JobWorld) -> None:
    jobs.put()
    answer = jobs.emulator.ask("POST", f"{jobs.path()}/start", params=STABLE)
    assert answer.status_code == 200
    assert set(answer.json()) == {"id", "name"}
    name = answer.json()["name"]
    assert re.fullmatch(r"train-[a-z0-9]{7}", name)
    assert answer.json()["id"].endswith(f"/Microsoft.App/jobs/train/executions/{name}")
    properties = jobs.ended(name)
    assert properties["status"] == "Succeeded"
    assert "reason" not in properties
    (replica,) = properties["detailedStatus"]["replicas"]
    assert re.fullmatch(rf"{name}-[a-z0-9]{{5}}", replica["name"])
    assert replica["containers"] == [
        {"name": "main", "code": 0, "additionalInformation": "", "status": "Completed"}
    ]  # fmt: skip


def test_an_execution_looks_as_recorded(jobs: JobWorld) -> None:
    jobs.programs.exit_code = None
    jobs.put()
    name = jobs.start()
    jobs.running(name)
    shown = jobs.emulator.ask("GET", f"{jobs.path()}/executions/{name}", params=STABLE).json()
    assert shown["type"] == "Microsoft.App/jobs/executions"
    assert shown["properties"].keys() == {"status", "startTime", "template"}
    assert shown["properties"]["status"] == "Running"
    assert shown["properties"]["template"] == {
        "containers": [{
            "image": QUICKSTART, "imageType": "ContainerImage", "name": "main",
            "resources": {"cpu": 0.5, "memory": "1Gi", "ephemeralStorage": ""},
        }],
        "initContainers": [],
    }  # fmt: skip


def test_it_runs_as_many_replicas_as_the_job_says(jobs: JobWorld) -> None:
    jobs.put(manualTriggerConfig={"parallelism": 2, "replicaCompletionCount": 3})
    properties = jobs.ended(jobs.start())
    assert properties["status"] == "Succeeded"
    assert len(properties["detailedStatus"]["replicas"]) == 3


def test_what_fails_is_tried_again_and_then_given_up(jobs: JobWorld) -> None:
    jobs.programs.exit_code = 3
    jobs.put(replicaRetryLimit=2)
    properties = jobs.ended(jobs.start())
    assert (properties["status"], properties["reason"]) == ("Failed", "BackoffLimitExceeded")
    codes = [each["containers"][0]["code"] for each in properties["detailedStatus"]["replicas"]]
    assert codes == [3, 3, 3]


def test_what_takes_too_long_is_ended(jobs: JobWorld) -> None:
    jobs.programs.exit_code = None
    jobs.put(replicaTimeout=60)
    name = jobs.start()
    jobs.running(name)
    jobs.emulator.advance(60)
    properties = jobs.ended(name)
    assert (properties["status"], properties["reason"]) == ("Failed", "DeadlineExceeded")
    assert jobs.emulator.spawn.alive == []


def test_an_unknown_image_waits_and_says_how_to_add_it(jobs: JobWorld) -> None:
    jobs.put()
    name = jobs.start({"containers": [{"name": "main", "image": "nobody.azurecr.io/knows:1"}]})
    jobs.emulator.eventually(lambda: jobs.execution(name)["status"] == "Degraded")
    jobs.emulator.advance(60)
    assert jobs.ended(name)["reason"] == "DeadlineExceeded"


@pytest.mark.parametrize("path", ["stop/{execution}", "executions/{execution}/stop"])
def test_a_stop_shows_at_once_and_leaves_nothing(jobs: JobWorld, path: str) -> None:
    jobs.programs.exit_code = None
    jobs.put()
    name = jobs.start()
    jobs.running(name)
    answer = jobs.emulator.ask("POST", f"{jobs.path()}/{path.format(execution=name)}", params=STABLE)
    assert (answer.status_code, answer.content) == (200, b"")
    assert jobs.execution(name)["status"] == "Stopped"
    jobs.ended(name)
    assert jobs.emulator.spawn.alive == []


def test_a_stop_of_the_job_stops_all_that_runs_and_answers_them(jobs: JobWorld) -> None:
    jobs.put()
    done = jobs.start()
    jobs.ended(done)
    jobs.programs.exit_code = None
    running = {jobs.start(), jobs.start()}
    answer = jobs.emulator.ask("POST", f"{jobs.path()}/stop", params=STABLE)
    assert answer.status_code == 200
    assert {each["name"] for each in answer.json()["value"]} == running
    assert {each["properties"]["status"] for each in answer.json()["value"]} == {"Stopped"}
    assert jobs.execution(done)["status"] == "Succeeded"
    for name in running:
        jobs.ended(name)


def test_a_stop_of_what_has_ended_changes_nothing(jobs: JobWorld) -> None:
    jobs.put()
    name = jobs.start()
    before = jobs.ended(name)
    assert jobs.emulator.ask("POST", f"{jobs.path()}/stop/{name}").status_code == 200
    assert jobs.execution(name) == before


def test_a_start_can_bring_another_template(jobs: JobWorld) -> None:
    jobs.put(secrets=[{"name": "key", "value": "hidden"}])
    override = {
        "containers": [{
            "name": "other", "image": QUICKSTART, "command": ["run"], "args": None,
            "env": [{"name": "KEY", "secretRef": "key"}], "resources": {"cpu": 0.25, "memory": "0.5Gi"},
        }],
        "initContainers": None,
    }  # fmt: skip
    name = jobs.start(override)
    (shown,) = jobs.ended(name)["template"]["containers"]
    assert (shown["name"], shown["command"], shown["resources"]["cpu"]) == ("other", ["run"], 0.25)
    launched = jobs.emulator.spawn.children[-1].launch
    assert launched.argv[0] == "run"
    assert launched.environment["KEY"] == "hidden"
    stored = jobs.emulator.ask("GET", jobs.path()).json()["properties"]["template"]
    assert stored["containers"][0]["name"] == "main"


def test_what_a_start_brings_is_checked(jobs: JobWorld) -> None:
    jobs.put()
    body = {"containers": [{"name": "main", "image": QUICKSTART, "env": [{"name": "K", "secretRef": "no"}]}]}
    answer = jobs.emulator.ask("POST", f"{jobs.path()}/start", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ContainerAppSecretRefNotFound")
    assert jobs.emulator.ask("GET", f"{jobs.path()}/executions").json() == {"value": []}


def test_a_program_is_told_which_job_and_execution_it_is(jobs: JobWorld) -> None:
    jobs.put()
    name = jobs.start()
    jobs.ended(name)
    told = jobs.emulator.spawn.children[0].launch.environment
    assert told["CONTAINER_APP_JOB_NAME"] == "train"
    assert told["CONTAINER_APP_JOB_EXECUTION_NAME"] == name
    assert told["CONTAINER_APP_REPLICA_NAME"].startswith(f"{name}-")
    assert "CONTAINER_APP_REVISION" not in told


def test_replicas_are_shown_while_they_run_and_afterwards(jobs: JobWorld) -> None:
    jobs.programs.exit_code = None
    jobs.put()
    name = jobs.start()
    jobs.running(name)
    path = f"{jobs.path()}/executions/{name}/replicas"
    (replica,) = jobs.emulator.ask("GET", path, params=REPLICAS).json()["value"]
    assert replica["type"] == "Microsoft.App/containerapps/revisions/replicas"
    assert replica["properties"]["runningState"] == "Running"
    (container,) = replica["properties"]["containers"]
    where = f"executions/{name}/replicas/{replica['name']}/containers/main/logstream"
    assert container["logStreamEndpoint"].endswith(f"/jobs/train/{where}")
    assert f"/containerApps/train/revisions/{name}/" in container["execEndpoint"]
    jobs.emulator.ask("POST", f"{jobs.path()}/stop/{name}")
    jobs.ended(name)
    (after,) = jobs.emulator.ask("GET", path, params=REPLICAS).json()["value"]
    assert (after["name"], after["properties"]["runningState"]) == (replica["name"], "NotRunning")
    one = jobs.emulator.ask("GET", f"{path}/{replica['name']}", params=REPLICAS)
    assert one.json() == after
    assert jobs.emulator.ask("GET", f"{path}/nobody", params=REPLICAS).status_code == 404


def test_the_log_of_a_replica_is_streamed_to_whoever_holds_the_jobs_token(jobs: JobWorld) -> None:
    jobs.put()
    name = jobs.start()
    jobs.ended(name)
    token = jobs.emulator.ask("POST", f"{jobs.path()}/getAuthToken").json()["properties"]["token"]
    path = f"{jobs.path()}/executions/{name}/replicas"
    (replica,) = jobs.emulator.ask("GET", path, params=REPLICAS).json()["value"]
    url = replica["properties"]["containers"][0]["logStreamEndpoint"]
    bearer = {"Authorization": f"Bearer {token}"}
    lines = jobs.emulator.ask("GET", url, headers=bearer, params={"output": "text"}).text.splitlines()
    assert f"[Execution: '{name}', Replica: '{replica['name']}']" in lines[1]
    assert lines[2].endswith("  F hello")
    assert jobs.emulator.ask("GET", url, params={"output": "text"}).status_code == 401
    other = jobs.put("other")
    assert other["name"] == "other"
    token = jobs.emulator.ask("POST", f"{jobs.path('other')}/getAuthToken").json()["properties"]["token"]
    assert jobs.emulator.ask("GET", url, headers={"Authorization": f"Bearer {token}"}, params={}).status_code == 403


def test_the_system_log_tells_how_it_went(jobs: JobWorld) -> None:
    jobs.programs.exit_code = 1
    job = jobs.put()
    name = jobs.start()
    jobs.ended(name)
    token = jobs.emulator.ask("POST", f"{jobs.path()}/getAuthToken").json()["properties"]["token"]
    url = job["properties"]["eventStreamEndpoint"]

    def reasons() -> list[str]:
        headers = {"Authorization": f"Bearer {token}"}
        answer = jobs.emulator.ask("GET", url, headers=headers, params={"tailLines": "300"})
        return [json.loads(line)["Reason"] for line in answer.text.splitlines() if name in line]

    jobs.emulator.eventually(lambda: "BackoffLimitExceeded" in reasons())  # it may come after the end is told of
    assert reasons()[0] == "SuccessfulCreate"


def test_the_newest_hundred_are_kept(jobs: JobWorld) -> None:
    jobs.put()
    first = jobs.start()
    jobs.ended(first)
    jobs.emulator.advance(1)
    for _ in range(102):
        jobs.start()
    jobs.emulator.eventually(lambda: all("endTime" in each["properties"] for each in _listed(jobs)))
    jobs.emulator.advance(1)
    last = jobs.start()
    names = [each["name"] for each in _listed(jobs)]
    assert (len(names), names[0]) == (100, last)
    assert first not in names


def test_executions_can_be_listed_by_status(jobs: JobWorld) -> None:
    jobs.put()
    good = jobs.start()
    jobs.ended(good)
    jobs.programs.exit_code = 1
    jobs.ended(jobs.start())
    answer = jobs.emulator.ask(
        "GET", f"{jobs.path()}/executions", params=NEWEST | {"$filter": "status eq 'Succeeded'"}
    )  # fmt: skip
    assert [each["name"] for each in answer.json()["value"]] == [good]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "executions/nobody", "JobExecutionNotFound"),
        ("POST", "stop/nobody", "JobExecutionNotFound"),
        ("GET", "executions/nobody/replicas", "JobExecutionNotFound"),
    ],
)
def test_an_execution_that_is_not_there_is_not_found(jobs: JobWorld, method: str, path: str, code: str) -> None:
    jobs.put()
    answer = jobs.emulator.ask(method, f"{jobs.path()}/{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)


@pytest.mark.parametrize("path", ["start", "stop"])
def test_a_job_that_is_not_there_cannot_be_started_or_stopped(jobs: JobWorld, path: str) -> None:
    answer = jobs.emulator.ask("POST", f"{jobs.path('nobody')}/{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")


@pytest.mark.parametrize(("retries", "status"), [(0, "Failed"), (1, "Succeeded")])
def test_what_an_emulator_leaves_is_a_failed_try_for_the_next(data_dir: Path, retries: int, status: str) -> None:
    endless, brief = FakeSpawn(Programs(None).behave), FakeSpawn(Programs(0).behave)
    with running_emulator(data_dir, spawn=endless) as emulator:
        jobs = JobWorld(emulator, Programs())
        jobs.put(replicaRetryLimit=retries)
        name = jobs.start()
        jobs.running(name)
    with running_emulator(data_dir, spawn=brief) as emulator:
        properties = JobWorld(emulator, Programs()).ended(name)
        assert properties["status"] == status
        first, *again = properties["detailedStatus"]["replicas"]
        assert first["containers"][0]["code"] in {137, 143}
        assert len(again) == retries
    with running_emulator(data_dir) as emulator:
        assert JobWorld(emulator, Programs()).execution(name) == properties


def test_a_stop_that_was_answered_holds_after_a_restart(data_dir: Path) -> None:
    with running_emulator(data_dir, spawn=FakeSpawn(Programs(None).behave)) as emulator:
        jobs = JobWorld(emulator, Programs())
        jobs.put(replicaRetryLimit=5)
        name = jobs.start()
        jobs.emulator.ask("POST", f"{jobs.path()}/stop/{name}")
    with running_emulator(data_dir, spawn=FakeSpawn(Programs(None).behave)) as emulator:
        assert JobWorld(emulator, Programs()).ended(name)["status"] == "Stopped"


def _listed(jobs: JobWorld) -> list[dict]:
    return jobs.emulator.ask("GET", f"{jobs.path()}/executions").json()["value"]


def test_executions_come_in_pages_when_they_are_asked_for_so(jobs: JobWorld) -> None:
    """Newer `az containerapp job execution list --page-size` follows the links to the rest."""
    jobs.put()
    started = {jobs.start() for _ in range(5)}
    seen: list[str] = []
    link = f"{jobs.path()}/executions?api-version=2025-07-01&pageSize=2"
    while link:
        answer = jobs.emulator.ask("GET", link).json()
        assert len(answer["value"]) <= 2
        seen += [each["name"] for each in answer["value"]]
        link = answer.get("nextLink", "")
    assert (len(seen), set(seen)) == (5, started)
    refused = jobs.emulator.ask("GET", f"{jobs.path()}/executions?api-version=2025-07-01&$skipToken=x")
    assert refused.status_code == 400
