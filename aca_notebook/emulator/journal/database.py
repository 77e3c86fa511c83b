"""One SQLite file, one writer: a write is on disk when `write` returns.

WAL with `synchronous=FULL`. Writes that wait together share one commit, so durability costs one fsync a batch and not
one a request. Each call to `write` is atomic: all of its statements or none. A ledger beside the file holds every
commit a second time (see `ledger`), and opening it is a matter of its own (see `opening`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import sqlite3
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal.events import Event, read_events
from aca_notebook.emulator.journal.ledger import Ledger
from aca_notebook.emulator.journal.opening import connect, open_store
from aca_notebook.emulator.journal.statements import (
    Statement,
    append_event,
    delete_document,
    is_intact,
    put_document,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["Database", "Statement", "append_event", "delete_document", "put_document"]

logger = logging.getLogger(__name__)


class Database:
    """Owns the file, its ledger, a writer thread and a reader connection; `close` ends them all.

    `notices` are sentences about what was found damaged, and what was done about it. Raises `NewerStore` for a file
    that a later version wrote.
    """

    def __init__(self, path: Path, *, schema: Sequence[str] = ()) -> None:
        self.path = path
        opened = open_store(path, schema)
        self.notices = opened.notices
        self._connection, self._ledger = opened.connection, opened.ledger
        self._reader = connect(path)
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
            "SELECT sequence, at, kind, app, body, checksum FROM events WHERE sequence > ? AND (? = '' OR app = ?) "
            "ORDER BY sequence",
            (after, app, app),
        )
        return list(read_events(_intact(rows)))

    def close(self) -> None:
        """Write what is queued, end the thread, close the file."""
        self._batches.put(None)
        self._writer.join()
        self._ledger.close()
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
            self._write_twice([statement for statements, _ in batches for statement in statements])
        except Exception as failure:  # noqa: BLE001  # whatever it is goes to its caller; this thread must not end by it
            if len(batches) == 1:
                batches[0][1].set_exception(failure)
                return
            for batch in batches:
                self._commit([batch])
            return
        for _, done in batches:
            done.set_result(None)

    def _write_twice(self, statements: Sequence[Statement]) -> None:
        """Commit statements, the ledger first: it may be ahead of the database by one commit, never behind."""
        if not statements:
            return
        if self._ledger.overgrown:
            self._begin_ledger()
        try:
            self._ledger.append(statements)
        except OSError as full:
            raise sqlite3.OperationalError(str(full)) from full
        except TypeError as odd:
            raise sqlite3.InterfaceError(str(odd)) from odd
        try:
            with self._connection:
                for statement in statements:
                    self._connection.execute(statement.sql, statement.parameters)
                self._connection.execute("UPDATE written SET position = ?", (self._ledger.position + 1,))
        except BaseException:
            self._ledger.undo()
            raise
        self._ledger.kept()

    def _begin_ledger(self) -> None:
        try:
            ledger = Ledger.begin(self._ledger.path, self._connection, self._ledger.position)
        except (OSError, sqlite3.Error) as refused:
            logger.warning("%s could not be begun anew and goes on: %s", self._ledger.path.name, refused)
            return
        self._ledger.close()
        self._ledger = ledger


def _intact(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, str, str]]:
    """Yield sequence, kind and body of the events that are what was written; the others are logged."""
    for sequence, at, kind, app, body, expected in rows:
        if is_intact(expected, at, kind, app, body):
            yield sequence, kind, body
        else:
            logger.warning("journal event %s is not what was written, and is left out", sequence)
