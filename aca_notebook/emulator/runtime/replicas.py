"""Makes and ends replicas: does what `reconcile` says, and writes each step down."""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.runtime.container import KILL_NOW, ContainerRun, Place
from aca_notebook.emulator.runtime.gpus import no_capacity
from aca_notebook.emulator.runtime.reconcile import (
    Action,
    AssignReplica,
    ConcludeFailed,
    ConcludeReady,
    CreateReplica,
    RemoveRevision,
    StartContainer,
    StopReplica,
)
from aca_notebook.model.gpu import CPU_NOTE

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import datetime
    from pathlib import Path

    from aca_notebook.emulator.runtime.container import Tools
    from aca_notebook.emulator.runtime.desired import Revision
    from aca_notebook.emulator.runtime.gpus import Leases
    from aca_notebook.emulator.runtime.observed import ObservedReplica
    from aca_notebook.emulator.runtime.tended import Tended

#: What Azure's system log says when a region is out of GPUs (facts §2.4).
_FULL = "WorkLoad Profile Full"
_NAME_ALPHABET = string.ascii_lowercase + string.digits


class Keeper(Protocol):
    """Who keeps the books and the tasks: the controller."""

    def record(self, event: events.Event) -> None:
        """Take an event in and write it down."""
        ...

    def own(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in a task that ends before the emulator does."""
        ...

    def announce(self, app_key: str) -> None:
        """Tell all who wait that something about an app has changed."""
        ...

    async def change(self) -> None:
        """Wait for the next announcement."""
        ...

    def gpus_freed(self) -> None:
        """Let every app look again for a place."""
        ...


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the logs and the scratch files of replicas are."""

    root: Path

    def replica(self, app_key: str, revision: str, replica: str) -> Path:
        """The folder of one replica; it may not exist."""
        return self.root / hashlib.sha256(app_key.encode()).hexdigest()[:16] / revision / replica

    def log_file(self, app_key: str, revision: str, replica: str, container: str) -> Path:
        """Where a container's output goes."""
        return self.replica(app_key, revision, replica) / f"{container}.log"

    def scratch(self, app_key: str, revision: str, replica: str) -> Path:
        """Home and temporary folder of a replica, which go with it."""
        return self.replica(app_key, revision, replica) / "scratch"

    def clear_scratch(self) -> None:
        """Remove what replicas of an emulator that was killed left behind, secrets in files among it."""
        for left in self.root.glob("*/*/*/scratch"):
            shutil.rmtree(left, ignore_errors=True)


class Replicas:
    """Performs actions; what must outlast the call goes on in the keeper's tasks."""

    def __init__(
        self, keeper: Keeper, tools: Tools, leases: Leases, folders: Folders, names: random.Random | None
    ) -> None:
        self._keeper = keeper
        self._tools = tools
        self._leases = leases
        self._folders = folders
        self._names = names or random.SystemRandom()

    def perform(self, tended: Tended, action: Action) -> None:
        """Do one thing that `reconcile` asked for."""
        about: dict[str, Any] = {"at": self._now, "app": tended.observed.key}
        match action:
            case CreateReplica(revision):
                self._assign(tended, revision, self._new_name(revision.name))
            case AssignReplica(revision, replica):
                self._assign(tended, revision, replica)
            case StopReplica(name, replica, reason, grace):
                self.end(tended, tended.observed.revisions[name].replicas[replica], reason, grace)
            case StartContainer():
                self._start_container(tended, action)
            case ConcludeReady(name):
                self._keeper.record(events.RevisionReady(**about, revision=name))
            case ConcludeFailed(name, reason, message):
                self._keeper.record(events.RevisionFailed(**about, revision=name, reason=reason, message=message))
            case RemoveRevision(name):
                self._keeper.record(events.RevisionRemoved(**about, revision=name))

    def end(self, tended: Tended, replica: ObservedReplica, reason: str, grace_seconds: float) -> None:
        """Ask a replica to end: TERM now, KILL after the grace. Asked again, the grace may get shorter."""
        for (name, _), run in tended.runs.items():
            if name == replica.name:
                run.stop(grace_seconds)
        if replica.name not in tended.ending:
            self._keeper.record(events.ReplicaStopping(**_where(tended, replica, self._now), reason=reason))
            tended.ending[replica.name] = self._keeper.own(self._see_out(tended, replica, reason))

    def kill_for_memory(self, tended: Tended, replica: str, container: str) -> None:
        """End a program that holds more memory than its container may have, as the kernel does on Azure."""
        run = tended.runs.get((replica, container))
        if run is not None:
            run.stop(KILL_NOW, "OOMKilled")

    def bury(self, tended: Tended, replica: ObservedReplica, reason: str) -> None:
        """Write down that a replica is gone, and let others have its GPUs."""
        where = _where(tended, replica, self._now)
        for container in replica.containers.values():
            if container.mark:
                self._keeper.record(
                    events.ContainerExited(**where, container=container.name, exit_code=137, reason="Deleted")
                )
        self._keeper.record(events.ReplicaStopped(**where, reason=reason))
        if self._leases.give_back(replica.name):
            self._keeper.gpus_freed()

    @property
    def _now(self) -> datetime:
        return self._tools.clock.now()

    def _assign(self, tended: Tended, revision: Revision, replica: str) -> None:
        where: dict[str, Any] = {"at": self._now, "app": tended.observed.key, "revision": revision.name}
        where["replica"] = replica
        on_cpu = revision.gpus > 0 and self._leases.total == 0
        full = revision.gpus > 0 and no_capacity(self._tools.faults, tended.observed.key)
        gpus = None if full else self._leases.take(replica, 0 if on_cpu else revision.gpus)
        if gpus is None:
            message = _FULL if full else _none_free(revision.gpus, self._leases)
            self._keeper.record(events.ReplicaUnassigned(**where, reason="AssigningReplica", message=message))
        else:
            self._keeper.record(
                events.ReplicaAssigned(
                    **where, gpus=gpus, note=CPU_NOTE if on_cpu else "", cpu_cores=revision.cpu_cores,
                    memory_bytes=revision.memory_bytes, gpu_model=revision.gpu_model, gpu_count=revision.gpus,
                    min_replicas=revision.scale.min_replicas,
                )
            )  # fmt: skip

    def _start_container(self, tended: Tended, action: StartContainer) -> None:
        if tended.app is None:
            return
        revision, replica, container = action.revision, action.replica, action.container
        name = (tended.app.key, revision.name, replica)
        place = Place(
            tended.app, revision, replica, container, tended.observed.revisions[revision.name].replicas[replica].gpus,
            self._folders.log_file(*name, container.name), self._folders.scratch(*name),
        )  # fmt: skip
        run = ContainerRun(place, self._tools, self._keeper.record, probed=not action.once)
        tended.runs[replica, container.name] = run
        self._keeper.own(self._run_container(tended, run))

    async def _run_container(self, tended: Tended, run: ContainerRun) -> None:
        try:
            await run.run()
        finally:
            tended.runs.pop((run.place.replica, run.place.container.name), None)
            tended.wake.set()
            self._keeper.announce(tended.observed.key)

    async def _see_out(self, tended: Tended, replica: ObservedReplica, reason: str) -> None:
        while any(name == replica.name for name, _ in tended.runs):
            await self._keeper.change()
        scratch = self._folders.scratch(tended.observed.key, replica.revision, replica.name)
        await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
        tended.ending.pop(replica.name, None)
        self.bury(tended, replica, reason)

    def _new_name(self, revision: str) -> str:
        digest = hashlib.sha256(revision.encode()).hexdigest()[:10]
        return f"{revision}-{digest}-{''.join(self._names.choices(_NAME_ALPHABET, k=5))}"


def _none_free(wanted: int, leases: Leases) -> str:
    return f"No GPU is free: {wanted} wanted, {leases.free} of {leases.total} free."


def _where(tended: Tended, replica: ObservedReplica, at: datetime) -> dict[str, Any]:
    return {"at": at, "app": tended.observed.key, "revision": replica.revision, "replica": replica.name}
