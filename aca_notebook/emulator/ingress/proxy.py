"""An HTTP/1.1 proxy on bytes: a protocol towards the client, one towards the replica, an exchange between them.

Nothing is buffered but what waits for a replica to start. A head leaves together with what came with it, so a small
call is one segment each way. Connections are kept alive on both sides. What a strict and a lenient reader could take
for different requests is refused, and after it nothing of that connection is read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httptools

from aca_notebook.emulator.ingress import heads
from aca_notebook.emulator.ingress.exchange import HELD_BYTES, Exchange

if TYPE_CHECKING:
    from aca_notebook.emulator.ingress.exchange import Gate
    from aca_notebook.emulator.ingress.upstream import Upstream

_CLIENT_CLOSED = 499


class Downstream(asyncio.Protocol):
    """The client's connection. Requests that arrive before the answer to the last wait their turn."""

    transport: asyncio.Transport

    def __init__(self, gate: Gate, *, secure: bool) -> None:
        self.gate = gate
        self.secure = secure
        self.client = b"127.0.0.1"
        self.closed = False
        self.inside: bool | None = None  #: whether it comes from the app's environment, once somebody has looked
        self.full = False  #: the client reads more slowly than it is answered
        self._parser = httptools.HttpRequestParser(self)
        self._queue: list[Exchange] = []
        self._coming: Exchange | None = None
        self._told: tuple[Exchange | None, int] = (
            None,
            0,
        )  # of the last look at a request that is not whole: which, and how much body it had
        self._kept_bytes = 0  # come since, and perhaps kept by the parser: a head, or what stands after the last chunk
        self._parsed = True  # False once what comes is no HTTP, or none that we would read
        self._early: list[bytes] | None = None  # what came after an upgrade request, until that is answered
        self._early_bytes = 0
        self._tunnel: Upstream | None = None
        self._paused = False
        self._idle: tuple[Exchange | None, float] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = transport  # type: ignore[assignment]  # streams have this kind
        peer = transport.get_extra_info("peername")
        if peer:
            self.client = str(peer[0]).encode()
        self.gate.came(self)

    def data_received(self, data: bytes) -> None:
        """Parse, then send on what was parsed in one piece."""
        if not self._parsed:
            self._pass_on(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrading(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._turn_away(heads.NOT_HTTP)
        coming = self._coming
        if coming is not None and not coming.complete:
            self._limit(coming, len(data))
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
        self.full = True
        upstream = self._tunnel or (self._queue[0].upstream if self._queue else None)
        if upstream is not None:
            upstream.pause()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.full = False
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
        """From now on bytes pass as they are, those first that could not wait for it."""
        self._tunnel = upstream
        early, self._early = self._early, None
        if early:
            upstream.write(b"".join(early))
        self.resume()

    def finished(self, exchange: Exchange) -> None:
        """An answer is out: close, or let the next request have its turn."""
        if exchange in self._queue:
            self._queue.remove(exchange)
        if self._tunnel is not None:
            return
        if not exchange.keep_alive:
            self._queue.clear()  # none of them had its turn
            self.close()
        elif self._queue:
            self._serve()
        self.resume()

    def close(self) -> None:
        """Close when what was written has gone out, and so that a client that is still sending can read it."""
        if self.closed:
            return
        owed = self._coming is not None and not self._coming.complete
        if self._tunnel is None and (owed or not self._parsed) and self.transport.can_write_eof():
            # To close on unread bytes is a reset, which would take the answer along. The client closes, or `cut` does.
            self._parsed, self._early = False, None
            self.transport.write_eof()
        else:
            self.transport.close()

    def cut(self) -> None:
        """Close for good."""
        if self.closed:
            return
        if self.unsent:
            self.transport.abort()
        else:
            self.transport.close()

    @property
    def unsent(self) -> bool:
        """Whether the client has not taken all of its answers yet."""
        return not self.closed and self.transport.get_write_buffer_size() > 0

    def idle_for(self, now: float) -> float:
        """Return for how many seconds, as far as this was asked, the client has owed a request or the rest of a head.

        `now` is a monotonic time. It is asked now and then so that a request need not look at the clock.
        """
        if self._queue or self._tunnel is not None:
            self._idle = None
            return 0.0
        if self._idle is None or self._idle[0] is not self._coming:
            self._idle = self._coming, now
        return now - self._idle[1]

    # The parser's callbacks, in the order they come.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._coming = Exchange(self) if self._parsed else None

    def on_url(self, url: bytes) -> None:
        """The target, perhaps in pieces."""
        if self._coming is not None:
            self._coming.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; one that comes after the body is none, and goes no further."""
        exchange = self._coming
        if exchange is not None and not exchange.headed:
            exchange.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole: find it a replica, if it is its turn."""
        exchange = self._coming
        if exchange is None:
            return
        parser = self._parser
        exchange.method = parser.get_method()
        exchange.bodiless = exchange.method == b"HEAD"
        version = parser.get_http_version()
        exchange.old = version == "1.0"
        asked = heads.read_request(exchange.method, exchange.target, version, exchange.headers)
        if isinstance(asked, heads.Fault):
            self._turn_away(asked)
            return
        if heads.is_foreign(asked.host, self.gate.domains):
            self._turn_away(heads.FOREIGN)
            return
        exchange.headed = True
        exchange.target = asked.target
        exchange.host = asked.host.decode()
        exchange.chunked = asked.chunked
        upgrading = parser.should_upgrade()
        exchange.keep_alive = parser.should_keep_alive() and not exchange.old and not upgrading
        if upgrading and not exchange.old and asked.upgrade.lower() != b"h2c":
            exchange.upgrade = asked.upgrade
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

    def _limit(self, exchange: Exchange, size: int) -> None:
        """Bound what the parser keeps for itself of a request that is not whole."""
        told = (exchange, exchange.received)
        if told != self._told:
            self._told, self._kept_bytes = told, 0  # at most what the loop reads at once
            return
        self._kept_bytes += size
        if self._kept_bytes > heads.HEAD_BYTES:
            self._turn_away(heads.TOO_LARGE)

    def _serve(self) -> None:
        """Give the first request its turn."""
        exchange = self._queue[0]
        if exchange.fault is not None:
            exchange.refuse(*exchange.fault)
            return
        self.gate.admit(exchange)
        if self._queue:
            self._queue[0].flush()

    def _upgrading(self, rest: bytes) -> None:
        """What follows an upgrade request is not HTTP: keep it until the replica agrees, and if it does not, drop it.

        Without agreement the replica would read it as a request of its own, with whatever headers it claims.
        """
        exchange = self._coming
        if exchange is None:  # turned away
            return
        self._parsed = False
        if exchange.upgrade:
            self._early = []
            self._pass_on(rest)

    def _pass_on(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.write(data)
        elif self._early is not None:
            self._early.append(data)
            self._early_bytes += len(data)
            if self._early_bytes > HELD_BYTES:
                self.pause()

    def _turn_away(self, fault: heads.Fault) -> None:
        """Refuse the request that is coming, when those before it have their answers, and read nothing after it."""
        exchange, self._coming = self._coming, None
        if not self._parsed:
            return
        self._parsed = False
        if exchange is None or exchange.complete:  # it is in what came next
            exchange = Exchange(self)
        exchange.keep_alive = False
        if exchange.finished:  # it was answered before its body had come
            self.close()
            return
        exchange.fault = fault
        if not exchange.headed:
            self._queue.append(exchange)
        if self._queue[0] is exchange:
            self._serve()
