"""When a program does not start, the deploy ends in good time, with what the program wrote."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from aca_notebook.api.progress import ProgressBoard
from aca_notebook.api.starting import GaveUp, Starting
from aca_notebook.errors import DeploymentFailed, ServiceFailed
from aca_notebook.model.log import LogLine
from aca_notebook.model.redaction import Redactor
from aca_notebook.model.revision import ContainerState, ReplicaState
from tests.fakes.clock import ManualClock, settled
from tests.fakes.services import fake_target
from tests.unit.display.examples import plan, state

pytestmark = pytest.mark.anyio
FAILED = {"event": "import_failed", "error": {"code": "ImportFailed", "type": "ModuleNotFoundError", "message": "no"}}


class Platform:
    """A new app whose only replica has ended once, and an operation that the test ends."""

    redactor = Redactor()
    target = fake_target()

    def __init__(self, restarts: int = 1, wrote: str = json.dumps(FAILED)) -> None:
        self.apps = self.logs = self.services = self
        self.restarts, self.wrote = restarts, wrote
        self.ended = asyncio.Event()

    async def ask(self, question):
        return await question(self)

    async def document(self, app):
        return {"properties": {"latestRevisionName": "scorer--1", "latestReadyRevisionName": ""}}  # and no log

    async def replicas(self, app, revision):
        container = ContainerState("main", restart_count=self.restarts, log_stream_endpoint="https://here")
        return (ReplicaState("a", containers=(container,)),)

    async def auth_token(self, app):
        return "token"

    @asynccontextmanager
    async def console(self, endpoint, token, *, tail, follow, replica):
        async def lines():
            yield LogLine(self.wrote)

        yield lines()

    async def operation(self):
        await self.ended.wait()
        raise ServiceFailed("it did not become ready")


@pytest.mark.parametrize("in_time", [True, False])
async def test_a_failure_is_told_when_the_platform_has_seen_it_too_or_after_two_seconds(*, in_time: bool):
    clock, platform = ManualClock(), Platform()
    board = ProgressBoard(plan(), clock, None)
    starting = Starting(state(), platform, board, clock, updates=False)  # type: ignore[arg-type]  # a fake
    following = asyncio.create_task(starting.follow(platform.operation, lambda _: False))
    await clock.advance(0.3)
    assert not following.done()
    if in_time:
        platform.ended.set()
        await settled()
    else:
        await clock.advance(2.1)
    assert following.done()
    with pytest.raises(DeploymentFailed, match="could not be imported"):
        await following


async def test_who_gives_up_on_a_program_that_ends_shows_what_it_wrote():
    clock, platform = ManualClock(), Platform(restarts=5, wrote="Segfault in libmodel.so")
    starting = Starting(state(), platform, ProgressBoard(plan(), clock, None), clock, updates=False)  # type: ignore[arg-type]  # a fake
    following = asyncio.create_task(starting.follow(platform.operation, lambda _: False))
    for _ in range(200):
        await clock.advance(4.0)
    with pytest.raises(GaveUp) as gave_up:
        await following
    assert "what it wrote last stands below" in gave_up.value.hint
    assert gave_up.value.traceback == "Segfault in libmodel.so"
