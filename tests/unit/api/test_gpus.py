"""Whether an app has the GPU that it asked for: read from its replicas, else from the system log."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from aca_notebook.api.gpus import GpuNotes
from aca_notebook.errors import ServiceFailed
from aca_notebook.model.app import AppState
from aca_notebook.model.gpu import CPU_NOTE
from aca_notebook.model.ids import app_id
from aca_notebook.model.log import LogLine
from aca_notebook.model.revision import ContainerState, ReplicaState

ON_CPU = ReplicaState("r1", details=CPU_NOTE, containers=(ContainerState("c"),))
ON_GPU = ReplicaState("r1", details="", containers=(ContainerState("c"),))
WAITING = ReplicaState("r1", details="No GPU is free: 1 wanted, 0 of 1 free.")
SCHEDULED = "Replica 'r1' has been scheduled to run on a node."


class Platform:
    """One app's replicas and system log; `asked` counts the questions."""

    def __init__(self, *replicas: ReplicaState, log: tuple[LogLine, ...] = ()) -> None:
        self.found, self.log, self.asked, self.broken = replicas, log, [], False
        self.apps = self.logs = self.services = self

    async def ask(self, question):
        return await question(self)

    async def replicas(self, app, revision):
        self.asked.append("replicas")
        if self.broken:
            raise ServiceFailed("no answer")
        return self.found

    async def document(self, app):
        return {"properties": {"eventStreamEndpoint": "https://here/eventstream"}}

    async def auth_token(self, app):
        return "token"

    @asynccontextmanager
    async def system(self, endpoint, token, *, tail, follow):
        self.asked.append("system")

        async def lines():
            for line in self.log:
                yield line

        yield lines()


def app(gpu="T4"):
    return AppState(app_id("s", "g", "scorer"), gpu=gpu, gpus=1 if gpu else 0, latest_revision="scorer--1")


def assigned(note=""):
    return LogLine(f"{SCHEDULED} {note}".strip(), reason="AssigningReplica")


def note(platform, state=None):
    return asyncio.run(GpuNotes(platform).of(state or app()))


def test_a_replica_on_the_cpu_says_so():
    assert note(Platform(ON_CPU)) == CPU_NOTE


def test_a_replica_with_its_gpu_says_nothing_and_nobody_else_is_asked():
    platform = Platform(ON_GPU)
    assert note(platform) == ""
    assert platform.asked == ["replicas"]


def test_an_app_that_asks_for_no_gpu_is_not_looked_at():
    platform = Platform(ON_CPU)
    assert note(platform, app(gpu="")) == ""
    assert platform.asked == []


def test_at_zero_replicas_the_last_assignment_in_the_system_log_tells():
    assert note(Platform(log=(assigned(), assigned(CPU_NOTE), LogLine("x", reason="ContainerStarted")))) == CPU_NOTE
    assert note(Platform(log=(assigned(CPU_NOTE), assigned()))) == ""


def test_a_replica_that_waits_for_a_gpu_is_not_on_the_cpu():
    assert note(Platform(WAITING)) == ""


def test_what_the_system_log_said_of_a_revision_is_remembered():
    platform = Platform(log=(assigned(CPU_NOTE),))
    notes = GpuNotes(platform)

    async def twice():
        return await notes.of(app()), await notes.of(app())

    first, second = asyncio.run(twice())
    assert first == second != ""
    assert platform.asked.count("system") == 1


def test_a_platform_that_does_not_answer_takes_nothing_with_it():
    platform = Platform(ON_CPU)
    platform.broken = True
    assert note(platform) == ""
