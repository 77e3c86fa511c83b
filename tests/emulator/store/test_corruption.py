"""Bytes that were safely on disk and are no longer what was written: found, repaired, put aside, and told."""

from __future__ import annotations

import random
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from aca_notebook.emulator.journal import ledger as ledgers
from aca_notebook.emulator.journal.database import Database, put_document
from aca_notebook.emulator.journal.migrations import LATEST, NewerStore
from tests.emulator.store.test_crash_images import WRITES, expected, found, statements

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("state.db", "state.db-wal", "state.ledger")


@pytest.fixture(name="stores", scope="module")
def _stores(tmp_path_factory) -> dict[str, Path]:
    """A store that was closed, and one as kill -9 leaves it, most of it in the write-ahead log."""
    stores = {}
    folder = tmp_path_factory.mktemp("stores")
    database = Database(folder / "open" / "state.db") if (folder / "open").mkdir() is None else None
    for number in range(WRITES):
        database.write_blocking(*statements(number))
        if number == WRITES // 2:
            database._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    stores["killed"] = folder / "killed"
    stores["killed"].mkdir()
    for name in FILES:
        shutil.copyfile(folder / "open" / name, stores["killed"] / name)
    database.close()
    stores["closed"] = folder / "open"
    return stores


def copy(store: Path, to: Path) -> Path:
    shutil.copytree(store, to / "store")
    return to / "store" / "state.db"


