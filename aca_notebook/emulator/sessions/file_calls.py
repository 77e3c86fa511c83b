"""Files of a session: up, listed, looked at, down and away, in both generations' shapes (facts §5.3, §5.4)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
from dataclasses import replace
from typing import IO, TYPE_CHECKING, TypeVar

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.responses import Response, StreamingResponse

from aca_notebook.emulator.sandbox.drawer import NotInDrawer
from aca_notebook.emulator.sessions import calls, replies
from aca_notebook.emulator.sessions.calls import MOST_FILE_BYTES, inner_path, invalid
from aca_notebook.emulator.sessions.replies import Answer, numbered
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from aca_notebook.emulator.sandbox.drawer import Drawer, Entry
    from aca_notebook.emulator.sessions.call import Call
    from aca_notebook.emulator.sessions.session import Session

T = TypeVar("T")
_BLOCK_BYTES = 2**20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


async def upload(call: Call) -> Response:
    """Write a file into the session's folder."""
    session = await call.pool.session(call.identifier())
    with session.used():
        async with _uploaded(call.request) as file:
            path = inner_path(call.asked("path"), file.filename or "", shown=session.instance.shown)
            if not path:
                raise invalid("The file has no name.")
            entry = await _with_files(session, lambda drawer: _store(drawer, path, file))
    if call.old or call.request.url.path.lower().rstrip("/").endswith("/upload"):
        return Answer(numbered({"value": [replies.file_old(entry)]}))
    return Answer(numbered(replies.file_uploaded(entry)))


async def list_files(call: Call) -> Response:
    """Answer what is in a folder, or in all below it."""
    session = await call.pool.session(call.identifier())
    with session.used():
        path = inner_path(call.asked("path"), shown=session.instance.shown)
        recursive = call.asked("recursive").lower() == "true"
        found = await _with_files(session, lambda drawer: _listed(drawer, path, recursive=recursive))
    if call.old:
        return Answer(numbered({"value": [replies.file_old(each) for each in found if not each.is_folder]}))
    return Answer(numbered({"value": [replies.file_listed(each) for each in found]}))


async def get_file(call: Call) -> Response:
    """Answer a file's content, at either generation's place for it, or what is known of it."""
    session = await call.pool.session(call.identifier())
    name, content = calls.file_asked(str(call.request.path_params["file"]), old=call.old)
    with session.used():
        path = inner_path(call.asked("path"), name, shown=session.instance.shown)
        if content:
            return _content(await _with_files(session, lambda drawer: drawer.open(_known(drawer, path))))
        entry = await _with_files(session, lambda drawer: _entry(drawer, path))
    shape = replies.file_old if call.old else replies.file_looked_at
    return Answer(numbered(shape(entry)))


async def delete_file(call: Call) -> Response:
    """Remove a file."""
    session = await call.pool.session(call.identifier())
    with session.used():
        path = inner_path(call.asked("path"), str(call.request.path_params["file"]), shown=session.instance.shown)
        await _with_files(session, lambda drawer: drawer.remove(_known(drawer, path)))
    return Response(status_code=204)


@contextlib.asynccontextmanager
async def _uploaded(request: Request) -> AsyncIterator[UploadFile]:
    """Give the one file of a form. Raises `AzureError`."""
    try:
        form = await request.form(max_files=1, max_fields=16)
    except MultiPartException as bad:
        raise invalid(f"The request is no form with one file: {bad.message}") from bad
    try:
        file = next((each for _, each in form.multi_items() if isinstance(each, UploadFile)), None)
        if file is None:
            raise invalid("The request has no file: send a form with one in its field 'file'.")
        if (file.size or 0) > MOST_FILE_BYTES:
            raise AzureError(413, "RequestEntityTooLarge", f"A file may have {MOST_FILE_BYTES:,} bytes.")
        yield file
    finally:
        await form.close()


async def _with_files(session: Session, do: Callable[[Drawer], T]) -> T:
    """Do something with a session's folder, in a thread; failures in the words of the service."""
    drawer = session.instance.files
    if drawer is None:
        raise AzureError(400, "SessionRequestNotSupported", "Sessions of this pool have no files to call for.")
    try:
        return await asyncio.to_thread(do, drawer)
    except NotInDrawer as outside:
        raise invalid(f"The path cannot be followed: {outside.strerror}.") from outside
    except FileNotFoundError as missing:
        raise AzureError(404, "FileNotFound", "There is no such file or folder in the session.") from missing
    except OSError as failure:
        if failure.errno in _FULL:
            raise AzureError(413, "SessionStorageFull", "The session's folder is full.") from failure
        raise invalid(f"The session's folder does not let this be done: {failure.strerror}.") from failure


def _store(drawer: Drawer, path: str, file: UploadFile) -> Entry:
    with drawer.writing(path) as target:
        shutil.copyfileobj(file.file, target, 2**20)
    return drawer.entry(path)


def _listed(drawer: Drawer, path: str, *, recursive: bool) -> list[Entry]:
    """Return what is in a folder; what lies deeper is named by its path from there."""
    found = drawer.entries(path)
    if recursive:
        for folder in [each for each in found if each.is_folder]:
            inner = _listed(drawer, f"{path}/{folder.name}", recursive=True)
            found += [replace(each, name=f"{folder.name}/{each.name}") for each in inner]
    return found


def _known(drawer: Drawer, path: str) -> str:
    """Return the path of a file by its name as lists show it, which for bytes that are no text is another."""
    before, _, name = path.rpartition("/")
    if "\\x" in name:
        for each in drawer.entries(before):
            if each.name != name and replies.shown_name(each.name) == name:
                return f"{before}/{each.name}"
    return path


def _entry(drawer: Drawer, path: str) -> Entry:
    return drawer.entry(_known(drawer, path))


def _content(file: IO[bytes]) -> Response:
    """A file as it is, in blocks; what is appended meanwhile is not of it."""
    size = os.fstat(file.fileno()).st_size

    async def blocks() -> AsyncIterator[bytes]:
        left = size
        with file:
            while left and (block := await asyncio.to_thread(file.read, min(left, _BLOCK_BYTES))):
                left -= len(block)
                yield block

    headers = {"content-length": str(size)}
    return StreamingResponse(blocks(), media_type="application/octet-stream", headers=headers)
