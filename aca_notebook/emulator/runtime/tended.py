"""What the controller keeps of each app, and what it tells others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aca_notebook.model.states import ContainerRunningState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.emulator.runtime.container import ContainerRun
    from aca_notebook.emulator.runtime.desired import App, Revision
    from aca_notebook.emulator.runtime.observed import ObservedApp, ObservedReplica
    from aca_notebook.emulator.scaling.load import LoadWindow
    from aca_notebook.emulator.scaling.rules import ScalingState


@dataclass(frozen=True, slots=True)
class RevisionOutcome:
    """What became of a revision that was to prove itself."""

    ready: bool
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class RunningReplica:
    """One replica for the sampler; `pids` by container are the programs', not the shims'."""

    app_key: str
    revision: str
    replica: str
    pids: dict[str, int]
    cpu_cores: float
    memory_bytes: int
    gpus: tuple[str, ...]
    memory_limits: dict[str, int] = field(default_factory=dict)  #: bytes by container


@dataclass(slots=True)
class Tended:
    """What the loop of one app keeps."""

    observed: ObservedApp
    app: App | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.Task[None] | None = None
    scaling: dict[str, ScalingState] = field(default_factory=dict)
    loads: dict[str, LoadWindow] = field(default_factory=dict)
    runs: dict[tuple[str, str], ContainerRun] = field(default_factory=dict)
    ending: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def leaving(self) -> bool:
        """Whether the app was withdrawn and something of it is left."""
        return self.app is None and any(True for _ in self.observed.replicas)

    @property
    def gone(self) -> bool:
        """Whether the app was withdrawn and nothing of it is left."""
        return self.app is None and not self.leaving


def untold(tended: Tended, app: App) -> tuple[str, ...]:
    """Return what an app now falls short of and did not when it was last declared, be that by an earlier emulator."""
    if tended.app is None and tended.observed.revisions:
        return ()
    known = tended.app.shortfalls if tended.app is not None else ()
    return tuple(each for each in app.shortfalls if each not in known)


def memory_limits(revision: Revision) -> dict[str, int]:
    """Return the bytes each container of a replica may hold."""
    return {each.name: each.memory_bytes for each in (*revision.init_containers, *revision.containers)}


def over_limit(held_bytes: Mapping[str, int], limits: Mapping[str, int]) -> tuple[str, ...]:
    """Return the containers that hold more than they may."""
    return tuple(name for name, held in held_bytes.items() if held > limits.get(name, held))


def running_replica(tended: Tended, replica: ObservedReplica) -> RunningReplica | None:
    """Return what the sampler needs, or None when no program of the replica runs."""
    pids = {c.name: c.pid for c in replica.containers.values() if c.state is ContainerRunningState.RUNNING and c.pid}
    revision = tended.app.revision(replica.revision) if tended.app else None
    if not pids or revision is None:
        return None
    return RunningReplica(
        tended.observed.key, replica.revision, replica.name, pids, revision.cpu_cores, revision.memory_bytes,
        replica.gpus, memory_limits(revision),
    )  # fmt: skip
