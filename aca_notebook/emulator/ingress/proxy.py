"""An HTTP/1.1 proxy on bytes: a protocol towards the client, one towards the replica, an exchange between them.

Nothing is buffered but what waits for a replica to start. A head leaves together with what came with it, so a small
call is one segment each way. Connections are kept alive on both sides.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import httptools

from aca_notebook.emulator.ingress import heads

if TYPE_CHECKING:
    from aca_notebook.emulator.ingress.routing import Endpoint
    from aca_notebook.emulator.ingress.upstream import Upstream

#: A held request's body is read no further than this before a replica takes it.
_HELD_BYTES = 256 * 1024
_REPLAYABLE = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})
_CLIENT_CLOSED = 499


class Gate(Protocol):
    """What the proxy asks of the ingress."""

    def admit(self, exchange: Exchange) -> None:
        """See to it that `exchange.send` or `exchange.refuse` is called, now or later."""
        ...

    def release(self, exchange: Exchange, upstream: Upstream | None) -> None:
        """Take the end of an exchange down; `upstream` is its connection if another request may use it."""
        ...

    def lost(self, upstream: Upstream) -> None:
        """Forget a connection to a replica."""
        ...

    def left(self, downstream: Downstream) -> None:
        """Forget a connection of a client."""
        ...


class Exchange:
    """One request and its response."""

    __slots__ = (
        "affinity", "answered", "bodiless", "call_id", "chunked", "complete", "downstream", "endpoint", "finished",
        "headers", "held", "held_bytes", "host", "keep_alive", "method", "old", "out", "received", "revision", "sent",
        "started", "status", "target", "task", "upgrade", "upstream",
    )  # fmt: skip

    def __init__(self, downstream: Downstream) -> None:
        self.downstream = downstream
        self.method = b""
        self.target = b""
        self.host = ""
        self.headers: list[tuple[bytes, bytes]] = []
        self.affinity = ""
        self.upgrade = b""
        self.chunked = False
        self.keep_alive = True
        self.bodiless = False
        self.old = False  #: HTTP/1.0, which knows no chunks
        self.complete = False  #: the whole request has come
        self.answered = False  #: some of the response has gone to the client
        self.finished = False
        self.held: list[bytes] = []
        self.held_bytes = 0
        self.out: list[bytes] = []
        self.call_id = b""
        self.revision = ""
        self.endpoint: Endpoint | None = None
        self.upstream: Upstream | None = None
        self.task: asyncio.Task[None] | None = None
        self.started = 0.0
        self.status = 0
        self.received = 0
        self.sent = 0

    def body(self, data: bytes) -> None:
        """Take a piece of the request's body."""
        if self.finished:
            return
        piece = b"%x\r\n%s\r\n" % (len(data), data) if self.chunked else data
        self.received += len(data)
        if self.upstream is not None:
            self.out.append(piece)
            return
        self.held.append(piece)
        self.held_bytes += len(piece)
        if self.held_bytes > _HELD_BYTES:
            self.downstream.pause()

    def end_of_body(self) -> None:
        """The whole request has come."""
        if self.chunked and not self.finished:
            (self.out if self.upstream is not None else self.held).append(b"0\r\n\r\n")
        self.complete = True

    def flush(self) -> None:
        """Send what has gathered to the replica, in one piece."""
        if self.out and self.upstream is not None:
            self.upstream.write(b"".join(self.out))
            self.out.clear()

    def send(self, upstream: Upstream) -> None:
        """Put the request on a connection; it goes out with the next `flush`."""
        self.upstream = upstream
        upstream.begin(self)
        self.out.append(
            heads.request_head(
                self.method, self.target, self.headers, client=self.downstream.client, secure=self.downstream.secure,
                call_id=self.call_id, upgrade=self.upgrade, chunked=self.chunked,
            )
        )  # fmt: skip
        self.out += self.held
        self.held.clear()
        self.downstream.resume()

    @property
    def replayable(self) -> bool:
        """Whether the request may be sent again when a kept connection turns out to be dead."""
        return self.method in _REPLAYABLE and not self.received and not self.chunked and not self.upgrade

    def refuse(self, status: int, text: str) -> None:
        """Answer in the replica's stead."""
        if self.answered:
            self.abort()
            return
        self.status = status
        close = not self.keep_alive or not self.complete
        answer = heads.refusal(status, text, call_id=self.call_id, close=close, bodiless=self.bodiless)
        self.keep_alive = not close
        self.answer(answer)
        self.finish(reusable=False)

    def answer(self, data: bytes) -> None:
        """Send bytes to the client."""
        self.answered = True
        self.sent += len(data)
        self.downstream.write(data)

    def finish(self, *, reusable: bool) -> None:
        """The response is out, or never will be."""
        if self.finished:
            return
        self.finished = True
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.exchange = None
            if not reusable or not self.complete:
                upstream.close()
                upstream = None
        self.downstream.gate.release(self, upstream)
        self.downstream.finished(self)

    def abort(self) -> None:
        """Cut both connections: the client learns that the response is not whole."""
        self.keep_alive = False
        self.downstream.transport.abort()
        self.finish(reusable=False)


