"""Random `kill -9` of the emulator, of replicas, of their shims and in the middle of builds, judged from outside.

After each kill of the emulator, and before it is started again, no process it started may be left: looked up in /proc
by the mark in the environment of all of them, or by the data folder on their command lines. After each restart every
write that was acknowledged must be there. `ACA_NOTEBOOK_KILL_ROUNDS` sets the number of rounds (default 10).
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import random
import signal
import threading
import time
import warnings
from pathlib import Path

import pytest
import requests

from aca_notebook.emulator.runtime.process import owner_mark
from tests.emulator.process.bundles import write_bundle
from tests.real_emulator import RealEmulator

logger = logging.getLogger(__name__)

ROUNDS = int(os.environ.get("ACA_NOTEBOOK_KILL_ROUNDS", "10"))
BUILT = "app-built"

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(90 + 20 * ROUNDS),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks from outside through /proc (Linux)"),
]


def processes_of(folder: Path) -> dict[int, str]:
    """The command line of every live process that an emulator on `folder` started, and its own."""
    mark = f"ACA_EMULATOR_MARK={owner_mark(folder)}-".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if state != "Z" and (mark in environment or bytes(folder) in command + environment):
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def wait_until(true, seconds: float, what: str):
    deadline = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)
    return answer


def forget_broken_connections() -> None:
    """A client whose server was killed in the middle of an answer leaves its socket to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Client(threading.Thread):
    """Does the same over and over until the emulator is gone; trouble before `ending` is set is `unexpected`."""

    def __init__(self, emulator: RealEmulator, first: int) -> None:
        super().__init__(daemon=True)
        self.emulator = emulator
        self.number = first
        self.ending = threading.Event()
        self.acknowledged: dict[str, str] = {}
        self.unexpected: list[str] = []

    def run(self) -> None:
        while not self.ending.is_set():
            self.number += 1
            try:
                self.once()
            except requests.RequestException as broken:
                if not self.ending.is_set():
                    self.unexpected.append(repr(broken))
                return

    def once(self) -> None:
        raise NotImplementedError

    def write(self, name: str, mark: str, **fields: str) -> None:
        answer = self.emulator.put(name, mark, **fields)
        if answer.status_code in {200, 201}:
            self.acknowledged[name] = mark
        elif answer.status_code != 409:
            self.unexpected.append(f"{answer.status_code} {answer.text}")


class Writer(Client):
    """Writes apps and groups as fast as the emulator answers."""

    def once(self) -> None:
        self.write(f"app-{self.number % 3}", f"mark-{self.number}")
        self.write(f"group-{self.number % 5}", f"mark-{self.number}")


class Deployer(Client):
    """Deploys bundles by the four calls that `%%aca deploy` makes; each needs an environment of its own."""

    def __init__(self, emulator: RealEmulator, first: int, wheels: Path) -> None:
        super().__init__(emulator, first)
        self.wheels = wheels
        self.building = threading.Event()
        self.tool_killed = threading.Event()  #: the loop may have killed what a build runs, which fails the build
        self.builds: dict[str, str] = {}  #: run id -> the status last seen

    def once(self) -> None:
        emulator = self.emulator
        context = write_bundle(self.wheels, self.number)
        place = emulator.call("POST", emulator.registry("/listBuildSourceUploadUrl")).json()
        blob = {"x-ms-blob-type": "BlockBlob"}
        roots = str(emulator.inside / "roots.pem")
        requests.put(place["uploadUrl"], data=context, headers=blob, verify=roots, timeout=30).raise_for_status()
        image = f"built:{self.number}"
        scheduled = emulator.call("POST", emulator.registry("/scheduleRun"), {
            "type": "DockerBuildRequest", "imageNames": [image], "isPushEnabled": True, "dockerFilePath": "Dockerfile",
            "platform": {"os": "linux", "architecture": "amd64"}, "sourceLocation": place["relativePath"],
        })  # fmt: skip
        run = scheduled.json()["name"]
        self.builds[run] = "Queued"
        self.building.set()
        while self.builds[run] in {"Queued", "Started", "Running"} and not self.ending.wait(0.02):
            self.builds[run] = self.status(run)
        if self.builds[run] == "Succeeded":
            self.write(BUILT, f"mark-{self.number}", image=f"local.azurecr.io/{image}")
        elif not self.ending.is_set() and not self.tool_killed.is_set():
            self.unexpected.append(f"build {run}: {self.builds[run]}")

    def status(self, run: str) -> str:
        return str(self.emulator.call("GET", self.emulator.registry(f"/runs/{run}")).json()["properties"]["status"])


