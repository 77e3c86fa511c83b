"""Opens a store whatever state its files are in: checks, repairs from the ledger, migrates, and says what it did.

Damaged files are put aside in `damaged/N`, never deleted. A crash in the middle of all this leaves files from which
the next start comes to the same end.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal import ledger as ledgers
from aca_notebook.emulator.journal.ledger import Contents, Ledger, UnreadableLedger
from aca_notebook.emulator.journal.migrations import LATEST, NewerStore, back_up, migrate, version_of
from aca_notebook.emulator.journal.salvage import salvage
from aca_notebook.emulator.journal.statements import is_intact, register_checksum
from aca_notebook.emulator.settings import synchronise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

#: So many of the newest events are checked at a start; older ones where they are read.
_CHECKED_EVENTS = 5000
_WHOLLY_CHECKED_BYTES = 32 * 2**20
_SHOWN_DOCUMENTS = 20
_REFUSED = {
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that may be read and written. `notices` are sentences about what was found damaged and done."""

    connection: sqlite3.Connection
    ledger: Ledger
    notices: tuple[str, ...] = ()


def open_store(path: Path, schema: Sequence[str] = ()) -> Opened:
    """Open the store at `path`, made when there is none; `schema` are further tables.

    Raises `NewerStore` for a file of a later version, and `sqlite3.Error` or `OSError` when the disk does not allow it.
    """
    ledger_path = path.with_suffix(".ledger")
    _finish_mending(path)
    contents, unreadable = _inspect(ledger_path)
    connection, trouble = _look(path, expected=contents is not None)
    notices = []
    if connection is None:
        notices.append(_mend(path, contents, unreadable, schema, trouble))
        contents, unreadable = None, ""  # begun anew below
        connection = connect(path)
    try:
        if version_of(connection) < LATEST:
            if _has_tables(connection):
                logger.info("%s becomes version %d; a copy is %s", path, LATEST, back_up(connection, path))
            contents = None
        migrate(connection, schema=schema)
        ledger, notice = _follow(connection, ledger_path, contents, unreadable)
    except BaseException:
        connection.close()
        raise
    notices += [notice] if notice else []
    for each in notices:
        logger.warning("%s", each)
    return Opened(connection, ledger, tuple(notices))


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection as all of ours are: write-ahead log, every commit synchronised with the disk."""
    connection = sqlite3.connect(path, check_same_thread=False, timeout=30)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    register_checksum(connection)
    return connection


def damaged_place(folder: Path) -> Path:
    """Make and return the next folder for damaged files."""
    for number in itertools.count(1):
        place = folder / "damaged" / str(number)
        if not place.exists():
            place.mkdir(parents=True, mode=0o700)
            return place
    raise AssertionError  # numbers do not end


def _inspect(path: Path) -> tuple[Contents | None, str]:
    """Return what the ledger holds, or None and why it cannot be read."""
    try:
        return ledgers.inspect(path), ""
    except FileNotFoundError:
        return None, "it is missing"
    except UnreadableLedger as damaged:
        return None, str(damaged)


def _look(path: Path, *, expected: bool) -> tuple[sqlite3.Connection | None, str]:
    """Connect to a database after reading all of its pages; None and what is wrong with it when it is damaged.

    Raises `NewerStore`, which is no damage.
    """
    # SQLite makes a file before its write-ahead log: a log alone tells of a file that was there.
    known = expected or _holds_something(path.with_name(f"{path.name}-wal"))
    if known and not _holds_something(path):
        return None, "it is empty" if path.exists() else "it is missing"
    connection = None
    try:
        connection = connect(path)
        version = version_of(connection)
        trouble = _check(connection, expected=expected) if version <= LATEST else ""
    except sqlite3.DatabaseError as damaged:
        version, trouble = 0, str(damaged)
        # A disk that is full or may not be written is no damage: putting files aside would not help.
        if getattr(damaged, "sqlite_errorcode", 0) & 0xFF in _REFUSED:
            _close(connection)
            raise
    if connection is not None and not trouble and version <= LATEST:
        return connection, ""
    _close(connection)
    if version > LATEST:
        raise NewerStore(path, version)
    return None, trouble


def _check(connection: sqlite3.Connection, *, expected: bool) -> str:
    """Say what is wrong, if anything. Tables are `expected` where there is a ledger of them."""
    ((size,),) = connection.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchall()
    # The quick one does not compare indexes with tables, and takes a third of the time: 0.2 s for 128 MB.
    check = "integrity_check" if size <= _WHOLLY_CHECKED_BYTES else "quick_check"
    problems = connection.execute(f"PRAGMA {check}(3)").fetchall()
    if problems != [("ok",)]:
        return "; ".join(str(text).replace("\n", " ") for (text,) in problems)[:300]
    if expected and not _has_tables(connection):
        return "its tables are gone"
    return _changed_rows(connection) if version_of(connection) == LATEST else ""


def _holds_something(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        connection.close()


def _changed_rows(connection: sqlite3.Connection) -> str:
    """Look for rows that are not what was written."""
    if connection.execute("SELECT count(*) FROM written").fetchone() != (1,):
        return "the row that counts its writes is gone"
    for kind, key, body, expected in connection.execute("SELECT kind, key, body, checksum FROM documents"):
        if not is_intact(expected, kind, key, body):
            return f"the document {kind} {key} is not what was written"
    newest = connection.execute(
        "SELECT at, kind, app, body, checksum FROM events ORDER BY sequence DESC LIMIT ?", (_CHECKED_EVENTS,)
    )
    for at, kind, app, body, expected in newest:
        if not is_intact(expected, at, kind, app, body):
            return f"an event {kind} of {app} is not what was written"
    for table in _others(connection):
        connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608  # raises for text that is none
    return ""


def _others(connection: sqlite3.Connection) -> list[str]:
    """The further tables that hold text; they carry no checksums."""
    listed = connection.execute(
        "SELECT DISTINCT tables.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns "
        "WHERE tables.type = 'table' AND columns.type = 'TEXT' AND tables.name NOT IN ('documents', 'events')"
    )
    return [name for (name,) in listed.fetchall()]


def _mend(path: Path, contents: Contents | None, unreadable: str, schema: Sequence[str], trouble: str) -> str:
    """Make a damaged database again, from the ledger or from what can be read; say so."""
    draft, mended = path.with_name(f".{path.name}.new"), _mended(path)
    ledger_path = path.with_suffix(".ledger")
    for left in _with_companions(draft):
        left.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    with closing(sqlite3.connect(draft)) as fresh:
        register_checksum(fresh)
        if contents is None:
            outcome = f"{salvage(path, fresh, schema)}; there was no ledger to make it again from ({unreadable})"
        else:
            outcome = _replay_all(fresh, ledger_path, contents, schema)
    synchronise(draft)
    draft.replace(mended)
    place = _finish_mending(path)
    if ledger_path.exists() and (contents is None or contents.lost_commits):
        os.link(ledger_path, place / ledger_path.name)  # it is begun anew, over this name
    return f"{path.name} was damaged ({trouble}). {outcome}. The damaged files are in {place}"


def _finish_mending(path: Path) -> Path:
    """Put damaged files aside and the mended one in their place, if there is one; a crash may come in between."""
    mended = _mended(path)
    if not mended.exists():
        return path.parent
    place = damaged_place(path.parent)
    for damaged in _with_companions(path):
        if damaged.exists():
            damaged.rename(place / damaged.name)
    mended.replace(path)
    synchronise(path.parent)
    return place


def _mended(path: Path) -> Path:
    return path.with_name(f"{path.name}.mended")


def _replay_all(connection: sqlite3.Connection, path: Path, contents: Contents, schema: Sequence[str]) -> str:
    migrate(connection, to=contents.version, schema=schema)
    try:
        based = _replay(connection, ledgers.entries(path))
    except UnreadableLedger as damaged:
        return (
            f"It was made again from {path.name} as far as that could be read ({damaged}); what came later is dropped"
        )
    if not contents.damage and based == contents.position:
        return f"It was made again from {path.name}; nothing was dropped"
    count = contents.lost_commits
    lost = f"{count} or more later writes" if count else "what was written later"
    return f"It was made again from {path.name} up to write {based}. Dropped: {lost}{_named(contents.lost)}"


def _replay(connection: sqlite3.Connection, entries: Iterable[ledgers.Entry]) -> int:
    """Execute entries in one transaction; returns the position reached. One that fails ends it.

    Only the last one can fail: its commit was refused, and the emulator ended before it was taken back.
    """
    position = 0
    connection.execute("BEGIN IMMEDIATE")
    try:
        for entry in entries:
            connection.execute("SAVEPOINT entry")
            try:
                for sql, rows in entry.work:
                    _execute(connection, sql, rows)
            except sqlite3.Error as refused:
                logger.warning("write %d is left out, for it was refused: %s", entry.position, refused)
                connection.execute("ROLLBACK TO entry")
                break
            connection.execute("RELEASE entry")
            position = entry.position
    finally:
        if position:
            connection.execute("UPDATE written SET position = ?", (position,))
        connection.commit()
    return position


def _execute(connection: sqlite3.Connection, sql: str, rows: list[list[Any]]) -> None:
    try:
        connection.executemany(sql, rows)
    except sqlite3.OperationalError as failure:
        if "no such table" not in str(failure):
            raise
        logger.warning("what a later version wrote is left out: %s", failure)


def _follow(
    connection: sqlite3.Connection, path: Path, contents: Contents | None, unreadable: str
) -> tuple[Ledger, str]:  # fmt: skip
    """Bring database and ledger to the same write; returns the ledger and what is to be told."""
    ((written,),) = connection.execute("SELECT position FROM written").fetchall()
    notice = ""
    if contents is None or contents.version != LATEST:
        if path.exists() and unreadable:
            notice = _put_ledger_aside(path, unreadable)
        elif written and unreadable:
            notice = f"{path.name}, the second copy of every write, was gone; it was begun anew from the database"
        return Ledger.begin(path, connection, written), notice
    if contents.lost_commits:
        notice = _put_ledger_aside(path, contents.damage)
    if contents.position > written:
        # One may be in the ledger alone: the emulator was killed between the two. More were lost by the database.
        place = _put_log_aside(path) if contents.position > written + 1 else None
        reached = _replay(connection, ledgers.entries(path, after=written))
        if place:
            name = path.with_suffix(".db").name
            notice = f"{name} had lost its last {reached - written} writes; {path.name} had them all, and nothing was "
            notice += f"dropped. What was left of its write-ahead log is in {place}"
        written = max(written, reached)
    if contents.position != written or contents.lost_commits:
        return Ledger.begin(path, connection, written), notice
    return Ledger.resume(path, contents), notice


def _put_log_aside(ledger_path: Path) -> Path:
    """Copy a write-ahead log that lacks acknowledged writes, before anything is written over it."""
    place = damaged_place(ledger_path.parent)
    log = ledger_path.with_suffix(".db-wal")
    if log.exists():
        shutil.copyfile(log, place / log.name)
    return place


def _put_ledger_aside(path: Path, damage: str) -> str:
    place = damaged_place(path.parent)
    os.link(path, place / path.name)
    return f"{path.name}, the second copy of every write, was damaged ({damage}); nothing was dropped. It is in {place}"


def _named(lost: Sequence[tuple[str, str]]) -> str:
    shown = [f"{kind.removeprefix('arm:')} {key}" for kind, key in lost[:_SHOWN_DOCUMENTS]]
    more = len(lost) - len(shown)
    return (": " + ", ".join(shown) + (f" and {more} more" if more else "")) if shown else ""


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,))


def _with_companions(path: Path) -> list[Path]:
    return [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))]
