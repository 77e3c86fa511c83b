"""Sixty rounds of the kill loop in CI, ten elsewhere: nothing acknowledged is lost, no process is left.

`ACA_NOTEBOOK_KILL_ROUNDS` sets the number of rounds; `make soak` takes a thousand and more.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
import requests

from tests.emulator.process.kill_loop import BUILT, Loop, processes_of, wait_until
from tests.real_emulator import RealEmulator

logger = logging.getLogger(__name__)

ROUNDS = int(os.environ.get("ACA_NOTEBOOK_KILL_ROUNDS", "10"))

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(90 + 20 * ROUNDS),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks from outside through /proc (Linux)"),
]


@pytest.fixture(name="emulator")
def _emulator(tmp_path, monkeypatch):
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    emulator = RealEmulator(tmp_path / "data")
    yield emulator
    if emulator.process.poll() is None:
        emulator.stop()
    wait_until(lambda: not processes_of(emulator.folder), 15, "the end of every process")


def test_no_acknowledged_write_is_lost_and_no_process_is_left_by_random_kills(emulator, tmp_path):
    loop = Loop(emulator, tmp_path / "wheels")
    for _ in range(ROUNDS):
        loop.round()
    starter = loop.starter
    wait_until(
        lambda: set(starter.statuses().values()) <= {"Succeeded", "Failed"}, 60, "the end of every execution of the job"
    )
    apps = sorted(name for name in loop.acknowledged if name.startswith("app-"))
    assert {"app-0", "app-1", "app-2"} <= set(apps), "the loop must have written every app"
    for name in apps:
        wait_until(
            lambda name=name: emulator.get(name)["properties"]["provisioningState"] == "Succeeded",
            30,
            f"provisioning of {name} after the last restart",
        )
        answer = requests.get(emulator.address(name), timeout=30)
        assert answer.status_code == 200
        if name == BUILT:
            mark = emulator.get(name)["tags"]["mark"]
            assert answer.text == mark.removeprefix("mark-"), "it must run the bundle that was deployed last"
    logger.info("%d rounds, killed %s; %d builds, %d writes", ROUNDS, loop.killed, len(loop.builds), loop.writes)
