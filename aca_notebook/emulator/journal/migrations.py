"""The versions of a store's tables, and how one becomes the next.

The number stands in the file (`PRAGMA user_version`). All steps that a file lacks are taken in one transaction, after
a copy of it was put beside it; a file of a later version is refused as it is.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: The statements at index N make version N + 1 of version N. What is listed here is never changed, only added to.
_STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE IF NOT EXISTS documents(
             kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY(kind, key)) WITHOUT ROWID""",
        """CREATE TABLE IF NOT EXISTS events(
             sequence INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL, app TEXT NOT NULL,
             body TEXT NOT NULL)""",
        "CREATE INDEX IF NOT EXISTS events_by_app ON events(app, sequence)",
    ),
    # Values of secrets have a generation, between owner and name: those written before there were any have none.
    (
        """UPDATE documents SET key = replace(key, '|', '||')
           WHERE kind = 'secret' AND length(key) - length(replace(key, '|', '')) = 1""",
    ),
    # Rows carry a checksum, and the file says up to which write of the ledger it holds.
    (
        "ALTER TABLE documents ADD COLUMN checksum INTEGER",
        "ALTER TABLE events ADD COLUMN checksum INTEGER",
        "UPDATE documents SET checksum = checksum(kind, key, body)",
        "UPDATE events SET checksum = checksum(at, kind, app, body)",
        "CREATE TABLE written(only INTEGER PRIMARY KEY CHECK(only = 1), position INTEGER NOT NULL)",
        "INSERT INTO written VALUES(1, 0)",
    ),
)

LATEST = len(_STEPS)


class NewerStore(Exception):
    """A later version wrote the file; `str` is the sentence to show."""

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(
            f"a newer aca_notebook wrote {path}: its version is {version}, this one knows {LATEST}. "
            "Install the newer one again, or set ACA_NOTEBOOK_HOME to another folder"
        )


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of a file; 0 for one with no table, or from before versions were counted."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, *, to: int = LATEST, schema: Sequence[str] = ()) -> None:
    """Bring the tables to a version, all steps or none; `schema` are the tables of others, made where missing.

    `checksum` must be registered. Raises `sqlite3.Error`.
    """
    present = version_of(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in _STEPS[present:to]:
            for sql in step:
                connection.execute(sql)
        for sql in schema:
            connection.execute(sql)
        if present < to:
            connection.execute(f"PRAGMA user_version = {to}")
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def back_up(connection: sqlite3.Connection, path: Path) -> Path:
    """Copy a file that is about to be migrated, beside it; returns the copy. An unfinished one is written over."""
    copy = path.with_name(f"{path.name}.version-{version_of(connection)}")
    draft = copy.with_name(f".{copy.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    written = sqlite3.connect(draft)
    try:
        connection.backup(written)
    finally:
        written.close()
    draft.replace(copy)
    return copy
