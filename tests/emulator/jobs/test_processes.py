"""Jobs as real processes, in a real emulator that is killed with -9 in their midst."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from aca_notebook.emulator.runtime.process import marked_processes, owner_mark
from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]

QUICKSTART = "mcr.microsoft.com/k8se/quickstart-jobs:latest"
NEWEST = {"api-version": "2026-07-01"}
#: Fails the first time in a folder and succeeds from then on.
SECOND_TIME_LUCKY = (
    "import pathlib, sys; seen = pathlib.Path(sys.argv[1]); first = not seen.exists(); seen.touch(); sys.exit(first)"
)


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[RealEmulator]:
    running = RealEmulator(tmp_path / "emulator")
    try:
        yield running
    finally:
        running.stop()
        assert marked_processes([owner_mark(running.folder)]) == []


def path(emulator: RealEmulator, rest: str = "") -> str:
    return emulator.path("").replace("/containerApps/", "/jobs/train") + rest


def ask(emulator: RealEmulator, method: str, rest: str = "", body: Any = None) -> requests.Response:
    return requests.request(
        method, emulator.ready["http_url"] + path(emulator, rest), params=NEWEST, json=body, timeout=30,
        headers={"Authorization": f"Bearer {emulator.environment['ACCESS_TOKEN']}"},
    )  # fmt: skip


def register(emulator: RealEmulator, image: str, *command: str) -> None:
    control = {"Authorization": f"Bearer {(emulator.folder / 'control-token').read_text().strip()}"}
    answer = requests.put(
        f"{emulator.ready['http_url']}/_emulator/images", json={"image": image, "command": list(command)},
        headers=control, timeout=10,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text


def put(emulator: RealEmulator, image: str, **configuration: Any) -> None:
    environment = emulator.environment["AZURE_CONTAINERAPPS_ENVIRONMENT"]
    properties = {
        "environmentId": emulator.path("").replace("/containerApps/", f"/managedEnvironments/{environment}"),
        "configuration": {"triggerType": "Manual", "replicaTimeout": 60} | configuration,
        "template": {"containers": [{"name": "main", "image": image}]},
    }
    answer = ask(emulator, "PUT", body={"location": "eastus", "properties": properties})
    assert answer.status_code == 201, answer.text
    until(lambda: ask(emulator, "GET").json()["properties"]["provisioningState"] == "Succeeded")


def start(emulator: RealEmulator) -> str:
    answer = ask(emulator, "POST", "/start")
    assert answer.status_code == 200, answer.text
    return answer.json()["name"]


def execution(emulator: RealEmulator, name: str) -> dict[str, Any]:
    return ask(emulator, "GET", f"/executions/{name}").json()["properties"]


def ended(emulator: RealEmulator, name: str) -> dict[str, Any]:
    until(lambda: "endTime" in execution(emulator, name))
    return execution(emulator, name)


def until(condition: Any, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)  # noqa: TID251  # another process is waited for: it lives by the machine's clock


def output(emulator: RealEmulator, name: str) -> list[str]:
    """All that the replicas of an execution wrote, read by the links that it shows."""
    token = ask(emulator, "POST", "/getAuthToken").json()["properties"]["token"]
    lines = []
    for replica in ask(emulator, "GET", f"/executions/{name}/replicas").json()["value"]:
        for container in replica["properties"]["containers"]:
            answer = requests.get(
                container["logStreamEndpoint"], headers={"Authorization": f"Bearer {token}"}, timeout=10
            )  # fmt: skip
            lines += [json.loads(line)["Log"] for line in answer.text.splitlines()][2:]
    return lines


def test_the_quickstart_job_does_its_work_and_ends(emulator: RealEmulator) -> None:
    put(emulator, QUICKSTART)
    name = start(emulator)
    assert ended(emulator, name)["status"] == "Succeeded"
    assert output(emulator, name)[-1] == "F Finished processing. Shutting down!"


def test_parallel_replicas_are_processes_of_their_own(emulator: RealEmulator) -> None:
    register(emulator, "who", "{python}", "-c", "import os; print(os.environ['CONTAINER_APP_REPLICA_NAME'])")
    put(emulator, "who", manualTriggerConfig={"parallelism": 2, "replicaCompletionCount": 3})
    name = start(emulator)
    replicas = [each["name"] for each in ended(emulator, name)["detailedStatus"]["replicas"]]
    assert sorted(output(emulator, name)) == sorted(f"F {each}" for each in replicas)
    assert len(replicas) == 3


def test_a_retry_is_a_new_process(emulator: RealEmulator, tmp_path: Path) -> None:
    register(emulator, "lucky", "{python}", "-c", SECOND_TIME_LUCKY, str(tmp_path / "seen"))
    put(emulator, "lucky", replicaRetryLimit=1)
    shown = ended(emulator, start(emulator))
    assert shown["status"] == "Succeeded"
    assert [each["containers"][0]["code"] for each in shown["detailedStatus"]["replicas"]] == [1, 0]


def test_a_program_that_does_not_end_is_ended_when_its_time_is_up(emulator: RealEmulator) -> None:
    register(emulator, "endless", "{python}", "-c", "import time; time.sleep(600)")
    put(emulator, "endless", replicaTimeout=1)
    shown = ended(emulator, start(emulator))
    assert (shown["status"], shown["reason"]) == ("Failed", "DeadlineExceeded")
    assert marked_processes([owner_mark(emulator.folder)]) == []


def test_a_stopped_execution_leaves_no_process(emulator: RealEmulator) -> None:
    register(emulator, "endless", "{python}", "-c", "import time; time.sleep(600)")
    put(emulator, "endless")
    name = start(emulator)
    assert ask(emulator, "POST", f"/stop/{name}").status_code == 200
    assert ended(emulator, name)["status"] == "Stopped"
    until(lambda: marked_processes([owner_mark(emulator.folder)]) == [])


@pytest.mark.parametrize(("retries", "status"), [(0, "Failed"), (1, "Succeeded")])
def test_what_ran_when_the_emulator_was_killed_is_a_failed_try(
    emulator: RealEmulator, tmp_path: Path, retries: int, status: str
) -> None:
    seen = tmp_path / "seen"
    waits = (
        "import pathlib, sys, time; seen = pathlib.Path(sys.argv[1]); first = not seen.exists(); seen.touch();"
        "time.sleep(600 * first)"
    )
    register(emulator, "once", "{python}", "-c", waits, str(seen))
    put(emulator, "once", replicaRetryLimit=retries)
    name = start(emulator)
    until(seen.exists)
    emulator.kill()
    emulator.start()
    shown = ended(emulator, name)
    assert shown["status"] == status
    assert [each["containers"][0]["code"] for each in shown["detailedStatus"]["replicas"]] == [137, 0][: retries + 1]
    if status == "Failed":
        assert shown["reason"] == "BackoffLimitExceeded"
    assert marked_processes([owner_mark(emulator.folder)]) == []


def test_every_start_that_was_answered_comes_to_its_end_through_kills(emulator: RealEmulator) -> None:
    put(emulator, QUICKSTART, replicaRetryLimit=20)
    started = set()
    for _ in range(4):
        started |= {start(emulator), start(emulator)}
        emulator.kill()
        emulator.start()
    assert {ended(emulator, name)["status"] for name in started} == {"Succeeded"}
    listed = {each["name"] for each in ask(emulator, "GET", "/executions").json()["value"]}
    assert started <= listed
