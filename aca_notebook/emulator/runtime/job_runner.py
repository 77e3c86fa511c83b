"""Runs the executions of jobs: one loop a job that asks `decide_execution` and performs what it says.

Replicas live in the controller's books, as those of apps do: what reaps, samples and streams these serves jobs too.
"""

from __future__ import annotations

import asyncio
import logging
import random
import string
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.runtime.executions import (
    CreateReplica,
    Execution,
    ObservedExecution,
    Verdict,
    decide_execution,
    fold_execution,
)
from aca_notebook.emulator.runtime.observed import ObservedApp
from aca_notebook.emulator.runtime.reconcile import AssignReplica, Circumstances
from aca_notebook.emulator.runtime.waiting import rest
from aca_notebook.model.states import ExecutionStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.runtime.controller import Controller
    from aca_notebook.emulator.runtime.desired import App
    from aca_notebook.emulator.runtime.executions import Action, ExecutionPlan
    from aca_notebook.emulator.runtime.lodging import Lodging
    from aca_notebook.emulator.settings import Pace

logger = logging.getLogger(__name__)

_ALPHABET = string.ascii_lowercase + string.digits
STOPPED = Verdict(ExecutionStatus.STOPPED, "Stopped", "The execution was stopped.")

#: Called with the job's key and what became of an execution of which nothing is left. Returns when that is on disk.
Settle = Callable[[str, ObservedExecution], Awaitable[None]]


class ObservedJob(ObservedApp):
    """What runs of a job, and what became of its executions since they were started."""

    __slots__ = ("executions",)

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.executions: dict[str, ObservedExecution] = {}

    def apply(self, event: events.Event) -> None:
        """Take one event in."""
        super().apply(event)
        if event.revision in self.executions:
            self.executions[event.revision].apply(event)


@dataclass(slots=True)
class _Job:
    """What the loop of one job keeps: `running` are the executions that have not ended, by name."""

    observed: ObservedJob
    lodging: Lodging
    running: dict[str, Execution] = field(default_factory=dict)
    loop: asyncio.Task[None] | None = None


