"""Addresses that several apps share: a request goes by its path to one of them, and from there on is that app's."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aca_notebook.emulator.ingress.path_routing import PathRoute, direct
from aca_notebook.emulator.ingress.routing import RoutingTable
from aca_notebook.emulator.ingress.site import Site
from aca_notebook.emulator.listener import Listener

if TYPE_CHECKING:
    import ssl

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.ingress.exchange import Exchange
    from aca_notebook.emulator.ingress.ports import IngressPorts
    from aca_notebook.emulator.ingress.site import Programs
    from aca_notebook.emulator.ingress.upstream import Upstream


class Sites(Protocol):
    """The ingress."""

    def site_of(self, environment: str, app: str, name: str) -> Site | None:
        """Return the gate of an app, or of one of its revisions or labels; None when it has none."""
        ...

    async def open_name(self, environment: str, app: str, name: str) -> None:
        """See to it that a revision or label has a gate, where it can have one."""
        ...


class SharedAddresses:
    """Owns their listeners."""

    def __init__(
        self, *, sites: Sites, programs: Programs, ports: IngressPorts, tls: ssl.SSLContext, clock: Clock
    ) -> None:
        self._sites = sites
        self._programs = programs
        self._ports = ports
        self._tls = tls
        self._clock = clock
        self._open: dict[str, _Shared] = {}
        self._turn = asyncio.Lock()

    @property
    def busy(self) -> bool:
        """Whether a request is open anywhere."""
        return any(shared.site.busy for shared in self._open.values())

    async def publish(
        self, key: str, environment: str, routes: tuple[PathRoute, ...], domains: frozenset[str] = frozenset()
    ) -> str:  # fmt: skip
        """Let requests in by these routes; return `127.0.0.1:PORT`, which is durable. Raises `OSError`.

        `domains` are host names, in lower case, that are answered besides this machine's.
        """
        async with self._turn:
            shared = self._open.get(key)
            if shared is None:
                sock, _ = await self._ports.bind(key)
                site = SharedSite(environment, self._sites, self._programs, self._clock)
                shared = self._open[key] = _Shared(site, Listener(sock, site.connection, self._tls))
                await shared.listener.start()
            shared.site.routes = routes
            shared.site.table.put(RoutingTable("", "", hosts=domains))
            for route in routes:
                if route.name:
                    await self._sites.open_name(environment, route.app, route.name)
            return f"127.0.0.1:{shared.listener.port}"

    async def withdraw(self, key: str) -> None:
        """Let no more in, and let others have the port."""
        async with self._turn:
            shared = self._open.pop(key, None)
            if shared is not None:
                await shared.close()
            await self._ports.forget(key)

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        async with self._turn:
            for key in tuple(self._open):
                await self._open.pop(key).close()


@dataclass(slots=True)
class _Shared:
    site: SharedSite
    listener: Listener

    async def close(self) -> None:
        await self.listener.close()
        await self.site.close()


class SharedSite(Site):
    """The gate of a shared address. What no route takes gets the page of an app that does not exist."""

    def __init__(self, environment: str, sites: Sites, programs: Programs, clock: Clock) -> None:
        super().__init__(RoutingTable("", ""), programs, clock, _Nobody(), random.Random())  # noqa: S311  # draws nothing
        self.routes: tuple[PathRoute, ...] = ()
        self._environment = environment
        self._sites = sites
        self._directed: dict[Exchange, Site] = {}

    @property
    def busy(self) -> bool:
        """Whether a request is open."""
        return bool(self._directed) or super().busy

    def admit(self, exchange: Exchange) -> None:
        """Hand a request to the gate of its app; from outside by the environment's own door, so it counts as inside."""
        site = self._directed.get(exchange) or self._site(exchange)
        if site is None:
            super().admit(exchange)
            return
        exchange.downstream.inside = True
        site.admit(exchange)

    def release(self, exchange: Exchange, upstream: Upstream | None) -> None:
        """Tell the gate that has it of an exchange's end."""
        site = self._directed.pop(exchange, None)
        if site is not None:
            site.release(exchange, upstream)
        else:
            super().release(exchange, upstream)

    def _site(self, exchange: Exchange) -> Site | None:
        found = direct(self.routes, exchange.target)
        site = self._sites.site_of(self._environment, found[0].app, found[0].name) if found is not None else None
        if found is None or site is None:
            return None
        self._directed[exchange] = site
        rules = site.table.value.plain_rules
        if exchange.downstream.secure or rules is None or rules.allow_insecure:
            exchange.target = found[1]  # else it is sent to https, and comes back as it was
        return site


class _Nobody:
    """Whoever is told of requests that no app got."""

    def request_finished(  # noqa: PLR0913, PLR0917  # the shape is the ingress's
        self, app_key: str, revision: str, replica: str, status: int, seconds: float, received_bytes: int,
        sent_bytes: int,
    ) -> None:  # fmt: skip
        """Forget it."""
