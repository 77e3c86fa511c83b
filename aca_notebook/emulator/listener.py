"""One port that answers http and https: the first byte of a connection decides."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

logger = logging.getLogger(__name__)

ProtocolFactory = Callable[[bool], asyncio.Protocol]

_TLS_HANDSHAKE = 0x16  # the content type of a ClientHello record; no HTTP method starts with it
_ACCEPTS_PER_TURN = 64
_FIRST_BYTE_SECONDS = 60.0
_PAUSE_SECONDS = 0.5


class Listener:
    """Accepts connections on a bound socket, which it owns from then on, and hands each to a protocol.

    `factory` makes the protocol for one connection and is told whether it came by TLS; without a `tls` context none
    does, and nobody waits for a first byte: the server may be the one to speak first. `close` stops accepting;
    connections already handed over belong to their protocols.
    """

    def __init__(self, sock: socket.socket, factory: ProtocolFactory, tls: ssl.SSLContext | None) -> None:
        self._sock = sock
        self._factory = factory
        self._tls = tls
        self._peeking: dict[socket.socket, asyncio.TimerHandle] = {}
        self._handovers: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._paused: asyncio.TimerHandle | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._sock.getsockname()[1])

    async def start(self) -> None:
        """Listen from now on."""
        self._loop = asyncio.get_running_loop()
        self._sock.settimeout(0)
        self._sock.listen(1024)
        self._loop.add_reader(self._sock.fileno(), self._accept)

    async def close(self) -> None:
        """Stop accepting and drop the connections that have not yet sent a byte."""
        if self._paused is not None:
            self._paused.cancel()
        if self._loop is not None:
            self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        for connection in tuple(self._peeking):
            self._drop(connection)
        for task in self._handovers:
            task.cancel()
        await asyncio.gather(*self._handovers, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_PER_TURN):
            try:
                connection, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as failure:  # out of file descriptors: the backlog keeps the connection until some close
                logger.warning("cannot accept a connection: %s", failure)
                self._pause()
                return
            connection.settimeout(0)
            if self._tls is None:
                self._take(connection, secure=False)
            else:
                self._peek(connection)

    def _pause(self) -> None:
        """Look away for a moment: a backlog that cannot be taken up would have the loop do nothing else."""
        self._running_loop.remove_reader(self._sock.fileno())
        self._paused = self._running_loop.call_later(_PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        self._paused = None
        self._running_loop.add_reader(self._sock.fileno(), self._accept)

    def _peek(self, connection: socket.socket) -> None:
        try:
            first = connection.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            self._wait_for_first_byte(connection)
            return
        except OSError:  # reset before it said anything
            first = b""
        if not first:
            self._drop(connection)
            return
        self._forget(connection)
        self._take(connection, secure=first[0] == _TLS_HANDSHAKE)

    def _take(self, connection: socket.socket, *, secure: bool) -> None:
        task = self._running_loop.create_task(self._hand_over(connection, secure=secure))
        self._handovers.add(task)
        task.add_done_callback(lambda ended: self._handed_over(connection, ended))

    def _handed_over(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        self._handovers.discard(task)
        if task.cancelled():  # at the close: in a handshake, or before its first step, when nobody else has it yet
            connection.close()

    async def _hand_over(self, connection: socket.socket, *, secure: bool) -> None:
        try:
            await self._running_loop.connect_accepted_socket(
                lambda: self._factory(secure), connection, ssl=self._tls if secure else None
            )
        except OSError as failure:  # SSLError is one: a client that does not trust our authority hangs up here
            logger.debug("a connection ended in its handshake: %s", failure)
            connection.close()

    def _wait_for_first_byte(self, connection: socket.socket) -> None:
        if connection not in self._peeking:
            loop = self._running_loop
            self._peeking[connection] = loop.call_later(_FIRST_BYTE_SECONDS, self._drop, connection)
            loop.add_reader(connection.fileno(), self._peek, connection)

    def _forget(self, connection: socket.socket) -> None:
        timer = self._peeking.pop(connection, None)
        if timer is not None:
            timer.cancel()
            self._running_loop.remove_reader(connection.fileno())

    def _drop(self, connection: socket.socket) -> None:
        self._forget(connection)
        connection.close()

    @property
    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the listener was not started")
        return self._loop
