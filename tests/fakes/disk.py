"""A disk that forgets: what SQLite writes and synchronises, recorded, and images of it as a loss of power leaves them.

A shim between SQLite and its own file layer (a VFS, by ctypes into the very library that Python's `sqlite3` uses), so
the code under test is unchanged. An image holds every write that was synchronised; of each later one every sector may
be there or not, in any combination, as disks promise no more.
"""

from __future__ import annotations

import _sqlite3
import contextlib
import ctypes
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

SECTOR = 512
_VOID, _INT, _INT64, _TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_char_p
# The name is handed on as the pointer it came as: SQLite keeps it for as long as the file is open.
_OPEN = ctypes.CFUNCTYPE(_INT, _VOID, _VOID, _VOID, _INT, ctypes.POINTER(_INT))
_DELETE = ctypes.CFUNCTYPE(_INT, _VOID, _TEXT, _INT)
_WRITE = ctypes.CFUNCTYPE(_INT, _VOID, _VOID, _INT, _INT64)
_TRUNCATE = ctypes.CFUNCTYPE(_INT, _VOID, _INT64)
_SYNC = ctypes.CFUNCTYPE(_INT, _VOID, _INT)


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", _INT), ("szOsFile", _INT), ("mxPathname", _INT), ("pNext", _VOID), ("zName", _TEXT),
        ("pAppData", _VOID), ("xOpen", _OPEN), ("xDelete", _DELETE), ("others", _VOID * 14),
    )  # fmt: skip


class _Methods(ctypes.Structure):
    _fields_ = (
        ("iVersion", _INT), ("xClose", _VOID), ("xRead", _VOID), ("xWrite", _WRITE), ("xTruncate", _TRUNCATE),
        ("xSync", _SYNC), ("others", _VOID * 13),
    )  # fmt: skip


class _File(ctypes.Structure):
    _fields_ = (("pMethods", ctypes.POINTER(_Methods)),)


@dataclass(frozen=True)
class Step:
    """One thing that happened to a file: `write` at an offset, `truncate` to an offset, `sync`, `delete` or `mark`."""

    kind: str
    name: str
    offset: int = 0
    content: bytes = b""


@dataclass
class ForgetfulDisk:
    """Records what SQLite does to files in `folder`; `beside` are other files there, copied at every step.

    Those are written without synchronising but for what they hold when they first appear.
    """

    folder: Path
    beside: Sequence[str] = ()
    steps: list[Step] = field(default_factory=list)
    copies: list[dict[str, bytes]] = field(default_factory=list)

    def mark(self, name: str) -> None:
        """Note that the program under test has come to a point."""
        self.note(Step("mark", name))

    def note(self, step: Step) -> None:
        self.steps.append(step)
        there = [self.folder / name for name in self.beside if (self.folder / name).exists()]
        self.copies.append({path.name: path.read_bytes() for path in there})

    def image(self, count: int, into: Path, chance: random.Random) -> None:
        """Write what may be left in `into` of the first `count` steps."""
        files: dict[str, bytes] = {}
        pending: dict[str, list[Step]] = {}
        for step in self.steps[:count]:
            if step.kind == "sync":
                files[step.name] = _applied(files.get(step.name, b""), pending.pop(step.name, []))
            elif step.kind == "delete":
                files.pop(step.name, None)
                pending.pop(step.name, None)
            elif step.kind != "mark":
                pending.setdefault(step.name, []).append(step)
        for name, steps in pending.items():
            files[name] = _applied(files.get(name, b""), steps, chance)
        for name, content in self.copies[count - 1].items():
            files[name] = self._unsynchronised(name, content, chance)
        into.mkdir()
        for name, content in files.items():
            (into / name).write_bytes(content)

    def _unsynchronised(self, name: str, content: bytes, chance: random.Random) -> bytes:
        first = next(len(each[name]) for each in self.copies if name in each)
        kept = chance.randint(min(first, len(content)), len(content))
        left = content[:kept]
        return left + bytes(len(content) - kept) if chance.random() < 0.3 else left


