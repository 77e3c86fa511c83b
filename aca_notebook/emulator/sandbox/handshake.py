"""How the entry of a sandbox says that all is in place: a word, its process id, and open files that it hands out."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable

_WORD_BYTES, _FILES = 4096, 8
_CREDENTIALS = struct.Struct("=iII")


@dataclass(frozen=True, slots=True)
class Ready:
    """`pid` is the program's as this machine numbers it, 0 if that could not be told; the receiver closes `files`."""

    pid: int
    files: tuple[int, ...]


class NotReady(OSError):
    """It failed, or ended before it said anything."""


def open_line() -> tuple[socket.socket, socket.socket]:
    """Return our end and theirs."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003  # the parameter has no name
    if sys.platform == "linux":
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours, theirs


async def ready(line: socket.socket, gone: Awaitable[object]) -> Ready:
    """Wait for the word, or for the end of the program: the shim holds the other side too, so nothing closes with it.

    Raises `NotReady`.
    """
    said, ended = asyncio.ensure_future(_readable(line)), asyncio.ensure_future(gone)
    try:
        await asyncio.wait((said, ended), return_when=asyncio.FIRST_COMPLETED)
        word, answer = _received(line)
    except BlockingIOError:
        word, answer = b"", Ready(0, ())
    finally:
        for task in (said, ended):
            task.cancel()
    if word == b"ready":
        return answer
    raise NotReady(word.decode(errors="replace").removeprefix("failed ") or "it ended before it began")


async def _readable(line: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(line, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(line)


def _received(line: socket.socket) -> tuple[bytes, Ready]:
    space = socket.CMSG_SPACE(4 * _FILES) + socket.CMSG_SPACE(_CREDENTIALS.size)
    word, extras, _, _ = line.recvmsg(_WORD_BYTES, space, getattr(socket, "MSG_CMSG_CLOEXEC", 0))
    pid = 0
    files: list[int] = []
    for _, kind, content in extras:
        if kind == socket.SCM_RIGHTS:
            files += struct.unpack(f"={len(content) // 4}i", content)
        elif kind == getattr(socket, "SCM_CREDENTIALS", None):
            pid = _CREDENTIALS.unpack(content)[0]
    return word, Ready(pid, tuple(files))
