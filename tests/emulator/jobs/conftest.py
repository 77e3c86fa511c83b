"""An emulator whose programs end as a test says, and short ways to say what a job is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.running import Running, running_emulator
from tests.fakes.spawn import Behaviour, FakeSpawn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aca_notebook.emulator.runtime.process import Launch

QUICKSTART = "mcr.microsoft.com/k8se/quickstart-jobs:latest"
STABLE = {"api-version": "2025-01-01"}
NEWEST = {"api-version": "2026-07-01"}


@dataclass
class Programs:
    """`exit_code` None means that a program runs until it is stopped."""

    exit_code: int | None = 0

    def behave(self, _: Launch) -> Behaviour:
        return Behaviour(exit_code=self.exit_code, lines=["hello"])


@dataclass
class JobWorld:
    emulator: Running
    programs: Programs

    def path(self, name: str = "train") -> str:
        return f"{self.emulator.group}/providers/Microsoft.App/jobs/{name}"

    def body(self, *, containers: list[dict[str, Any]] | None = None, **configuration: Any) -> dict[str, Any]:
        configuration = {"triggerType": "manual", "replicaTimeout": 60} | configuration
        return {
            "location": "eastus",
            "properties": {
                "environmentId": self.emulator.environment_id,
                "configuration": configuration,
                "template": {"containers": containers or [{"name": "main", "image": QUICKSTART}]},
            },
        }

    def put(self, name: str = "train", **configuration: Any) -> dict[str, Any]:
        answer = self.emulator.ask("PUT", self.path(name), self.body(**configuration))
        assert answer.status_code == 201, answer.text
        self.emulator.follow(answer)
        return self.emulator.ask("GET", self.path(name)).json()

    def start(self, body: Any = None, name: str = "train") -> str:
        answer = self.emulator.ask("POST", f"{self.path(name)}/start", body, params=STABLE)
        assert answer.status_code == 200, answer.text
        return answer.json()["name"]

    def execution(self, name: str, job: str = "train") -> dict[str, Any]:
        answer = self.emulator.ask("GET", f"{self.path(job)}/executions/{name}", params=NEWEST)
        assert answer.status_code == 200, answer.text
        return answer.json()["properties"]

    def running(self, name: str, job: str = "train") -> dict[str, Any]:
        self.emulator.eventually(lambda: "detailedStatus" in self.execution(name, job))
        return self.execution(name, job)

    def ended(self, name: str, job: str = "train") -> dict[str, Any]:
        self.emulator.eventually(lambda: "endTime" in self.execution(name, job))
        return self.execution(name, job)


@pytest.fixture
def programs() -> Programs:
    return Programs()


@pytest.fixture
def jobs(data_dir: Path, programs: Programs) -> Iterator[JobWorld]:
    with running_emulator(data_dir, spawn=FakeSpawn(programs.behave)) as emulator:
        yield JobWorld(emulator, programs)
