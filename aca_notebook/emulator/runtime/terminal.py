"""A pseudo-terminal seen from where the screen and the keyboard are; a program under a shim has the other side."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from typing import TYPE_CHECKING

from aca_notebook.emulator.runtime.waiting import first_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.clock import Clock

#: What `read` returns at most.
READ_BYTES = 64 * 1024
#: What may have been typed ahead of a program before `write` waits.
TYPED_AHEAD_BYTES = 1024 * 1024
_PATIENCE_SECONDS = 60.0
_MOST_CELLS = 0xFFFF


class NothingRead(TimeoutError):
    """The program has not read for a minute what was typed, and too much of it waits."""


class Terminal:
    """Owns the near side, and the far one until `hand_over`. `closed` may be read at any time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._near, self._far = os.openpty()
        os.set_blocking(self._near, False)
        self.path = os.ttyname(self._far)
        self.closed = False
        self._readable = _Readiness(self._near, _loop().add_reader, _loop().remove_reader)
        self._typed = bytearray()
        self._typing = False
        self._taken = asyncio.Event()

    def hand_over(self) -> None:
        """The program has opened the far side: from now on `read` ends when nobody has it open."""
        if self._far >= 0:
            os.close(self._far)
            self._far = -1

    def resize(self, columns: int, rows: int) -> None:
        """Say how large the screen is; the program gets SIGWINCH."""
        if not self.closed:
            size = struct.pack("HHHH", min(rows, _MOST_CELLS), min(columns, _MOST_CELLS), 0, 0)
            fcntl.ioctl(self._near, termios.TIOCSWINSZ, size)

    async def read(self) -> bytes:
        """Return what the program wrote, as soon as there is some; nothing when it is over."""
        while not self.closed:
            gathered = bytearray()
            try:
                while len(gathered) < READ_BYTES:
                    piece = os.read(self._near, READ_BYTES - len(gathered))
                    if not piece:  # macOS's way to say that it is over
                        return bytes(gathered)
                    gathered += piece
            except BlockingIOError:
                pass
            except OSError:  # EIO, Linux's way
                return bytes(gathered)
            if gathered:
                return bytes(gathered)
            await self._readable.wait()
        return b""

    async def write(self, typed: bytes) -> None:
        """Type: at once, unless the program has not taken up a lot of what came before.

        Raises `NothingRead` when it does not for a minute.
        """
        self._typed += typed
        self._type()
        while len(self._typed) > TYPED_AHEAD_BYTES and not self.closed:
            before = len(self._typed)
            self._taken.clear()
            await first_of(self._taken.wait(), self._clock.sleep(_PATIENCE_SECONDS))
            if len(self._typed) >= before:
                raise NothingRead(f"the program has not read its input for {_PATIENCE_SECONDS:g} seconds")

    def close(self) -> None:
        """Hang up: the session on the far side gets SIGHUP, and `read` and `write` end."""
        if self.closed:
            return
        self.closed = True
        self.hand_over()
        self._readable.release()
        if self._typing:
            _loop().remove_writer(self._near)
        self._typed.clear()
        self._taken.set()
        os.close(self._near)

    def _type(self) -> None:
        """Hand the program what it takes; the rest goes when it has taken that."""
        try:
            while self._typed and not self.closed and (taken := os.write(self._near, self._typed)):
                del self._typed[:taken]
                self._taken.set()
        except BlockingIOError:
            pass
        except OSError:  # it is over, and `read` says so
            self._typed.clear()
            self._taken.set()
        waiting = bool(self._typed) and not self.closed
        if waiting != self._typing and not self.closed:
            self._typing = waiting
            if waiting:
                _loop().add_writer(self._near, self._type)
            else:
                _loop().remove_writer(self._near)


class _Readiness:
    """Waits until a file can be read, without watching it in between."""

    def __init__(
        self, file: int, watch: Callable[[int, Callable[[], None]], None], forget: Callable[[int], bool]
    ) -> None:
        self._file = file
        self._watch = watch
        self._forget = forget
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Return when something can be read, or after `release`."""
        self._waiter = _loop().create_future()
        self._watch(self._file, self.release)
        try:
            await self._waiter
        finally:
            self.release()

    def release(self) -> None:
        """Let the waiter go; harmless when there is none."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self._forget(self._file)
            if not waiter.done():
                waiter.set_result(None)


def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()
