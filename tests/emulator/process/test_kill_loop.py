"""Random `kill -9` of the emulator and of replicas, judged from outside.

After each kill of the emulator, and before it is started again, no process it started may be left: looked up in /proc
by the data folder, which stands in the environment or the command line of all of them. After each restart every write
that was acknowledged must be there. `ACA_NOTEBOOK_KILL_ROUNDS` sets the number of rounds (default 10).
"""

from __future__ import annotations

import gc
import os
import random
import signal
import threading
import time
import warnings
from pathlib import Path

import pytest
import requests

from tests.real_emulator import RealEmulator

ROUNDS = int(os.environ.get("ACA_NOTEBOOK_KILL_ROUNDS", "10"))

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(60 + 20 * ROUNDS),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks from outside through /proc (Linux)"),
]


def processes_of(folder: Path) -> dict[int, str]:
    """Every live process whose environment or command line names the folder, this test apart."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            text = (entry / "cmdline").read_bytes() + b"\0" + (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if bytes(folder) in text and state != "Z":
            found[int(entry.name)] = text[:200].replace(b"\0", b" ").decode(errors="replace")
    return found


def wait_until(true, seconds: float, what: str):
    deadline = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)
    return answer


def running_programs(emulator: RealEmulator) -> list[int]:
    return [pid for pid in processes_of(emulator.folder) if pid != emulator.process.pid]


@pytest.fixture(name="emulator")
def _emulator(tmp_path):
    emulator = RealEmulator(tmp_path / "data")
    yield emulator
    if emulator.process.poll() is None:
        emulator.stop()
    wait_until(lambda: not processes_of(emulator.folder), 15, "the end of every process")


def forget_broken_connections() -> None:
    """A client whose server was killed in the middle of an answer leaves its socket to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Writer(threading.Thread):
    """Writes apps and groups as fast as the emulator answers, until it is gone; keeps what was acknowledged."""

    def __init__(self, emulator: RealEmulator, first: int) -> None:
        super().__init__(daemon=True)
        self.emulator = emulator
        self.number = first
        self.acknowledged: dict[str, str] = {}
        self.unexpected: list[str] = []

    def run(self) -> None:
        while True:
            self.number += 1
            name, mark = f"app-{self.number % 3}", f"mark-{self.number}"
            try:
                self.write(name, mark)
                self.write(f"group-{self.number % 5}", mark)
            except requests.ConnectionError:
                return

    def write(self, name: str, mark: str) -> None:
        answer = self.emulator.put(name, mark)
        if answer.status_code in {200, 201}:
            self.acknowledged[name] = mark
        elif answer.status_code != 409:
            self.unexpected.append(f"{answer.status_code} {answer.text}")


def test_no_acknowledged_write_is_lost_and_no_process_is_left_by_random_kills(emulator):
    chance = random.Random(20260101)
    acknowledged: dict[str, str] = {}
    number = 0
    for _ in range(ROUNDS):
        writer = Writer(emulator, number)
        writer.start()
        time.sleep(0.05 + chance.random() * 0.8)
        if chance.random() < 0.4 and (programs := running_programs(emulator)):
            os.kill(chance.choice(programs), signal.SIGKILL)
            time.sleep(chance.random() * 0.2)
        emulator.kill()
        writer.join(30)
        forget_broken_connections()
        number = writer.number
        acknowledged |= writer.acknowledged
        assert writer.unexpected == []
        wait_until(lambda: not processes_of(emulator.folder), 15, "the end of every process")
        emulator.start()
        for name, mark in acknowledged.items():
            # A write that was stored but whose answer the kill cut off may have come after the last acknowledged one.
            assert int(emulator.get(name)["tags"]["mark"].removeprefix("mark-")) >= int(mark.removeprefix("mark-"))
    assert len(acknowledged) == 8, "the loop must have written every app and group"

    for name in (name for name in acknowledged if name.startswith("app-")):
        wait_until(
            lambda name=name: emulator.get(name)["properties"]["provisioningState"] == "Succeeded",
            30,
            f"provisioning of {name} after the last restart",
        )
        address = emulator.get(name)["properties"]["configuration"]["ingress"]["fqdn"]
        assert requests.get(f"http://{address}/", timeout=30).status_code == 200
