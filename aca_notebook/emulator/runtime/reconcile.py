"""What to do next for an app: a pure function of what it is meant to be, what runs, and the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from aca_notebook.emulator.runtime.observed import ObservedContainer
from aca_notebook.model.states import ContainerRunningState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from aca_notebook.emulator.runtime.desired import App, Container, Revision
    from aca_notebook.emulator.runtime.observed import (
        ObservedApp,
        ObservedReplica,
        ObservedRevision,
    )

PROOF_ATTEMPTS = 3
_BACK_OFF_SECONDS = 10.0
_GRACE_AT_DELETION_SECONDS = 5.0
_LONGEST_BACK_OFF_SECONDS = 300.0
_LONGEST_LOOK_FOR_IMAGE_SECONDS = 15.0  # a look costs nothing here, and somebody may just have added the image


@dataclass(frozen=True, slots=True)
class CreateReplica:
    """Make one more replica of a revision; with `gpus` if it can have them now."""

    revision: Revision


@dataclass(frozen=True, slots=True)
class AssignReplica:
    """Give a waiting replica the GPUs that have become free."""

    revision: Revision
    replica: str


@dataclass(frozen=True, slots=True)
class StopReplica:
    """End a replica."""

    revision: str
    replica: str
    reason: str
    grace_seconds: float


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Start a container of a replica, for the first time or again."""

    revision: Revision
    replica: str
    container: Container
    once: bool  #: an init container: no probes


@dataclass(frozen=True, slots=True)
class ConcludeReady:
    """A revision has proved itself."""

    revision: str


@dataclass(frozen=True, slots=True)
class ConcludeFailed:
    """A revision has failed to."""

    revision: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class RemoveRevision:
    """Forget a revision that the app no longer has and of which nothing runs."""

    revision: str


Action = CreateReplica | AssignReplica | StopReplica | StartContainer | ConcludeReady | ConcludeFailed | RemoveRevision


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else bears on the decision.

    `wanted` is how many replicas each live revision should have; `busy` the (replica, container) pairs being started
    or running; `gpus` how many devices this machine has, `free_gpus` how many are not leased, below 0 when
    none is to be had, not even on a machine that would do without; `pace` stretches the
    back-off of revisions that have yet to prove themselves.
    """

    now: datetime
    wanted: Mapping[str, int]
    busy: AbstractSet[tuple[str, str]] = frozenset()
    gpus: int = 0
    free_gpus: int = 0
    pace: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, and when to look again if nothing happens before."""

    actions: tuple[Action, ...] = ()
    look_again_at: datetime | None = None


def live_revisions(app: App, observed: ObservedApp) -> tuple[Revision, ...]:
    """Return the revisions that may have replicas.

    In Single mode that is the latest, and until it is ready the newest one that was ready before. A latest one that
    somebody has deactivated has none.
    """
    if not app.running:
        return ()
    active = [revision for revision in app.revisions if revision.active]
    if not app.single:
        return tuple(active)
    latest = app.revision(app.latest_revision)
    if latest is None:
        return tuple(active[-1:])
    state = observed.revisions.get(latest.name)
    if latest.active and state is not None and state.ready:
        return (latest,)
    proved = [revision for revision in active if revision is not latest and _ready(observed, revision.name)]
    return (*((latest,) if latest.active else ()), *proved[-1:])


def serving_revision(app: App, observed: ObservedApp) -> str:
    """Return the newest revision that is ready, which `latestRevision` traffic goes to; empty if there is none."""
    names = [revision.name for revision in live_revisions(app, observed) if _ready(observed, revision.name)]
    if app.latest_revision in names:
        return app.latest_revision
    return names[-1] if names else ""


def reconcile(app: App | None, observed: ObservedApp, circumstances: Circumstances) -> Plan:
    """Return what brings `observed` nearer to `app`; None means the app is to go."""
    live = {revision.name: revision for revision in live_revisions(app, observed)} if app else {}
    actions: list[Action] = []
    looks: list[datetime] = []
    free = circumstances.free_gpus
    for name, state in observed.revisions.items():
        if name not in live:
            was = app.revision(name) if app else None
            actions += [_stop(was, each, "Deprovisioned" if app else "Deleted") for each in _present(state)]
            if app is not None and was is None and not state.replicas:
                actions.append(RemoveRevision(name))
    for name, revision in live.items():
        current = observed.revisions.get(name)
        if current is None:
            actions += [CreateReplica(revision)] * circumstances.wanted.get(name, 0)
            continue
        steps, due, free = _tend(revision, current, circumstances, free)
        actions += steps
        looks += due
    return Plan(tuple(actions), min(looks, default=None))


def back_off_seconds(failures: int) -> float:
    """Return how long to wait after that many failures in a row.

    As Kubernetes has it: the first time not at all, then 10 s, doubled up to 300 s.
    """
    return min(_LONGEST_BACK_OFF_SECONDS, _BACK_OFF_SECONDS * 2.0 ** min(failures - 2, 8)) if failures > 1 else 0.0


