"""The little of Blob Storage that registry builds need: upload a source, follow a log by ranges.

Clients poll a log with HEAD, then read `bytes=OFFSET-` until the metadata key `complete` appears; without it they read
for ever (facts §11.1, recorded: acr_task_build).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import shutil
from email.utils import format_datetime
from typing import TYPE_CHECKING

from starlette.responses import Response

from aca_notebook.clock import format_seconds
from aca_notebook.emulator.wire import AzureError, Door, Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import Protocol

    from starlette.requests import Request

    from aca_notebook.clock import Clock

    class Signer(Protocol):
        """Signs links; the doors check them."""

        def sign(self, path: str, permissions: str, lifetime_seconds: float) -> str:
            """Return the query that opens `path`."""
            ...


_NAME = re.compile(r"[a-z0-9]+/(?:source|logs)(?:/[a-z0-9-]+)?/[a-z0-9.-]+")
_COMPLETE = ".complete"
_VERSION = "2024-11-04"


class Blobs:
    """Files under one folder, each reached by a signed link that names its container and path."""

    def __init__(self, folder: Path, signer: Signer, clock: Clock) -> None:
        self._folder = folder
        self._signer = signer
        self._clock = clock
        shutil.rmtree(folder / "uploading", ignore_errors=True)

    def routes(self) -> list[Route]:
        """Put, read and look at a blob."""
        template = "/blobs/{container}/{*blob}"
        return [
            Route("PUT", template, Door.SAS, "Blob_Put", self._put),
            Route("GET", template, Door.SAS, "Blob_Get", self._get),
            Route("HEAD", template, Door.SAS, "Blob_GetProperties", self._head),
        ]

    def link(self, origin: str, name: str, permissions: str, lifetime_seconds: float) -> str:
        """Return the address of blob `container/path` that carries its own permission."""
        path = f"/blobs/{name}"
        return f"{origin}{path}?{self._signer.sign(path, permissions, lifetime_seconds)}"

    def path(self, name: str) -> Path:
        """Return where blob `container/path` lies, whether it is there or not.

        Raises `AzureError` 404 for a name that this store never hands out.
        """
        if _NAME.fullmatch(name) is None or ".." in name:
            raise AzureError(404, "BlobNotFound", "The specified blob does not exist.")
        return self._folder / name

    def open_log(self, name: str) -> Log:
        """Start an append blob, over what was there."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        _complete(path).unlink(missing_ok=True)
        path.write_bytes(b"")
        return Log(path, self._clock)

    async def _put(self, request: Request) -> Response:
        if request.headers.get("x-ms-blob-type", "").lower() != "blockblob":
            raise AzureError(400, "InvalidHeaderValue", "x-ms-blob-type must be BlockBlob: others are not kept here.")
        path = self.path(_name(request))
        part = self._folder / "uploading" / hashlib.sha256(str(path).encode()).hexdigest()
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            await _store(request.stream(), part)
            path.parent.mkdir(parents=True, exist_ok=True)
            part.replace(path)
        except OSError as full:
            part.unlink(missing_ok=True)
            raise AzureError(507, "InsufficientStorage", f"The blob could not be stored: {full.strerror}.") from full
        return Response(status_code=201, headers=self._headers(path, own_length=True))

    async def _head(self, request: Request) -> Response:
        path = self._existing(request)
        return _Bodiless(200, {**self._headers(path), "content-length": str(path.stat().st_size)})

    async def _get(self, request: Request) -> Response:
        path = self._existing(request)
        # The headers first: whoever sees `complete` in them must get all of the text.
        headers = self._headers(path)
        asked = request.headers.get("x-ms-range") or request.headers.get("range")
        size = path.stat().st_size
        if not asked:
            return Response(await asyncio.to_thread(_read, path, 0, size), headers=headers)
        first, last = _range(asked, size)
        headers["content-range"] = f"bytes {first}-{last}/{size}"
        return Response(await asyncio.to_thread(_read, path, first, last + 1), status_code=206, headers=headers)

    def _existing(self, request: Request) -> Path:
        path = self.path(_name(request))
        if not path.is_file():
            raise AzureError(404, "BlobNotFound", "The specified blob does not exist.")
        return path

    def _headers(self, path: Path, *, own_length: bool = False) -> dict[str, str]:
        state = path.stat()
        headers = {
            "etag": f'"0x{state.st_mtime_ns:X}{state.st_size:X}"',
            "last-modified": format_datetime(self._clock.now(), usegmt=True),
            "x-ms-version": _VERSION,
        }
        if own_length:
            return headers
        log = path.suffix == ".log"
        headers |= {
            "accept-ranges": "bytes",
            "content-type": "text/plain; charset=utf-8" if log else "application/octet-stream",
            "x-ms-blob-type": "AppendBlob" if log else "BlockBlob",
            "x-ms-creation-time": format_datetime(self._clock.now(), usegmt=True),
            "x-ms-lease-state": "available",
            "x-ms-lease-status": "unlocked",
        }
        if _complete(path).is_file():
            headers["x-ms-meta-complete"] = _complete(path).read_text(encoding="utf-8")
        return headers


class Log:
    """An append blob being written; a full disk loses lines, never the run."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._file = path.open("ab", buffering=0)

    def line(self, text: str) -> None:
        """Append one line; readers see it at once."""
        with contextlib.suppress(OSError):
            self._file.write(text.encode() + b"\n")

    def step(self, text: str) -> None:
        """Append one line of the builder's own, with the time before it as the registry writes it."""
        self.line(f"{self._clock.now():%Y/%m/%d %H:%M:%S} {text}")

    def complete(self, outcome: str) -> None:
        """Say that nothing follows; `outcome` is `successful` or `failed`."""
        self.close()
        with contextlib.suppress(OSError):
            _complete(self._path).write_text(outcome, encoding="utf-8")

    def close(self) -> None:
        """Give the file back; readers wait for what an unfinished log may still say."""
        self._file.close()


class _Bodiless(Response):
    """An answer to HEAD: its content-length is the blob's, and there is no body."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__(status_code=status)
        for name, value in headers.items():
            self.headers[name] = value


def upload_name(container: str, stamp: str, unique: str) -> str:
    """Return the name of a source that is about to be uploaded."""
    return f"{container}/source/{stamp}/{unique}.tar.gz"


def log_name(container: str, run: str) -> str:
    """Return the name of a run's log."""
    return f"{container}/logs/{run}/rawtext.log"


def run_stamp(clock: Clock) -> str:
    """Return the present moment as runs carry it: whole seconds and an offset."""
    return format_seconds(clock.now())


def _name(request: Request) -> str:
    return f"{request.path_params['container'].lower()}/{request.path_params['blob']}"


def _complete(path: Path) -> Path:
    return path.with_name(path.name + _COMPLETE)


def _range(header: str, size: int) -> tuple[int, int]:
    """Read `bytes=FIRST-` or `bytes=FIRST-LAST` against a blob's size; both ends inclusive."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", header.strip())
    if match is None or int(match[1]) >= size:
        raise AzureError(
            416, "InvalidRange", "The range specified is invalid for the current size of the resource.",
            headers={"content-range": f"bytes */{size}"},
        )  # fmt: skip
    last = min(int(match[2]) if match[2] else size - 1, size - 1)
    if last < int(match[1]):
        raise AzureError(400, "InvalidHeaderValue", f"The range ends before it begins: {header}.")
    return int(match[1]), last


def _read(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


async def _store(chunks: AsyncIterator[bytes], path: Path) -> None:
    file = await asyncio.to_thread(path.open, "wb")
    try:
        async for chunk in chunks:
            await asyncio.to_thread(file.write, chunk)
    finally:
        await asyncio.to_thread(file.close)
