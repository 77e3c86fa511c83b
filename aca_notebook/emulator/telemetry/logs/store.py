"""The lines that are kept, in one DuckDB file; how far a source is read is written with its lines: none comes twice."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.telemetry.logs.kql import Answer, Kql
from aca_notebook.emulator.telemetry.logs.lines import KEEP_MEMBERS, KEEP_OUTPUT, LAST_MOMENT, READ_OUTPUT, Source
from aca_notebook.emulator.telemetry.logs.tables import CONSOLE, SCHEMA, SYSTEM, TABLES, Form, quoted
from aca_notebook.emulator.telemetry.traces import tables as items

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from aca_notebook.emulator.telemetry.logs.lines import Destination
    from aca_notebook.emulator.telemetry.system import SystemLine

logger = logging.getLogger(__name__)

KEEP_DAYS = 31
_MEMORY = "512MB"
_MOST_MEMBERS = 200
_SYSTEM_COLUMNS = {
    "moment": "TIMESTAMP", "workspace": "VARCHAR", "form": "VARCHAR", "resource": "VARCHAR", "environment": "VARCHAR",
    "location": "VARCHAR", "app": "VARCHAR", "job": "VARCHAR", "revision": "VARCHAR", "replica": "VARCHAR",
    "execution": "VARCHAR", "reason": "VARCHAR", "type": "VARCHAR", "source": "VARCHAR", "log": "VARCHAR",
    "sequence": "BIGINT", "received": "TIMESTAMP",
}  # fmt: skip
#: Rows come as one JSON text: taken one by one they cost DuckDB milliseconds each.
_KEEP_SYSTEM = f"""
INSERT INTO {SYSTEM} SELECT {", ".join(f"r.{name}" for name in _SYSTEM_COLUMNS)}
FROM (SELECT unnest(from_json($rows::JSON, '{json.dumps([_SYSTEM_COLUMNS])}')) AS r)
"""  # noqa: S608  # constants


@dataclass(slots=True)
class Reading:
    """How far a source was read: the file's inode, the bytes, the moment of the last line in microseconds."""

    source: Source
    inode: int = 0
    position: int = 0
    last: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class SystemRow:
    """One line of the system log and where it goes."""

    sequence: int
    resource: str
    line: SystemLine
    is_job: bool
    destination: Destination


@dataclass(frozen=True, slots=True)
class Question:
    """A query of workspaces over a time, of one resource alone when it is named (its id in lower case).

    Lines received after `until` are not there yet.
    """

    query: str
    workspaces: tuple[str, ...]
    resource: str
    first: datetime
    end: datetime
    until: datetime
    now: datetime
    most_rows: int


