"""What runs: a fold over the journal, and nothing else, so it cannot disagree with the logs or the bill."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal import events
from aca_notebook.model.states import ContainerRunningState, ReplicaRunningState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

#: A container that ran this long before it ended starts its back-off from the beginning, as Kubernetes has it.
STEADY_SECONDS = 600.0


@dataclass(slots=True)
class ObservedContainer:
    """One container; `failures` counts what its back-off is reckoned from, `restart_count` is what Azure shows."""

    name: str
    state: ContainerRunningState = ContainerRunningState.WAITING
    reason: str = "ContainerCreating"
    message: str = ""
    started: bool = False
    ready: bool = False
    runs: int = 0
    failures: int = 0
    pull_failures: int = 0
    pull_denied: bool = False  #: the last of those was its registry's refusal, which a role may end
    port: int = 0
    shim_pid: int = 0
    start_ticks: int = 0
    mark: str = ""
    pid: int = 0
    exit_code: int | None = None
    started_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def restart_count(self) -> int:
        """How often it was started again."""
        return max(0, self.runs - 1)

    @property
    def completed(self) -> bool:
        """Whether it ended well: for init containers."""
        return self.exit_code == 0

    @property
    def details(self) -> str:
        """Azure's sentence (facts §3.7)."""
        if self.state is ContainerRunningState.RUNNING and self.started_at is not None:
            at = self.started_at
            return f"Container started at: {at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at:%M:%S %p}."
        if self.state is ContainerRunningState.TERMINATED:
            return f"Container terminated with exit code {self.exit_code} and reason: {self.reason}."
        return f"Container is waiting with reason: {self.reason}."


@dataclass(slots=True)
class ObservedReplica:
    """One replica; unassigned while it waits for a place to run."""

    name: str
    revision: str
    created_at: datetime
    assigned: bool = False
    stopping: bool = False
    gpus: tuple[str, ...] = ()
    note: str = ""
    containers: dict[str, ObservedContainer] = field(default_factory=dict)

    def container(self, name: str) -> ObservedContainer:
        """The container of that name, made on first mention."""
        return self.containers.setdefault(name, ObservedContainer(name))

    @property
    def running_state(self) -> ReplicaRunningState:
        """Azure's word."""
        running = any(each.state is ContainerRunningState.RUNNING for each in self.containers.values())
        return ReplicaRunningState.RUNNING if running else ReplicaRunningState.NOT_RUNNING

    @property
    def details(self) -> str:
        """Azure's sentence, or why it has no place to run."""
        if not self.assigned or self.note:
            return self.note
        return next((each.details for each in self.containers.values() if not each.ready), "")