@contextlib.contextmanager
def forgetful_disk(folder: Path, beside: Sequence[str] = ()) -> Iterator[ForgetfulDisk]:
    """Let every connection that is made in here, and closed again, go by a recording disk."""
    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    if not hasattr(library, "sqlite3_vfs_register"):
        if os.environ.get("REQUIRE_ALL"):
            pytest.fail("this Python hides its SQLite")
        pytest.skip("this Python has an SQLite of its own inside, which nobody can reach")
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    real = library.sqlite3_vfs_find(None)
    shim = _Shim(ForgetfulDisk(folder, beside), real)
    library.sqlite3_vfs_register(ctypes.byref(shim.vfs), 1)
    try:
        yield shim.disk
    finally:
        library.sqlite3_vfs_register(real, 1)
        library.sqlite3_vfs_unregister(ctypes.byref(shim.vfs))


class _Shim:
    def __init__(self, disk: ForgetfulDisk, real: ctypes._Pointer[_Vfs]) -> None:
        self.disk = disk
        self._real = real
        self._names: dict[int, str] = {}  # by the address of an open file
        self._original: dict[int, ctypes._Pointer[_Methods]] = {}
        self._methods: dict[int, _Methods] = {}  # ours, by the address of the original's
        self.vfs = _Vfs.from_buffer_copy(real.contents)
        self.vfs.zName = b"forgetful"
        self.vfs.xOpen = _OPEN(self._open)
        self.vfs.xDelete = _DELETE(self._delete)

    def _open(self, _vfs: int, name: int | None, file: int, flags: int, out: ctypes._Pointer[_INT]) -> int:
        code = self._real.contents.xOpen(ctypes.cast(self._real, _VOID), name, file, flags, out)
        path = Path(ctypes.string_at(name).decode()) if name else None
        if code or path is None or path.parent != self.disk.folder:
            return code
        opened = ctypes.cast(file, ctypes.POINTER(_File)).contents
        original = opened.pMethods
        address = ctypes.addressof(original.contents)
        if address not in self._methods:
            ours = _Methods.from_buffer_copy(original.contents)
            ours.xWrite, ours.xTruncate, ours.xSync = _WRITE(self._write), _TRUNCATE(self._cut), _SYNC(self._sync)
            self._methods[address] = ours
        self._names[file] = path.name
        self._original[file] = ctypes.pointer(original.contents)
        opened.pMethods = ctypes.pointer(self._methods[address])
        return code

    def _delete(self, _vfs: int, name: bytes, sync: int) -> int:
        code = self._real.contents.xDelete(ctypes.cast(self._real, _VOID), name, sync)
        if Path(name.decode()).parent == self.disk.folder:
            self.disk.note(Step("delete", Path(name.decode()).name))
        return code

    def _write(self, file: int, content: int, length: int, offset: int) -> int:
        self.disk.note(Step("write", self._names[file], offset, ctypes.string_at(content, length)))
        return self._original[file].contents.xWrite(file, content, length, offset)

    def _cut(self, file: int, size: int) -> int:
        self.disk.note(Step("truncate", self._names[file], size))
        return self._original[file].contents.xTruncate(file, size)

    def _sync(self, file: int, flags: int) -> int:
        code = self._original[file].contents.xSync(file, flags)
        self.disk.note(Step("sync", self._names[file]))
        return code


def _applied(content: bytes, steps: Sequence[Step], chance: random.Random | None = None) -> bytes:
    """Do all steps; with `chance`, leave out sectors and truncations as it falls."""
    image = bytearray(content)
    for step in steps:
        if step.kind == "truncate":
            if chance is None or chance.random() < 0.5:
                del image[step.offset :]
            continue
        for start in range(0, len(step.content), SECTOR):
            if chance is None or chance.random() < 0.6:
                at, sector = step.offset + start, step.content[start : start + SECTOR]
                image.extend(bytes(max(0, at + len(sector) - len(image))))
                image[at : at + len(sector)] = sector
    return bytes(image)
