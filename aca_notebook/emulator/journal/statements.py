"""What is written: SQL statements with their parameters, and the checksums that rows carry."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal.events import Event, encode_event

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement with its parameters."""

    sql: str
    parameters: tuple[Any, ...] = ()


def put_document(kind: str, key: str, body: Any) -> Statement:
    """Store a JSON document under `(kind, key)`, over what was there."""
    return Statement(
        "INSERT INTO documents(kind, key, body, checksum) VALUES(?1, ?2, ?3, checksum(?1, ?2, ?3)) "
        "ON CONFLICT(kind, key) DO UPDATE SET body = excluded.body, checksum = excluded.checksum",
        (kind, key, json.dumps(body, separators=(",", ":"))),
    )


def delete_document(kind: str, key: str) -> Statement:
    """Remove the document under `(kind, key)`, if there is one."""
    return Statement("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))


def append_event(event: Event) -> Statement:
    """Append to the journal."""
    kind, body = encode_event(event)
    return Statement(
        "INSERT INTO events(at, kind, app, body, checksum) VALUES(?1, ?2, ?3, ?4, checksum(?1, ?2, ?3, ?4))",
        (event.at.isoformat(), kind, event.app, body),
    )


def checksum(*texts: str) -> int:
    """Return what a row carries so that a flipped bit in it is noticed: SQLite checks the shape of pages, no more."""
    return zlib.crc32("\0".join(texts).encode("utf-8", "surrogatepass"))


def is_intact(expected: int | None, *texts: Any) -> bool:
    """Tell whether a row is what was written; one without a checksum is taken at its word."""
    return all(isinstance(text, str) for text in texts) and expected in {None, checksum(*texts)}


def register_checksum(connection: sqlite3.Connection) -> None:
    """Let the connection's SQL call `checksum`."""
    connection.create_function("checksum", -1, checksum, deterministic=True)
