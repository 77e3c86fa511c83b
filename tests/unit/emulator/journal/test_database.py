"""The journal's file, for real: it is the only place where durability is decided."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.journal.database import (
    Database,
    Statement,
    append_event,
    delete_document,
    put_document,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "state.db")
    yield opened
    opened.close()


def reopened(database: Database) -> Database:
    database.close()
    return Database(database.path)


def test_what_was_written_is_there_after_a_restart(tmp_path):
    first = Database(tmp_path / "state.db")
    started = events.RevisionCreated(at=NOW, app="/apps/a", revision="a--1")
    first.write_blocking(put_document("app", "a", {"n": 1}), append_event(started))
    second = reopened(first)
    assert second.documents("app") == {"a": {"n": 1}}
    assert second.events() == [(1, started)]
    second.close()


def test_a_write_is_all_or_nothing(database):
    with pytest.raises(sqlite3.OperationalError):
        database.write_blocking(put_document("app", "a", {}), Statement("INSERT INTO no_such_table VALUES(1)"))
    assert database.documents("app") == {}


def test_one_callers_bad_write_does_not_take_its_neighbours_down(database):
    async def scenario():
        return await asyncio.gather(
            database.write(put_document("app", "good", 1)),
            database.write(Statement("INSERT INTO no_such_table VALUES(1)")),
            database.write(put_document("app", "also good", 2)),
            return_exceptions=True,
        )

    first, second, third = asyncio.run(scenario())
    assert (first, third) == (None, None)
    assert isinstance(second, sqlite3.OperationalError)
    assert set(database.documents("app")) == {"good", "also good"}


def test_a_deleted_document_is_gone(database):
    database.write_blocking(put_document("app", "a", {}))
    database.write_blocking(delete_document("app", "a"))
    assert database.documents("app") == {}


def test_events_of_one_app_are_read_in_order_and_after_a_sequence(database):
    for app, revision in (("a", "a--1"), ("b", "b--1"), ("a", "a--2")):
        database.write_blocking(append_event(events.RevisionCreated(at=NOW, app=app, revision=revision)))
    assert [event.revision for _, event in database.events("a")] == ["a--1", "a--2"]
    assert [event.revision for _, event in database.events(after=2)] == ["a--2"]


def test_a_full_disk_is_an_error_and_what_was_acknowledged_stays(database):
    database.write_blocking(put_document("app", "a", {}))
    database.write_blocking(Statement("PRAGMA max_page_count = 1"))
    with pytest.raises(sqlite3.OperationalError, match="full"):
        database.write_blocking(put_document("app", "b", "x" * 1_000_000))
    assert set(database.documents("app")) == {"a"}


_WRITER = """
import sys
from pathlib import Path
from aca_notebook.emulator.journal.database import Database, put_document
database = Database(Path(sys.argv[1]))
for n in range(1_000_000):
    database.write_blocking(put_document("n", str(n), n))
    print(n, flush=True)
"""


@pytest.mark.process
def test_no_acknowledged_write_is_lost_to_kill_9(tmp_path):
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "k.db")], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(50)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout.read().splitlines()]
    writer.wait()
    writer.stdout.close()
    survivor = Database(tmp_path / "k.db")
    stored = {int(key) for key in survivor.documents("n")}
    survivor.close()
    assert set(acknowledged) <= stored


def test_an_event_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="unknown journal event"):
        events.decode_event("ReplicaAscended", "{}")


VALUES = {
    "datetime": st.datetimes(timezones=st.just(UTC)),
    "str": st.text(max_size=20),
    "bool": st.booleans(),
    "int": st.integers(0, 2**31),
    "float": st.floats(0, 1e6),
    "tuple[str, ...]": st.lists(st.text(max_size=9), max_size=3).map(tuple),
}
EVENTS = st.one_of(
    st.builds(kind, **{field.name: VALUES[field.type] for field in dataclasses.fields(kind)})
    for kind in events._KINDS.values()
)


@given(EVENTS)
def test_any_event_survives_being_written_and_read(event):
    assert events.decode_event(*events.encode_event(event)) == event


@pytest.mark.parametrize("parameter", ["a\ud800b", 2**70, object()], ids=["lone surrogate", "too large", "no SQL type"])
def test_a_value_that_cannot_be_stored_is_its_callers_error_and_writing_goes_on(database, parameter):
    with pytest.raises((UnicodeEncodeError, OverflowError, sqlite3.Error)):
        database.write_blocking(Statement("INSERT INTO documents(kind, key, body) VALUES('x', ?, '1')", (parameter,)))
    database.write_blocking(put_document("app", "after", 1))
    assert database.documents("app") == {"after": 1}


def test_an_event_of_a_later_version_is_left_out_and_said(database, caplog):
    known = events.RevisionCreated(at=NOW, app="a", revision="a--1")
    tomorrow = Statement("INSERT INTO events(at, kind, app, body) VALUES('', 'EventOfTomorrow', 'a', '{}')")
    database.write_blocking(append_event(known), tomorrow, append_event(known))
    assert [event for _, event in database.events("a")] == [known, known]
    assert "1 journal events of the unknown kind EventOfTomorrow" in caplog.text
