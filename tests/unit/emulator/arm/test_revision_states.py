"""What a revision says of itself, from what is stored of it and what runs (facts §3.6)."""

from __future__ import annotations

from datetime import UTC, datetime

from aca_notebook.emulator.arm.revisions import replica_count, running_state
from aca_notebook.emulator.journal import events
from aca_notebook.emulator.runtime.observed import ObservedApp, ObservedRevision
from aca_notebook.model.states import RevisionRunningState

AT = datetime(2026, 1, 1, tzinfo=UTC)
APP = {"at": AT, "app": "scorer", "revision": "scorer--1"}
REPLICA = {**APP, "replica": "a"}
CONTAINER = {**REPLICA, "container": "main"}
STORED = {"active": True, "provisioningState": "Provisioned"}
STARTED = (
    events.RevisionCreated(**APP), events.RevisionReady(**APP), events.ReplicaAssigned(**REPLICA),
    events.ContainerStarted(**CONTAINER),
)  # fmt: skip


def observed(*happened: events.Event) -> ObservedRevision:
    app = ObservedApp("scorer")
    for event in happened:
        app.apply(event)
    return app.revisions["scorer--1"]


def state(*happened: events.Event, stopped: bool = False) -> RevisionRunningState:
    return running_state(STORED, observed(*happened), stopped=stopped)


def test_a_replica_that_has_just_started_in_a_proved_revision_is_activating():
    assert state(*STARTED) is RevisionRunningState.ACTIVATING


def test_a_replica_whose_program_has_ended_makes_a_proved_revision_degraded():
    ended = events.ContainerExited(**CONTAINER, exit_code=1, reason="Error")
    assert state(*STARTED, ended) is RevisionRunningState.DEGRADED
    assert state(*STARTED, ended, events.ContainerStarted(**CONTAINER)) is RevisionRunningState.DEGRADED


def test_a_ready_replica_makes_it_running_and_none_scaled_to_zero():
    assert state(*STARTED, events.ContainerReady(**CONTAINER)) is RevisionRunningState.RUNNING
    assert state(*STARTED[:2]) is RevisionRunningState.SCALED_TO_ZERO


def test_a_replica_on_its_way_out_counts_no_more_while_the_state_still_tells_of_it():
    stopping = (*STARTED, events.ReplicaStopping(**REPLICA, reason="Stopped"))
    assert replica_count(observed(*STARTED)) == 1
    assert replica_count(observed(*stopping)) == 0
    assert state(*stopping, stopped=True) is RevisionRunningState.DEPROVISIONING
    assert replica_count(None) == 0
