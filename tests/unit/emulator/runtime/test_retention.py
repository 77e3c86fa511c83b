"""What is forgotten when, and what must never be."""

from __future__ import annotations

import dataclasses
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.journal.database import append_event
from aca_notebook.emulator.runtime import retention
from aca_notebook.emulator.runtime.executions import Execution
from aca_notebook.emulator.runtime.job_runner import JobRunner
from aca_notebook.emulator.runtime.retention import EVENTS_DAYS, LOGS_DAYS, LogFolder, Retention, decide_removals
from aca_notebook.emulator.settings import Pace
from aca_notebook.emulator.telemetry.catalogue import RETENTION_DAYS
from aca_notebook.model.states import ExecutionStatus
from tests.fakes.clock import ManualClock
from tests.fakes.spawn import Behaviour
from tests.unit.emulator.runtime.world import FIRST, KEY, app, container, revision, world

pytestmark = pytest.mark.anyio
DAY = 86400.0
OLD = timedelta(days=EVENTS_DAYS + 1)


def retention_of(w, folder: Path) -> Retention:
    return Retention(database=w.database, controller=w.controller, clock=w.clock, folder=folder / "replicas")


def old_life(at, number: int) -> list[events.Event]:
    """A replica that came and went."""
    where = {"app": KEY, "revision": FIRST, "replica": f"{FIRST}-old-{number}"}
    return [
        events.ReplicaAssigned(at=at, **where),
        events.ContainerStarted(at=at, **where, container="main"),
        events.ContainerExited(at=at, **where, container="main", exit_code=0, reason="Completed"),
        events.ReplicaStopped(at=at, **where, reason="ScaledIn"),
    ]


def kinds(w) -> list[str]:
    return [type(event).__name__ for _, event in w.database.events()]


async def test_events_live_as_long_as_the_metrics_that_are_folded_from_them():
    assert EVENTS_DAYS == RETENTION_DAYS


async def test_old_events_go_but_for_the_beginnings_of_what_exists(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as w:
        await w.controller.declare(app(revision(low=1)))
        assert (await w.controller.revision_outcome(KEY, FIRST)).ready
        for number in range(5):
            for event in old_life(clock.now(), number):
                w.controller.record(event)
        await w.controller.checkpoint()
        observed, clock._elapsed = w.app, OLD.total_seconds()
        w.controller.record(
            events.ReplicasScaled(at=clock.now(), app=KEY, revision=FIRST, before=0, after=1, reason="")
        )
        await retention_of(w, tmp_path).once()
        assert kinds(w) == ["RevisionCreated", "ReplicaAssigned", "ReplicasScaled"]
        (replica,) = w.replicas()
        assert [e.replica for _, e in w.database.events() if isinstance(e, events.ReplicaAssigned)] == [replica.name]
        assert observed == w.app


async def test_what_was_forgotten_is_not_missed_by_the_next_start(tmp_path):
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as w:
        await w.controller.declare(app(revision(low=0)))
        assert (await w.controller.revision_outcome(KEY, FIRST)).ready
        clock._elapsed = OLD.total_seconds()
        await retention_of(w, tmp_path).once()
    async with world(tmp_path, clock=clock) as w:
        state = w.app.revisions[FIRST]
        assert state.ready
        assert state.active


async def test_young_events_stay(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=1)))
        assert (await w.controller.revision_outcome(KEY, FIRST)).ready
        await w.controller.checkpoint()
        before = kinds(w)
        w.clock._elapsed = timedelta(days=EVENTS_DAYS - 1).total_seconds()
        await retention_of(w, tmp_path).once()
        assert kinds(w) == before


async def test_many_old_events_go_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(retention, "_BATCH", 7)
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=1)))
        assert (await w.controller.revision_outcome(KEY, FIRST)).ready
        lives = [append_event(event) for number in range(20) for event in old_life(w.clock.now(), number)]
        w.database.write_blocking(*lives)
        await w.controller.checkpoint()
        w.clock._elapsed = OLD.total_seconds()
        await retention_of(w, tmp_path).once()
        assert kinds(w) == ["RevisionCreated", "ReplicaAssigned"]


