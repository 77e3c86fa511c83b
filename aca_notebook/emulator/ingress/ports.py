"""The port each app is reached at: remembered over restarts, replaced when someone else has taken it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from aca_notebook.emulator.journal.database import delete_document, put_document
from aca_notebook.emulator.runtime.ports import INGRESS_PORTS, listen_on_first_free, listen_on_loopback

if TYPE_CHECKING:
    import socket

    from aca_notebook.emulator.journal.database import Database

_KIND = "ingress-port"


class IngressPorts:
    """Ports by app key; durable before `bind` returns."""

    def __init__(self, database: Database, candidates: range = INGRESS_PORTS) -> None:
        self._database = database
        self._candidates = candidates
        self._ports: dict[str, int] = {key: int(port) for key, port in database.documents(_KIND).items()}

    async def bind(self, app_key: str) -> tuple[socket.socket, int]:
        """Return a listening socket for the app, and the port it had before if that had to change, else 0.

        Raises `OSError` when no port is free.
        """
        before = self._ports.get(app_key, 0)
        if before:
            try:
                return listen_on_loopback(before), 0
            except OSError as failure:
                if failure.errno != errno.EADDRINUSE:
                    raise
        sock = listen_on_first_free(self._candidates, set(self._ports.values()))
        port = int(sock.getsockname()[1])
        self._ports[app_key] = port
        try:
            await self._database.write(put_document(_KIND, app_key, port))
        except BaseException:
            sock.close()
            del self._ports[app_key]
            raise
        return sock, before

    async def forget(self, app_key: str) -> None:
        """Let another app have the port."""
        if self._ports.pop(app_key, 0):
            await self._database.write(delete_document(_KIND, app_key))