def is_ready(revision: Revision, replica: ObservedReplica) -> bool:
    """Whether every container of the replica may get traffic."""
    if replica.stopping or not replica.assigned:
        return False
    found = replica.containers
    return all(each.name in found and found[each.name].ready for each in revision.containers)


def _ready(observed: ObservedApp, revision: str) -> bool:
    state = observed.revisions.get(revision)
    return state is not None and state.ready


def _present(state: ObservedRevision) -> list[ObservedReplica]:
    return [replica for replica in state.replicas.values() if not replica.stopping]


def _stop(revision: Revision | None, replica: ObservedReplica, reason: str) -> StopReplica:
    grace = revision.termination_grace_seconds if revision else _GRACE_AT_DELETION_SECONDS
    return StopReplica(replica.revision, replica.name, reason, grace)


def _tend(
    revision: Revision, state: ObservedRevision, circumstances: Circumstances, free: int
) -> tuple[list[Action], list[datetime], int]:
    """Return what to do for a live revision, when to look again, and how many devices are free after that."""
    conclusions = _conclude(revision, state)
    hurried = not (state.settled or conclusions)
    resized = _resize(revision, state, circumstances.wanted.get(revision.name, 0))
    leaving = {action.replica for action in resized if isinstance(action, StopReplica)}
    staying = [replica for replica in _present(state) if replica.name not in leaving]
    needed = revision.gpus if circumstances.gpus else 0  # without devices it runs on the CPU
    assigned, free = _assign(revision, staying, needed, free)
    actions = [*conclusions, *resized, *assigned]
    looks: list[datetime] = []
    for replica in staying:
        if replica.assigned:
            started, due = _start_containers(revision, replica, circumstances, hurried=hurried)
            actions += started
            looks += due
    return actions, looks, free


def _conclude(revision: Revision, state: ObservedRevision) -> list[Action]:
    if not state.ready and any(is_ready(revision, replica) for replica in state.replicas.values()):
        return [ConcludeReady(revision.name)]
    failure = None if state.settled else _failure(state)
    return [ConcludeFailed(revision.name, *failure)] if failure else []


def _failure(state: ObservedRevision) -> tuple[str, str] | None:
    """Return the reason and the sentence why the proof has failed, or None while it may still succeed."""
    containers = [each for replica in state.replicas.values() for each in replica.containers.values()]
    tried = [each for each in containers if each.pull_failures >= PROOF_ATTEMPTS and not each.pull_denied]
    missing = next((each.message for each in tried), None)
    if missing is not None:
        return "ImagePullFailed", missing
    if state.startup_failure:
        return "StartupProbeFailed", state.startup_failure
    if state.exits >= PROOF_ATTEMPTS:
        times = f"The container exited {state.exits} times before it was ready"
        return "ContainerCrashing", f"{times}, last with exit code {state.last_exit_code}."
    return None


def _resize(revision: Revision, state: ObservedRevision, wanted: int) -> list[Action]:
    present = _present(state)
    if len(present) <= wanted:
        return [CreateReplica(revision)] * (wanted - len(present))
    least_useful = sorted(
        present, key=lambda each: (each.assigned, is_ready(revision, each), -each.created_at.timestamp())
    )
    return [_stop(revision, replica, "ScaledIn") for replica in least_useful[: len(present) - wanted]]


def _assign(
    revision: Revision, replicas: list[ObservedReplica], needed: int, free: int
) -> tuple[list[Action], int]:  # fmt: skip
    actions: list[Action] = []
    for replica in replicas:
        if not replica.assigned and needed <= free:
            actions.append(AssignReplica(revision, replica.name))
            free -= needed
    return actions, free


def _start_containers(
    revision: Revision, replica: ObservedReplica, circumstances: Circumstances, *, hurried: bool
) -> tuple[list[Action], list[datetime]]:
    pending = [c for c in revision.init_containers if not _seen(replica, c.name).completed]
    turn = pending[:1] or revision.containers
    actions: list[Action] = []
    looks: list[datetime] = []
    for container in turn:
        if (replica.name, container.name) in circumstances.busy:
            continue
        due = _due(_seen(replica, container.name), circumstances, hurried=hurried)
        if due is None or due <= circumstances.now:
            actions.append(StartContainer(revision, replica.name, container, once=bool(pending)))
        else:
            looks.append(due)
    return actions, looks


def _seen(replica: ObservedReplica, container: str) -> ObservedContainer:
    return replica.containers.get(container) or ObservedContainer(container)


def _due(container: ObservedContainer, circumstances: Circumstances, *, hurried: bool) -> datetime | None:
    if container.changed_at is None:
        return None
    if container.pull_failures:
        seconds = min(back_off_seconds(container.pull_failures), _LONGEST_LOOK_FOR_IMAGE_SECONDS)
        hurried = hurried and not container.pull_denied  # a role comes into effect at its own pace
    elif container.state is ContainerRunningState.TERMINATED:
        seconds = back_off_seconds(container.failures)
    else:
        return None
    return container.changed_at + timedelta(seconds=seconds * circumstances.pace if hurried else seconds)
