"""The folder of one session as the data plane shows it; nothing outside is reached by any name."""

from __future__ import annotations

import mimetypes
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aca_notebook.runner.failures import Refused

if TYPE_CHECKING:
    from pathlib import Path


class Folder:
    """Reads and writes below one path."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def list(self, within: str) -> list[dict[str, Any]]:
        """Return what lies in a folder, by name."""
        folder = self._inside(within)
        if not folder.is_dir():
            raise _missing(within)
        return [_entry(each) for each in sorted(folder.iterdir()) if not each.is_symlink()]

    def describe(self, within: str, name: str) -> dict[str, Any]:
        """Return one entry."""
        return _entry(self._file(within, name))

    def read(self, within: str, name: str) -> bytes:
        """Return a file's content."""
        return self._file(within, name).read_bytes()

    def write(self, within: str, name: str, content: bytes) -> dict[str, Any]:
        """Write a file, whole or not at all."""
        folder = self._inside(within)
        folder.mkdir(parents=True, exist_ok=True)
        place = self._inside(within, _plain(name))
        partial = place.with_name(f".aca-part-{os.getpid()}-{place.name}"[:255])
        partial.write_bytes(content)
        partial.replace(place)
        return _entry(place) | {"type": "", "contentType": ""}  # blank on upload (recorded)

    def remove(self, within: str, name: str) -> None:
        """Delete a file."""
        self._file(within, name).unlink()

    def _file(self, within: str, name: str) -> Path:
        place = self._inside(within, _plain(name))
        if not place.is_file():
            raise _missing(name)
        return place

    def _inside(self, *parts: str) -> Path:
        """Return a path below the folder, links resolved. Raises `Refused` (400) for one that leads elsewhere."""
        within = "/".join(parts).removeprefix("/mnt/data").strip("/")
        if "\x00" in within:
            raise Refused(400, "SessionRequestValidationFailed", "a path holds no zero")
        place = (self.path / within).resolve()
        if not place.is_relative_to(self.path):
            raise Refused(400, "SessionRequestValidationFailed", "the path leads out of the session's folder")
        return place


def _plain(name: str) -> str:
    name = name.removeprefix("/mnt/data/")
    if not name or "/" in name or name in {".", ".."}:
        raise Refused(400, "SessionRequestValidationFailed", f"{name!r} is no name of a file")
    return name


def _missing(name: str) -> Refused:
    return Refused(404, "FileNotFound", f"File '{name}' was not found.")


def _entry(place: Path) -> dict[str, Any]:
    found = place.stat()
    directory = place.is_dir()
    moment = datetime.fromtimestamp(found.st_mtime, UTC)
    return {
        "name": place.name,
        "type": "directory" if directory else "file",
        "contentType": "" if directory else mimetypes.guess_type(place.name)[0] or "application/octet-stream",
        "sizeInBytes": 0 if directory else found.st_size,
        "lastModifiedAt": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0Z",
    }
