"""The ingress: publishes apps at addresses and keeps where their requests go up to date."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.emulator.ingress.routing import routing_table
from aca_notebook.emulator.ingress.site import Site
from aca_notebook.emulator.journal.events import IngressMoved
from aca_notebook.emulator.listener import Listener

if TYPE_CHECKING:
    import ssl

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.ingress.ports import IngressPorts
    from aca_notebook.emulator.ingress.site import RequestObserver
    from aca_notebook.emulator.runtime.controller import Controller
    from aca_notebook.emulator.runtime.desired import App


@dataclass(slots=True)
class _Published:
    app: App
    site: Site
    listener: Listener


class Ingress:
    """Owns the listeners of all published apps."""

    def __init__(
        self, *, controller: Controller, ports: IngressPorts, tls: ssl.SSLContext, clock: Clock,
        observer: RequestObserver, draws: random.Random | None = None,
    ) -> None:  # fmt: skip
        self._controller = controller
        self._ports = ports
        self._tls = tls
        self._clock = clock
        self._observer = observer
        self._draws = draws or random.Random()  # noqa: S311  # it shares traffic out, it guards nothing
        self._published: dict[str, _Published] = {}
        self._turn = asyncio.Lock()
        controller.subscribe(self._changed)

    @property
    def busy(self) -> bool:
        """Whether a request is open anywhere."""
        return any(published.site.busy for published in self._published.values())

    async def publish(self, app: App) -> str:
        """Let requests in over http and https; return `127.0.0.1:PORT`, or nothing for an app only apps may reach.

        Durable and stable; saying it twice does no harm. Raises `OSError` when no port is free.
        """
        async with self._turn:
            if app.ingress is None or not app.ingress.external:
                await self._close(app.key)
                return ""
            published = self._published.get(app.key)
            if published is None:
                published = self._published[app.key] = await self._open(app)
            published.app = app
            self._changed(app.key)
            return f"127.0.0.1:{published.listener.port}"

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

    async def _open(self, app: App) -> _Published:
        sock, before = await self._ports.bind(app.key)
        table = routing_table(app, self._controller.observe(app.key))
        site = Site(table, self._controller, self._clock, self._observer, self._draws)
        listener = Listener(sock, site.connection, self._tls)
        await listener.start()
        if before:
            self._controller.record(IngressMoved(at=self._clock.now(), app=app.key, before=before, after=listener.port))
        return _Published(app, site, listener)

    async def _close(self, app_key: str) -> None:
        published = self._published.pop(app_key, None)
        if published is not None:
            await published.listener.close()
            await published.site.close()

    def _changed(self, app_key: str) -> None:
        published = self._published.get(app_key)
        if published is not None:
            app = self._controller.desired(app_key) or published.app
            published.site.route(routing_table(app, self._controller.observe(app_key)))