class LogStore:
    """Owns the file. Its methods block: they are for threads, and each may be called from any."""

    def __init__(self, path: Path) -> None:
        import duckdb  # heavy, and most emulators that only serve documents never need it

        self._path = path
        try:
            self._connection = _open(path)
        except duckdb.Error as damaged:
            aside = path.with_name(f"{path.name}.damaged")
            logger.warning("the logs that were kept cannot be read and lie in %s now: %s", aside, damaged)
            path.replace(aside)
            path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
            self._connection = _open(path)
        self._writing = threading.Lock()

    def close(self) -> None:
        """Write everything into the file and close it."""
        self._connection.close()

    def readings(self) -> list[Reading]:
        """Return how far each source was read that has not ended."""
        rows = self._connection.cursor().execute(
            "SELECT details, inode, position, last, ended FROM sources WHERE NOT ended"
        )
        return [Reading(Source.decode(row[0]), *row[1:]) for row in rows.fetchall()]

    def journal_read(self) -> int:
        """Return the number of the last journal event that was taken in."""
        row = self._connection.cursor().execute("SELECT max(sequence) FROM journal_read").fetchone()
        return int(row[0] or 0) if row else 0

    def add_output(self, reading: Reading, raw: bytes, received: datetime) -> None:
        """Keep whole lines of a source together with how far it is read now; `reading.last` moves on."""
        source = reading.source
        text = raw.decode("utf-8", "replace").removesuffix("\n")
        values = source.parameters() | {"received": _naive(received), "last": reading.last, "raw": text}
        with self._transaction() as write:
            write.execute(READ_OUTPUT, values)
            write.execute(KEEP_OUTPUT)
            row = write.execute(LAST_MOMENT).fetchone()
            reading.last = int(row[0]) if row else reading.last
            if source.destination.dynamic_json:
                write.execute(KEEP_MEMBERS, {"workspace": source.destination.workspace})
            _note(write, reading)

    def go_on(self, reading: Reading) -> None:
        """Remember that a source is read on in another file."""
        with self._transaction() as write:
            _note(write, reading)

    def end_output(self, reading: Reading) -> None:
        """Remember that a source was read to its end."""
        reading.ended = True
        with self._transaction() as write:
            _note(write, reading)

    def add_system(self, rows: Sequence[SystemRow], begun: Sequence[Reading], until: int, received: datetime) -> None:
        """Keep lines of the system log, the sources that begin, and how far the journal is read now."""
        with self._transaction() as write:
            if rows:
                said = json.dumps([_system_values(row, received) for row in rows], ensure_ascii=False)
                # Half a surrogate pair is no text, and must not keep the lines after it out.
                write.execute(_KEEP_SYSTEM, {"rows": said.encode(errors="replace").decode()})
            for reading in begun:
                _note(write, reading)
            write.execute("DELETE FROM journal_read")
            write.execute("INSERT INTO journal_read VALUES (?)", (until,))

    def write(self, sql: str, values: dict[str, Any]) -> None:
        """Run one statement that writes; all of it is on the disk when this returns, or nothing."""
        with self._transaction() as write:
            write.execute(sql, values)

    def forget(self, now: datetime, keep_days: int = KEEP_DAYS) -> None:
        """Remove lines older than `keep_days`, and what is remembered of sources that ended before."""
        before = _naive(now) - timedelta(days=keep_days)
        with self._transaction() as write:
            for table in (CONSOLE, SYSTEM, items.ITEMS):
                write.execute(f"DELETE FROM {table} WHERE moment < ?", (before,))  # noqa: S608  # constants
            write.execute("DELETE FROM sources WHERE ended AND last < epoch_us(?::TIMESTAMP)", (before,))

    def ask(self, question: Question, started: Callable[[Callable[[], None]], None]) -> Answer:
        """Run a query; `started` is given what interrupts it from another thread.

        Raises `QueryRefused` for a query that cannot be run, `duckdb.InterruptException` for one that was interrupted.
        """
        cursor = self._connection.cursor()
        started(cursor.interrupt)
        try:
            tables: dict[str, list[str]] = {}
            for table in (*TABLES, *(items.APP_TABLES if items.asks_of_items(question.query) else ())):
                columns = dict(table.columns)
                if table.of == CONSOLE and table.form is Form.CUSTOM:
                    columns = self._members(cursor, question.workspaces) | columns
                cursor.execute(f"CREATE TEMP VIEW {quoted(table.name)} AS {table.sql(columns, _where(question))}")
                tables[table.name] = list(columns)
            return Kql(cursor, tables, question.now).run(question.query, question.most_rows)
        finally:
            cursor.close()

    def _members(self, cursor: DuckDBPyConnection, workspaces: tuple[str, ...]) -> dict[str, str]:
        """Return a column for each member of JSON lines: `level_s`, `seconds_d`, `ok_b`."""
        found = cursor.execute(
            "SELECT DISTINCT name, kind FROM json_members WHERE list_contains(?, workspace) ORDER BY ALL LIMIT ?",
            (list(workspaces), _MOST_MEMBERS),
        ).fetchall()
        types = {"s": "VARCHAR", "d": "DOUBLE", "b": "BOOLEAN"}
        return {
            f"{name}_{kind}": f"TRY_CAST(CASE WHEN starts_with(log, '{{') AND json_valid(log) "
            f"THEN log ->> {_literal('$.' + json.dumps(name))} END AS {types[kind]})"
            for name, kind in found
        }

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection.cursor(), self._writing)


class _Transaction:
    """One writer at a time; all of it or nothing."""

    def __init__(self, cursor: DuckDBPyConnection, lock: threading.Lock) -> None:
        self._cursor = cursor
        self._lock = lock

    def __enter__(self) -> DuckDBPyConnection:
        self._lock.acquire()
        self._cursor.begin()
        return self._cursor

    def __exit__(self, kind: object, failure: object, trace: object) -> None:
        try:
            if failure is None:
                self._cursor.commit()
            else:
                self._cursor.rollback()
            self._cursor.close()
        finally:
            self._lock.release()


def _open(path: Path) -> DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(str(path), config={"memory_limit": _MEMORY, "threads": 2})
    path.chmod(0o600)
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    for sql in (*SCHEMA, *items.SCHEMA):
        connection.execute(sql)
    connection.execute("SET enable_external_access = false")  # a query reads the tables and nothing of the disk
    connection.execute("SET lock_configuration = true")
    return connection


def _note(write: DuckDBPyConnection, reading: Reading) -> None:
    source = reading.source
    write.execute(
        "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?, ?)",
        (source.path, source.encode(), reading.inode, reading.position, reading.last, reading.ended),
    )


def _system_values(row: SystemRow, received: datetime) -> dict[str, Any]:
    line, to = row.line, row.destination
    app, job = (None, line.app) if row.is_job else (line.app, None)
    revision, execution = (None, line.revision) if row.is_job else (line.revision or None, None)
    values = (
        _naive(line.at).isoformat(), to.workspace, to.form, row.resource, to.environment, to.location, app, job,
        revision, line.replica or None, execution, line.reason, line.type, line.source, line.message, row.sequence,
        _naive(received).isoformat(),
    )  # fmt: skip
    return dict(zip(_SYSTEM_COLUMNS, values, strict=True))


def _where(question: Question) -> str:
    """Return the condition on lines, as text: a view cannot have parameters."""
    workspaces = ", ".join(map(_literal, question.workspaces)) or "NULL"
    only = f" AND resource = {_literal(question.resource)}" if question.resource else ""
    return (
        f"workspace IN ({workspaces}){only} AND moment >= {_moment(question.first)} "
        f"AND moment < {_moment(question.end)} AND received <= {_moment(question.until)}"
    )


def _moment(at: datetime) -> str:
    return f"TIMESTAMP '{_naive(at):%Y-%m-%d %H:%M:%S.%f}'"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _naive(at: datetime) -> datetime:
    return at.replace(tzinfo=None)
