"""What was acknowledged is there after a restart, and what was under way goes on."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from aca_notebook.emulator.arm.seams import Runtime
from aca_notebook.emulator.main import compose
from aca_notebook.emulator.occupancy import AlreadyRunning
from aca_notebook.emulator.runtime.gpus import NoGpus
from aca_notebook.emulator.settings import Settings
from tests.emulator.running import Running, running_emulator
from tests.fakes.clock import ManualClock
from tests.fakes.spawn import FakeSpawn

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path


def snapshot(emulator: Running, folder: Path) -> Path:
    """The data folder as kill -9 would leave it now: state is on disk before it is acknowledged."""
    copy = folder.with_name("after-the-crash")
    shutil.copytree(folder, copy)
    (copy / "emulator.json").unlink()
    return copy


def test_resources_secrets_and_identity_survive_a_restart(data_dir: Path) -> None:
    with running_emulator(data_dir) as emulator:
        body = emulator.body()
        body["properties"]["configuration"]["secrets"] = [{"name": "key", "value": "canary"}]
        before = emulator.deploy(body=body)
        port, secret = emulator.emulator.endpoint.port, emulator.environment["AZURE_CLIENT_SECRET"]
    with running_emulator(data_dir) as emulator:
        assert emulator.emulator.endpoint.port == port
        assert emulator.environment["AZURE_CLIENT_SECRET"] == secret
        assert emulator.ask("GET", emulator.app_path()).json() == before
        assert emulator.ask("POST", f"{emulator.app_path()}/listSecrets").json()["value"][0]["value"] == "canary"
        assert list(emulator.runtime.apps) == [emulator.app_path().lower()]
        assert emulator.runtime.published == {emulator.app_path().lower(): "127.0.0.1:9000"}


def test_an_operation_cut_off_by_a_crash_is_taken_up_again(data_dir: Path) -> None:
    with running_emulator(data_dir, hold=True) as emulator:
        answer = emulator.ask("PUT", emulator.app_path(), emulator.body())
        crashed = snapshot(emulator, data_dir)
    status_path = "/" + answer.headers["Azure-AsyncOperation"].split("/", 3)[3]
    with running_emulator(crashed, hold=True) as emulator:
        assert emulator.ask("GET", status_path).json()["status"] == "InProgress"
        assert emulator.ask("PUT", emulator.app_path(), emulator.body()).status_code == 409
        emulator.on_loop(emulator.runtime.settle)
        emulator.eventually(lambda: emulator.ask("GET", status_path).json()["status"] == "Succeeded")
        assert emulator.ask("GET", emulator.app_path()).json()["properties"]["provisioningState"] == "Succeeded"


def test_a_delete_cut_off_by_a_crash_is_finished(data_dir: Path) -> None:
    with running_emulator(data_dir, pace=1.0) as emulator:
        put = emulator.ask("PUT", emulator.app_path(), emulator.body())
        emulator.advance(30)
        emulator.follow(put)
        assert emulator.ask("DELETE", emulator.app_path()).status_code == 202
        crashed = snapshot(emulator, data_dir)
    with running_emulator(crashed) as emulator:
        emulator.eventually(lambda: emulator.ask("GET", emulator.app_path()).status_code == 404)


def test_a_second_emulator_on_the_same_folder_is_told_who_runs(emulator: Running) -> None:
    folder = emulator.emulator.settings.data_dir
    fakes = (ManualClock(), FakeSpawn(), NoGpus(), Runtime(None, None))
    with pytest.raises(AlreadyRunning, match=r"process \d+ already runs an emulator on .*, at https://127.0.0.1:\d+"):
        compose(Settings(folder), *fakes)


def test_a_full_disk_refuses_a_write_and_loses_nothing(emulator: Running) -> None:
    before = emulator.deploy()
    database = emulator.emulator._database
    database.write_blocking()  # the writer is idle from here on
    connection = database._connection
    pages = emulator.on_loop(lambda: connection.execute("PRAGMA page_count").fetchone()[0])
    emulator.on_loop(lambda: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    body = emulator.body()
    body["tags"] = {f"tag{n}": "x" * 200 for n in range(200)}
    refused = emulator.ask("PUT", emulator.app_path(), body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "InsufficientStorage")
    assert emulator.ask("GET", emulator.app_path()).json() == before
    emulator.on_loop(lambda: connection.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert emulator.ask("PUT", emulator.app_path(), body).status_code == 201


def test_an_idle_emulator_asks_to_stop_and_a_busy_one_does_not(data_dir: Path) -> None:
    with running_emulator(data_dir, idle_exit_seconds=60) as emulator:
        emulator.advance(50)
        emulator.advance(50)  # a request, if only to move the clock
        assert not emulator.emulator.stop_requested.is_set()
        asyncio.run_coroutine_threadsafe(emulator.clock.advance(70), emulator.loop).result(10)  # and no request
        assert emulator.emulator.stop_requested.is_set()


def test_an_emulator_that_builds_is_not_idle(data_dir: Path) -> None:
    with running_emulator(data_dir, idle_exit_seconds=60) as emulator:

        def wait_for(what: Coroutine[Any, Any, Any]) -> None:
            asyncio.run_coroutine_threadsafe(what, emulator.loop).result(10)

        turn = emulator.emulator._builds._turn
        for _ in range(2):  # as if two other builds took long
            wait_for(turn.acquire())
        registry = f"{emulator.group}/providers/Microsoft.ContainerRegistry/registries/local"
        place = emulator.ask("POST", f"{registry}/listBuildSourceUploadUrl").json()
        headers = {"x-ms-blob-type": "BlockBlob"}
        assert requests.put(place["uploadUrl"], data=b"no archive", headers=headers, timeout=10).status_code == 201
        run = {"type": "DockerBuildRequest", "imageNames": ["x:1"], "sourceLocation": place["relativePath"]}
        scheduled = emulator.ask("POST", f"{registry}/scheduleRun", run).json()
        wait_for(emulator.clock.advance(200))
        assert not emulator.emulator.stop_requested.is_set()
        emulator.on_loop(turn.release)
        emulator.eventually(lambda: emulator.ask("GET", scheduled["id"]).json()["properties"]["status"] == "Failed")
        wait_for(emulator.clock.advance(200))
        assert emulator.emulator.stop_requested.is_set()


@pytest.mark.process
def test_the_process_says_when_it_is_ready_and_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aca_notebook.emulator", "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        ready = json.loads(process.stdout.readline())
        assert set(ready) >= {"url", "http_url", "pid", "data_dir", "version"}
        assert ready["pid"] == process.pid
        written = json.loads((tmp_path / "data" / "emulator.json").read_text())
        assert written["start_ticks"] == ready["start_ticks"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert second.returncode == 3
        assert f"process {process.pid} already runs" in second.stderr
        other = [*command[:-1], str(tmp_path / "other"), "--port", str(ready["port"])]
        taken = subprocess.run(other, capture_output=True, text=True, timeout=20, check=False)
        assert (taken.returncode, len(taken.stderr.splitlines())) == (2, 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not (tmp_path / "data" / "emulator.json").exists()
    private = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert private == []


@pytest.mark.process
def test_its_files_are_private_but_not_the_bytecode_it_leaves_for_others(tmp_path: Path) -> None:
    """Whoever starts it first may not be the only one who uses this Python."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "aca_notebook.emulator", "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, umask=0o022, env=environment | {"PYTHONPYCACHEPREFIX": str(tmp_path / "cache")}
    ) as process:
        assert process.stdout.readline()
        process.send_signal(signal.SIGTERM)
    compiled = list((tmp_path / "cache").rglob("aca_notebook/emulator/arm/*.pyc"))
    assert compiled
    assert {path.stat().st_mode & 0o777 for path in compiled} == {0o644}
