"""What to do next for an execution of a job: a pure function of what was started, what ran, and the time.

An execution is a Kubernetes Job whose pods are never restarted in place: each try at a completion is a replica of its
own. A replica that is lost with the emulator is a pod lost with its node: a failed try, made again while the retry
limit allows. The limit is each completion's own (facts §4.4).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.runtime.observed import ObservedContainer, ObservedReplica, apply_to_container
from aca_notebook.emulator.runtime.reconcile import AssignReplica, StartContainer, StopReplica, back_off_seconds
from aca_notebook.model.states import ContainerRunningState, ExecutionStatus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from aca_notebook.emulator.runtime.desired import Container, Revision
    from aca_notebook.emulator.runtime.reconcile import Circumstances

_FIRST_RETRY_SECONDS = 10.0
_LONGEST_RETRY_SECONDS = 360.0
_LONGEST_LOOK_FOR_IMAGE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Execution:
    """What was started: `template` has the execution's name; the rest are the limits of the job at that moment."""

    template: Revision
    started_at: datetime
    completions: int = 1
    parallelism: int = 1
    retry_limit: int = 0
    timeout_seconds: float = 1800.0

    @property
    def name(self) -> str:
        """The execution's name."""
        return self.template.name


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an execution ends; `reason` is a word and `message` a sentence, both empty when all went well."""

    status: ExecutionStatus
    reason: str = ""
    message: str = ""


@dataclass(slots=True)
class Attempt:
    """One try at the `slot`th completion: a replica; `ended_at` is when nothing of it was left."""

    slot: int
    replica: ObservedReplica
    ended_at: datetime | None = None

    def succeeded(self, template: Revision) -> bool:
        """Whether it is over and every container ended well."""
        wanted = (*template.init_containers, *template.containers)
        return self.ended_at is not None and all(_seen(self, each).completed for each in wanted)


@dataclass(slots=True)
class ObservedExecution:
    """What became of an execution: a fold over the journal, by `apply`."""

    name: str
    attempts: dict[str, Attempt] = field(default_factory=dict)
    verdict: Verdict | None = None
    ended_at: datetime | None = None

    @property
    def living(self) -> list[Attempt]:
        """The tries of which something is left."""
        return [attempt for attempt in self.attempts.values() if attempt.ended_at is None]

    @property
    def status(self) -> ExecutionStatus:
        """Azure's word. One that somebody stopped is Stopped at once (recorded: job_executions_e2e)."""
        if self.verdict is not None:
            known = self.ended_at is not None or self.verdict.status is ExecutionStatus.STOPPED
            return self.verdict.status if known else ExecutionStatus.PROCESSING
        waiting = [attempt for attempt in self.living if _stuck(attempt.replica)]
        return ExecutionStatus.DEGRADED if waiting else ExecutionStatus.RUNNING

    def apply(self, event: events.Event) -> None:
        """Take one event of this execution in; others must not come here."""
        match event:
            case events.ReplicaCreated():
                replica = ObservedReplica(event.replica, event.revision, event.at)
                self.attempts.setdefault(event.replica, Attempt(event.slot, replica))
            case events.ReplicaEvent() if event.replica in self.attempts:
                _apply_to_attempt(self.attempts[event.replica], event)
            case events.ExecutionConcluded():
                self.verdict = Verdict(ExecutionStatus(event.status), event.reason, event.message)
            case events.ExecutionEnded():
                self.ended_at = event.at
            case _:
                pass


@dataclass(frozen=True, slots=True)
class CreateReplica:
    """Try the `slot`th completion for the `attempt`th time, from 0."""

    slot: int
    attempt: int


Action = CreateReplica | AssignReplica | StartContainer | StopReplica


@dataclass(frozen=True, slots=True)
class ExecutionPlan:
    """What to do now; `verdict` when it has just become clear, `ended` when nothing is left to do at all."""

    actions: tuple[Action, ...] = ()
    verdict: Verdict | None = None
    ended: bool = False
    look_again_at: datetime | None = None


def fold_execution(name: str, journal: Iterable[events.Event]) -> ObservedExecution:
    """Return what became of the execution of that name, according to its job's journal."""
    observed = ObservedExecution(name)
    for event in journal:
        if event.revision == name:
            observed.apply(event)
    return observed


def decide_execution(
    execution: Execution, observed: ObservedExecution, circumstances: Circumstances
) -> ExecutionPlan:  # fmt: skip
    """Return what brings an execution nearer to its end; `circumstances.wanted` is not looked at."""
    if observed.ended_at is not None:
        return ExecutionPlan()
    verdict = observed.verdict or _verdict(execution, observed, circumstances.now)
    if verdict is not None:
        stops = [
            _stop(execution, attempt, verdict.reason or str(verdict.status))
            for attempt in observed.living
            if not attempt.replica.stopping
        ]
        new = verdict if observed.verdict is None else None
        return ExecutionPlan(tuple(stops), new, ended=not observed.living)
    actions: list[Action] = []
    looks = [_deadline(execution)]
    free = circumstances.free_gpus
    for attempt in observed.living:
        if not attempt.replica.assigned:
            needed = execution.template.gpus if circumstances.gpus else 0
            if needed <= free:
                actions.append(AssignReplica(execution.template, attempt.replica.name))
                free -= needed
        elif not attempt.replica.stopping:
            steps, due = _tend(execution, attempt, circumstances)
            actions += steps
            looks += due
    created, due = _create(execution, observed, circumstances)
    return ExecutionPlan((*actions, *created), look_again_at=min([*looks, *due]))


