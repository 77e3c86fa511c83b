"""The proxy's side towards a replica: a kept connection that carries one exchange at a time, or a tunnel."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httptools

from aca_notebook.emulator.ingress import heads

if TYPE_CHECKING:
    from aca_notebook.emulator.ingress.exchange import Exchange, Gate
    from aca_notebook.emulator.ingress.proxy import Downstream
    from aca_notebook.emulator.ingress.routing import Endpoint

_SWITCHING = 101


class Upstream(asyncio.Protocol):
    """A connection to a replica; carries one exchange at a time."""

    transport: asyncio.Transport

    def __init__(self, gate: Gate, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.exchange: Exchange | None = None
        self.closed = False
        self.idle_since = 0.0
        self.used = 0
        self._gate = gate
        self._tunnel: Downstream | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._reason = b""
        self._chunked = False
        self._framed = False
        self._sized = False
        self._until_close = False
        self._reusable = False
        self._done = False
        self._paused = False
        self._full = False
        self._out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = transport  # type: ignore[assignment]  # streams have this kind

    def begin(self, exchange: Exchange) -> None:
        """Carry an exchange."""
        self.exchange = exchange
        self.used += 1
        self._parser = httptools.HttpResponseParser(self)
        self._done = self._until_close = False
        if exchange.downstream.full:
            self.pause()

    def end(self, *, reusable: bool) -> bool:
        """Let go of the exchange; tell whether another may come, and close if not.

        A kept connection is read, whatever the last client did: else the next one would wait for ever, and nobody
        would notice that the replica hangs up. One with bytes still to send is not kept: it would take more unasked.
        """
        self.exchange = None
        if self.closed or self._full or not reusable:
            self.close()
            return False
        self.resume()
        return True

    def write(self, data: bytes) -> None:
        """Send to the replica."""
        if not self.closed:
            self.transport.write(data)

    def pause(self) -> None:
        """Read no further for now."""
        if not self._paused and not self.closed:
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._paused and not self.closed:
            self._paused = False
            self.transport.resume_reading()

    def close(self) -> None:
        """Cut the connection: the replica learns that nobody waits."""
        if not self.closed:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse, then send the client what was parsed in one piece."""
        if self._tunnel is not None:
            self._tunnel.write(data)
            return
        exchange = self.exchange
        if exchange is None or self._parser is None:
            self.close()  # an answer to no question
            return
        rest = b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
        except httptools.HttpParserError:
            self._flush(exchange)
            exchange.refuse(502, "The replica's answer is not HTTP.")
            return
        if exchange.status == _SWITCHING:
            exchange.downstream.write(rest)
            return
        self._flush(exchange)
        if self._done:
            exchange.finish(reusable=self._reusable)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's signature
        """The replica has gone or has closed a kept connection."""
        self.closed = True
        self._gate.lost(self)
        if self._tunnel is not None:
            self._tunnel.close()
            if self.exchange is not None:
                self.exchange.finish(reusable=False)
            return
        exchange = self.exchange
        if exchange is None:
            return
        if self._until_close:
            exchange.finish(reusable=False)
        elif exchange.answered:
            exchange.abort()
        elif self.used > 1 and exchange.replayable:
            exchange.upstream = None
            exchange.out.clear()
            self.exchange = None
            self._gate.admit(exchange)
            exchange.flush()
        else:
            exchange.refuse(502, "upstream connect error or disconnect/reset before headers")

    def pause_writing(self) -> None:
        """The replica reads slowly: let the client wait."""
        self._full = True
        if self._tunnel is not None:
            self._tunnel.pause()
        elif self.exchange is not None:
            self.exchange.downstream.pause()

    def resume_writing(self) -> None:
        """The replica has caught up."""
        self._full = False
        if self._tunnel is not None:
            self._tunnel.resume()
        elif self.exchange is not None:
            self.exchange.downstream.resume()

    # The parser's callbacks, in the order they come.

    def on_message_begin(self) -> None:
        """A response begins; perhaps after an interim one."""
        if self._done:
            self._reusable = False  # it answers what nobody asked
        self._headers = []
        self._reason = b""
        self._chunked = self._sized = False

    def on_status(self, reason: bytes) -> None:
        """The reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers.append((name, value))
        size = len(name)
        if size == 14 and name.lower() == b"content-length":
            self._sized = True
        elif size == 17 and name.lower() == b"transfer-encoding":
            self._chunked = True

    def on_headers_complete(self) -> None:
        """The head is whole."""
        exchange, parser = self.exchange, self._parser
        if exchange is None or parser is None or self._done:
            return
        status = parser.get_status_code()
        if status == _SWITCHING and not exchange.upgrade:
            raise ValueError("101 to a request that asked for no upgrade")  # the parser reports it as its own error
        if status < 200:
            self._interim(exchange, status)
            return
        exchange.status = status
        empty = exchange.bodiless or status in {204, 304}
        if not (empty or self._sized or self._chunked):
            self._until_close = True
            exchange.keep_alive = False
        self._framed = self._chunked and not exchange.old
        # Asked now: once the message is complete the parser has forgotten.
        # After an upgrade that the replica did not take up, nobody knows what it still reads as which protocol.
        self._reusable = bool(parser.should_keep_alive()) and not self._until_close and not exchange.upgrade
        extra = [(b"x-call-id", exchange.call_id)]
        if exchange.affinity:
            pair = b"%s=%s" % (heads.AFFINITY_COOKIE, exchange.affinity.encode())
            extra.append((b"set-cookie", pair + b"; Path=/; HttpOnly"))
        if exchange.extra:
            extra += exchange.extra
            ours = {name for name, _ in exchange.extra}
            self._headers = [each for each in self._headers if each[0].lower() not in ours]
        self._out.append(
            heads.response_head(
                status, self._reason, self._headers, extra, chunked=self._framed, close=not exchange.keep_alive
            )
        )
        if exchange.bodiless:
            self._done = True

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._done:
            self._reusable = False  # a body where none belongs
            return
        self._out.append(b"%x\r\n%s\r\n" % (len(data), data) if self._framed else data)

    def on_message_complete(self) -> None:
        """The response is whole."""
        parser = self._parser
        if self._done or parser is None or parser.get_status_code() < 200:
            return
        if self._framed:
            self._out.append(b"0\r\n\r\n")
        self._done = True

    def _interim(self, exchange: Exchange, status: int) -> None:
        self._out.append(heads.upgrade_head(status, self._reason, self._headers))
        if status == _SWITCHING:
            exchange.status = status
            self._flush(exchange)
            self._tunnel = exchange.downstream
            exchange.downstream.open_tunnel(self)

    def _flush(self, exchange: Exchange) -> None:
        if self._out:
            exchange.answer(b"".join(self._out))
            self._out.clear()
