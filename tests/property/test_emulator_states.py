"""Writes, deletes, calls, crashes and time in any order, over HTTP: what must hold, holds after every step.

The real controller and ingress run fake programs by a clock that is moved. A crash goes on from a copy of the data
folder, taken between two commits. `ACA_NOTEBOOK_EXPLORE=200 pytest tests/property/test_emulator_states.py
--hypothesis-seed=7` looks at 200 stories of that seed; without the variable a few, always the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aca_notebook.emulator.runtime.observed import ObservedApp, fold
from aca_notebook.emulator.runtime.snapshots import Snapshots
from tests.emulator.running import Running, running_emulator
from tests.fakes.gpus import FakeGpus
from tests.fakes.spawn import FakeSpawn

pytestmark = pytest.mark.timeout(1200 if os.environ.get("ACA_NOTEBOOK_EXPLORE") else 600)
EXPLORE = int(os.environ.get("ACA_NOTEBOOK_EXPLORE", "0"))
DEVICES = 2
APPS = ("cpu", "gpu", "other")
JOB = "job"
PROVISIONING = {"InProgress", "Succeeded", "Failed", "Deleting", "Canceled"}
EXECUTIONS = {"Running", "Processing", "Stopped", "Degraded", "Failed", "Unknown", "Succeeded"}
names = st.sampled_from(APPS)


class Story(RuleBasedStateMachine):
    """`tags` is what each app must carry: the number of the last write that was acknowledged.

    What is drawn depends on what was drawn, never on what the emulator answered: that may differ from run to run.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="aca-story-"))
        self.lives = 0
        self.number = 0
        self.elapsed = 0.0
        self.tags: dict[str, int] = {}
        self.executions: set[str] = set()
        self.calls: list[threading.Thread] = []
        self.answers: Counter[int] = Counter()
        self.unwanted: list[str] = []
        self.life = contextlib.ExitStack()

    @initialize(least=st.integers(0, 1))
    def begin(self, least: int) -> None:
        """A first emulator with every app and the job: what follows finds something to change."""
        self.start()
        for name in APPS:
            self.put(name, least, 1)
        self.put_job(1, 1)

    def start(self) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.spawn = FakeSpawn()
        self.emulator: Running = self.life.enter_context(
            running_emulator(
                self.folder / f"life-{self.lives}", gpus=FakeGpus(DEVICES), spawn=self.spawn,
                elapsed_seconds=self.elapsed,
            )
        )  # fmt: skip

    def teardown(self) -> None:
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def end(self) -> None:
        self.life.close()
        if hasattr(self, "session"):
            self.session.close()
        for call in self.calls:
            call.join(30)
            assert not call.is_alive(), "a call never ended"
        self.calls = []
        assert self.unwanted == []

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.emulator.environment['ACCESS_TOKEN']}"}
        url = self.emulator.environment["AZURE_RESOURCE_MANAGER_HTTP_URL"] + path
        version = {"api-version": "2025-02-02-preview"}
        answer = self.session.request(method, url, params=version, json=body, headers=headers, timeout=10)
        assert answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def app(self, name: str, *, least: int, most: int) -> dict[str, Any]:
        self.number += 1
        body = self.emulator.body(scale={"minReplicas": least, "maxReplicas": most})
        body["tags"] = {"number": str(self.number)}
        body["properties"]["configuration"]["ingress"]["allowInsecure"] = True
        if name == "gpu":
            body["properties"]["workloadProfileName"] = "gpu-t4"
        return body

    def noted(self, name: str, answer: requests.Response) -> None:
        """Remember an acknowledged write; one that is refused must be so for a reason that can be."""
        if answer.ok:
            self.tags[name] = self.number
        else:
            assert answer.status_code in {404, 409}, answer.text

    @rule(name=names, least=st.integers(0, 2), more=st.integers(1, 2))
    def put(self, name: str, least: int, more: int) -> None:
        """Also of an app that is gone, or that is still going."""
        body = self.app(name, least=least, most=least + more)
        self.noted(name, self.ask("PUT", self.emulator.app_path(name), body))

    @rule(name=names, most=st.integers(1, 3))
    def patch(self, name: str, most: int) -> None:
        body = self.app(name, least=0, most=most)
        changed = {"tags": body["tags"], "properties": {"template": body["properties"]["template"]}}
        self.noted(name, self.ask("PATCH", self.emulator.app_path(name), changed))

    @rule(name=names)
    def delete(self, name: str) -> None:
        answer = self.ask("DELETE", self.emulator.app_path(name))
        assert answer.status_code in {202, 204, 409}, answer.text
        if answer.ok:
            self.tags.pop(name, None)

    @rule(name=names, verb=st.sampled_from(["stop", "start"]))
    def stop_or_start(self, name: str, verb: str) -> None:
        answer = self.ask("POST", f"{self.emulator.app_path(name)}/{verb}")
        assert answer.status_code in {200, 202, 404, 409}, answer.text

    @rule(name=names)
    def call(self, name: str) -> None:
        """Call the app, in a thread: the first call is held while time has to pass."""
        ingress = self.ask("GET", self.emulator.app_path(name)).json().get("properties", {}).get("configuration", {})
        address = (ingress.get("ingress") or {}).get("fqdn")
        if not address or len(self.calls) > 8:
            return

        def ring() -> None:
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):  # it may be deleted, or crash
                status = requests.get(f"http://{address}/", timeout=20).status_code
                self.answers[status] += 1
                if status not in {200, 404, 503, 504}:
                    self.unwanted.append(f"a call of {name} was answered with {status}")

        self.calls.append(threading.Thread(target=ring))
        self.calls[-1].start()

    @rule(retries=st.integers(0, 2), parallel=st.integers(1, 2))
    def put_job(self, retries: int, parallel: int) -> None:
        containers = [{"name": "main", "image": "mcr.microsoft.com/k8se/quickstart-jobs:latest"}]
        trigger = {"parallelism": parallel, "replicaCompletionCount": parallel}
        configuration = {
            "triggerType": "Manual", "replicaTimeout": 60, "replicaRetryLimit": retries, "manualTriggerConfig": trigger,
        }  # fmt: skip
        body = {"location": "eastus", "properties": {
            "environmentId": self.emulator.environment_id, "configuration": configuration,
            "template": {"containers": containers},
        }}  # fmt: skip
        assert self.ask("PUT", self.job, body).status_code in {200, 201, 409}

    @rule()
    def start_job(self) -> None:
        answer = self.ask("POST", f"{self.job}/start")
        assert answer.status_code in {200, 202, 404, 409}, answer.text
        if answer.ok:
            self.executions.add(answer.json()["name"])

    @rule(code=st.sampled_from([0, 1, 137]))
    def a_program_ends(self, code: int) -> None:
        running = sorted(self.spawn.alive, key=lambda child: child.pid)
        if running:
            self.emulator.on_loop(lambda: running[0].crash(code))

    @rule(seconds=st.sampled_from([1, 15, 70, 400]))
    def advance(self, seconds: int) -> None:
        self.elapsed += seconds
        self.emulator.advance(seconds)

    @rule()
    def crash(self) -> None:
        """Go on from what kill -9 would leave now."""
        before, self.lives = self.folder / f"life-{self.lives}", self.lives + 1
        after = self.folder / f"life-{self.lives}"
        emulator = self.emulator.emulator

        def copied() -> None:
            for database in (emulator._database, emulator._secrets._database):
                database.write_blocking()  # the loop stands still, so from here on nobody writes
            shutil.copytree(before, after, ignore=shutil.ignore_patterns("logs.duckdb*", "replicas"))

        self.emulator.on_loop(copied)
        self.end()
        (after / "emulator.json").unlink(missing_ok=True)
        self.start()
        assert self.ask("GET", self.emulator.environment_id).status_code == 200
        assert self.emulator.control("GET", "status").json()["notices"] == []

    @rule()
    @precondition(lambda self: self.lives < 5)
    def stop_and_start(self) -> None:
        self.end()
        self.start()

    @property
    def job(self) -> str:
        return self.emulator.app_path(JOB).replace("/containerApps/", "/jobs/")

    @invariant()
    def what_was_acknowledged_is_there(self) -> None:
        for name in APPS:
            answer = self.ask("GET", self.emulator.app_path(name))
            if name in self.tags:
                assert answer.status_code == 200, f"{name} is lost: {answer.text}"
                assert answer.json()["tags"] == {"number": str(self.tags[name])}
            if answer.status_code == 200:
                assert answer.json()["properties"]["provisioningState"] in PROVISIONING

    @invariant()
    def executions_are_remembered(self) -> None:
        if not self.executions:
            return
        listed = self.ask("GET", f"{self.job}/executions").json()["value"]
        statuses = {each["name"]: each["properties"]["status"] for each in listed}
        assert self.executions <= statuses.keys()
        assert set(statuses.values()) <= EXECUTIONS

    @invariant()
    def no_more_runs_than_may(self) -> None:
        controller = self.emulator.emulator._controller

        def look() -> tuple[dict[tuple[str, str], tuple[int, int]], Counter[str]]:
            replicas, leases = {}, Counter()
            for key, tended in controller._apps.items():
                for revision in tended.observed.revisions.values():
                    declared = tended.app.revision(revision.name) if tended.app else None
                    living = [each for each in revision.replicas.values() if not each.stopping]
                    if declared is not None:
                        replicas[key, revision.name] = len(living), declared.scale.max_replicas
                leases.update(gpu for replica in tended.observed.replicas for gpu in replica.gpus)
            return replicas, leases

        replicas, leases = self.emulator.on_loop(look)
        assert all(count <= most for count, most in replicas.values()), replicas
        assert len(leases) <= DEVICES
        assert all(count == 1 for count in leases.values()), f"a device is leased twice: {leases}"

    @invariant()
    def nothing_runs_of_what_is_gone(self) -> None:
        for name in APPS:
            if self.ask("GET", self.emulator.app_path(name)).status_code == 404:
                left = [each for each in self.spawn.alive if each.launch.environment.get("CONTAINER_APP_NAME") == name]
                assert left == [], f"{name} is gone, and {len(left)} programs of it run"

    @invariant()
    def the_journal_tells_what_is(self) -> None:
        emulator = self.emulator.emulator
        recorder = emulator._controller._recorder

        async def compare() -> None:
            while recorder._pending:
                await recorder.durable()
            # Nothing waits to be written, and the loop stands still from here on.
            live = {key: tended.observed for key, tended in emulator._controller._apps.items()}
            told = fold(event for _, event in emulator._database.events())
            kept = Snapshots(emulator._database).load()
            for key in live | told | kept:
                nothing = ObservedApp(key)
                assert told.get(key, nothing).revisions == live.get(key, nothing).revisions, f"the fold of {key}"
                assert kept.get(key, nothing).revisions == live.get(key, nothing).revisions, f"the snapshot of {key}"

        asyncio.run_coroutine_threadsafe(compare(), self.emulator.loop).result(60)


Story.TestCase.settings = settings(
    max_examples=EXPLORE or 6, stateful_step_count=40 if EXPLORE else 25, deadline=None, derandomize=not EXPLORE,
    suppress_health_check=list(HealthCheck), database=None, print_blob=bool(EXPLORE),
)  # fmt: skip
TestStory = Story.TestCase
