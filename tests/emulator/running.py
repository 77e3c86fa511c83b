"""A composed emulator in a thread of its own, on a free port, with a clock that a test moves."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from aca_notebook.emulator.arm.seams import Runtime
from aca_notebook.emulator.main import Emulator, compose
from aca_notebook.emulator.runtime.gpus import NoGpus
from aca_notebook.emulator.settings import Settings
from tests.fakes.clock import ManualClock
from tests.fakes.runtime import FakeRuntime
from tests.fakes.session_launcher import FakeLauncher
from tests.fakes.spawn import FakeSpawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aca_notebook.emulator.runtime.gpus import Gpus

#: Questions asked before something counts as never happening; the disk is slow on a busy machine.
_PATIENCE = 5000
API = {"api-version": "2025-02-02-preview"}


@dataclass
class Running:
    """What a test holds: ask it over HTTP, move its clock, reach the fakes on its own loop by `on_loop`."""

    emulator: Emulator
    loop: asyncio.AbstractEventLoop
    clock: ManualClock
    runtime: FakeRuntime
    environment: dict[str, str]
    spawn: FakeSpawn
    sessions: FakeLauncher

    @property
    def group(self) -> str:
        return f"/subscriptions/{self.environment['AZURE_SUBSCRIPTION_ID']}/resourceGroups/local"

    @property
    def environment_id(self) -> str:
        return f"{self.group}/providers/Microsoft.App/managedEnvironments/local"

    def app_path(self, name: str = "scorer") -> str:
        return f"{self.group}/providers/Microsoft.App/containerApps/{name}"

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.environment['ACCESS_TOKEN']}"} | options.pop("headers", {})
        url = path if path.startswith("http") else self.environment["AZURE_RESOURCE_MANAGER_HTTP_URL"] + path
        params = options.pop("params", {} if "?" in path else API)
        return requests.request(method, url, params=params, json=body, headers=headers, timeout=10, **options)

    def control(self, method: str, path: str, body: Any = None) -> requests.Response:
        token = {"Authorization": f"Bearer {self.emulator.control_token}"}
        return self.ask(method, f"/_emulator/{path}", body, headers=token, params={})

    def advance(self, seconds: float) -> None:
        assert self.control("POST", "clock", {"advance_seconds": seconds}).status_code == 200

    def on_loop(self, do: Callable[[], Any]) -> Any:
        async def run() -> Any:
            return do()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)

    def body(self, **template: Any) -> dict[str, Any]:
        """An app that Azure would take, with an ingress."""
        containers = [{"name": "main", "image": "mcr.microsoft.com/k8se/quickstart:latest"}]
        return {
            "location": "eastus",
            "properties": {
                "environmentId": self.environment_id,
                "configuration": {"activeRevisionsMode": "single", "ingress": {"external": True, "targetPort": 80}},
                "template": {"containers": containers} | template,
            },
        }

    def deploy(self, name: str = "scorer", body: dict[str, Any] | None = None) -> dict[str, Any]:
        """PUT an app, follow the operation, return the app."""
        answer = self.ask("PUT", self.app_path(name), body or self.body())
        assert answer.status_code == 201, answer.text
        self.follow(answer)
        return self.ask("GET", self.app_path(name)).json()

    def address(self, name: str = "scorer") -> str:
        """The address of an app, empty while it has none."""
        return self.ask("GET", self.app_path(name)).json()["properties"]["configuration"]["ingress"]["fqdn"]

    def eventually(self, holds: Callable[[], bool]) -> None:
        """Ask until something holds: each question takes the emulator a turn or more."""
        for _ in range(_PATIENCE):
            if holds():
                return
        raise AssertionError("it never came to hold")

    def follow(self, answer: requests.Response) -> dict[str, Any]:
        """Poll the status or the result URL until the operation ends; returns the last body."""
        status_url = answer.headers.get("Azure-AsyncOperation")
        for _ in range(_PATIENCE):
            polled = self.ask("GET", status_url or answer.headers["Location"])
            if status_url and polled.json()["status"] != "InProgress":
                return polled.json()
            if not status_url and polled.status_code != 202:
                return polled.json() if polled.content else {}
        raise AssertionError("the operation does not end")


@contextlib.contextmanager
def running_emulator(
    folder: Path, *, pace: float | None = 0.0, hold: bool = False, idle_exit_seconds: float | None = None,
    elapsed_seconds: float = 0.0, spawn: FakeSpawn | None = None, role_delay_seconds: float = 0.0,
    gpus: Gpus | None = None, sessions: FakeLauncher | None = None,
) -> Iterator[Running]:  # fmt: skip
    """Start one and stop it; `hold` keeps revisions unproved until a test settles them.

    `elapsed_seconds` is how late it is, after the moment at which such clocks begin; `spawn` runs what jobs do. With
    `gpus` the real controller and ingress run apps, on `spawn`, and `runtime` is not used.
    """
    programs = spawn or FakeSpawn()
    launcher = sessions or FakeLauncher(folder.with_name(f"{folder.name}-sessions"))
    started: concurrent.futures.Future[Running] = concurrent.futures.Future()
    leave = threading.Event()

    async def live() -> None:
        clock = ManualClock()
        await clock.advance(elapsed_seconds)
        runtime = FakeRuntime(hold=hold)
        emulator = compose(
            Settings(folder, 0, pace, idle_exit_seconds, role_delay_seconds),
            clock,
            programs,
            gpus or NoGpus(),
            None if gpus else Runtime(runtime, runtime),
            launcher,
        )
        try:
            await emulator.start()
            loop = asyncio.get_running_loop()
            environment = emulator.environment()
            started.set_result(Running(emulator, loop, clock, runtime, environment, programs, launcher))
            await asyncio.to_thread(leave.wait)
        finally:
            await emulator.close()

    def main() -> None:
        try:
            asyncio.run(live())
        except BaseException as failure:
            if started.done():
                raise
            started.set_exception(failure)

    thread = threading.Thread(target=main, name="emulator")
    thread.start()
    try:
        yield started.result(20)
    finally:
        leave.set()
        thread.join(20)
        assert not thread.is_alive()


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())
