"""One SQLite file, one writer: a write is on disk when `write` returns.

WAL with `synchronous=FULL`. Writes that wait together share one commit, so durability costs one fsync a batch and not
one a request. Each call to `write` is atomic: all of its statements or none.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal.events import Event, encode_event, read_events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS documents(
         kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY(kind, key)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS events(
         sequence INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL, app TEXT NOT NULL,
         body TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS events_by_app ON events(app, sequence)",
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement with its parameters."""

    sql: str
    parameters: tuple[Any, ...] = ()


def put_document(kind: str, key: str, body: Any) -> Statement:
    """Store a JSON document under `(kind, key)`, over what was there."""
    return Statement(
        "INSERT INTO documents VALUES(?, ?, ?) ON CONFLICT(kind, key) DO UPDATE SET body = excluded.body",
        (kind, key, json.dumps(body, separators=(",", ":"))),
    )


def delete_document(kind: str, key: str) -> Statement:
    """Remove the document under `(kind, key)`, if there is one."""
    return Statement("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))


def append_event(event: Event) -> Statement:
    """Append to the journal."""
    kind, body = encode_event(event)
    return Statement(
        "INSERT INTO events(at, kind, app, body) VALUES(?, ?, ?, ?)",
        (event.at.isoformat(), kind, event.app, body),
    )


class Database:
    """Owns the file, a writer thread and a reader connection; `close` ends all three."""

    def __init__(self, path: Path, *, schema: Sequence[str] = ()) -> None:
        self.path = path
        self._connection = _connect(path)
        for sql in (*_SCHEMA, *schema):
            self._connection.execute(sql)
        self._connection.commit()
        self._reader = _connect(path)
        self._reading = threading.Lock()
        self._batches: queue.SimpleQueue[tuple[Sequence[Statement], Future[None]] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_batches, name="journal-writer", daemon=True)
        self._writer.start()

    async def write(self, *statements: Statement) -> None:
        """Execute all statements in one transaction; on disk when this returns.

        Raises `sqlite3.Error` (a full disk is an `OperationalError`), and then nothing of it was stored.
        """
        await asyncio.wrap_future(self._submit(statements))

    def write_blocking(self, *statements: Statement) -> None:
        """`write` for start-up and for threads that have no event loop."""
        self._submit(statements).result()

    async def read(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query, off the event loop."""
        return await asyncio.to_thread(self.read_blocking, sql, parameters)

    def read_blocking(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """`read` for start-up."""
        with self._reading:
            return self._reader.execute(sql, parameters).fetchall()

    def documents(self, kind: str) -> dict[str, Any]:
        """Return all documents of a kind by key. For start-up: callers keep what they read in memory."""
        rows = self.read_blocking("SELECT key, body FROM documents WHERE kind = ?", (kind,))
        return {key: json.loads(body) for key, body in rows}

    def events(self, app: str = "", *, after: int = 0) -> list[tuple[int, Event]]:
        """Return `(sequence, event)` after a sequence number, of one app or of all, in order."""
        rows = self.read_blocking(
            "SELECT sequence, kind, body FROM events WHERE sequence > ? AND (? = '' OR app = ?) ORDER BY sequence",
            (after, app, app),
        )
        return list(read_events(rows))

    def close(self) -> None:
        """Write what is queued, end the thread, close the file."""
        self._batches.put(None)
        self._writer.join()
        self._connection.close()
        self._reader.close()

    def _submit(self, statements: Sequence[Statement]) -> Future[None]:
        done: Future[None] = Future()
        self._batches.put((statements, done))
        return done

    def _write_batches(self) -> None:
        stop = False
        while not stop:
            taken = [self._batches.get()]
            while not self._batches.empty():
                taken.append(self._batches.get())
            stop = None in taken
            # A caller that was cancelled before its turn gets nothing written; later it can no longer cancel.
            self._commit([b for b in taken if b is not None and b[1].set_running_or_notify_cancel()])

    def _commit(self, batches: Sequence[tuple[Sequence[Statement], Future[None]]]) -> None:
        """Commit together; if that fails, each by itself, so that one caller's bad write is its own."""
        if not batches:
            return
        try:
            with self._connection:
                for statements, _ in batches:
                    _execute(self._connection, statements)
        except Exception as failure:  # noqa: BLE001  # whatever it is goes to its caller; this thread must not end by it
            if len(batches) == 1:
                batches[0][1].set_exception(failure)
                return
            for batch in batches:
                self._commit([batch])
            return
        for _, done in batches:
            done.set_result(None)


def _execute(connection: sqlite3.Connection, statements: Sequence[Statement]) -> None:
    for statement in statements:
        connection.execute(statement.sql, statement.parameters)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, timeout=30)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection
