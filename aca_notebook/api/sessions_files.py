"""The files of a session."""

from __future__ import annotations

import asyncio
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from aca_notebook.api.twin import blocking
from aca_notebook.errors import NotFound, UsageFailed
from aca_notebook.model.session import LARGEST_UPLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from aca_notebook.api.access import Access
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.api.sessions_places import Place
    from aca_notebook.azure.services import Services
    from aca_notebook.azure.sessions import Endpoint, Sessions
    from aca_notebook.display.tables import Table
    from aca_notebook.model.session import SessionFile

T = TypeVar("T")
_MOST_FOLDERS = 200


class SessionFiles:
    """What lies in a session's folder, read anew each time. Paths are relative to that folder (`/mnt/data`)."""

    def __init__(self, access: Access, place: Place, loop: PrivateLoop) -> None:
        self._access = access
        self._place = place
        self._loop = loop

    @blocking
    async def list(self, path: str = "", *, recursive: bool = False) -> tuple[SessionFile, ...]:
        """Return what lies in a folder, the top one when `path` is empty."""
        found: list[SessionFile] = []
        folders, seen = [_inside(path)], 0
        while folders and seen < _MOST_FOLDERS:
            folder, seen = folders.pop(0), seen + 1
            entries = await self._list(folder)
            own = [entry for entry in entries if not entry.own]
            found += own
            folders += [entry.path for entry in own if entry.directory] if recursive else []
        return tuple(sorted(found, key=lambda entry: entry.path))

    async def _list(self, folder: str) -> tuple[SessionFile, ...]:
        return await self._ask(lambda sessions, at: sessions.files(at, self._place.identifier, folder))

    @blocking
    async def upload(self, source: str | Path | bytes, path: str = "") -> SessionFile:
        """Put a file of this machine, or bytes, into the session; `path` is where, by default the file's own name."""
        if isinstance(source, bytes):
            content, name = source, path
        else:
            content, name = await asyncio.to_thread(_read, Path(source)), path or Path(source).name
        if not name or name.endswith("/"):
            raise UsageFailed("bytes need a path to be put at", code="UsageError", hint="upload(content, 'name.bin')")
        if len(content) > LARGEST_UPLOAD_BYTES:
            raise UsageFailed(
                f"{name!r} has {len(content) / 2**20:.0f} MB, and a session takes files of at most 128 MB",
                code="FileTooLarge", hint="send it in parts, or let the session fetch it (--egress on)",
            )  # fmt: skip
        place = _inside(name)
        return await self._ask(
            lambda sessions, at: sessions.upload(at, self._place.identifier, place, content), make=True
        )

    @blocking
    async def read(self, path: str) -> bytes:
        """Return a file's content. Raises `NotFound`."""
        return await self._ask(lambda sessions, at: sessions.read(at, self._place.identifier, _inside(path)))

    @blocking
    async def download(self, path: str, target: str | Path = "", *, overwrite: bool = False) -> Path:
        """Write a file of the session to this machine: at `target`, into it when it is a folder, else beside here.

        A file that is there already stays unless `overwrite`. Raises `NotFound` and `UsageFailed`.
        """
        place = await asyncio.to_thread(_free, Path(target or "."), PurePosixPath(_inside(path)).name, overwrite)
        content = await self._ask(lambda sessions, at: sessions.read(at, self._place.identifier, _inside(path)))
        await asyncio.to_thread(place.write_bytes, content)
        return place

    @blocking
    async def delete(self, path: str) -> None:
        """Delete a file. Raises `NotFound`."""
        await self._ask(lambda sessions, at: sessions.delete(at, self._place.identifier, _inside(path)))

    async def _ask(self, act: Callable[[Sessions, Endpoint], Awaitable[T]], *, make: bool = False) -> T:
        async def at_its_place(services: Services) -> T:
            return await act(services.sessions, await self._place.endpoint(services, make=make))

        return await self._access.ask(at_its_place)

    def __iter__(self) -> Iterator[str]:
        return iter([entry.path for entry in self.list()])

    def __len__(self) -> int:
        return len(self.list())

    def __contains__(self, path: object) -> bool:
        return any(entry.path == path for entry in self.list())

    def __getitem__(self, path: str) -> bytes:
        return self.read(path)

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def __repr__(self) -> str:
        return repr(self._table())

    def _table(self) -> Table:
        from aca_notebook.display import session_listings

        return session_listings.files(self.list(), session=self._place.session)


def _free(target: Path, name: str, overwrite: bool) -> Path:  # noqa: FBT001  # the caller's own argument
    target = target.expanduser()
    place = target / name if target.is_dir() else target
    if place.exists() and not overwrite:
        raise UsageFailed(
            f"there is a file {str(place)!r} already", code="FileExists",
            hint="name another, or say --overwrite (overwrite=True)",
        )  # fmt: skip
    return place


def _read(local: Path) -> bytes:
    try:
        return local.expanduser().read_bytes()
    except OSError as missing:
        raise NotFound(
            f"there is no file {str(local)!r} to upload", code="FileNotFound", detail=missing.strerror or "",
            hint="give the path of a file on this machine",
        ) from None  # fmt: skip


def _inside(path: str) -> str:
    """Return a path relative to the session's folder, as the data plane wants it."""
    return path.strip().removeprefix("/mnt/data").strip("/")
