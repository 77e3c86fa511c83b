"""Every write a second time, in a file of its own: what a damaged database is made again from.

A header, then entries: length, CRC-32 and position, then SQL and parameters as JSON. First comes the base, the rows of
the database when the ledger was last begun anew; then each commit, in order, positions going up by one. An entry is
written before its commit and cut off again when that fails, so the ledger is never behind what was acknowledged. It is
not synchronised with the disk at each commit: the database is. After a loss of power its tail may be missing, which
the next start makes good from the database; only when both are damaged is anything lost, and then all after the first
entry that cannot be read.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal.migrations import LATEST

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from aca_notebook.emulator.journal.statements import Statement

_MAGIC = b"aca-ledger 1\n"
#: Version of the tables, position of the base, offset at which the base ends.
_HEADER = struct.Struct("<IQQI")  #: and the CRC-32 of these three
_ENTRY = struct.Struct("<IIQ")
_START = len(_MAGIC) + _HEADER.size
_ROWS_AN_ENTRY = 500
_LOOK_AHEAD = 100  #: so many damaged commits in a row are looked past, to tell what is lost
#: Commits may take so much before the ledger is begun anew, or half of what its base takes.
LIVE_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit, or a few hundred rows of one table of the base: each SQL with the rows of its parameters."""

    position: int
    end: int
    work: tuple[tuple[str, list[list[Any]]], ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a ledger says: `position` is its last good commit, `end` where that ends.

    `damage` is empty, or says what is wrong behind `end`; `lost` are the documents that commits there wrote, as far as
    they can be made out, and how many commits they are.
    """

    version: int
    base: int
    base_end: int
    position: int
    end: int
    damage: str = ""
    lost: tuple[tuple[str, str], ...] = ()
    lost_commits: int = 0


class UnreadableLedger(Exception):
    """Its header or its base cannot be read; `str` says why."""


def inspect(path: Path) -> Contents:
    """Look through the commits of a ledger; its base is left for `entries`.

    Raises `UnreadableLedger`, and `FileNotFoundError` when there is none.
    """
    content = path.read_bytes()
    version, base, base_end = _header(content)
    position, end = base, base_end
    for found in _live(content, base_end):
        if found.position != position + 1:
            break
        position, end = found.position, found.end
    if end == len(content) or not content[end:].strip(b"\0"):
        return Contents(version, base, base_end, position, end)
    lost = tuple(_behind(content, end, position))
    documents = dict.fromkeys(pair for entry in lost for pair in _documents(entry))
    return Contents(
        version, base, base_end, position, end, f"an entry at byte {end} cannot be read", tuple(documents), len(lost)
    )


def entries(path: Path, after: int | None = None) -> Iterator[Entry]:
    """Yield the good entries in order, the base's first; with `after`, only commits behind that position.

    Raises `UnreadableLedger` when it comes to damage in the base.
    """
    content = path.read_bytes()
    _, base, base_end = _header(content)
    if after is None:
        offset = _START
        while offset < base_end:
            entry = _entry(content, offset)
            if entry is None:
                raise UnreadableLedger(f"its base is damaged at byte {offset}")
            yield entry
            offset = entry.end
    position = base
    for entry in _live(content, base_end):
        if entry.position != position + 1:
            return
        position = entry.position
        if after is None or position > after:
            yield entry


class Ledger:
    """One that is written to: `begin` a new one or `resume` one; `close` synchronises it with the disk."""

    def __init__(self, path: Path, *, position: int, base_end: int, end: int) -> None:
        self.path = path
        self.position = position
        self._base_end = base_end
        self._end = end
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        os.ftruncate(self._file, end)
        os.lseek(self._file, end, os.SEEK_SET)

    @classmethod
    def resume(cls, path: Path, contents: Contents) -> Ledger:
        """Go on where its last good commit ends."""
        return cls(path, position=contents.position, base_end=contents.base_end, end=contents.end)

    @classmethod
    def begin(cls, path: Path, connection: sqlite3.Connection, position: int) -> Ledger:
        """Write one whose base are the rows that `connection` reads, over what was there, in one step."""
        draft = path.with_name(f".{path.name}.new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        with draft.open("r+b") as file:
            file.write(_MAGIC + bytes(_HEADER.size))
            for work in _dump(connection):
                file.write(_pack(position, work))
            base_end = file.tell()
            file.seek(len(_MAGIC))
            head = struct.pack("<IQQ", LATEST, position, base_end)
            file.write(head + struct.pack("<I", zlib.crc32(head)))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        return cls(path, position=position, base_end=base_end, end=base_end)

    @property
    def overgrown(self) -> bool:
        """Whether its commits take more room than they are worth."""
        return self._end - self._base_end > max(LIVE_BYTES, self._base_end // 2)

    def append(self, statements: Iterable[Statement]) -> None:
        """Write the next commit, as position `position + 1`; follow with `kept` or `undo`.

        Raises `OSError`, and then nothing of it is there.
        """
        packed = _pack(self.position + 1, [(each.sql, [list(each.parameters)]) for each in statements])
        written = os.write(self._file, packed)  # all, some when the disk is full, or an error and nothing
        if written < len(packed):
            self.undo()
            raise OSError(f"only {written} of {len(packed)} bytes could be written to {self.path.name}")

    def kept(self) -> None:
        """What was appended is committed."""
        self.position += 1
        self._end = os.lseek(self._file, 0, os.SEEK_CUR)

    def undo(self) -> None:
        """What was appended is not committed: cut it off."""
        os.ftruncate(self._file, self._end)
        os.lseek(self._file, self._end, os.SEEK_SET)

    def close(self) -> None:
        """Synchronise it with the disk and close it."""
        os.fsync(self._file)
        os.close(self._file)


def _header(content: bytes) -> tuple[int, int, int]:
    if not content.startswith(_MAGIC) or len(content) < _START:
        raise UnreadableLedger("it does not begin as a ledger does")
    version, base, base_end, crc = _HEADER.unpack_from(content, len(_MAGIC))
    if zlib.crc32(content[len(_MAGIC) : _START - 4]) != crc or base_end > len(content):
        raise UnreadableLedger("its header is damaged")
    return version, base, base_end


def _live(content: bytes, offset: int) -> Iterator[Entry]:
    while (entry := _entry(content, offset)) is not None:
        yield entry
        offset = entry.end


def _entry(content: bytes, offset: int) -> Entry | None:
    """Read one entry; None where there is none, or none that can be trusted."""
    if offset + _ENTRY.size > len(content):
        return None
    length, crc, position = _ENTRY.unpack_from(content, offset)
    start = offset + _ENTRY.size
    payload = content[start : start + length]
    if len(payload) < length or _crc(position, payload) != crc:
        return None
    work = tuple((sql, rows) for sql, rows in json.loads(payload))
    return Entry(position, start + length, work)


def _behind(content: bytes, offset: int, position: int) -> Iterator[Entry]:
    """Yield what can be read behind a damaged entry: where one of the next positions stands, another may begin."""
    before_position = _ENTRY.size - 8
    for candidate in range(position + 1, position + 1 + _LOOK_AHEAD):
        found = content.find(struct.pack("<Q", candidate), offset + before_position)
        entry = _entry(content, found - before_position) if found >= 0 else None
        if entry is not None:
            yield from _live(content, found - before_position)
            return


def _documents(entry: Entry) -> Iterator[tuple[str, str]]:
    for sql, rows in entry.work:
        if " documents" in sql:
            yield from ((str(row[0]), str(row[1])) for row in rows if len(row) > 1)


def _crc(position: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(struct.pack("<Q", position)))


def _pack(position: int, work: Sequence[tuple[str, list[list[Any]]]]) -> bytes:
    payload = json.dumps(work, separators=(",", ":")).encode()
    return _ENTRY.pack(len(payload), _crc(position, payload), position) + payload


def _dump(connection: sqlite3.Connection) -> Iterator[list[tuple[str, list[list[Any]]]]]:
    """Yield statements that write all rows again; the count of events goes on where it was."""
    listed = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name != 'written'"
    )
    for (table,) in listed.fetchall():
        rows = connection.execute(f"SELECT * FROM {table}")  # noqa: S608  # a name of our own schema
        columns = [column[0] for column in rows.description]
        insert = f"INSERT INTO {table}({', '.join(columns)}) VALUES({', '.join('?' * len(columns))})"
        while some := rows.fetchmany(_ROWS_AN_ENTRY):
            yield [(insert, [list(row) for row in some])]
    counted = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    if counted is not None:
        yield [
            ("DELETE FROM sqlite_sequence WHERE name = 'events'", [[]]),
            ("INSERT INTO sqlite_sequence(name, seq) VALUES('events', ?)", [[counted[0]]]),
        ]