class JobRunner:
    """Owns the loops of all jobs; the replicas are the controller's, which must be started first and closed last."""

    def __init__(
        self, *, database: Database, controller: Controller, clock: Clock, pace: Pace,
        names: random.Random | None = None,
    ) -> None:  # fmt: skip
        self._database = database
        self._controller = controller
        self._clock = clock
        self._pace = pace
        self._names = names or random.SystemRandom()
        self._jobs: dict[str, _Job] = {}
        self._settle: Settle | None = None
        self.closing = False  #: what is not settled now is settled by the next emulator

    def when_ended(self, settle: Settle) -> None:
        """Call `settle` at the end of each execution; before the first is run."""
        self._settle = settle

    @property
    def busy(self) -> bool:
        """Whether an execution has not ended."""
        return any(job.running for job in self._jobs.values())

    def run(self, app: App, execution: Execution) -> None:
        """Begin an execution; `app` is its job, whatever revisions it names."""
        self._take_up(app, execution, ObservedExecution(execution.name))
        self._controller.record(
            events.ExecutionStarted(at=self._clock.now(), app=app.key, revision=execution.name)
        )  # fmt: skip

    async def resume(self, app: App, executions: Iterable[Execution]) -> None:
        """Go on with executions of a job that an earlier emulator began; what ran of them then is lost."""
        await self._controller.checkpoint()  # in which the controller wrote what it found lost
        journal = [event for _, event in await asyncio.to_thread(self._database.events, app.key)]
        for execution in executions:
            self._take_up(app, execution, fold_execution(execution.name, journal))

    def stop(self, job_key: str, execution: str) -> None:
        """Have an execution end as stopped; one that is ending already ends as it would have."""
        job = self._jobs.get(job_key)
        observed = job.observed.executions.get(execution) if job else None
        if observed is not None and observed.verdict is None:
            self._conclude(job_key, execution, STOPPED)

    async def withdraw(self, job_key: str) -> None:
        """End all of a job and forget it; returns when no process of it is left."""
        job = self._jobs.pop(job_key, None)
        if job is not None and job.loop is not None:
            job.loop.cancel()
        await self._controller.withdraw(job_key)

    def observe(self, job_key: str, execution: str) -> ObservedExecution | None:
        """Return what became of an execution that has not been settled, else None. The value is live."""
        job = self._jobs.get(job_key)
        return job.observed.executions.get(execution) if job else None

    async def close(self) -> None:
        """Decide nothing more; the controller's `close` ends what runs."""
        self.closing = True
        loops = [job.loop for job in self._jobs.values() if job.loop is not None]
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)

    def _take_up(self, app: App, execution: Execution, observed: ObservedExecution) -> None:
        job = self._jobs.get(app.key)
        known = job.observed if job else ObservedJob(app.key)
        running = {**(job.running if job else {}), execution.name: execution}
        known.executions[execution.name] = observed
        lodging = self._controller.lodge(_with(app, running), known)
        if job is None:
            job = self._jobs[app.key] = _Job(known, lodging)
        job.running = running
        lodging.tended.wake.set()
        if job.loop is None or job.loop.done():
            job.loop = self._controller.own(self._loop(app.key, job))

    async def _loop(self, key: str, job: _Job) -> None:
        while job.running:
            wake = job.lodging.tended.wake
            wake.clear()
            await rest(wake, self._clock, self._step(key, job))

    def _step(self, key: str, job: _Job) -> float | None:
        """Decide once about every execution; return after how many seconds to look again."""
        now = self._clock.now()
        looks = []
        for name, execution in tuple(job.running.items()):
            observed = job.observed.executions[name]
            leases = job.lodging.leases
            circumstances = Circumstances(
                now, {}, job.lodging.tended.runs.keys(), leases.total, self._controller.free_gpus(key),
                self._pace.factor,
            )  # fmt: skip
            plan = decide_execution(execution, observed, circumstances)
            self._perform(key, job, execution, plan)
            if observed.ended_at is not None:
                self._let_go(key, job, observed)
            elif plan.look_again_at is not None:
                looks.append(max(0.0, (plan.look_again_at - now) / timedelta(seconds=1)))
        return min(looks, default=None)

    def _perform(self, key: str, job: _Job, execution: Execution, plan: ExecutionPlan) -> None:
        if plan.verdict is not None:
            self._conclude(key, execution.name, plan.verdict)
        for action in plan.actions:
            self._act(key, job, execution, action)
        if plan.ended:
            self._controller.record(
                events.ExecutionEnded(at=self._clock.now(), app=key, revision=execution.name)
            )  # fmt: skip

    def _act(self, key: str, job: _Job, execution: Execution, action: Action) -> None:
        if not isinstance(action, CreateReplica):
            job.lodging.replicas.perform(job.lodging.tended, action)
            return
        replica = f"{execution.name}-{''.join(self._names.choices(_ALPHABET, k=5))}"
        where: dict[str, Any] = {"at": self._clock.now(), "app": key, "revision": execution.name, "replica": replica}
        self._controller.record(events.ReplicaCreated(**where, slot=action.slot, attempt=action.attempt))
        job.lodging.replicas.perform(job.lodging.tended, AssignReplica(execution.template, replica))

    def _conclude(self, key: str, execution: str, verdict: Verdict) -> None:
        self._controller.record(
            events.ExecutionConcluded(
                at=self._clock.now(), app=key, revision=execution, status=str(verdict.status), reason=verdict.reason,
                message=verdict.message,
            )
        )  # fmt: skip

    def _let_go(self, key: str, job: _Job, observed: ObservedExecution) -> None:
        del job.running[observed.name]
        if job.lodging.tended.app is not None:
            self._controller.lodge(_with(job.lodging.tended.app, job.running), job.observed)
        self._controller.own(self._settled(key, job, observed))

    async def _settled(self, key: str, job: _Job, observed: ObservedExecution) -> None:
        if self._settle is not None:
            await self._settle(key, observed)
        job.observed.executions.pop(observed.name, None)
        # What is settled lives on in its document: a job that ran a thousand times is no more to carry than a new one.
        self._controller.record(events.RevisionRemoved(at=self._clock.now(), app=key, revision=observed.name))


def _with(app: App, running: dict[str, Execution]) -> App:
    """The job with its executions as revisions, which is where the sampler looks for what a replica may use."""
    return replace(app, is_job=True, revisions=tuple(each.template for each in running.values()))