class Downstream(asyncio.Protocol):
    """The client's connection. Requests that arrive before the answer to the last wait their turn."""

    transport: asyncio.Transport

    def __init__(self, gate: Gate, *, secure: bool) -> None:
        self.gate = gate
        self.secure = secure
        self.client = b"127.0.0.1"
        self.closed = False
        self._parser = httptools.HttpRequestParser(self)
        self._queue: list[Exchange] = []
        self._coming: Exchange | None = None
        self._tunnel: Upstream | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = transport  # type: ignore[assignment]  # streams have this kind
        peer = transport.get_extra_info("peername")
        if peer:
            self.client = str(peer[0]).encode()

    def data_received(self, data: bytes) -> None:
        """Parse, then send on what was parsed in one piece."""
        if self._tunnel is not None:
            self._tunnel.write(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrading(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse_garbage()
        if self._queue:
            self._queue[0].flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's signature
        """The client has gone: nobody waits for the answer."""
        self.closed = True
        if self._tunnel is not None:
            self._tunnel.close()
        for exchange in tuple(self._queue):
            exchange.status = exchange.status or _CLIENT_CLOSED
            exchange.finish(reusable=False)
        self.gate.left(self)

    def pause_writing(self) -> None:
        """The client reads slowly: let the replica wait."""
        upstream = self._tunnel or (self._queue[0].upstream if self._queue else None)
        if upstream is not None:
            upstream.pause()

    def resume_writing(self) -> None:
        """The client has caught up."""
        upstream = self._tunnel or (self._queue[0].upstream if self._queue else None)
        if upstream is not None:
            upstream.resume()

    def write(self, data: bytes) -> None:
        """Send to the client."""
        if not self.closed:
            self.transport.write(data)

    def pause(self) -> None:
        """Read no further for now."""
        if not self._paused and not self.closed:
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on, unless requests are queued."""
        if self._paused and not self.closed and len(self._queue) <= 1:
            self._paused = False
            self.transport.resume_reading()

    def open_tunnel(self, upstream: Upstream) -> None:
        """From now on bytes pass as they are."""
        self._tunnel = upstream

    def finished(self, exchange: Exchange) -> None:
        """An answer is out: close, or let the next request have its turn."""
        if exchange in self._queue:
            self._queue.remove(exchange)
        if self._tunnel is not None:
            return
        if not exchange.keep_alive:
            self.close()
        elif self._queue:
            self.gate.admit(self._queue[0])
            if self._queue:
                self._queue[0].flush()
        self.resume()

    def close(self) -> None:
        """Close when what was written has gone out."""
        if not self.closed:
            self.transport.close()

    # The parser's callbacks, in the order they come.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._coming = Exchange(self)

    def on_url(self, url: bytes) -> None:
        """The target, perhaps in pieces."""
        if self._coming is not None:
            self._coming.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        exchange = self._coming
        if exchange is None or exchange.complete:
            return
        exchange.headers.append((name, value))
        size = len(name)
        if size == 4 and name.lower() == b"host":
            exchange.host = value.decode("latin-1")
        elif size == 7 and name.lower() == b"upgrade":
            exchange.upgrade = value
        elif size == 17 and name.lower() == b"transfer-encoding":
            exchange.chunked = True

    def on_headers_complete(self) -> None:
        """The head is whole: find it a replica, if it is its turn."""
        exchange = self._coming
        if exchange is None:
            return
        parser = self._parser
        exchange.method = parser.get_method()
        exchange.bodiless = exchange.method == b"HEAD"
        exchange.old = parser.get_http_version() == "1.0"
        exchange.keep_alive = parser.should_keep_alive() and not exchange.old
        if exchange.upgrade and (not parser.should_upgrade() or exchange.upgrade.lower() == b"h2c"):
            exchange.upgrade = b""
        self._queue.append(exchange)
        if len(self._queue) == 1:
            self.gate.admit(exchange)
        else:
            self.pause()

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._coming is not None:
            self._coming.body(data)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._coming is not None:
            self._coming.end_of_body()

    def _upgrading(self, rest: bytes) -> None:
        """What follows an upgrade request is not HTTP; it goes after the head, whatever the replica answers."""
        exchange = self._coming
        if exchange is None:
            return
        if not exchange.upgrade:  # h2c, or CONNECT: answer this one as plain HTTP/1.1 and be done
            exchange.keep_alive = False
        elif rest:
            exchange.body(rest)

    def _refuse_garbage(self) -> None:
        if self._queue:
            for exchange in tuple(self._queue):
                exchange.abort()
        elif not self.closed:
            self.transport.write(heads.refusal(400, "This is not HTTP/1.1.", call_id=b"", close=True, bodiless=False))
            self.transport.close()