@dataclass(slots=True)
class ObservedRevision:
    """One revision; `replicas` are those that exist now. `settled` is whether it has proved or failed to."""

    name: str
    created_at: datetime
    active: bool = True
    ready: bool = False
    failed_reason: str = ""
    failed_message: str = ""
    wanted: int = 0
    exits: int = 0
    last_exit_code: int | None = None
    startup_failure: str = ""
    replicas: dict[str, ObservedReplica] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether its proof is over."""
        return self.ready or bool(self.failed_reason)


@dataclass(slots=True)
class ObservedApp:
    """One app; `apply` is the fold."""

    key: str
    revisions: dict[str, ObservedRevision] = field(default_factory=dict)

    @property
    def replicas(self) -> Iterator[ObservedReplica]:
        """All replicas that exist now, of all revisions."""
        for revision in self.revisions.values():
            yield from revision.replicas.values()

    def apply(self, event: events.Event) -> None:
        """Take one event in."""
        if isinstance(event, events.AppWithdrawn):
            self.revisions.clear()
            return
        if not event.revision:
            return
        if isinstance(event, (events.RevisionRemoved, events.ExecutionEnded)):
            self.revisions.pop(event.revision, None)
            return
        if isinstance(event, events.RevisionCreated) or event.revision not in self.revisions:
            self.revisions[event.revision] = ObservedRevision(event.revision, event.at)
        revision = self.revisions[event.revision]
        if isinstance(event, events.ContainerEvent):
            replica = revision.replicas.get(event.replica)
            if replica is not None:
                _note_exit(revision, event)
                apply_to_container(replica.container(event.container), event)
        elif isinstance(event, events.ReplicaEvent):
            _apply_to_replicas(revision, event)
        else:
            _apply_to_revision(revision, event)


def fold(journal: Iterable[events.Event]) -> dict[str, ObservedApp]:
    """Return what runs according to a whole journal, by app key."""
    apps: dict[str, ObservedApp] = {}
    for event in journal:
        apps.setdefault(event.app, ObservedApp(event.app)).apply(event)
    return apps


def apply_to_container(container: ObservedContainer, event: events.ContainerEvent) -> None:
    """Take one event of a container in."""
    _CONTAINER_FOLDS.get(type(event), _ignore)(container, event)


def _apply_to_revision(revision: ObservedRevision, event: events.Event) -> None:
    match event:
        case events.RevisionReady():
            revision.ready = True
            revision.failed_reason = revision.failed_message = ""
        case events.RevisionFailed():
            revision.failed_reason, revision.failed_message = event.reason, event.message
        case events.RevisionActivated():
            revision.active = True
        case events.RevisionDeactivated():
            revision.active = False
        case events.ReplicasScaled():
            revision.wanted = event.after
        case _:
            pass


def _apply_to_replicas(revision: ObservedRevision, event: events.ReplicaEvent) -> None:
    if isinstance(event, events.ReplicaStopped):
        revision.replicas.pop(event.replica, None)
        return
    replica = revision.replicas.setdefault(event.replica, ObservedReplica(event.replica, revision.name, event.at))
    match event:
        case events.ReplicaAssigned():
            replica.assigned, replica.gpus, replica.note = True, tuple(event.gpus), event.note
        case events.ReplicaUnassigned():
            replica.note = f"{event.reason}: {event.message}"
        case events.ReplicaStopping():
            replica.stopping = True
        case _:
            pass


def _note_exit(revision: ObservedRevision, event: events.ContainerEvent) -> None:
    if isinstance(event, events.ContainerExited) and event.reason != "Deleted":
        revision.exits += 1
        revision.last_exit_code = event.exit_code
    if isinstance(event, events.ProbeFailed) and event.probe == "Startup":
        revision.startup_failure = event.message


def _pulled(container: ObservedContainer, event: events.ImagePulled) -> None:
    container.reason, container.message, container.pull_failures = "ContainerCreating", "", 0
    container.pull_denied = False
    container.changed_at = event.at


def _pull_failed(container: ObservedContainer, event: events.ImagePullFailed) -> None:
    container.reason, container.message = "ImagePullBackOff", event.message
    container.pull_failures, container.pull_denied = container.pull_failures + 1, event.denied
    container.changed_at = event.at


def _created(container: ObservedContainer, event: events.ContainerCreated) -> None:
    container.shim_pid, container.start_ticks = event.pid, event.start_ticks
    container.mark, container.port = event.mark, event.port
    container.changed_at = event.at


def _started(container: ObservedContainer, event: events.ContainerStarted) -> None:
    container.state, container.reason, container.message = ContainerRunningState.RUNNING, "", ""
    container.started, container.exit_code, container.pid = True, None, event.pid
    container.runs += 1
    container.started_at = container.changed_at = event.at


def _ready(container: ObservedContainer, event: events.ContainerReady) -> None:
    container.ready, container.message = True, ""
    container.changed_at = event.at


def _unready(container: ObservedContainer, event: events.ContainerUnready) -> None:
    container.ready, container.message = False, event.message


def _exited(container: ObservedContainer, event: events.ContainerExited) -> None:
    began = container.started_at or event.at
    steady = (event.at - began).total_seconds() >= STEADY_SECONDS
    container.failures = 1 if steady else container.failures + 1
    container.state, container.reason = ContainerRunningState.TERMINATED, event.reason
    container.exit_code, container.ready, container.started = event.exit_code, False, False
    container.pid = container.shim_pid = container.start_ticks = 0
    container.mark = ""
    container.changed_at = event.at


def _ignore(container: ObservedContainer, event: events.Event) -> None:
    """Some events are for the logs alone."""


#: Each is found by the very type it takes.
_CONTAINER_FOLDS: dict[type[events.Event], Callable[[ObservedContainer, Any], None]] = {
    events.ImagePulled: _pulled,
    events.ImagePullFailed: _pull_failed,
    events.ContainerCreated: _created,
    events.ContainerStarted: _started,
    events.ContainerReady: _ready,
    events.ContainerUnready: _unready,
    events.ContainerExited: _exited,
}
