"""ZeroMQ's wire protocol as a client of kernels needs it: ZMTP 3.0 (RFC 23), the NULL mechanism, over a unix socket.

libzmq would do, at the price of a thread between the socket and the loop: two hops a message. Nothing here waits: what
comes is handed on at once, so a sender that is faster than we read fills its own queue. Whoever sits on the other side
may be hostile: sizes are bounded, and what is no ZMTP ends the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Frames = list[bytes]

DEALER, SUBSCRIBER = "DEALER", "SUB"
_MORE, _LONG, _COMMAND = 1, 2, 4
_SHORT_HEAD, _LONG_HEAD = 2, 9
_MAJOR = 3
_SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
_GREETING_BYTES = 64
_GREETING = _SIGNATURE + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
#: A command says a few properties; a longer one is no peer's.
_MOST_COMMAND_BYTES = 4096
_MOST_FRAMES = 64
_SUBSCRIBE_ALL = b"\x01"


class NotZmtp(Exception):
    """What came is not ZMTP, or says that this connection is refused."""


class Reader:
    """Cuts what comes into messages. One of more than `most_bytes` is left out, however large: it is not kept."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._buffer = bytearray()
        self._greeted = False
        self.ready = False  #: whether the other side takes messages: one that comes earlier, libzmq hangs up on
        self._parts: Frames = []
        self._size = 0
        self._dropping = False
        self._skip = 0  # bytes of a frame that is left out, still to come
        self._last = False  # and whether it is the last of its message

    def feed(self, data: bytes) -> list[Frames]:
        """Return the messages that are whole now. Raises `NotZmtp`."""
        self._buffer += data
        found: list[Frames] = []
        at = self._greeting()
        while at >= 0 and (step := self._step(at, found)):
            at += step
        if at > 0:
            del self._buffer[:at]
        return found

    def _greeting(self) -> int:
        """Return where frames begin; -1 when the other side has not greeted yet."""
        if self._greeted:
            return 0
        if len(self._buffer) < _GREETING_BYTES:
            return -1
        ends = self._buffer[0], self._buffer[9]
        if ends != (_SIGNATURE[0], _SIGNATURE[9]) or self._buffer[10] < _MAJOR:
            raise NotZmtp("the other side does not speak ZMTP 3")
        self._greeted = True
        return _GREETING_BYTES

    def _step(self, at: int, found: list[Frames]) -> int:
        """Take what begins at a place; return how many bytes that was, 0 when it is not whole."""
        there = len(self._buffer) - at
        if self._skip:
            return self._skipped(there)
        head = _LONG_HEAD if there and self._buffer[at] & _LONG else _SHORT_HEAD
        if there < head:
            return 0
        flags, size = self._buffer[at], int.from_bytes(self._buffer[at + 1 : at + head], "big")
        if not flags & _COMMAND and self._too_much(size, last=not flags & _MORE):
            return head
        if size > _MOST_COMMAND_BYTES and flags & _COMMAND:
            raise NotZmtp("a command is too long")
        if there < head + size:
            return 0
        self._take(bytes(self._buffer[at + head : at + head + size]), flags, found)
        return head + size

    def _too_much(self, size: int, *, last: bool) -> bool:
        """Begin to leave a frame out that its message has no room for; tell whether it is one."""
        if not self._dropping and self._size + size <= self._most and len(self._parts) < _MOST_FRAMES:
            return False
        self._parts, self._dropping, self._skip, self._last = [], True, size, last
        if not size and last:
            self._forget()
        return True

    def _skipped(self, there: int) -> int:
        taken = min(self._skip, there)
        self._skip -= taken
        if not self._skip and self._last:
            self._forget()
        return taken

    def _take(self, body: bytes, flags: int, found: list[Frames]) -> None:
        if flags & _COMMAND:
            if body.startswith(b"\x05ERROR"):
                raise NotZmtp("the other side refuses this connection")
            self.ready = self.ready or body.startswith(b"\x05READY")
            return
        self._parts.append(body)
        self._size += len(body)
        if not flags & _MORE:
            found.append(self._parts)
            self._forget()

    def _forget(self) -> None:
        self._parts, self._size, self._dropping = [], 0, False


class Channel(asyncio.Protocol):
    """One connection. `heard` is told of each message; `lost` of the end, once, unless it was closed here."""

    def __init__(self, kind: str, most_bytes: int, heard: Callable[[Frames], None], lost: Callable[[], None]) -> None:
        self._kind = kind
        self._reader = Reader(most_bytes)
        self._heard = heard
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._decided: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def opened(self) -> bool:
        """Wait until the other side takes messages, or has hung up: False then."""
        return await asyncio.shield(self._decided)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, and say what this is; the other side does the same."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._transport.write(_GREETING + _ready(self._kind))

    def data_received(self, data: bytes) -> None:
        """Tell of what is whole."""
        try:
            found = self._reader.feed(data)
            if self._reader.ready and not self._decided.done():
                self._decided.set_result(True)
                if self._kind == SUBSCRIBER:
                    self.send([_SUBSCRIBE_ALL])
            for message in found:
                self._heard(message)
        except NotZmtp:
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side hung up."""
        del exc
        if not self._decided.done():
            self._decided.set_result(False)
        if self._transport is not None:
            self._transport = None
            self._lost()

    def send(self, frames: Iterable[bytes]) -> bool:
        """Send one message; False when nobody is there."""
        if self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(framed(frames))
        return True

    def pause(self) -> None:
        """Read nothing for now: what comes stays with the sender."""
        if self._transport is not None:
            with contextlib.suppress(RuntimeError):
                self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None:
            with contextlib.suppress(RuntimeError):
                self._transport.resume_reading()

    def close(self) -> None:
        """Hang up."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()


async def connect(path: Path, channel: Channel) -> None:
    """Connect a channel to the socket of that name; it takes messages then.

    Raises `OSError` when nobody listens there, or hangs up.
    """
    await asyncio.get_running_loop().create_unix_connection(lambda: channel, str(path))
    if not await channel.opened():
        raise ConnectionResetError(f"{path} was hung up on")


def framed(frames: Iterable[bytes]) -> bytes:
    """Return a message as it goes over the wire."""
    parts = list(frames)
    last = len(parts) - 1
    return b"".join(_frame(part, _MORE if index < last else 0) for index, part in enumerate(parts))


def _frame(body: bytes, flags: int) -> bytes:
    if len(body) > 255:
        return bytes((flags | _LONG,)) + len(body).to_bytes(8, "big") + body
    return bytes((flags, len(body))) + body


def _ready(kind: str) -> bytes:
    properties = b"".join(
        bytes((len(name),)) + name + len(value).to_bytes(4, "big") + value
        for name, value in ((b"Socket-Type", kind.encode()), (b"Identity", b""))
    )
    return _frame(b"\x05READY" + properties, _COMMAND)
