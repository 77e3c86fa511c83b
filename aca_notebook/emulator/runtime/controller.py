"""Keeps what runs as it is meant to be: one loop an app that asks `reconcile` and performs what it says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.faults.board import NoFaults
from aca_notebook.emulator.journal import events
from aca_notebook.emulator.runtime import probes
from aca_notebook.emulator.runtime.container import Tools
from aca_notebook.emulator.runtime.exec_session import NotRunning
from aca_notebook.emulator.runtime.gpus import Leases, no_capacity
from aca_notebook.emulator.runtime.hosting import BarePlatform
from aca_notebook.emulator.runtime.lodging import Lodging
from aca_notebook.emulator.runtime.neighbours import holds_connection
from aca_notebook.emulator.runtime.observed import ObservedApp
from aca_notebook.emulator.runtime.ports import ContainerPorts
from aca_notebook.emulator.runtime.process import Leftover
from aca_notebook.emulator.runtime.reconcile import Circumstances, live_revisions, reconcile
from aca_notebook.emulator.runtime.recorder import Recorder
from aca_notebook.emulator.runtime.replicas import Folders, Replicas
from aca_notebook.emulator.runtime.snapshots import Snapshots
from aca_notebook.emulator.runtime.tended import (
    RevisionOutcome,
    RunningReplica,
    Tended,
    memory_limits,
    over_limit,
    running_replica,
    untold,
)
from aca_notebook.emulator.runtime.waiting import rest
from aca_notebook.emulator.scaling.load import LoadWindow
from aca_notebook.emulator.scaling.rules import ScalingState, decide_replicas
from aca_notebook.emulator.settings import Pace

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.faults.board import Strikes
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.runtime.container import ImageTable
    from aca_notebook.emulator.runtime.desired import App
    from aca_notebook.emulator.runtime.exec_session import ExecSession
    from aca_notebook.emulator.runtime.gpus import Gpus
    from aca_notebook.emulator.runtime.hosting import Platform
    from aca_notebook.emulator.runtime.observed import ObservedReplica
    from aca_notebook.emulator.runtime.process import Spawn
    from aca_notebook.emulator.runtime.volumes import SecretValues
    from aca_notebook.emulator.scaling.load import ReplicaUsage

__all__ = ["Controller", "Listener", "RevisionOutcome", "RunningReplica"]

logger = logging.getLogger(__name__)

#: Called after anything about an app has changed, on the loop; must not block.
Listener = Callable[[str], None]

_LAST_GRACE_SECONDS = 3.0  # what a replica gets when the emulator itself ends


class Controller:
    """Owns every replica and every task that tends one. Its loop is the one it was started on."""

    def __init__(  # noqa: PLR0913  # the composition root names them
        self, *, database: Database, clock: Clock, spawn: Spawn, images: ImageTable, gpus: Gpus, secrets: SecretValues,
        folder: Path, owner: str = "", pace: Pace | None = None, check: probes.Check = probes.check,
        names: random.Random | None = None, faults: Strikes | None = None, platform: Platform | None = None,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._spawn = spawn
        self._owner = owner
        self._pace = pace or Pace()
        self._faults = faults or NoFaults()
        self._folders = Folders(folder)
        self._leases = Leases(gpus)
        self._recorder = Recorder(database, clock)
        self._snapshots = Snapshots(database)
        tools = Tools(
            clock, spawn, images, secrets, ContainerPorts(), check, self._recorder, owner, self._pace, self._faults,
            platform or BarePlatform(),
        )  # fmt: skip
        self._replicas = Replicas(self, tools, self._leases, self._folders, names)
        self._apps: dict[str, Tended] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[Listener] = []
        self._changed = asyncio.Event()
        self._closing = False

    async def start(self) -> None:
        """End what an earlier emulator left running, and write down that it ended."""
        apps = await asyncio.to_thread(self._snapshots.load)
        self._apps = {key: Tended(app) for key, app in apps.items() if app.revisions}
        leftovers = [
            Leftover(container.shim_pid, container.start_ticks, container.mark)
            for replica in self.replicas()
            for container in replica.containers.values()
            if container.mark
        ]
        killed = await self._spawn.reap(leftovers, self._owner)
        if leftovers or killed:
            logger.info("an earlier emulator left %d containers; killed %d processes", len(leftovers), killed)
        await asyncio.to_thread(self._folders.clear_scratch)
        for tended in self._apps.values():
            for replica in tuple(tended.observed.replicas):
                self._replicas.bury(tended, replica, "EmulatorStopped")
        if self._snapshots.due:
            self._take_snapshot()

    async def close(self) -> None:
        """Stop every replica and return when nothing is left."""
        self._closing = True
        for tended in self._apps.values():
            if tended.loop is not None:
                tended.loop.cancel()
            for replica in tuple(tended.observed.replicas):
                self._replicas.end(tended, replica, "EmulatorStopped", _LAST_GRACE_SECONDS)
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._take_snapshot()
        await self._recorder.close()

    async def declare(self, app: App) -> None:
        """Say what an app is meant to be; saying it twice does no harm. Returns before it is so."""
        tended = self._apps.setdefault(app.key, Tended(ObservedApp(app.key)))
        told = untold(tended, app)
        tended.app = app
        for sentence in told:
            self.record(events.ShortfallNoted(at=self._now, app=app.key, message=sentence))
        for revision in app.revisions:
            if revision.name not in tended.observed.revisions:
                self.record(events.RevisionCreated(at=self._now, app=app.key, revision=revision.name))
            if revision.active != tended.observed.revisions[revision.name].active:
                kind = events.RevisionActivated if revision.active else events.RevisionDeactivated
                self.record(kind(at=self._now, app=app.key, revision=revision.name))
        self._tend(tended)

    async def withdraw(self, app_key: str) -> None:
        """Stop an app and forget it; returns when no process of it is left."""
        tended = self._apps.get(app_key)
        if tended is None:
            return
        tended.app = None
        self._tend(tended)
        while tended.leaving:
            await self.change()
        if tended.gone and self._apps.get(app_key) is tended:
            if tended.loop is not None:
                tended.loop.cancel()
            self.record(events.AppWithdrawn(at=self._now, app=app_key))
            del self._apps[app_key]
            await self._recorder.durable()

    async def restart_revision(self, app_key: str, revision: str) -> None:
        """Replace the replicas of a revision."""
        tended = self._apps.get(app_key)
        state = tended.observed.revisions.get(revision) if tended else None
        if tended is None or state is None:
            return
        declared = tended.app.revision(revision) if tended.app else None
        grace = declared.termination_grace_seconds if declared else _LAST_GRACE_SECONDS
        for replica in tuple(state.replicas.values()):
            self._replicas.end(tended, replica, "Restarted", grace)

    async def revision_outcome(self, app_key: str, revision: str) -> RevisionOutcome:
        """Wait until a revision is ready or has failed; a revision of an app that is gone has failed."""
        while True:
            tended = self._apps.get(app_key)
            if tended is None or tended.app is None:
                return RevisionOutcome(ready=False, reason="Deleted", message="The app was deleted.")
            state = tended.observed.revisions.get(revision)
            if state is not None and state.settled:
                return RevisionOutcome(state.ready, state.failed_reason, state.failed_message)
            await self.change()

    def observe(self, app_key: str) -> ObservedApp:
        """Return what runs. The value is live: read it, and do not keep it."""
        tended = self._apps.get(app_key)
        return tended.observed if tended else ObservedApp(app_key)

    def desired(self, app_key: str) -> App | None:
        """Return what was last declared, or None."""
        tended = self._apps.get(app_key)
        return tended.app if tended else None

    def running(self) -> tuple[RunningReplica, ...]:
        """Return every replica that has a running program."""
        return tuple(
            found
            for tended in self._apps.values()
            for replica in tended.observed.replicas
            if (found := running_replica(tended, replica)) is not None
        )

    async def exec(self, app_key: str, replica: str, container: str, argv: tuple[str, ...]) -> ExecSession:
        """Start one more program in a running container, at a terminal. Raises what `ContainerRun.exec` does."""
        tended = self._apps.get(app_key)
        run = tended.runs.get((replica, container)) if tended is not None else None
        if run is None:
            raise NotRunning(f"container {container!r} of replica {replica!r} does not run")
        return await run.exec(argv)

    async def is_inside(self, environment: str, near: int, far: int) -> bool:
        """Tell whether the loopback connection between two ports comes from a program of an environment's."""
        there = [each for each in self._apps.values() if each.app is not None and each.app.environment == environment]
        shims = [pid for tended in there for run in tended.runs.values() for pid in run.shim_pids]
        return await asyncio.to_thread(holds_connection, shims, near, far)

    def log_file(self, app_key: str, revision: str, replica: str, container: str) -> Path:
        """Return where a container's output lies, also after the replica has gone; the file may not exist."""
        return self._folders.log_file(app_key, revision, replica, container)

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with the app's key after each change of what runs or is meant to."""
        self._listeners.append(listener)

    def request_arrived(self, app_key: str, revision: str) -> None:
        """Count a request for a revision; the first one wakes it."""
        tended = self._apps.get(app_key)
        if tended is None:
            return
        tended.loads.setdefault(revision, LoadWindow()).arrived(self._clock.monotonic())
        state = tended.observed.revisions.get(revision)
        if state is None or state.wanted == 0:
            tended.wake.set()

    def request_finished(self, app_key: str, revision: str) -> None:
        """Count the end of a request that `request_arrived` counted."""
        tended = self._apps.get(app_key)
        if tended is not None and revision in tended.loads:
            tended.loads[revision].finished()

    def replica_used(self, usage: ReplicaUsage) -> None:
        """Take a sample of a replica: for its rules, and for its memory limits."""
        tended = self._apps.get(usage.app_key)
        revision = tended.app.revision(usage.revision) if tended and tended.app else None
        if tended is None or revision is None:
            return
        tended.loads.setdefault(usage.revision, LoadWindow()).used(usage, self._clock.monotonic())
        for container in over_limit(usage.container_bytes, memory_limits(revision)):
            self._replicas.kill_for_memory(tended, usage.replica, container)

    def replicas(self) -> Iterator[ObservedReplica]:
        """Every replica that exists now, of every app."""
        for tended in self._apps.values():
            yield from tended.observed.replicas

    def living_folders(self) -> set[Path]:
        """The folders of the replicas that exist now."""
        return {
            self._folders.replica(key, replica.revision, replica.name)
            for key, tended in self._apps.items()
            for replica in tended.observed.replicas
        }

    async def checkpoint(self) -> tuple[dict[str, ObservedApp], int]:
        """Write down what runs; return it, and the number of the last event that it holds."""
        observed = self._take_snapshot()
        await self._recorder.durable()
        return observed, await asyncio.to_thread(self._snapshots.until)

    def lodge(self, app: App, observed: ObservedApp) -> Lodging:
        """Keep the books of something that another part decides about, such as a job: no loop of ours tends it.

        From now on every event of it goes into `observed`.
        """
        tended = self._apps.setdefault(app.key, Tended(observed))
        if tended.observed is not observed:
            observed.revisions.update(tended.observed.revisions)
            tended.observed = observed
        tended.app = app
        return Lodging(tended, self._replicas, self._leases)

    # What those who work for it ask for.

    def record(self, event: events.Event) -> None:
        """Take in something that has happened to an app, and write it down."""
        tended = self._apps.get(event.app)
        if tended is not None:
            tended.observed.apply(event)
            tended.wake.set()
        self._recorder.append(event)
        self._snapshots.touched(event.app)
        if self._snapshots.due:
            self._take_snapshot()
        self.announce(event.app)

    def own(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in a task that ends before the emulator does."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._disown)
        return task

    def announce(self, app_key: str) -> None:
        """Tell all who wait that something about an app has changed."""
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in self._listeners:
            listener(app_key)

    async def change(self) -> None:
        """Wait for the next announcement."""
        await self._changed.wait()

    def free_gpus(self, app_key: str) -> int:
        """Return how many devices an app's replicas could have now; below 0 while Azure is to have none for it."""
        return -1 if no_capacity(self._faults, app_key) else self._leases.free

    def gpus_freed(self) -> None:
        """Let every app look again for a place."""
        for tended in self._apps.values():
            tended.wake.set()

    @property
    def _now(self) -> datetime:
        return self._clock.now()

    def _disown(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a task of the runtime failed", exc_info=task.exception())

    def _take_snapshot(self) -> dict[str, ObservedApp]:
        observed = {key: tended.observed for key, tended in self._apps.items()}
        self._recorder.write(*self._snapshots.statements(observed))
        return observed

    def _tend(self, tended: Tended) -> None:
        tended.wake.set()
        if (tended.loop is None or tended.loop.done()) and not self._closing:
            tended.loop = self.own(self._loop(tended))
        self.announce(tended.observed.key)

    async def _loop(self, tended: Tended) -> None:
        while True:
            tended.wake.clear()
            seconds = self._step(tended)
            await rest(tended.wake, self._clock, seconds)

    def _step(self, tended: Tended) -> float | None:
        """Reconcile once; return after how many seconds to look again."""
        now = self._now
        wanted, again = self._scale(tended)
        circumstances = Circumstances(
            now, wanted, tended.runs.keys(), self._leases.total, self.free_gpus(tended.observed.key), self._pace.factor
        )
        plan = reconcile(tended.app, tended.observed, circumstances)
        for action in plan.actions:
            self._replicas.perform(tended, action)
        looks = [] if again is None else [again]
        if plan.look_again_at is not None:
            looks.append(max(0.0, (plan.look_again_at - now) / timedelta(seconds=1)))
        return min(looks, default=None)

    def _scale(self, tended: Tended) -> tuple[dict[str, int], float | None]:
        """Decide how many replicas each live revision should have, and when to decide again."""
        wanted: dict[str, int] = {}
        again: float | None = None
        now = self._clock.monotonic()
        for revision in live_revisions(tended.app, tended.observed) if tended.app else ():
            state = tended.observed.revisions[revision.name]
            before = tended.scaling.get(revision.name)
            if before is None:
                at_rest = ScalingState(0, float("-inf"))
                before = at_rest if state.settled else ScalingState(1, now)
            load = tended.loads.setdefault(revision.name, LoadWindow()).measure(now)
            decision = decide_replicas(revision.scale, load, before, now)
            proving = not state.settled  # which is activity too: the cooldown starts when the proof is over
            tended.scaling[revision.name] = replace(decision.state, last_active=now) if proving else decision.state
            count = max(1, decision.replicas) if proving else decision.replicas
            wanted[revision.name] = count
            if count or load.active:
                again = min(decision.look_again_seconds, again or decision.look_again_seconds)
            self._note_scaling(tended, revision.name, count, decision.reason)
        for name in tended.observed.revisions:
            if name not in wanted:
                tended.scaling.pop(name, None)
                self._note_scaling(tended, name, 0, "the revision is not active")
        return wanted, again

    def _note_scaling(self, tended: Tended, revision: str, count: int, reason: str) -> None:
        before = tended.observed.revisions[revision].wanted
        if before != count:
            key = tended.observed.key
            self.record(
                events.ReplicasScaled(
                    at=self._now, app=key, revision=revision, before=before, after=count, reason=reason
                )
            )
