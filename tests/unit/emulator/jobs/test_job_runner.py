"""The runner and the controller together, in a world that is made of fakes."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING

import pytest

from aca_notebook.emulator.runtime.desired import App, Container, Revision
from aca_notebook.emulator.runtime.executions import Execution, ObservedExecution
from aca_notebook.emulator.runtime.job_runner import JobRunner
from aca_notebook.emulator.settings import Pace
from aca_notebook.model.states import ExecutionStatus
from tests.fakes.spawn import Behaviour
from tests.unit.emulator.runtime.world import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

KEY = "/subscriptions/s/resourcegroups/local/providers/microsoft.app/jobs/train"
JOB = App(KEY, "train", "local", running=True, revisions=(), latest_revision="", ingress=None)


class Ends:
    """What was settled, by the name of the execution."""

    def __init__(self) -> None:
        self.known: dict[str, ObservedExecution] = {}

    async def settle(self, _: str, observed: ObservedExecution) -> None:
        self.known[observed.name] = observed


@contextlib.asynccontextmanager
async def runner(folder: Path, *, exit_code: int | None, gpus: int = 0) -> AsyncIterator[tuple[World, JobRunner, Ends]]:
    async with world(folder, behave=lambda _: Behaviour(exit_code=exit_code), gpus=gpus) as w:
        made = JobRunner(
            database=w.database, controller=w.controller, clock=w.clock, pace=Pace(), names=random.Random(1)
        )  # fmt: skip
        ends = Ends()
        made.when_ended(ends.settle)
        try:
            yield w, made, ends
        finally:
            await made.close()


def execution(w: World, name: str, *, gpus: int = 0, **limits) -> Execution:
    return Execution(Revision(name, (Container("main", "hello"),), gpus=gpus), w.clock.now(), **limits)


async def test_what_has_ended_is_settled_and_forgotten(tmp_path):
    async with runner(tmp_path, exit_code=0) as (w, made, ends):
        made.run(JOB, execution(w, "train-1", completions=3, parallelism=2))
        assert made.busy
        await w.until(lambda: "train-1" in ends.known and not made.observe(KEY, "train-1"))
        assert ends.known["train-1"].status is ExecutionStatus.SUCCEEDED
        assert not made.busy
        assert w.controller.observe(KEY).revisions == {}


async def test_an_execution_waits_while_another_has_the_gpu(tmp_path):
    async with runner(tmp_path, exit_code=None, gpus=1) as (w, made, ends):
        made.run(JOB, execution(w, "train-1", gpus=1))
        await w.until(lambda: len(w.spawn.alive) == 1)
        made.run(JOB, execution(w, "train-2", gpus=1))
        second = made.observe(KEY, "train-2")
        assert second is not None
        await w.until(lambda: second.status is ExecutionStatus.DEGRADED)
        assert len(w.spawn.alive) == 1
        made.stop(KEY, "train-1")
        await w.until(lambda: second.status is ExecutionStatus.RUNNING and len(w.spawn.alive) == 1)
        assert w.spawn.alive[0].launch.environment["CUDA_VISIBLE_DEVICES"] == "GPU-00000000"
        assert ends.known["train-1"].status is ExecutionStatus.STOPPED


async def test_a_running_replica_is_there_for_the_sampler(tmp_path):
    async with runner(tmp_path, exit_code=None) as (w, made, _):
        made.run(JOB, execution(w, "train-1"))
        await w.until(lambda: bool(w.controller.running()))
        (sample,) = w.controller.running()
        assert (sample.app_key, sample.revision, sample.cpu_cores) == (KEY, "train-1", 0.5)


async def test_a_withdrawn_job_leaves_nothing_and_can_come_again(tmp_path):
    async with runner(tmp_path, exit_code=None) as (w, made, _):
        made.run(JOB, execution(w, "train-1", completions=2, parallelism=2, retry_limit=9))
        await w.until(lambda: len(w.spawn.alive) == 2)
        await made.withdraw(KEY)
        assert w.spawn.alive == []
        assert not made.busy
        made.run(JOB, execution(w, "train-2"))
        await w.until(lambda: len(w.spawn.alive) == 1)
