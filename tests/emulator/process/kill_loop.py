"""Random `kill -9` of the emulator, of replicas, of their shims and in the middle of builds, judged from outside.

After each kill of the emulator, and before it is started again, no process it started may be left: looked up in /proc
by the mark in the environment of all of them, or by the data folder on their command lines. After each restart every
write that was acknowledged must be there. Used by the test, and by the soak.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import threading
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import requests

from aca_notebook.emulator.runtime.process import owner_mark
from tests.emulator.process.bundles import write_bundle
from tests.real_emulator import IMAGE, RealEmulator

BUILT = "app-built"


READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
PRINCIPALS = tuple(f"{number:08d}-1111-2222-3333-444444444444" for number in range(3))
POOL = {
    "poolManagementType": "Dynamic", "containerType": "PythonLTS", "scaleConfiguration": {"maxConcurrentSessions": 5},
    "sessionNetworkConfiguration": {"status": "EgressDisabled"},
    "dynamicPoolConfiguration": {"lifecycleConfiguration": {"lifecycleType": "Timed", "cooldownPeriodInSeconds": 300}},
}  # fmt: skip


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
        self.written = 0
        self.unexpected: list[str] = []

    def run(self) -> None:
        while not self.ending.is_set():
            self.number += 1
            try:
                self.once()
            except requests.RequestException as broken:
                if not self.ending.is_set():
                    ended = self.emulator.process.poll()  # None while it runs: a number is somebody else's signal
                    self.unexpected.append(f"{broken!r} (the emulator's exit code: {ended})")
                break
        self.emulator.hang_up()

    def once(self) -> None:
        raise NotImplementedError

    def write(self, name: str, mark: str, **fields: str) -> None:
        answer = self.emulator.put(name, mark, **fields)
        if answer.status_code in {200, 201}:
            self.acknowledged[name] = mark
            self.written += 1
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


@dataclass
class Promise:
    """What a resource must be: the mark of the last write that was acknowledged, None for one that was deleted.

    `pending` are marks of writes that a kill cut off: either may have come to be.
    """

    mark: str | None = None
    pending: set[str | None] = field(default_factory=set)


class Mixer(Client):
    """Makes, changes and deletes what else there is, at random, and calls apps; each resource keeps a mark."""

    def __init__(self, emulator: RealEmulator, first: int, promises: dict[str, Promise]) -> None:
        super().__init__(emulator, first)
        self.promises = promises
        self.chance = random.Random(first)
        self.requests = 0

    def once(self) -> None:
        mark = f"mark-{self.number}"
        self.chance.choice([
            self.put_app_with_secret, self.patch_app, self.put_or_delete_app, self.add_revision, self.put_job,
            self.put_or_delete_role, self.put_or_delete_pool, self.put_or_delete_group, self.set_tags, self.call_app,
        ])(mark)  # fmt: skip

    def put_app_with_secret(self, mark: str) -> None:
        properties = self.emulator.properties(IMAGE)
        properties["template"]["scale"]["minReplicas"] = 0
        properties["configuration"]["secrets"] = [{"name": "key", "value": f"secret of {mark}"}]
        self.change("PUT", self.emulator.path("app-secret"), mark, {"properties": properties})

    def patch_app(self, mark: str) -> None:
        self.change("PATCH", self.emulator.path("app-secret"), mark)

    def put_or_delete_app(self, mark: str) -> None:
        path = self.emulator.path("app-brief")
        if self.chance.random() < 0.5:
            self.change("DELETE", path, None)
        else:
            properties = self.emulator.properties(IMAGE)
            properties["template"]["scale"]["minReplicas"] = 0
            self.change("PUT", path, mark, {"properties": properties})

    def add_revision(self, mark: str) -> None:
        properties = self.emulator.properties(IMAGE)
        properties["configuration"] |= {"activeRevisionsMode": "Multiple", "maxInactiveRevisions": 3}
        properties["template"] |= {"revisionSuffix": mark, "scale": {"minReplicas": 0, "maxReplicas": 1}}
        path = self.emulator.path("app-revised")
        self.change("PUT", path, mark, {"properties": properties})
        listed = self.emulator.call("GET", f"{path}/revisions")
        for revision in listed.json().get("value", [])[:-1]:
            if revision["properties"]["active"] and not revision["name"].endswith(f"--{mark}"):
                self.emulator.call("POST", f"{path}/revisions/{revision['name']}/deactivate")

    def put_job(self, mark: str) -> None:
        self.change("PUT", self.emulator.path("").replace("/containerApps/", "/jobs/other"), mark, self.emulator.job())

    def put_or_delete_role(self, mark: str) -> None:
        number = self.chance.randrange(3)
        name = f"{number:08d}-0000-0000-0000-000000000000"
        path = f"{self.group}/providers/Microsoft.Authorization/roleAssignments/{name}"
        role = f"{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
        properties = {"roleDefinitionId": role, "principalId": PRINCIPALS[number], "description": mark}
        self.put_or_delete(path, mark, {"properties": properties}, "2022-04-01")

    def put_or_delete_pool(self, mark: str) -> None:
        path = f"{self.group}/providers/Microsoft.App/sessionPools/pool{self.chance.randrange(2)}"
        self.put_or_delete(path, mark, {"properties": POOL})

    def put_or_delete_group(self, mark: str) -> None:
        self.put_or_delete(self.emulator.path(f"group-brief-{self.chance.randrange(2)}"), mark, {})

    def set_tags(self, mark: str) -> None:
        """By the operation that is about tags alone."""
        path = f"{self.subscription}/resourceGroups/group-tagged"
        if path not in self.promises:
            self.change("PUT", path, mark)
        else:
            body = {"operation": "Merge", "properties": {"tags": {"mark": mark}}}
            tags = f"{path}/providers/Microsoft.Resources/tags/default"
            self.change("PATCH", tags, mark, body, version="2021-04-01", about=path)

    def call_app(self, mark: str) -> None:
        """Through the ingress: the first call starts a replica and waits for it."""
        found = self.emulator.call("GET", self.emulator.path("app-secret"))
        address = found.json()["properties"]["configuration"]["ingress"].get("fqdn") if found.ok else ""
        if address:
            requests.get(f"http://{address}/", timeout=30)
            self.requests += 1

    def put_or_delete(self, path: str, mark: str, body: dict, version: str = "") -> None:
        if self.chance.random() < 0.3:
            self.change("DELETE", path, None, version=version)
        else:
            self.change("PUT", path, mark, body, version=version)

    def change(
        self, method: str, path: str, mark: str | None, body: dict | None = None, *, version: str = "", about: str = "",
    ) -> None:  # fmt: skip
        """Write, and note what was promised: an answer with 2xx, or nothing while there is none."""
        promise = self.promises.setdefault(about or path, Promise())
        promise.pending.add(mark)
        sent = None if method == "DELETE" else {"location": "eastus", "tags": {"mark": mark}, **(body or {})}
        answer = self.emulator.call(method, path, sent, **({"version": version} if version else {}))
        promise.pending.discard(mark)
        if answer.ok:
            promise.mark = mark
            self.written += 1
        elif answer.status_code not in {404, 409}:
            self.unexpected.append(f"{method} {path}: {answer.status_code} {answer.text}")

    @property
    def subscription(self) -> str:
        return f"/subscriptions/{self.emulator.environment['AZURE_SUBSCRIPTION_ID']}"

    @property
    def group(self) -> str:
        return f"{self.subscription}/resourceGroups/{self.emulator.environment['AZURE_RESOURCE_GROUP']}"


class Loop:
    """One emulator, what its clients were promised, and the rounds."""

    def __init__(self, emulator: RealEmulator, wheels: Path, *, seed: int = 20260101, whole: float = 0.4) -> None:
        """A share `whole` of the rounds builds, deploys and runs jobs; in the others only documents change."""
        self.emulator = emulator
        self.emulator.keep_connections()
        self.whole = whole
        self.wheels = wheels
        self.chance = random.Random(seed)
        self.acknowledged: dict[str, str] = {}
        self.promises: dict[str, Promise] = {}
        self.builds: dict[str, str] = {}
        self.starter: Starter | None = None
        self.numbers = (0, 0, 0)
        self.killed: dict[str, int] = {}
        self.reopened: list[float] = []  #: seconds from the start of the process to its first answer
        self.writes = self.executions = self.requests = 0

    def round(self) -> None:
        """Let clients work, kill something or nothing of a replica, kill the emulator, start it and compare."""
        writer = Writer(self.emulator, self.numbers[0])
        mixer = Mixer(self.emulator, self.numbers[2], self.promises)
        deployer = Deployer(self.emulator, self.numbers[1], self.wheels)
        clients: list[Client] = [writer, mixer]
        whole = self.chance.random() < self.whole or not self.reopened
        if whole:
            self.starter = Starter(self.emulator, 0)
            clients += [deployer, self.starter]
        for client in clients:
            client.start()
        if whole:
            self.disturb(deployer)
        else:
            self.count("while documents change")
            time.sleep(self.chance.random() * 0.4)
        for client in clients:
            client.ending.set()
        self.emulator.kill()
        for client in clients:
            client.join(30)
            assert client.unexpected == [], client.unexpected
            self.acknowledged |= client.acknowledged
            self.writes += client.written
        forget_broken_connections()
        self.executions += len(self.starter.started) if whole and self.starter else 0
        self.requests += mixer.requests
        self.numbers = writer.number, deployer.number, mixer.number
        self.builds |= deployer.builds
        self.nothing_is_left()
        if self.chance.random() < 0.1:
            self.kill_while_it_starts()
        began = time.monotonic()
        self.emulator.start()
        self.reopened.append(time.monotonic() - began)
        self.everything_is_there()
        self.emulator.hang_up()

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
        self.every_promise_is_kept()

    def every_promise_is_kept(self) -> None:
        """What the mixer wrote: a delete that was accepted goes on, a write that was cut off may have come to be."""
        for path, promise in self.promises.items():
            allowed = {promise.mark, *promise.pending}
            wait_until(
                lambda path=path, allowed=allowed: self.mark_of(path) in allowed, 30,
                f"one of {allowed} of {path}, which is {self.mark_of(path)}",
            )  # fmt: skip
            promise.mark, promise.pending = self.mark_of(path), set()
        path = self.emulator.path("app-secret")
        if (mark := self.mark_of(path)) is not None:
            (secret,) = self.emulator.call("POST", f"{path}/listSecrets").json()["value"]
            assert secret["value"].startswith("secret of mark-")
            assert int(secret["value"].rpartition("-")[2]) <= int(mark.rpartition("-")[2])

    def mark_of(self, path: str) -> str | None:
        version = {"version": "2022-04-01"} if "roleAssignments" in path else {}
        found = self.emulator.call("GET", path, **version)
        if found.status_code == 404:
            return None
        assert found.status_code == 200, found.text
        document = found.json()
        return document["tags"]["mark"] if "tags" in document else document["properties"]["description"]
