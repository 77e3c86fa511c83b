"""A pretended runtime does what `decide_execution` says while programs end, emulators die and time passes."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.runtime.desired import Container, Revision
from aca_notebook.emulator.runtime.executions import (
    CreateReplica,
    Execution,
    ObservedExecution,
    decide_execution,
    fold_execution,
)
from aca_notebook.emulator.runtime.reconcile import AssignReplica, Circumstances, StartContainer, StopReplica
from aca_notebook.model.states import ContainerRunningState, ExecutionStatus

START = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "job-abc1234"
DEVICES = 2


class Executing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.journal: list[events.Event] = []
        self.busy: set[tuple[str, str]] = set()
        self.numbers = itertools.count()
        self.observed = ObservedExecution(NAME)

    @initialize(
        completions=st.integers(1, 4), parallelism=st.integers(1, 4), retries=st.integers(0, 2),
        gpus=st.integers(0, 1), sidecar=st.booleans(), pace=st.sampled_from([0.0, 1.0]),
    )  # fmt: skip
    def start(self, completions, parallelism, retries, gpus, sidecar, pace) -> None:
        containers = (Container("main", "i"), Container("side", "i"))[: 1 + sidecar]
        template = Revision(NAME, containers, gpus=gpus)
        self.execution = Execution(template, START, completions, parallelism, retries, timeout_seconds=600)
        self.pace = pace
        self.record(events.ExecutionStarted)
        self.settle()

    def record(self, kind, **fields) -> None:
        event = kind(at=self.now, app="job", revision=NAME, **fields)
        self.journal.append(event)
        self.observed.apply(event)

    @property
    def free(self) -> int:
        return DEVICES - sum(len(each.replica.gpus) for each in self.observed.living)

    def settle(self) -> None:
        """Do what is said until nothing more is; that it ends is itself a claim."""
        for _ in range(100):
            circumstances = Circumstances(self.now, {}, self.busy, DEVICES, self.free, self.pace)
            plan = decide_execution(self.execution, self.observed, circumstances)
            assert plan == decide_execution(self.execution, self.observed, circumstances)
            if plan.verdict is not None:
                verdict = plan.verdict
                assert self.observed.verdict is None
                self.record(
                    events.ExecutionConcluded,
                    status=str(verdict.status),
                    reason=verdict.reason,
                    message=verdict.message,
                )
            for action in plan.actions:
                self.perform(action)
            if plan.ended:
                self.record(events.ExecutionEnded)
            if not plan.actions and plan.verdict is None and not plan.ended:
                return
        raise AssertionError("it never comes to rest")

    def perform(self, action) -> None:
        match action:
            case CreateReplica(slot, attempt):
                assert self.observed.verdict is None, "nothing begins after the verdict"
                name = f"{NAME}-{next(self.numbers)}"
                self.record(events.ReplicaCreated, replica=name, slot=slot, attempt=attempt)
                self.assign(name)
            case AssignReplica(_, name):
                self.assign(name)
            case StartContainer(_, replica, container):
                assert (replica, container.name) not in self.busy, "started twice"
                seen = self.observed.attempts[replica].replica.containers.get(container.name)
                assert seen is None or seen.runs == 0, "a container runs once a try"
                self.busy.add((replica, container.name))
                self.record(events.ContainerStarted, replica=replica, container=container.name)
            case StopReplica(_, replica, reason, _):
                self.record(events.ReplicaStopping, replica=replica, reason=reason)

    def assign(self, name: str) -> None:
        gpus = self.execution.template.gpus
        if gpus > self.free:
            self.record(events.ReplicaUnassigned, replica=name, reason="AssigningReplica", message="none free")
        else:
            self.record(events.ReplicaAssigned, replica=name, gpus=("gpu",) * gpus)

    @property
    def stopping(self) -> list[str]:
        return [each.replica.name for each in self.observed.living if each.replica.stopping]

    @precondition(lambda self: self.busy)
    @rule(data=st.data(), exit_code=st.sampled_from([0, 0, 0, 1]))
    def a_program_ends(self, data, exit_code) -> None:
        replica, container = data.draw(st.sampled_from(sorted(self.busy)))
        self.exit(replica, container, exit_code, "Completed" if exit_code == 0 else "Error")
        self.settle()

    @precondition(lambda self: self.stopping)
    @rule(data=st.data())
    def a_replica_that_stops_is_gone(self, data) -> None:
        name = data.draw(st.sampled_from(self.stopping))
        self.bury(name, "stopped")
        self.settle()

    @rule(seconds=st.sampled_from([1, 15, 120]))
    def time_passes(self, seconds) -> None:
        self.now += timedelta(seconds=seconds)
        self.settle()

    @rule()
    def the_emulator_is_killed_and_started_again(self) -> None:
        for attempt in self.observed.living:
            self.bury(attempt.replica.name, "EmulatorStopped")
        self.observed = fold_execution(NAME, self.journal)
        self.settle()

    @precondition(lambda self: self.observed.verdict is None)
    @rule()
    def somebody_stops_it(self) -> None:
        self.record(events.ExecutionConcluded, status="Stopped", reason="Stopped", message="")
        self.settle()

    def exit(self, replica: str, container: str, exit_code: int, reason: str) -> None:
        self.busy.discard((replica, container))
        self.record(events.ContainerExited, replica=replica, container=container, exit_code=exit_code, reason=reason)

    def bury(self, name: str, reason: str) -> None:
        for replica, container in sorted(self.busy):
            if replica == name:
                self.exit(replica, container, 137, "Deleted")
        self.record(events.ReplicaStopped, replica=name, reason=reason)

    @invariant()
    def no_more_run_than_may(self) -> None:
        if self.journal:
            assert len(self.observed.living) <= min(self.execution.parallelism, self.execution.completions)
            assert self.free >= 0

    @invariant()
    def each_completion_has_one_living_try_and_no_more_tries_than_it_may(self) -> None:
        slots: dict[int, list] = {}
        for attempt in self.observed.attempts.values():
            slots.setdefault(attempt.slot, []).append(attempt)
        for tries in slots.values():
            assert sum(each.ended_at is None for each in tries) <= 1
            assert len(tries) <= self.execution.retry_limit + 1

    @invariant()
    def what_has_ended_has_ended_wholly_and_for_a_reason(self) -> None:
        if self.observed.ended_at is None:
            return
        assert not self.observed.living
        assert not self.busy
        assert self.observed.verdict is not None
        assert self.observed.status.terminal
        done = {
            each.slot for each in self.observed.attempts.values() if each.succeeded(self.execution.template)
        }  # fmt: skip
        if self.observed.status is ExecutionStatus.SUCCEEDED:
            assert len(done) == self.execution.completions

    @invariant()
    def its_time_is_kept(self) -> None:
        if self.journal and self.now >= START + timedelta(seconds=self.execution.timeout_seconds):
            assert self.observed.verdict is not None

    @invariant()
    def the_journal_tells_the_same(self) -> None:
        assert fold_execution(NAME, self.journal) == self.observed

    @invariant()
    def what_is_busy_is_running(self) -> None:
        for replica, container in self.busy:
            seen = self.observed.attempts[replica].replica.containers[container]
            assert seen.state is ContainerRunningState.RUNNING


TestExecuting = Executing.TestCase
TestExecuting.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
