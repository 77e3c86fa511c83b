"""The files of a sandbox, reached from outside without ever following what its program laid there.

A program may put a link to `/etc/shadow`, a pipe or a loop where a file was a moment ago. So no path is handed to the
kernel whole: each folder on the way is opened from the one before it, links refused, and only plain files are read.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: A pipe opened for reading would wait for a writer for ever.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DEPTH = 64


class NotInDrawer(OSError):
    """The path leads out, through a link, or to what is no plain file or folder."""


class TooDeep(OSError):
    """There are more folders in each other than anybody needs."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder. `modified_at` is seconds since 1970 by the machine's clock."""

    name: str
    is_folder: bool
    size_bytes: int
    modified_at: float


class Drawer:
    """A folder held open; every path is relative to it, parted by `/`. All methods block: call them in a thread.

    `owner` is the user that new files belong to, None for our own. Raises `NotInDrawer` for what must not be
    followed, otherwise the `OSError` of the system (`FileNotFoundError`, a full disk).
    """

    def __init__(self, file: int, owner: int | None = None) -> None:
        """Take over `file`, an open folder."""
        self._file = file
        self._owner = owner

    def close(self) -> None:
        """Let go of the folder."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def entries(self, path: str = "") -> list[Entry]:
        """Return plain files and folders of a folder by name; links, pipes and devices are left out."""
        found = []
        with self._folder(_parts(path)) as folder:
            for name in sorted(os.listdir(folder)):  # noqa: PTH208  # of an open folder, which a Path cannot name
                with suppress(FileNotFoundError):
                    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    entry = _entry(name, status)
                    if entry is not None:
                        found.append(entry)
        return found

    def entry(self, path: str) -> Entry:
        """Return what one path is."""
        *way, name = _named(path)
        with self._folder(way) as folder:
            entry = _entry(name, os.stat(name, dir_fd=folder, follow_symlinks=False))
        if entry is None:
            raise NotInDrawer(errno.ELOOP, "no plain file or folder", path)
        return entry

    def open(self, path: str) -> IO[bytes]:
        """Open a plain file for reading. What the program does to it meanwhile is seen, or not."""
        *way, name = _named(path)
        with self._folder(way) as folder:
            file = _opened(name, _READ, folder)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise NotInDrawer(errno.ELOOP, "no plain file", path)
        return cast("IO[bytes]", os.fdopen(file, "rb"))

    @contextmanager
    def writing(self, path: str) -> Iterator[IO[bytes]]:
        """Write a file that takes its name, whole, when the block ends well; folders on the way are made."""
        *way, name = _named(path)
        self.make_folder("/".join(way))
        with self._folder(way) as folder:
            draft = f".{secrets.token_hex(8)}.part"
            file = os.open(draft, _WRITE, 0o644, dir_fd=folder)
            try:
                self._give(file)
                with os.fdopen(file, "wb") as content:
                    yield cast("IO[bytes]", content)
                os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(draft, dir_fd=folder)
                raise

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; one that is there stays."""
        parts = _parts(path)
        for depth, name in enumerate(parts):
            with self._folder(parts[:depth]) as folder, suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=folder)
                made = _opened(name, _FOLDER, folder)
                try:
                    self._give(made)
                finally:
                    os.close(made)

    def remove(self, path: str) -> None:
        """Remove a file, a link itself, or an empty folder."""
        *way, name = _named(path)
        with self._folder(way) as folder:
            if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                os.rmdir(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)

    def used_bytes(self) -> int:
        """Return how many bytes of disk lie here, links' targets not counted. Raises `TooDeep`."""
        return used_bytes(self._file)

    @contextmanager
    def _folder(self, way: list[str]) -> Iterator[int]:
        current = os.open(".", _FOLDER, dir_fd=self._file)
        try:
            for name in way:
                deeper = _opened(name, _FOLDER, current)
                os.close(current)
                current = deeper
            yield current
        finally:
            os.close(current)

    def _give(self, file: int) -> None:
        if self._owner is not None:
            os.fchown(file, self._owner, self._owner)


def used_bytes(folder: int) -> int:
    """Return how many bytes of disk lie in an open folder, links' targets not counted. Raises `TooDeep`.

    Holds one folder open for each that the current one is in, and knows no path, so none can be too long for it. What
    is removed meanwhile, and what we may not enter, counts for nothing.
    """
    total = 0
    way = [_listed(".", folder)]
    try:
        while way:
            current, names = way[-1]
            if not names:
                os.close(way.pop()[0])
                continue
            name = names.pop()
            with suppress(OSError):
                status = os.stat(name, dir_fd=current, follow_symlinks=False)
                total += status.st_blocks * 512
                if stat.S_ISDIR(status.st_mode):
                    way.append(_listed(name, current))
            if len(way) > _DEPTH:
                raise TooDeep(errno.ELOOP, f"more than {_DEPTH} folders in each other")
    finally:
        for opened, _ in way:
            os.close(opened)
    return total


def _listed(name: str, folder: int) -> tuple[int, list[str]]:
    opened = os.open(name, _FOLDER, dir_fd=folder)
    try:
        return opened, os.listdir(opened)  # noqa: PTH208  # of an open folder, which a Path cannot name
    except OSError:
        os.close(opened)
        raise


def _opened(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as failure:
        if failure.errno in {errno.ELOOP, errno.EMLINK, errno.ENXIO} or _is_link(name, folder):
            raise NotInDrawer(errno.ELOOP, "a link or a device", name) from failure
        raise


def _is_link(name: str, folder: int) -> bool:
    """O_DIRECTORY with O_NOFOLLOW calls a link ENOTDIR."""
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _entry(name: str, status: os.stat_result) -> Entry | None:
    if stat.S_ISDIR(status.st_mode):
        return Entry(name, is_folder=True, size_bytes=0, modified_at=status.st_mtime)
    if stat.S_ISREG(status.st_mode):
        return Entry(name, is_folder=False, size_bytes=status.st_size, modified_at=status.st_mtime)
    return None


def _named(path: str) -> list[str]:
    parts = _parts(path)
    if not parts:
        raise NotInDrawer(errno.EINVAL, "a file has a name", path)
    return parts


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if ".." in parts or "\0" in path or len(parts) > _DEPTH:
        raise NotInDrawer(errno.EINVAL, "the path leads out", path)
    return parts
