"""Reads a container's output file from where the last read ended, over rotations and restarts of the emulator."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 8 * 1024 * 1024


class OutputFile:
    """A file that grows and is rotated to `.1`.

    It is named by inode and position; between two reads it is kept open, so that one rotation loses nothing. What
    was rotated away twice in between is lost.
    """

    def __init__(self, path: Path, inode: int, position: int) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self.inode = inode
        self.position = position

    def read(self, *, to_the_end: bool) -> bytes:
        """Return whole lines that were not read yet, some megabytes at most; `to_the_end` takes a torn last one too.

        Empty when there is nothing to be had. `inode` and `position` move on.
        """
        while True:
            if self._file is None and not self._open():
                return b""
            assert self._file is not None  # noqa: S101  # _open says so
            self._file.seek(self.position)
            raw = self._file.read(_MOST_BYTES)
            last = self._is_newest()
            growing = last and not to_the_end  # then its last line may still be written
            if growing or (len(raw) == _MOST_BYTES and b"\n" in raw):
                raw = raw[: raw.rfind(b"\n") + 1]
            if raw or last:
                self.position += len(raw)
                return raw
            self.go_to(self._next_inode(), 0)

    def go_to(self, inode: int, position: int) -> None:
        """Read on from another place."""
        self.close()
        self.inode, self.position = inode, position

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> bool:
        """Open the file that was read last, or the oldest there is."""
        found = [file for path in self._paths() if (file := _open(path)) is not None]
        chosen = next((file for file in found if _inode(file) == self.inode), found[0] if found else None)
        for file in found:
            if file is not chosen:
                file.close()
        if chosen is None:
            return False
        if _inode(chosen) != self.inode:
            self.inode, self.position = _inode(chosen), 0
        self._file = chosen
        return True

    def _is_newest(self) -> bool:
        try:
            return self._path.stat().st_ino == self.inode
        except FileNotFoundError:
            return True

    def _next_inode(self) -> int:
        """Return the inode of the file that came after this one."""
        inodes = [path.stat().st_ino for path in self._paths() if path.exists()]
        after = inodes.index(self.inode) + 1 if self.inode in inodes else 0
        return inodes[after] if after < len(inodes) else 0

    def _paths(self) -> tuple[Path, Path]:
        return self._path.with_name(f"{self._path.name}.1"), self._path


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _inode(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_ino