async def test_logs_of_gone_replicas_go_after_a_week_and_those_of_living_ones_stay(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=1)))
        assert (await w.controller.revision_outcome(KEY, FIRST)).ready
        living = w.controller.log_file(KEY, FIRST, w.replicas()[0].name, "main")
        week, young = (w.controller.log_file(KEY, "scorer--gone", name, "main") for name in ("week", "young"))
        for path, days in ((living, 30), (week, LOGS_DAYS + 1), (young, LOGS_DAYS - 1)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("line")
            for each in (path, path.parent):
                os.utime(each, times=(moment := w.clock.now().timestamp() - days * DAY, moment))
        (young.parent / "scratch").mkdir()
        os.utime(young.parent, times=(moment, moment))
        await retention_of(w, tmp_path).once()
        assert living.exists()
        assert young.exists()
        assert not week.parent.exists()
        assert not (young.parent / "scratch").exists(), "what a killed emulator's replica left is of no use to anybody"


async def test_it_looks_at_the_start_and_then_every_hour(tmp_path):
    async with world(tmp_path) as w:
        keeper = retention_of(w, tmp_path)
        path = w.controller.log_file(KEY, FIRST, "gone", "main")

        def write() -> None:
            path.parent.mkdir(parents=True)
            path.write_text("line")
            for each in (path, path.parent):
                os.utime(each, times=(0, 0))

        write()
        keeper.start()
        await w.until(lambda: not path.exists())
        await w.until(lambda: w.clock._sleepers)
        write()
        await w.clock.advance(retention.EVERY_SECONDS)
        await w.until(lambda: not path.exists())
        await keeper.close()


FOLDERS = st.lists(st.builds(LogFolder, st.just(Path("x")), st.floats(0, 20 * DAY), st.integers(0, 1000)), max_size=20)


@given(FOLDERS, st.integers(0, 5000))
def test_what_is_kept_is_young_and_within_the_budget_and_newer_than_what_goes(folders, budget):
    now = 20 * DAY
    removed = decide_removals(folders, now, budget)
    kept = list(folders)
    for each in removed:
        kept.remove(each)
    assert sum(each.size_bytes for each in kept) <= budget
    assert all(now - each.written_at <= LOGS_DAYS * DAY for each in kept)
    for each in removed:
        newer = sum(other.size_bytes for other in folders if other.written_at >= each.written_at)
        assert now - each.written_at > LOGS_DAYS * DAY or newer > budget


def job(name: str = "train--1") -> Execution:
    return Execution(revision(name, containers=(container(probes=()),)), datetime(2026, 1, 1, tzinfo=UTC))


async def test_an_execution_that_is_settled_is_carried_no_further(tmp_path):
    async with world(tmp_path, behave=lambda _: Behaviour(exit_code=0)) as w:
        runner = JobRunner(database=w.database, controller=w.controller, clock=w.clock, pace=Pace())
        settled = []

        async def settle(key, observed):
            settled.append((observed.name, observed.status))

        runner.when_ended(settle)
        runner.run(app(), job())
        await w.until(lambda: settled == [("train--1", ExecutionStatus.SUCCEEDED)] and not w.app.revisions)
        await w.controller.checkpoint()
        assert w.database.documents("observed") == {}
        await runner.close()


async def test_all_that_happened_to_an_execution_stays_until_it_is_settled(tmp_path):
    async with world(tmp_path) as w:
        runner = JobRunner(database=w.database, controller=w.controller, clock=w.clock, pace=Pace())
        runner.run(app(), dataclasses.replace(job(), timeout_seconds=1e9))
        await w.until(lambda: w.spawn.alive)
        await w.controller.checkpoint()
        before = kinds(w)
        w.clock._elapsed = OLD.total_seconds()
        await retention_of(w, tmp_path).once()
        assert kinds(w)[: len(before)] == before
        await runner.close()
