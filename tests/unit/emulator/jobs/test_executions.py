"""What an execution does next, told by what has happened to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.runtime.desired import Container, Revision
from aca_notebook.emulator.runtime.executions import (
    CreateReplica,
    Execution,
    ObservedExecution,
    decide_execution,
    fold_execution,
    retry_seconds,
)
from aca_notebook.emulator.runtime.reconcile import AssignReplica, Circumstances, StartContainer, StopReplica
from aca_notebook.model.states import ExecutionStatus

START = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "train-abc1234"
MAIN, SIDE, FIRST = Container("main", "hello"), Container("side", "hello"), Container("first", "hello")


class History:
    """An execution's events, written one after the other, a second apart."""

    def __init__(self) -> None:
        self.now = START
        self.events: list[events.Event] = [events.ExecutionStarted(at=START, app="job", revision=NAME)]

    def add(self, kind, **fields) -> History:
        self.now += timedelta(seconds=1)
        self.events.append(kind(at=self.now, app="job", revision=NAME, **fields))
        return self

    def made(self, replica: str, slot: int = 0, attempt: int = 0) -> History:
        self.add(events.ReplicaCreated, replica=replica, slot=slot, attempt=attempt)
        return self.add(events.ReplicaAssigned, replica=replica)

    def ran(self, replica: str, exit_code: int, container: str = "main") -> History:
        self.add(events.ContainerStarted, replica=replica, container=container)
        reason = "Completed" if exit_code == 0 else "Error"
        return self.add(
            events.ContainerExited, replica=replica, container=container, exit_code=exit_code, reason=reason
        )

    def gone(self, replica: str, reason: str = "Completed") -> History:
        self.add(events.ReplicaStopping, replica=replica, reason=reason)
        return self.add(events.ReplicaStopped, replica=replica, reason=reason)

    def observed(self) -> ObservedExecution:
        return fold_execution(NAME, self.events)

    def decide(self, execution: Execution, *, pace: float = 0.0, gpus: tuple[int, int] = (0, 0), after: float = 0.0):
        now = self.now + timedelta(seconds=after)
        return decide_execution(execution, self.observed(), Circumstances(now, {}, frozenset(), *gpus, pace))


def execution(*, gpus: int = 0, containers=(MAIN,), init_containers=(), **limits) -> Execution:
    return Execution(Revision(NAME, containers, init_containers, gpus=gpus), START, **limits)


def test_it_begins_as_many_replicas_as_may_run_at_once():
    plan = History().decide(execution(completions=5, parallelism=2))
    assert plan.actions == (CreateReplica(0, 0), CreateReplica(1, 0))
    assert plan.look_again_at == START + timedelta(seconds=1800)


def test_no_more_than_are_needed():
    assert len(History().decide(execution(completions=2, parallelism=9)).actions) == 2


def test_the_next_begins_when_one_is_done():
    plan = History().made("a").ran("a", 0).gone("a").decide(execution(completions=2))
    assert plan.actions == (CreateReplica(1, 0),)


def test_a_replica_whose_containers_ended_well_is_ended_as_completed():
    job = execution()
    assert History().made("a").ran("a", 0).decide(job).actions == (StopReplica(NAME, "a", "Completed", 30.0),)


def test_it_succeeds_when_all_completions_have():
    plan = History().made("a").ran("a", 0).gone("a").decide(execution())
    assert plan.verdict is not None
    assert (plan.verdict.status, plan.ended) == (ExecutionStatus.SUCCEEDED, True)


def test_it_fails_when_one_has_failed_more_often_than_it_may():
    plan = History().made("a").ran("a", 3).gone("a", "Error").decide(execution())
    assert plan.verdict is not None
    assert (plan.verdict.status, plan.verdict.reason) == (ExecutionStatus.FAILED, "BackoffLimitExceeded")


def test_a_failed_replica_is_tried_again_as_a_new_one():
    history = History().made("a").ran("a", 3).gone("a", "Error")
    assert history.decide(execution(retry_limit=1)).actions == (CreateReplica(0, 1),)


def test_at_azures_pace_a_retry_waits_and_keeps_its_place():
    history = History().made("a").ran("a", 3).gone("a", "Error")
    plan = history.decide(execution(retry_limit=1, completions=2), pace=1.0)
    assert plan.actions == ()
    assert plan.look_again_at == history.now + timedelta(seconds=10)
    assert history.decide(execution(retry_limit=1), pace=1.0, after=10).actions == (CreateReplica(0, 1),)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 10), (2, 20), (3, 40), (9, 360), (500, 360)])
