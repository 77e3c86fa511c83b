"""What a loss of power leaves is opened, image by image: all that was acknowledged is there, and it is a prefix."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from aca_notebook.emulator.journal.database import Database, append_event, delete_document, put_document
from aca_notebook.emulator.journal.events import RevisionCreated
from tests.fakes.disk import ForgetfulDisk, forgetful_disk

WRITES = 60
IMAGES = 40
KEYS = 5
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def statements(number: int):
    """The `number`th write: a document, an event, and now and then a document less."""
    yield put_document("number", str(number % KEYS), [number, "x" * (number * 97 % 3000)])
    yield append_event(RevisionCreated(at=NOW, app="app", revision=f"r{number}"))
    if number % 9 == 0:
        yield delete_document("number", str((number + 1) % KEYS))


def expected(count: int) -> tuple[dict[str, int], list[str]]:
    """Documents and events after so many writes."""
    documents: dict[str, int] = {}
    for number in range(count):
        documents[str(number % KEYS)] = number
        if number % 9 == 0:
            documents.pop(str((number + 1) % KEYS), None)
    return documents, [f"r{number}" for number in range(count)]


def found(database: Database) -> tuple[dict[str, int], list[str]]:
    documents = {key: body[0] for key, body in database.documents("number").items()}
    return documents, [event.revision for _, event in database.events()]


@pytest.fixture(name="disk", scope="module")
def _disk(tmp_path_factory) -> ForgetfulDisk:
    folder = tmp_path_factory.mktemp("disk")
    with forgetful_disk(folder, ["state.ledger"]) as disk:
        database = Database(folder / "state.db")
        disk.mark("open")
        database._connection.execute("PRAGMA wal_autocheckpoint = 25")  # many moves from the log into the file
        for number in range(WRITES):
            database.write_blocking(*statements(number))
            disk.mark(f"acknowledged {number + 1}")
        database.close()
        disk.mark("closed")
    return disk


def acknowledged(disk: ForgetfulDisk, count: int) -> int:
    marks = [step.name for step in disk.steps[:count] if step.kind == "mark"]
    return max((int(name.split()[1]) for name in marks if name.startswith("acknowledged")), default=0)


def test_the_disk_records_synchronised_writes_of_both_files(disk):
    kinds = {(step.kind, step.name) for step in disk.steps}
    assert {("write", "state.db"), ("sync", "state.db"), ("write", "state.db-wal"), ("sync", "state.db-wal")} <= kinds


@pytest.mark.parametrize("seed", range(IMAGES))
def test_after_a_loss_of_power_every_acknowledged_write_is_there(disk, tmp_path, seed):
    chance = random.Random(seed)
    first = disk.steps.index(next(step for step in disk.steps if step.name == "open"))
    count = chance.randint(first + 1, len(disk.steps))
    disk.image(count, tmp_path / "image", chance)
    database = Database(tmp_path / "image" / "state.db")
    try:
        documents, events = found(database)
        least = acknowledged(disk, count)
        assert len(events) in {least, min(least + 1, WRITES)}
        assert (documents, events) == expected(len(events)), "a prefix of what was written"
        assert database.notices == (), "a loss of power is no damage"
        database.write_blocking(put_document("number", "after", [0]))
    finally:
        database.close()
    again = Database(tmp_path / "image" / "state.db")
    try:
        assert again.documents("number")["after"] == [0]
        assert (again._ledger.position, again.notices) == (len(events) + 1, ())
    finally:
        again.close()