def damage(path: Path, chance: random.Random, *, end: bool = True) -> str:
    """Do to a file what disks, and people, do to files; without `end` nothing to its last quarter alone."""
    content = bytearray(path.read_bytes())
    how = chance.choice(["flip", "page", "swap", "empty", "delete", *(["truncate"] if end else [])])
    at = chance.randrange(len(content) if end else len(content) * 3 // 4)
    match how:
        case "flip":
            for _ in range(chance.randint(1, 3)):
                content[chance.randrange(at + 1)] ^= 1 << chance.randrange(8)
        case "page":
            change(content, at, chance.choice([bytes(4096), chance.randbytes(4096)]))
        case "swap":
            change(content, at, bytes(content[:4096]))
        case _:
            del content[at if how == "truncate" else 0 :]
    path.write_bytes(content)
    if how == "delete":
        path.unlink()
    return how


def change(content: bytearray, at: int, page: bytes) -> None:
    """Let the page around `at` be another."""
    start = at // 4096 * 4096
    content[start : start + 4096] = page[: len(content) - start]


@pytest.mark.parametrize("seed", range(30))
def test_damage_to_any_one_file_costs_nothing_that_was_acknowledged(stores, tmp_path, seed):
    chance = random.Random(seed)
    path = copy(stores[chance.choice(["killed", "closed"])], tmp_path)
    damaged = chance.choice([each for each in path.parent.iterdir() if each.name in FILES])
    how = damage(damaged, chance)
    database = Database(path)
    try:
        assert found(database) == expected(WRITES), f"{how} {damaged.name}: {database.notices}"
        assert database.events()[-1][0] == WRITES, "events go on where they were"
        database.write_blocking(*statements(WRITES))
    finally:
        database.close()
    if database.notices and how != "delete":
        assert list(path.parent.glob("damaged/*")), "what is damaged is put aside, not deleted"
    again = Database(path)
    try:
        assert (found(again), again.notices) == (expected(WRITES + 1), ())
    finally:
        again.close()


@pytest.mark.parametrize("seed", range(30))
def test_damage_to_database_and_ledger_leaves_a_prefix_or_what_can_be_read_and_is_told(stores, tmp_path, seed):
    chance = random.Random(seed)
    path = copy(stores[chance.choice(["killed", "closed"])], tmp_path)
    there = [name for name in FILES if (path.parent / name).exists()]
    # Without its end a ledger is as a loss of power leaves it: nothing in it tells that there was more.
    done = {name: damage(path.parent / name, chance, end=name != "state.ledger") for name in there}
    known = any((path.parent / name).exists() and (path.parent / name).stat().st_size for name in FILES)
    database = Database(path)
    try:
        documents, events = found(database)
        assert events == expected(len(events))[1], "the journal is a prefix"
        if (documents, events) != expected(WRITES):
            assert database.notices or not known, f"it is told: {done}"
        for key, number in documents.items():
            assert number % 5 == int(key), "no document holds what was never written"
        database.write_blocking(put_document("number", "0", [1000]))
    finally:
        database.close()


def test_a_flipped_letter_in_a_document_is_noticed_and_undone(stores, tmp_path):
    path = copy(stores["closed"], tmp_path)
    content = path.read_bytes()
    at = content.index(b"xxxxx")
    path.write_bytes(content[:at] + b"y" + content[at + 1 :])
    database = Database(path)
    database.close()
    assert found_in(path) == expected(WRITES)[0]
    (notice,) = database.notices
    assert "is not what was written" in notice
    assert "It was made again from state.ledger; nothing was dropped" in notice
    assert (path.parent / "damaged" / "1" / "state.db").exists()


def found_in(path: Path) -> dict[str, int]:
    database = Database(path)
    try:
        return found(database)[0]
    finally:
        database.close()


def test_a_log_that_lost_acknowledged_writes_is_made_good_from_the_ledger(stores, tmp_path):
    path = copy(stores["killed"], tmp_path)
    log = path.with_name("state.db-wal")
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    database = Database(path)
    database.close()
    assert found_in(path) == expected(WRITES)[0]
    (notice,) = database.notices
    assert "state.db had lost its last" in notice
    assert "state.ledger had them all, and nothing was dropped" in notice
    assert (path.parent / "damaged" / "1" / "state.db-wal").stat().st_size


def test_what_is_dropped_when_both_are_damaged_is_named(stores, tmp_path):
    path = copy(stores["closed"], tmp_path)
    path.write_bytes(b"no database" * 1000)
    ledger = path.with_suffix(".ledger")
    last = [entry.end for entry in ledgers.entries(ledger)][-4:]
    content = bytearray(ledger.read_bytes())
    content[last[0] + 40] ^= 1  # in the third last write
    ledger.write_bytes(content)
    database = Database(path)
    documents, events = found(database)
    database.close()
    assert (documents, events) == expected(WRITES - 3)
    (notice,) = database.notices
    assert f"up to write {WRITES - 3}. Dropped: 2 or more later writes: number {(WRITES - 2) % 5}" in notice
    assert {each.name for each in path.parent.glob("damaged/1/*")} == {"state.db", "state.ledger"}


def test_mending_that_was_cut_off_is_finished_by_the_next_start(stores, tmp_path):
    path = copy(stores["closed"], tmp_path)
    whole = path.read_bytes()
    path.write_bytes(b"no database" * 1000)
    path.with_name("state.db.mended").write_bytes(whole)  # killed before it took the damaged one's place
    assert found_in(path) == expected(WRITES)[0]
    assert (path.parent / "damaged" / "1" / "state.db").read_bytes().startswith(b"no database")


def test_a_store_of_a_later_version_is_refused_and_left_as_it_is(stores, tmp_path):
    path = copy(stores["closed"], tmp_path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {LATEST + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NewerStore, match=rf"a newer aca_notebook wrote .*: its version is {LATEST + 1}, this one"):
        Database(path)
    assert path.read_bytes() == before
    assert not (path.parent / "damaged").exists()


def test_a_ledger_that_has_grown_is_begun_anew_and_holds_all(tmp_path, monkeypatch):
    monkeypatch.setattr(ledgers, "LIVE_BYTES", 20_000)
    path = tmp_path / "state.db"
    database = Database(path)
    bases = set()
    for number in range(WRITES):
        database.write_blocking(*statements(number))
        bases.add(ledgers.inspect(path.with_suffix(".ledger")).base)
    database.close()
    assert len(bases) > 2
    path.unlink()
    assert found_in(path) == expected(WRITES)[0]


def test_a_refused_write_is_not_in_the_ledger_either(tmp_path):
    database = Database(tmp_path / "state.db")
    database.write_blocking(*statements(0))
    with pytest.raises(sqlite3.OperationalError):
        database.write_blocking(put_document("number", "bad", [1]), *_broken())
    database.write_blocking(*statements(1))
    database.close()
    (tmp_path / "state.db").unlink()
    assert found_in(tmp_path / "state.db") == expected(2)[0]


def _broken():
    from aca_notebook.emulator.journal.database import Statement

    yield Statement("INSERT INTO nowhere VALUES(1)")
