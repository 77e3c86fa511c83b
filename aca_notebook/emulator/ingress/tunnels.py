"""Connections that go to a replica as they are: those of TCP apps, and those of HTTP/2.

Bytes pass both ways, and each side waits for the other. A connection counts as one request for as long as it lives, as
KEDA counts those of TCP apps.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from aca_notebook.emulator.ingress.proxy import Downstream
from aca_notebook.emulator.ingress.routing import choose_endpoint, choose_revision
from aca_notebook.emulator.ingress.rules import admitted
from aca_notebook.emulator.ingress.waiting import Watched
from aca_notebook.emulator.runtime.ingress_rules import ANONYMOUS
from aca_notebook.emulator.runtime.waiting import first_of

if TYPE_CHECKING:
    import random

    from aca_notebook.emulator.ingress.exchange import Gate
    from aca_notebook.emulator.ingress.routing import Endpoint, RoutingTable
    from aca_notebook.emulator.ingress.site import Programs

_HELD_BYTES = 256 * 1024
_CONNECT_ATTEMPTS = 3
_PREFACE = b"PRI"  # begins the preface of HTTP/2 (RFC 9113 §3.4), and no method of HTTP/1.1


class TunnelSite:
    """The gate of an app for connections that pass as they are."""

    def __init__(self, table: RoutingTable, programs: Programs, draws: random.Random) -> None:
        self.table = Watched(table)
        self._programs = programs
        self._draws = draws
        self._carried: dict[Passage, asyncio.Task[None]] = {}
        self._in_flight: dict[int, int] = {}

    @property
    def busy(self) -> bool:
        """Whether a connection is open."""
        return bool(self._carried)

    def connection(self, secure: bool) -> Passage:  # noqa: FBT001  # the listener's factory
        """Make the protocol for a client's connection."""
        return Passage(self, secure=secure)

    def route(self, table: RoutingTable) -> None:
        """Take a new table; connections that wait look again."""
        self.table.put(table)

    async def close(self) -> None:
        """Cut every connection."""
        tasks = tuple(self._carried.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def came(self, passage: Passage) -> None:
        """Carry a connection until it ends."""
        self._carried[passage] = asyncio.get_running_loop().create_task(self._carry(passage))

    async def _carry(self, passage: Passage) -> None:
        revision = ""
        try:
            if await self._may_come(passage):
                table = self.table.value
                revision = choose_revision(table, self._draws.random()) if table.running else ""
                if revision:
                    self._programs.request_arrived(table.app_key, revision)
                    await self._reach(passage, revision)
        finally:
            passage.cut()
            if revision:
                self._programs.request_finished(self.table.value.app_key, revision)
            del self._carried[passage]

    async def _reach(self, passage: Passage, revision: str) -> None:
        """Wait for a replica, connect and return when either side has gone."""
        attempts = 0
        while not passage.gone.done() and attempts < _CONNECT_ATTEMPTS:
            change, table = self.table.change, self.table.value
            endpoint = choose_endpoint(table.endpoints.get(revision, ()), self._in_flight)
            if endpoint is not None:
                if await self._join(passage, endpoint):
                    return
                attempts += 1
            elif revision in table.failures or not table.running:
                return
            else:
                await first_of(change.wait(), asyncio.shield(passage.gone))

    async def _join(self, passage: Passage, endpoint: Endpoint) -> bool:
        """Carry a connection to a replica to its end; False when the replica does not take it."""
        loop = asyncio.get_running_loop()
        try:
            _, far = await loop.create_connection(lambda: _FarSide(passage), "127.0.0.1", endpoint.port)
        except OSError:
            return False
        self._in_flight[endpoint.port] = self._in_flight.get(endpoint.port, 0) + 1
        try:
            passage.join(far)
            await asyncio.wait({passage.gone, far.gone}, return_when=asyncio.FIRST_COMPLETED)
            passage.finish()
            await passage.gone
        finally:
            self._in_flight[endpoint.port] -= 1
            far.transport.abort()
        return True

    async def _may_come(self, passage: Passage) -> bool:
        table = self.table.value
        rules = table.rules if passage.secure else table.plain_rules
        if rules is None:
            return True
        peer, here = (passage.transport.get_extra_info(name) for name in ("peername", "sockname"))
        if rules.internal and not await self._programs.is_inside(table.environment, peer[1], here[1]):
            return False
        signed_in = rules.sign_in is None or rules.sign_in.action == ANONYMOUS
        return rules.allow_insecure and signed_in and (not rules.addresses or admitted(rules.addresses, peer[0]))


class _Side(asyncio.Protocol):
    """One end of a tunnel."""

    transport: asyncio.Transport
    other: _Side | None = None

    def __init__(self) -> None:
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended = False  #: it says no more

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's signature
        """It has gone."""
        if not self.gone.done():
            self.gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Hand it on."""
        if self.other is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """This end says no more; it may still listen, unless the other has ended too, or cannot be told."""
        self.ended = True
        if self.other is None or self.other.ended or not self.other.transport.can_write_eof():
            return False
        self.other.transport.write_eof()
        return not self._is_secure

    @property
    def _is_secure(self) -> bool:
        return self.transport.get_extra_info("ssl_object") is not None

    def pause_writing(self) -> None:
        """This end reads slowly: let the other wait."""
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()


class Passage(_Side):
    """The client's end. What it says before a replica has taken it is held, up to a bound."""

    def __init__(self, site: TunnelSite, *, secure: bool) -> None:
        super().__init__()
        self.secure = secure
        self._site = site
        self._held = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, and have it carried."""
        super().connection_made(transport)
        self._site.came(self)

    def data_received(self, data: bytes) -> None:
        """Hand it on, or hold it."""
        if self.other is not None:
            super().data_received(data)
            return
        self._held += data
        if len(self._held) > _HELD_BYTES:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """The client says no more; it may still listen."""
        if self.other is not None:
            return super().eof_received()
        self.ended = True
        return not self._is_secure

    def join(self, far: _FarSide) -> None:
        """Hand a replica what was held, and pass bytes from now on."""
        self.other = far
        if self._held:
            far.transport.write(bytes(self._held))
            self._held.clear()
        if self.ended:
            far.transport.write_eof()
        elif not self.transport.is_closing():
            self.transport.resume_reading()

    def finish(self) -> None:
        """Close when what was written has gone out."""
        self.transport.close()

    def cut(self) -> None:
        """Close at once, whatever has not gone out."""
        self.transport.abort()


class _FarSide(_Side):
    """The replica's end."""

    def __init__(self, passage: Passage) -> None:
        super().__init__()
        self.other = passage


class Http2Downstream(Downstream):
    """A client's connection to an app with transport http2: a tunnel if it begins as HTTP/2 does, HTTP/1.1 if not."""

    def __init__(self, gate: Gate, tunnels: TunnelSite, *, secure: bool) -> None:
        super().__init__(gate, secure=secure)
        self._tunnels = tunnels
        self._first = b""
        self._told_apart = False

    def data_received(self, data: bytes) -> None:
        """Tell by the first bytes."""
        if self._told_apart:
            super().data_received(data)
            return
        self._first += data
        if len(self._first) < len(_PREFACE) and _PREFACE.startswith(self._first):
            return
        self._told_apart = True
        if not self._first.startswith(_PREFACE):
            super().data_received(self._first)
            return
        passage = self._tunnels.connection(self.secure)
        self.gate.left(self)
        self.transport.set_protocol(passage)
        passage.connection_made(self.transport)
        passage.data_received(self._first)
