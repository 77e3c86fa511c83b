"""A start reads what ran from snapshots, and folds only what has happened since."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.journal.database import Database, append_event
from aca_notebook.emulator.runtime.observed import fold
from aca_notebook.emulator.runtime.snapshots import EVENTS_BETWEEN, Snapshots
from tests.unit.emulator.runtime.world import FIRST, KEY, app, revision, world

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(name="database")
def _database(tmp_path):
    database = Database(tmp_path / "state.db")
    yield database
    database.close()


def scaled(number: int) -> events.Event:
    at = NOW + timedelta(seconds=number)
    return events.ReplicasScaled(at=at, app=KEY, revision=FIRST, before=number, after=number + 1, reason="more load")


async def test_without_a_snapshot_the_journal_is_folded(database):
    database.write_blocking(*(append_event(scaled(number)) for number in range(3)))
    assert Snapshots(database).load()[KEY].revisions[FIRST].wanted == 3


async def test_a_snapshot_and_what_came_after_it_are_the_whole_journal(database):
    snapshots = Snapshots(database)
    database.write_blocking(append_event(scaled(1)))
    first = snapshots.load()
    database.write_blocking(*snapshots.statements(first))
    database.write_blocking(append_event(scaled(2)))
    assert snapshots.until() == 1
    assert Snapshots(database).load() == fold(event for _, event in database.events())


async def test_a_snapshot_in_a_format_of_another_version_is_not_read(database):
    snapshots = Snapshots(database)
    database.write_blocking(append_event(scaled(1)))
    database.write_blocking(*snapshots.statements(snapshots.load()))
    with database._connection as connection:
        connection.execute("UPDATE documents SET body = '{}' WHERE kind = 'observed'")
        connection.execute("UPDATE documents SET body = json_set(body, '$.format', 99) WHERE kind = 'observed-until'")
    assert Snapshots(database).load()[KEY].revisions[FIRST].wanted == 2


async def test_an_app_that_was_withdrawn_leaves_no_snapshot(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: w.ready() == 1)
        await w.controller.checkpoint()
        assert set(w.database.documents("observed")) == {KEY}
        await w.controller.withdraw(KEY)
        await w.controller.checkpoint()
        assert w.database.documents("observed") == {}


async def test_however_much_has_happened_a_start_folds_few_events(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision()))
        await w.until(lambda: w.ready() == 1)
        for number in range(2 * EVENTS_BETWEEN):
            w.controller.record(scaled(number))
        observed = (await w.journal())[KEY]
        snapshots = Snapshots(w.database)
        assert len(w.database.events(after=snapshots.until())) < EVENTS_BETWEEN
        assert snapshots.load() == {KEY: observed}


async def test_a_clean_end_leaves_nothing_to_fold(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: w.ready() == 1)
        w.controller.record(scaled(1))
        await asyncio.sleep(0)
        await w.controller.close()
        assert w.database.events(after=Snapshots(w.database).until()) == []
        kinds = [type(event).__name__ for _, event in w.database.events()]
        assert kinds.count("ReplicaStopped") == 1, "each event is written once"
