"""uvicorn's side of the emulator's port: a protocol for each connection, with an end to what a client may owe us."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from aca_notebook.emulator.faults.requests import ABORT

if TYPE_CHECKING:
    from aca_notebook.emulator.dispatch import Dispatcher

_KEEP_ALIVE_SECONDS = 75
_HEAD_BYTES = 64 * 1024
_MESSAGE_BYTES = 2**20  #: of a socket
_CLOSE_SECONDS = 2.0
#: A client may owe us a head, or the next piece of a body, for so long; as at an app's own port.
_PATIENCE_SECONDS = 60.0
#: So many connections at once; a process has 1,024 files unless told otherwise, and apps have theirs.
_MOST_CONNECTIONS = 512


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's protocol, which reads heads of any size and waits for ever, with an end to both."""

    def __init__(self, config: Config, state: ServerState, patience_seconds: float) -> None:
        super().__init__(config, state, {}, asyncio.get_running_loop())
        self._patience_seconds = patience_seconds
        self._reading_head = True
        self._reading_body = False
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client is there, and owes us a head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; hang up on a head that does not end."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._reading_head and self._head_bytes > _HEAD_BYTES and not self.transport.is_closing():
            self._turn_away(b"431 Request Header Fields Too Large")
        elif self._reading_body:
            self._wait()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._reading_head, self._head_bytes = True, 0
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"now": self.transport.abort}}
        self._wait()

    def on_headers_complete(self) -> None:
        """The head has come; a body may."""
        self._reading_head, self._reading_body = False, True
        super().on_headers_complete()
        self._wait()

    def on_message_complete(self) -> None:
        """The client owes us nothing; between requests uvicorn counts the time."""
        self._reading_body = False
        self._rest()
        super().on_message_complete()

    def _wait(self) -> None:
        self._rest()
        self._timer = self.loop.call_later(self._patience_seconds, self._expire)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        if self.transport.get_protocol() is not self or self.transport.is_closing():
            return  # it speaks WebSocket by now
        if self.flow.read_paused:
            self._wait()  # it is we who do not read
        elif self._reading_head:
            self._turn_away(b"408 Request Timeout")
        else:
            self.transport.close()  # an answer may have begun

    def _turn_away(self, status: bytes) -> None:
        self.transport.write(b"HTTP/1.1 %s\r\nconnection: close\r\n\r\n" % status)
        self.transport.close()


class _OneTooMany(asyncio.Protocol):
    """Says so, and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        answering = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        answering.write(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\r\n")
        answering.close()


class HttpServer:
    """Makes uvicorn's protocol for each connection that a listener accepted."""

    def __init__(
        self, application: Dispatcher, *, patience_seconds: float = _PATIENCE_SECONDS,
        most_connections: int = _MOST_CONNECTIONS,
    ) -> None:  # fmt: skip
        self._config = Config(
            application, http="httptools", ws="websockets-sansio", lifespan="off", log_config=None, access_log=False,
            proxy_headers=False, server_header=False, timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            ws_max_size=_MESSAGE_BYTES, ws_ping_interval=None, ws_per_message_deflate=False,
        )  # fmt: skip
        self._config.load()
        self._state = ServerState()
        self._patience_seconds = patience_seconds
        self._most_connections = most_connections

    def protocol(self, _secure: bool, /) -> asyncio.Protocol:  # noqa: FBT001 - the listener's seam
        """Return a protocol for one connection; it reads from its transport whether that is TLS."""
        if len(self._state.connections) >= self._most_connections:
            return _OneTooMany()
        return BoundedConnection(self._config, self._state, self._patience_seconds)

    async def close(self) -> None:
        """Let requests finish for a moment, then cut them: a followed log would never end by itself."""
        for connection in list(self._state.connections):
            connection.shutdown()
        tasks = list(self._state.tasks)
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        for connection in list(self._state.connections):
            if connection.transport is not None:
                connection.transport.abort()
