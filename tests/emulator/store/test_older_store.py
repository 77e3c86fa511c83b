"""A data folder that an emulator of this repository's early days wrote, opened by today's.

`before-versions.tar.gz` was made by running commit 761a6fa^ (no versions, no checksums, no generations of secrets): an
app with a secret and two revisions, a job, a second group, an image of the user's.
"""

from __future__ import annotations

import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from aca_notebook.emulator.journal.database import Database
from aca_notebook.emulator.journal.migrations import LATEST
from tests.emulator.running import running_emulator

ARCHIVE = Path(__file__).with_name("before-versions.tar.gz")


@pytest.fixture(name="older")
def _older(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            (folder / member.name).write_bytes(archive.extractfile(member).read())
    return folder


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_what_an_early_emulator_kept_is_there_and_can_be_changed(older):
    with running_emulator(older) as emulator:
        app = emulator.ask("GET", emulator.app_path()).json()
        assert app["tags"] == {"made": "long ago"}
        assert app["properties"]["latestRevisionName"] == "scorer--second"
        assert emulator.ask("POST", f"{emulator.app_path()}/listSecrets").json()["value"] == [
            {"name": "key", "value": "kept-canary"}
        ]
        revisions = emulator.ask("GET", f"{emulator.app_path()}/revisions").json()["value"]
        assert len(revisions) == 2
        subscription = emulator.group.rpartition("/resourceGroups")[0]
        assert emulator.ask("GET", f"{subscription}/resourceGroups/other").json()["tags"] == {"a": "b"}
        images = emulator.control("GET", "images").json()["value"]
        assert "docker.io/example/tool:1" in {image["image"] for image in images}
        assert emulator.control("GET", "status").json()["notices"] == []
        changed = emulator.ask("PATCH", emulator.app_path(), {"tags": {"made": "today"}})
        assert changed.status_code == 202, changed.text
        emulator.follow(changed)
        job = emulator.app_path("nightly").replace("containerApps", "jobs")
        started = emulator.ask("POST", f"{job}/start")
        assert started.status_code in {200, 202}, started.text
    with running_emulator(older) as emulator:
        assert emulator.ask("GET", emulator.app_path()).json()["tags"] == {"made": "today"}


def test_the_files_become_todays_and_copies_of_the_old_ones_lie_beside(older):
    with running_emulator(older):
        pass
    for name in ("state.db", "secrets.db"):
        assert version(older / name) == LATEST
        assert version(older / f"{name}.version-0") == 0
    with closing(sqlite3.connect(older / "secrets.db.version-0")) as copy:
        (key,) = copy.execute("SELECT key FROM documents").fetchone()
    assert key.count("|") == 1


def test_events_keep_their_numbers_and_gain_checksums(older):
    with closing(sqlite3.connect(older / "state.db")) as before:
        numbers = [number for (number,) in before.execute("SELECT sequence FROM events ORDER BY sequence")]
    database = Database(older / "state.db")
    try:
        assert [number for number, _ in database.events()] == numbers
        assert database.read_blocking("SELECT count(*) FROM events WHERE checksum IS NULL") == [(0,)]
    finally:
        database.close()


def test_a_migration_that_is_cut_off_leaves_the_old_file_and_is_done_the_next_time(older, monkeypatch):
    from aca_notebook.emulator.journal import migrations

    steps = (*migrations._STEPS[:-1], (*migrations._STEPS[-1], "INSERT INTO nowhere VALUES(1)"))
    monkeypatch.setattr(migrations, "_STEPS", steps)
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        Database(older / "state.db")
    assert version(older / "state.db") == 0
    monkeypatch.undo()
    Database(older / "state.db").close()
    assert version(older / "state.db") == LATEST
