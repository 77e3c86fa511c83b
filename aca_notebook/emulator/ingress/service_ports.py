"""Ports of their own for services that Azure gives a host name each: such names do not resolve on every machine."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

from aca_notebook.emulator.listener import Listener

if TYPE_CHECKING:
    import ssl

    from aca_notebook.emulator.ingress.ports import IngressPorts
    from aca_notebook.emulator.listener import ProtocolFactory

logger = logging.getLogger(__name__)


class ServicePorts:
    """Listens for each service on a port that stays over restarts; whoever answers sees on which port it was asked."""

    def __init__(self, ports: IngressPorts, tls: ssl.SSLContext) -> None:
        self._ports = ports
        self._tls = tls
        self._factory: ProtocolFactory | None = None
        self._listeners: dict[str, Listener] = {}

    def answer_with(self, factory: ProtocolFactory) -> None:
        """Say what speaks on the connections; before the first `open`."""
        self._factory = factory

    async def open(self, key: str) -> int:
        """Listen for a service and return its port; 0 when none is free: it has its host name still."""
        if self._factory is None:
            raise RuntimeError("nobody answers yet")
        if key not in self._listeners:
            try:
                sock, _ = await self._ports.bind(key)
            except OSError as failure:
                logger.warning("%s has no port of its own: %s", key, failure)
                return 0
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted connections have it too
            listener = self._listeners[key] = Listener(sock, self._factory, self._tls)
            await listener.start()
        return self._listeners[key].port

    def port(self, key: str) -> int:
        """Return the port of a service, 0 when it has none."""
        listener = self._listeners.get(key)
        return listener.port if listener else 0

    def ports(self) -> set[int]:
        """Return the ports of all of them."""
        return {listener.port for listener in self._listeners.values()}

    def service_at(self, port: int) -> str:
        """Return the key of the service on a port, empty when it is none's."""
        return next((key for key, listener in self._listeners.items() if listener.port == port), "")

    async def close(self, key: str) -> None:
        """Listen no more for a service and let others have its port."""
        listener = self._listeners.pop(key, None)
        if listener is not None:
            await listener.close()
        await self._ports.forget(key)

    async def close_all(self) -> None:
        """Listen no more; the ports stay the services' own."""
        while self._listeners:
            _, listener = self._listeners.popitem()
            await listener.close()