def test_retries_wait_as_kubernetes_has_it(failures, seconds):
    assert retry_seconds(failures) == seconds


def test_what_was_lost_with_the_emulator_is_a_failed_try():
    history = History().made("a").add(events.ContainerStarted, replica="a", container="main")
    history.add(events.ContainerExited, replica="a", container="main", exit_code=137, reason="Deleted")
    history.add(events.ReplicaStopped, replica="a", reason="EmulatorStopped")
    assert history.decide(execution(retry_limit=1)).actions == (CreateReplica(0, 1),)
    plan = history.decide(execution())
    assert plan.verdict is not None
    assert plan.verdict.status is ExecutionStatus.FAILED


def test_what_had_ended_well_before_the_emulator_was_lost_counts():
    history = History().made("a").ran("a", 0).add(events.ReplicaStopped, replica="a", reason="EmulatorStopped")
    plan = history.decide(execution())
    assert plan.verdict is not None
    assert plan.verdict.status is ExecutionStatus.SUCCEEDED


def test_its_time_is_up_whatever_it_does():
    plan = History().made("a").decide(execution(timeout_seconds=60, retry_limit=9), after=60)
    assert plan.verdict is not None
    assert plan.verdict.reason == "DeadlineExceeded"
    assert plan.actions == (StopReplica(NAME, "a", "DeadlineExceeded", 30.0),)
    assert not plan.ended


def test_after_the_verdict_nothing_begins_and_the_end_waits_for_the_last_replica():
    history = History().made("a").add(events.ExecutionConcluded, status="Stopped", reason="Stopped", message="")
    assert history.decide(execution(completions=9, parallelism=9)).actions == (StopReplica(NAME, "a", "Stopped", 30.0),)
    assert history.observed().status is ExecutionStatus.STOPPED
    assert history.gone("a", "Stopped").decide(execution()).ended


def test_a_failure_is_processed_until_nothing_is_left():
    history = History().made("a").add(events.ExecutionConcluded, status="Failed", reason="DeadlineExceeded", message="")
    assert history.observed().status is ExecutionStatus.PROCESSING
    assert history.gone("a").add(events.ExecutionEnded).observed().status is ExecutionStatus.FAILED


def test_init_containers_run_first_and_one_after_the_other():
    job = execution(init_containers=(FIRST,), containers=(MAIN, SIDE))
    history = History().made("a")
    assert [each.container.name for each in history.decide(job).actions] == ["first"]
    assert [each.container.name for each in history.ran("a", 0, "first").decide(job).actions] == ["main", "side"]


def test_an_init_container_that_fails_fails_the_replica():
    job = execution(init_containers=(FIRST,))
    plan = History().made("a").ran("a", 1, "first").decide(job)
    assert plan.actions == (StopReplica(NAME, "a", "Error", 30.0),)


def test_a_replica_goes_on_until_its_last_container_has_ended():
    plan = History().made("a").ran("a", 0).decide(execution(containers=(MAIN, SIDE)))
    assert [type(each) for each in plan.actions] == [StartContainer]


def test_an_unknown_image_is_looked_for_until_the_time_is_up():
    history = History().made("a")
    for _ in range(4):
        history.add(events.ImagePullFailed, replica="a", container="main", image="hello", message="not known")
    plan = history.decide(execution())
    assert plan.actions == ()
    assert plan.look_again_at == history.now + timedelta(seconds=15)
    assert history.observed().status is ExecutionStatus.DEGRADED


def test_a_replica_waits_for_a_device():
    history = History().add(events.ReplicaCreated, replica="a", slot=0, attempt=0)
    history.add(events.ReplicaUnassigned, replica="a", reason="AssigningReplica", message="No GPU is free.")
    job = execution(gpus=1)
    assert history.decide(job, gpus=(1, 0)).actions == ()
    assert history.decide(job, gpus=(1, 1)).actions == (AssignReplica(job.template, "a"),)
    assert history.observed().status is ExecutionStatus.DEGRADED


def test_once_it_has_ended_nothing_happens_any_more():
    history = History().made("a").ran("a", 1).gone("a").add(events.ExecutionEnded)
    plan = history.decide(execution(retry_limit=9))
    assert (plan.actions, plan.ended) == ((), False)
