"""One app's way in: its listener, where its requests may go, and its connections to replicas."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from typing import TYPE_CHECKING, Protocol

from aca_notebook.emulator.faults.board import NoFaults
from aca_notebook.emulator.ingress import heads
from aca_notebook.emulator.ingress.proxy import Downstream
from aca_notebook.emulator.ingress.routing import Endpoint, RoutingTable, choose_endpoint, choose_revision
from aca_notebook.emulator.ingress.rules import Asked, judge, without_principal
from aca_notebook.emulator.ingress.upstream import Upstream
from aca_notebook.emulator.ingress.waiting import Watched
from aca_notebook.model.fault import Subject
from aca_notebook.model.fault_kinds import REQUEST_SECONDS, AppOutage, DropCall, RequestTimeout, Seam

if TYPE_CHECKING:
    import random

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.faults.board import Strikes
    from aca_notebook.emulator.ingress.exchange import Exchange
    from aca_notebook.emulator.ingress.rules import Verdict
    from aca_notebook.emulator.runtime.ingress_rules import IngressRules

#: What Envoy says in Azure's stead: to a request of which nothing has been heard for 240 s (facts §13.1; its 14 bytes:
#: azure-container-apps issues 597 and 1637), and of an app that does not listen (recorded: app_exec).
_SILENT = "stream timeout"
_UNREACHED = (
    "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection "
    "failure, transport failure reason: delayed connect error: 111"
)
_CLIENT_SECONDS = 60.0  # a client may owe us a request, or the rest of a head, for so long
_SWEEP_SECONDS = 1.0
_SWITCHING = 101
_IDLE_SECONDS = 4.0  # less than uvicorn's 5, so that we and not the replica let a kept connection go
_IDLE_CONNECTIONS = 64
_CONNECT_ATTEMPTS = 3
_STRIKING: tuple[type[AppOutage | DropCall], ...] = (AppOutage, DropCall)


class RequestObserver(Protocol):
    """Who is told of each request that has ended."""

    def request_finished(  # noqa: PLR0913, PLR0917  # one fact each
        self, app_key: str, revision: str, replica: str, status: int, seconds: float, received_bytes: int,
        sent_bytes: int,
    ) -> None:  # fmt: skip
        """Count one request; `seconds` until its last byte, `replica` empty if none took it."""
        ...


class Programs(Protocol):
    """Who decides on replicas and so must know what is asked for, and knows whose programs are whose."""

    async def is_inside(self, environment: str, near: int, far: int) -> bool:
        """Tell whether the connection from port `near` to port `far` comes from a program of an environment."""
        ...

    def request_arrived(self, app_key: str, revision: str) -> None:
        """A request for a revision has come."""
        ...

    def request_finished(self, app_key: str, revision: str) -> None:
        """It is done with."""
        ...


class Site:
    """The gate of one app."""

    def __init__(
        self, table: RoutingTable, load: Programs, clock: Clock, observer: RequestObserver, draws: random.Random,
        faults: Strikes | None = None,
    ) -> None:  # fmt: skip
        self.table = Watched(table)
        self._load = load
        self._clock = clock
        self._observer = observer
        self._draws = draws
        self._faults = faults or NoFaults()
        self._active: set[Exchange] = set()
        self._clients: set[Downstream] = set()
        self._idle: dict[int, list[Upstream]] = {}
        self._in_flight: dict[int, int] = {}
        self._call_prefix = secrets.token_hex(12).encode()  # with a number of eight digits: 32, a trace's id
        self._call_numbers = itertools.count(1)
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is open."""
        return bool(self._active)

    @property
    def domains(self) -> frozenset[str]:
        """The app's custom domains, in lower case."""
        return self.table.value.hosts

    def connection(self, secure: bool) -> Downstream:  # noqa: FBT001  # the listener's factory
        """Make the protocol for a client's connection."""
        return Downstream(self, secure=secure)

    def route(self, table: RoutingTable) -> None:
        """Take a new table; requests that wait look again."""
        self.table.put(table)
        ports = {endpoint.port for endpoints in table.endpoints.values() for endpoint in endpoints}
        for port in self._idle.keys() - ports:
            for upstream in self._idle.pop(port):
                upstream.close()

    async def close(self) -> None:
        """Cut every connection."""
        for exchange in tuple(self._active):
            exchange.abort()
        for client in tuple(self._clients):
            client.cut()
        for upstream in [each for kept in self._idle.values() for each in kept]:
            upstream.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)

    # What the proxy asks for.

    def admit(self, exchange: Exchange) -> None:
        """Send the request over a kept connection if one is there; else see to it in a task."""
        if exchange not in self._active:
            self._enter(exchange)
            table = self.table.value
            rules = table.rules if exchange.downstream.secure else table.plain_rules
            if rules is not None and not self._passes(exchange, rules):
                return
            if self._faults.at(Seam.CALL):
                exchange.task = asyncio.get_running_loop().create_task(self._begin_disturbed(exchange))
                return
        endpoint = self._choose(exchange)
        upstream = self._kept(endpoint) if endpoint is not None else None
        if endpoint is not None and upstream is not None:
            self._send(exchange, endpoint, upstream)
        else:
            exchange.task = asyncio.get_running_loop().create_task(self._begin(exchange))

    def release(self, exchange: Exchange, upstream: Upstream | None) -> None:
        """Take the end of an exchange down, and keep its connection if it may be used again."""
        if exchange not in self._active:
            return
        self._active.remove(exchange)
        if exchange.task is not None and exchange.task is not asyncio.current_task():
            exchange.task.cancel()
        key, endpoint = self.table.value.app_key, exchange.endpoint
        if endpoint is not None:
            self._in_flight[endpoint.port] -= 1
        if exchange.revision:
            self._load.request_finished(key, exchange.revision)
        seconds = self._clock.monotonic() - exchange.started
        self._observer.request_finished(
            key, exchange.revision, endpoint.replica if endpoint else "", exchange.status, seconds, exchange.received,
            exchange.sent,
        )  # fmt: skip
        if upstream is not None:
            self._keep(upstream)

    def lost(self, upstream: Upstream) -> None:
        """Forget a connection to a replica."""
        kept = self._idle.get(upstream.endpoint.port)
        if kept is not None and upstream in kept:
            kept.remove(upstream)

    def came(self, downstream: Downstream) -> None:
        """Know of a client's connection, until it has `left`."""
        self._clients.add(downstream)
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    def left(self, downstream: Downstream) -> None:
        """Forget a connection of a client."""
        self._clients.discard(downstream)

    def _enter(self, exchange: Exchange) -> None:
        exchange.started = self._clock.monotonic()
        exchange.call_id = b"%s%08x" % (self._call_prefix, next(self._call_numbers))
        self._active.add(exchange)

    def _passes(self, exchange: Exchange, rules: IngressRules) -> bool:
        """Answer what the app's rules keep from its replicas, and prepare what they let pass.

        Whoever comes to an internal app is looked at first, once a connection; the request goes on in a task then.
        """
        downstream = exchange.downstream
        if rules.internal and downstream.inside is None:
            exchange.task = asyncio.get_running_loop().create_task(self._begin_looked_at(exchange, rules))
            return False
        asked = Asked(
            exchange.method, exchange.target, exchange.host, exchange.headers, downstream.client.decode(),
            downstream.secure, bool(downstream.inside),
        )  # fmt: skip
        verdict = judge(rules, asked)
        if verdict.status:  # a turn later the request without a body is whole, and the connection may be kept
            asyncio.get_running_loop().call_soon(_turn_away, exchange, verdict)
            return False
        exchange.extra = verdict.headers
        if rules.sign_in is not None:
            exchange.headers = without_principal(exchange.headers)
        return True

    async def _begin_looked_at(self, exchange: Exchange, rules: IngressRules) -> None:
        transport = exchange.downstream.transport
        near, far = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        exchange.downstream.inside = await self._load.is_inside(self.table.value.environment, near[1], far[1])
        if not exchange.finished and self._passes(exchange, rules):
            disturbed = self._faults.at(Seam.CALL)
            await (self._begin_disturbed(exchange) if disturbed else self._begin(exchange))

    def _choose(self, exchange: Exchange) -> Endpoint | None:
        """Settle the request's revision, count it there, and return a replica if one is ready."""
        table = self.table.value
        revision = choose_revision(table, self._draws.random(), exchange.host) if table.running else ""
        if revision != exchange.revision:
            if exchange.revision:
                self._load.request_finished(table.app_key, exchange.revision)
            exchange.revision = revision
            if revision:
                self._load.request_arrived(table.app_key, revision)
        affinity = heads.cookie(exchange.headers, heads.AFFINITY_COOKIE) if table.sticky else ""
        endpoint = choose_endpoint(table.endpoints.get(revision, ()), self._in_flight, affinity)
        if endpoint is not None and table.sticky and endpoint.replica != affinity:
            exchange.affinity = endpoint.replica
        return endpoint

    async def _begin_disturbed(self, exchange: Exchange) -> None:
        """Let a fault in force have its way with the request; what is left of it goes on as ever."""
        struck = self._faults.strike(Subject(self.table.value.app_key), *_STRIKING)
        if isinstance(struck, AppOutage):
            exchange.refuse(struck.status, {503: _UNREACHED, 504: _SILENT}.get(struck.status, ""))
        elif struck is not None and struck.when == "before":
            exchange.abort()
        else:
            exchange.cut = struck is not None
            await self._begin(exchange)

    async def _begin(self, exchange: Exchange) -> None:
        """Wait until a replica takes the request, or it is clear that none will."""
        attempts = 0
        while not exchange.finished:
            change = self.table.change
            endpoint = self._choose(exchange)
            if endpoint is not None:
                upstream = self._kept(endpoint) or await self._connect(endpoint)
                if upstream is not None:
                    self._hand(exchange, endpoint, upstream)
                    return
                attempts += 1
                if attempts == _CONNECT_ATTEMPTS:
                    exchange.refuse(502, "upstream connect error: the replica does not accept connections")
            elif self._may_wait(exchange):
                await change.wait()

    def _hand(self, exchange: Exchange, endpoint: Endpoint, upstream: Upstream) -> None:
        if exchange.finished:  # the client has gone meanwhile
            self._keep(upstream)
            return
        self._send(exchange, endpoint, upstream)
        exchange.flush()

    def _may_wait(self, exchange: Exchange) -> bool:
        """Refuse a request that no replica will ever take; tell whether it may wait for one."""
        table = self.table.value
        if not exchange.revision:
            exchange.refuse(404, "This Container App is stopped or does not exist.")
        elif exchange.revision in table.failures:
            exchange.refuse(503, f"Revision {exchange.revision} failed: {table.failures[exchange.revision]}")
        else:
            return True
        return False

    def _send(self, exchange: Exchange, endpoint: Endpoint, upstream: Upstream) -> None:
        if exchange.endpoint is not None:
            self._in_flight[exchange.endpoint.port] -= 1
        exchange.endpoint = endpoint
        self._in_flight[endpoint.port] = self._in_flight.get(endpoint.port, 0) + 1
        exchange.send(upstream)

    async def _connect(self, endpoint: Endpoint) -> Upstream | None:
        loop = asyncio.get_running_loop()
        try:
            _, upstream = await loop.create_connection(lambda: Upstream(self, endpoint), "127.0.0.1", endpoint.port)
        except OSError:  # it has just died, and the next table will say so
            return None
        return upstream

    def _kept(self, endpoint: Endpoint) -> Upstream | None:
        kept = self._idle.get(endpoint.port)
        while kept:
            upstream = kept.pop()
            if upstream.closed or upstream.endpoint.replica != endpoint.replica:
                continue
            if self._clock.monotonic() - upstream.idle_since < _IDLE_SECONDS:
                return upstream
            upstream.close()
        return None

    def _keep(self, upstream: Upstream) -> None:
        kept = self._idle.setdefault(upstream.endpoint.port, [])
        if upstream.closed or len(kept) >= _IDLE_CONNECTIONS:
            upstream.close()
        else:
            upstream.idle_since = self._clock.monotonic()
            kept.append(upstream)

    async def _sweep(self) -> None:
        """Cut requests that have been silent too long and clients that ask for nothing; ends when there are none.

        A stream lasts as long as it says something: what Azure bounds is silence (azure-container-apps issue 597,
        its maintainers' word; `requestIdleTimeout` of premium ingress has the same four minutes).
        """
        while self._clients:
            await self._clock.sleep(_SWEEP_SECONDS)
            now, most = self._clock.monotonic(), self._longest_silence()
            for exchange in [each for each in self._active if each.silent_for(now) >= most]:
                if exchange.status != _SWITCHING:
                    exchange.refuse(504, _SILENT)
            for client in tuple(self._clients):
                idle = client.idle_for(now)
                if idle >= REQUEST_SECONDS or (idle >= _CLIENT_SECONDS and not client.unsent):
                    client.cut()

    def _longest_silence(self) -> float:
        if not self._faults.at(Seam.CALL):
            return REQUEST_SECONDS
        shorter = self._faults.standing(Subject(self.table.value.app_key), RequestTimeout)
        return REQUEST_SECONDS if shorter is None else shorter.seconds


def _turn_away(exchange: Exchange, verdict: Verdict) -> None:
    if not exchange.finished:
        exchange.refuse(verdict.status, verdict.text, verdict.headers)