class Starter(Client):
    """Starts executions of a job, one after the other."""

    def __init__(self, emulator: RealEmulator, first: int) -> None:
        super().__init__(emulator, first)
        self.started: list[str] = []

    def once(self) -> None:
        job = self.emulator.path("").replace("/containerApps/", "/jobs/job")
        if self.emulator.call("GET", job).status_code == 404:
            assert self.emulator.call("PUT", job, self.emulator.job()).status_code == 201
        answer = self.emulator.call("POST", f"{job}/start")
        if answer.status_code in {200, 202}:
            self.started.append(answer.json()["name"])
        elif answer.status_code != 409:  # the job itself is still being made
            self.unexpected.append(f"{answer.status_code} {answer.text}")
        self.ending.wait(0.2)

    def statuses(self) -> dict[str, str]:
        """What became of the executions that the job remembers."""
        listed = self.emulator.call("GET", self.emulator.path("").replace("/containerApps/", "/jobs/job/executions"))
        return {each["name"]: each["properties"]["status"] for each in listed.json()["value"]}


class Loop:
    """One emulator, what its clients were promised, and the rounds."""

    def __init__(self, emulator: RealEmulator, wheels: Path) -> None:
        self.emulator = emulator
        self.wheels = wheels
        self.chance = random.Random(20260101)
        self.acknowledged: dict[str, str] = {}
        self.builds: dict[str, str] = {}
        self.starter: Starter | None = None
        self.numbers = (0, 0)
        self.killed: dict[str, int] = {}

    def round(self) -> None:
        """Let clients work, kill something or nothing of a replica, kill the emulator, start it and compare."""
        writer, deployer, self.starter = clients = self.clients()
        self.disturb(deployer)
        for client in clients:
            client.ending.set()
        self.emulator.kill()
        for client in clients:
            client.join(30)
            assert client.unexpected == []
            self.acknowledged |= client.acknowledged
        forget_broken_connections()
        self.numbers = writer.number, deployer.number
        self.builds |= deployer.builds
        self.nothing_is_left()
        if self.chance.random() < 0.15:
            self.kill_while_it_starts()
        self.emulator.start()
        self.everything_is_there()

    def clients(self) -> tuple[Writer, Deployer, Starter]:
        writer = Writer(self.emulator, self.numbers[0])
        deployer = Deployer(self.emulator, self.numbers[1], self.wheels)
        starter = Starter(self.emulator, 0)
        for client in (writer, deployer, starter):
            client.start()
        return writer, deployer, starter

    def disturb(self, deployer: Deployer) -> None:
        """Choose the moment, and perhaps a process that dies before the emulator does."""
        chance = self.chance.random()
        if chance < 0.2:
            self.count("right after start")
            time.sleep(self.chance.random() * 0.05)
        elif chance < 0.5:
            self.count("in a build")
            assert deployer.building.wait(10)
            time.sleep(self.chance.random() * 0.25)
        else:
            time.sleep(0.05 + self.chance.random() * 0.7)
            if chance >= 0.7:
                deployer.tool_killed.set()
            self.kill_one(shim=chance < 0.7)

    def kill_one(self, *, shim: bool) -> None:
        found = processes_of(self.emulator.folder)
        chosen = [pid for pid, command in found.items() if ("shim.py" in command) == shim]
        chosen = [pid for pid in chosen if pid != self.emulator.process.pid]
        if chosen:
            self.count("after a shim" if shim else "after a program")
            with contextlib.suppress(ProcessLookupError):  # a tool of a build, and it has just ended
                os.kill(self.chance.choice(chosen), signal.SIGKILL)
            time.sleep(self.chance.random() * 0.15)

    def kill_while_it_starts(self) -> None:
        self.count("while it starts")
        self.emulator.launch()
        time.sleep(0.3 + self.chance.random() * 0.8)
        self.emulator.kill()
        self.nothing_is_left()

    def count(self, what: str) -> None:
        self.killed[what] = self.killed.get(what, 0) + 1

    def nothing_is_left(self) -> None:
        folder = self.emulator.folder
        wait_until(lambda: not processes_of(folder), 15, f"the end of {processes_of(folder)}")

    def everything_is_there(self) -> None:
        for name, mark in self.acknowledged.items():
            # A write that was stored but whose answer the kill cut off may have come after the last acknowledged one.
            found = self.emulator.get(name)["tags"]["mark"]
            assert int(found.removeprefix("mark-")) >= int(mark.removeprefix("mark-"))
        listed = self.emulator.call("GET", self.emulator.registry("/runs")).json()["value"]
        ended = {run["name"]: run["properties"]["status"] for run in listed}
        for run, status in self.builds.items():
            expected = {status} if status in {"Succeeded", "Failed"} else {"Succeeded", "Failed", "Error"}
            assert ended[run] in expected
        if self.starter is not None and self.starter.started:
            assert set(self.starter.started) <= self.starter.statuses().keys()


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
    logger.info("%d rounds, killed %s; %d builds, %d writes", ROUNDS, loop.killed, len(loop.builds), loop.numbers[0])
