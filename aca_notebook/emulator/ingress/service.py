"""The ingress: publishes apps at addresses and keeps where their requests go up to date."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from aca_notebook.emulator.ingress.routing import addressable, narrowed, routing_table
from aca_notebook.emulator.ingress.site import Site
from aca_notebook.emulator.ingress.tunnels import Http2Downstream, TunnelSite
from aca_notebook.emulator.journal.events import IngressMoved
from aca_notebook.emulator.listener import Listener
from aca_notebook.emulator.runtime.ports import listen_if_free

if TYPE_CHECKING:
    import socket
    import ssl

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.faults.board import Strikes
    from aca_notebook.emulator.ingress.ports import IngressPorts
    from aca_notebook.emulator.ingress.routing import RoutingTable
    from aca_notebook.emulator.ingress.site import RequestObserver
    from aca_notebook.emulator.runtime.controller import Controller
    from aca_notebook.emulator.runtime.desired import App


logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Gate:
    sites: tuple[Site | TunnelSite, ...]
    listener: Listener
    exposed: Listener | None = None  #: at the port that the app asked for, beside its own

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.port}"

    @property
    def busy(self) -> bool:
        return any(site.busy for site in self.sites)

    async def start(self) -> None:
        await self.listener.start()
        if self.exposed is not None:
            await self.exposed.start()

    def route(self, table: RoutingTable) -> None:
        for site in self.sites:
            site.route(table)

    async def shut(self) -> None:
        await self.listener.close()
        if self.exposed is not None:
            await self.exposed.close()
        for site in self.sites:
            await site.close()


@dataclass(slots=True)
class _Published:
    app: App
    main: _Gate
    named: dict[str, _Gate] = field(default_factory=dict)

    @property
    def gates(self) -> tuple[_Gate, ...]:
        return (self.main, *self.named.values())


class Ingress:
    """Owns the listeners of all published apps."""

    def __init__(  # noqa: PLR0913  # the composition root names them
        self, *, controller: Controller, ports: IngressPorts, tls: ssl.SSLContext, clock: Clock,
        tls_http2: ssl.SSLContext | None = None,
        observer: RequestObserver, draws: random.Random | None = None, faults: Strikes | None = None,
    ) -> None:  # fmt: skip
        self._controller = controller
        self._ports = ports
        self._tls = tls
        self._tls_http2 = tls_http2 or tls
        self._clock = clock
        self._observer = observer
        self._draws = draws or random.Random()  # noqa: S311  # it shares traffic out, it guards nothing
        self._published: dict[str, _Published] = {}
        self._faults = faults
        self._turn = asyncio.Lock()
        controller.subscribe(self._changed)

    @property
    def busy(self) -> bool:
        """Whether a request is open anywhere."""
        return any(gate.busy for published in self._published.values() for gate in published.gates)

    async def publish(self, app: App) -> str:
        """Let requests in over http and https; return `127.0.0.1:PORT`, or nothing for an app without ingress.

        A TCP app is at the port that it exposes too, if that is free.
        An app with internal ingress answers the programs of its environment, and 403 to the rest of the machine.
        Durable and stable; saying it twice does no harm. Raises `OSError` when no port is free.
        """
        async with self._turn:
            if app.ingress is None:
                await self._close(app.key)
                return ""
            published = self._published.get(app.key)
            if published is not None and _manner(published.app) != _manner(app):
                await self._close(app.key)
                published = None
            if published is None:
                published = self._published[app.key] = _Published(app, await self._open(app, ""))
            published.app = app
            await self._settle_names(published)
            self._changed(app.key)
            return published.main.address

    async def address(self, app_key: str, name: str) -> str:
        """Return `127.0.0.1:PORT` that reaches a revision or label alone; nothing when it can have none.

        From then on it is listened on, and after a restart too. Host names keep working on the app's own address.
        """
        name = name.lower()
        async with self._turn:
            published = self._published.get(app_key)
            if published is None or name not in addressable(self._app(published)):
                return ""
            await self._open_named(published, name)
            return published.named[name].address if name in published.named else ""

    def site_of(self, environment: str, app: str, name: str) -> Site | None:
        """Return the gate that requests to an app come through, or those to a revision or label that has an address."""
        published = self._find(environment, app)
        if published is None:
            return None
        gate = published.named.get(name) if name else published.main
        site = gate.sites[0] if gate is not None else None
        return site if isinstance(site, Site) else None

    async def open_name(self, environment: str, app: str, name: str) -> None:
        """See to it that a revision or label has an address, where it can have one."""
        published = self._find(environment, app)
        if published is not None:
            await self.address(published.app.key, name)

    async def withdraw(self, app_key: str) -> None:
        """Let no more in, and let another app have the port."""
        async with self._turn:
            await self._close(app_key)
            await self._ports.forget(app_key)

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        async with self._turn:
            for key in tuple(self._published):
                await self._close(key)

    async def _settle_names(self, published: _Published) -> None:
        """Listen again for the names that were handed out, and let those go that the app no longer has."""
        app = published.app
        wanted = addressable(app)
        for name in self._ports.names(app.key):
            if name not in wanted:
                gate = published.named.pop(name, None)
                if gate is not None:
                    await gate.shut()
                await self._ports.forget(app.key, name)
            else:
                await self._open_named(published, name)

    async def _open_named(self, published: _Published, name: str) -> None:
        """Listen for a revision or label, unless that is so already; without a free port it goes without."""
        if name not in published.named:
            try:
                published.named[name] = await self._open(published.app, name)
            except OSError as full:
                logger.warning("%s has no address of its own: %s", name, full)

    async def _open(self, app: App, name: str) -> _Gate:
        transport, exposed_port = _manner(app)
        sock, before = await self._ports.bind(app.key, name)
        whole = routing_table(app, self._controller.observe(app.key))
        table = narrowed(whole, name) if name else whole
        gate = self._gate(sock, table, transport, exposed_port if not name else 0)
        await gate.start()
        if before:
            port = gate.listener.port
            self._controller.record(IngressMoved(at=self._clock.now(), app=app.key, before=before, after=port))
        return gate

    def _gate(self, sock: socket.socket, table: RoutingTable, transport: str, exposed_port: int) -> _Gate:
        tunnels = TunnelSite(table, self._controller, self._draws)
        if transport == "tcp":
            free = listen_if_free(exposed_port)
            exposed = Listener(free, tunnels.connection, None) if free is not None else None
            return _Gate((tunnels,), Listener(sock, tunnels.connection, None), exposed)
        site = Site(table, self._controller, self._clock, self._observer, self._draws, self._faults)
        if transport == "http2":
            return _Gate((site, tunnels), Listener(sock, partial(_http2, site, tunnels), self._tls_http2))
        return _Gate((site,), Listener(sock, site.connection, self._tls))

    async def _close(self, app_key: str) -> None:
        published = self._published.pop(app_key, None)
        for gate in published.gates if published is not None else ():
            await gate.shut()

    def _find(self, environment: str, app: str) -> _Published | None:
        wanted = environment, app
        here = self._published.values()
        return next((each for each in here if (each.app.environment, each.app.name.lower()) == wanted), None)

    def _app(self, published: _Published) -> App:
        return self._controller.desired(published.app.key) or published.app

    def _changed(self, app_key: str) -> None:
        published = self._published.get(app_key)
        if published is not None:
            table = routing_table(self._app(published), self._controller.observe(app_key))
            published.main.route(table)
            for name, gate in published.named.items():
                gate.route(narrowed(table, name))


def _manner(app: App) -> tuple[str, int]:
    """How an app is listened for; another manner takes another listener."""
    return (app.ingress.transport.lower(), app.ingress.exposed_port) if app.ingress is not None else ("", 0)


def _http2(site: Site, tunnels: TunnelSite, secure: bool) -> Http2Downstream:  # noqa: FBT001  # the listener's factory
    return Http2Downstream(site, tunnels, secure=secure)
