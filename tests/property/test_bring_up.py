"""How far a revision is: whatever order its sightings come in, however often and however late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aca_notebook.model.bring_up import STEPS, BringUp, Sighting, phase_of_line, phase_of_replica
from aca_notebook.model.deploy import PhaseName
from aca_notebook.model.log import LogLine, LogSource
from aca_notebook.model.revision import ContainerState, ReplicaState

MOMENTS = some.floats(100, 1000, allow_nan=False)
SIGHTINGS = some.lists(
    some.builds(Sighting, some.sampled_from(STEPS), MOMENTS, some.none() | some.floats(1e9, 1e9 + 900)), max_size=20
)


def line(reason: str, text: str = "", at: float = 0) -> LogLine:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=at)
    return LogLine(text, moment, LogSource.SYSTEM, "scorer--1", reason=reason)


@given(SIGHTINGS, some.randoms())
def test_the_order_and_the_repetition_of_what_is_seen_change_nothing(sightings, chance) -> None:
    again = [*sightings, *sightings]
    chance.shuffle(again)
    one_by_one = BringUp(100)
    for each in again:
        one_by_one = one_by_one.saw([each])
    assert one_by_one == BringUp(100).saw(sightings)


@given(SIGHTINGS, MOMENTS)
def test_the_seconds_of_all_phases_are_all_the_time_there_was(sightings, now) -> None:
    known = BringUp(100).saw(sightings)
    seconds = known.seconds(now)
    assert all(each >= 0 for each in seconds.values())
    end = max(now, 100, *known.begun_at().values())
    assert sum(seconds.values()) == pytest.approx(end - 100)


@given(SIGHTINGS, SIGHTINGS)
def test_a_revision_never_goes_back_and_no_phase_begins_later_than_was_known(before, after) -> None:
    known = BringUp(100).saw(before)
    later = known.saw(after)
    assert STEPS.index(later.phase) >= STEPS.index(known.phase)
    assert list(later.begun_at()) == list(STEPS[: STEPS.index(later.phase) + 1])
    if later.lag == known.lag:
        assert all(later.begun_at()[name] <= at for name, at in known.begun_at().items())


@given(SIGHTINGS)
def test_no_phase_is_dated_before_the_revision_was_asked_for_or_after_it_was_heard_of(sightings) -> None:
    begun = BringUp(100).saw(sightings).begun_at()
    for each in sightings:
        assert 100 <= begun[each.phase] <= max(each.seen_at, 100) + 1e-6


def test_a_log_that_is_read_at_once_tells_how_long_each_phase_took_by_the_platforms_own_clock() -> None:
    """The platform's clock is years ahead, and all lines come a second after the last was written."""
    told = [
        (PhaseName.ASSIGNING, 2.0), (PhaseName.PULLING, 5.0), (PhaseName.STARTING, 65.0), (PhaseName.PROBING, 66.0),
        (PhaseName.READY, 96.0),
    ]  # fmt: skip
    known = BringUp(0.0).saw(Sighting(phase, 97.0, 1e9 + at) for phase, at in told)
    seconds = known.seconds(98.0)
    assert seconds[PhaseName.PULLING] == pytest.approx(60.0)
    assert seconds[PhaseName.PROBING] == pytest.approx(30.0)
    assert seconds[PhaseName.READY] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("told", "phase"),
    [
        (line("RevisionCreation", "Creating new revision"), PhaseName.ASSIGNING),
        (line("AssigningReplica", "Replica 'a' has been scheduled to run on a node."), PhaseName.PULLING),
        (line("AssigningReplica", "WorkLoad Profile Full"), PhaseName.ASSIGNING),
        (line("PullingImage", 'Pulling image "nginx"'), PhaseName.PULLING),
        (line("PulledImage", 'Successfully pulled image "nginx" in 2.20s.'), PhaseName.STARTING),
        (line("ContainerStarted", "Started container 'scorer'"), PhaseName.PROBING),
        (line("RevisionReady", "Successfully provisioned revision 'scorer--1'"), PhaseName.READY),
        (line("KEDAScalersStarted", "Scalers started"), None),
    ],
)
def test_a_line_of_the_system_log_tells_which_phase_has_begun(told: LogLine, phase: PhaseName | None) -> None:
    assert phase_of_line(told) is phase


def container(state: str, *, ready: bool = False, restarts: int = 0) -> ContainerState:
    return ContainerState("scorer", running_state=state, ready=ready, restart_count=restarts)


@pytest.mark.parametrize(
    ("containers", "phase"),
    [
        ((), PhaseName.ASSIGNING),
        ((container("Waiting"),), PhaseName.PULLING),
        ((container("Running"),), PhaseName.PROBING),
        ((container("Waiting", restarts=1),), PhaseName.PROBING),
        ((container("Running", ready=True),), PhaseName.READY),
        ((container("Running", ready=True), container("Waiting")), PhaseName.PULLING),
    ],
    ids=["no place", "waits", "runs", "was started before", "is ready", "its sidecar waits"],
)
def test_a_replica_shows_the_phase_that_its_slowest_container_is_in(containers, phase: PhaseName) -> None:
    assert phase_of_replica(ReplicaState("r", containers=containers)) is phase