def retry_seconds(failures: int) -> float:
    """Return how long to wait after that many failures: as for a Kubernetes Job, 10 s, doubled up to 6 minutes."""
    return min(_LONGEST_RETRY_SECONDS, _FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 8))


def _verdict(execution: Execution, observed: ObservedExecution, now: datetime) -> Verdict | None:
    slots = _by_slot(observed)
    if sum(any(each.succeeded(execution.template) for each in tries) for tries in slots.values()) >= (
        execution.completions
    ):
        return Verdict(ExecutionStatus.SUCCEEDED)
    if any(_failures(execution, tries) > execution.retry_limit for tries in slots.values()):
        return Verdict(ExecutionStatus.FAILED, "BackoffLimitExceeded", "Job has reached the specified backoff limit.")
    if now >= _deadline(execution):
        return Verdict(ExecutionStatus.FAILED, "DeadlineExceeded", "Job was active longer than specified deadline.")
    return None


def _create(
    execution: Execution, observed: ObservedExecution, circumstances: Circumstances
) -> tuple[list[Action], list[datetime]]:
    """Return the tries to begin now, those again before those for the first time, and when the next retry is due."""
    slots = _by_slot(observed)
    room = execution.parallelism - len(observed.living)
    actions: list[Action] = []
    looks: list[datetime] = []
    for slot, tries in slots.items():
        if any(each.ended_at is None or each.succeeded(execution.template) for each in tries):
            continue
        last = max(each.ended_at for each in tries if each.ended_at is not None)
        due = last + timedelta(seconds=retry_seconds(len(tries)) * circumstances.pace)
        if due > circumstances.now:
            looks.append(due)
            room -= 1  # its place is kept
        elif len(actions) < room:
            actions.append(CreateReplica(slot, len(tries)))
    fresh = min(max(0, room - len(actions)), execution.completions - len(slots))
    return [*actions, *(CreateReplica(len(slots) + number, 0) for number in range(fresh))], looks


def _tend(
    execution: Execution, attempt: Attempt, circumstances: Circumstances
) -> tuple[list[Action], list[datetime]]:  # fmt: skip
    """Return what to do for a try that has a place to run: its next containers, or its end."""
    template = execution.template
    pending = [each for each in template.init_containers if not _seen(attempt, each).completed]
    turn = tuple(pending[:1]) or template.containers
    busy = {name for replica, name in circumstances.busy if replica == attempt.replica.name}
    if not busy and all(_over(_seen(attempt, each)) for each in turn):
        well = not pending and all(_seen(attempt, each).completed for each in turn)
        return [_stop(execution, attempt, "Completed" if well else "Error")], []
    actions: list[Action] = []
    looks: list[datetime] = []
    for container in turn:
        seen = _seen(attempt, container)
        if container.name in busy or _over(seen):
            continue
        due = _image_due(seen)
        if due is None or due <= circumstances.now:
            actions.append(StartContainer(template, attempt.replica.name, container, once=True))
        else:
            looks.append(due)
    return actions, looks


def _image_due(container: ObservedContainer) -> datetime | None:
    if not container.pull_failures or container.changed_at is None:
        return None
    seconds = min(back_off_seconds(container.pull_failures), _LONGEST_LOOK_FOR_IMAGE_SECONDS)
    return container.changed_at + timedelta(seconds=seconds)


def _by_slot(observed: ObservedExecution) -> dict[int, list[Attempt]]:
    slots: dict[int, list[Attempt]] = {}
    for attempt in observed.attempts.values():
        slots.setdefault(attempt.slot, []).append(attempt)
    return slots


def _failures(execution: Execution, tries: list[Attempt]) -> int:
    return sum(each.ended_at is not None and not each.succeeded(execution.template) for each in tries)


def _deadline(execution: Execution) -> datetime:
    return execution.started_at + timedelta(seconds=execution.timeout_seconds)


def _stop(execution: Execution, attempt: Attempt, reason: str) -> StopReplica:
    return StopReplica(
        execution.name, attempt.replica.name, reason, execution.template.termination_grace_seconds
    )  # fmt: skip


def _seen(attempt: Attempt, container: Container) -> ObservedContainer:
    return attempt.replica.containers.get(container.name) or ObservedContainer(container.name)


def _over(container: ObservedContainer) -> bool:
    return container.state is ContainerRunningState.TERMINATED


def _stuck(replica: ObservedReplica) -> bool:
    """Whether a replica waits for what may never come: a device, or an image."""
    waits_for_device = not replica.assigned and bool(replica.note)
    return waits_for_device or any(each.pull_failures for each in replica.containers.values())


def _apply_to_attempt(attempt: Attempt, event: events.ReplicaEvent) -> None:
    replica = attempt.replica
    match event:
        case events.ContainerEvent():
            apply_to_container(replica.container(event.container), event)
        case events.ReplicaAssigned():
            replica.assigned, replica.gpus, replica.note = True, tuple(event.gpus), event.note
        case events.ReplicaUnassigned():
            replica.note = f"{event.reason}: {event.message}"
        case events.ReplicaStopping():
            replica.stopping = True
        case events.ReplicaStopped():
            attempt.ended_at = event.at
        case _:
            pass
