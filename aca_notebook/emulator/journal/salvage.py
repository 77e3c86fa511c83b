"""What can still be read of a damaged database that has no ledger: its sound documents, and events up to the damage."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal.migrations import LATEST, migrate, version_of
from aca_notebook.emulator.journal.statements import is_intact, register_checksum

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def salvage(damaged: Path, fresh: sqlite3.Connection, schema: Sequence[str]) -> str:
    """Write what can be read of `damaged` into `fresh`, which is empty; returns a sentence about it."""
    read: dict[str, list[tuple[Any, ...]]] = {"documents": [], "events": []}
    version = LATEST
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(damaged)) as connection:
        register_checksum(connection)
        version = min(version_of(connection), LATEST)
        # From both ends: a damaged page hides what lies behind it.
        both = [*_sound(connection, "documents", "kind, key"), *_sound(connection, "documents", "kind DESC, key DESC")]
        read["documents"] = list({(row[0], row[1]): row for row in both}.values())
        read["events"] = list(_sound(connection, "events", "sequence"))
    migrate(fresh, to=version)
    for table, rows in read.items():
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            fresh.executemany(f"INSERT INTO {table} VALUES({marks})", rows)  # one of our two tables
    fresh.commit()
    migrate(fresh, schema=schema)
    return f"What could be read of it was kept: {len(read['documents'])} documents, {len(read['events'])} events"


def _sound(connection: sqlite3.Connection, table: str, order: str) -> Iterator[tuple[Any, ...]]:
    """Yield rows until the damage; documents that are not what was written are left out, events end there."""
    with suppress(sqlite3.DatabaseError):
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608  # our own words
        names = [column[0] for column in rows.description]
        for row in rows:
            held = dict(zip(names, row, strict=True))
            expected = held.pop("checksum", None)
            held.pop("sequence", None)
            if is_intact(expected, *held.values()):
                yield row
            elif table == "events":
                return
