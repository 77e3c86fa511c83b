"""The port each app is reached at: remembered over restarts, replaced when someone else has taken it."""

from __future__ import annotations

import errno
import zlib
from typing import TYPE_CHECKING

from aca_notebook.emulator.journal.database import delete_document, put_document
from aca_notebook.emulator.runtime.ports import INGRESS_PORTS, listen_on_first_free, listen_on_loopback

if TYPE_CHECKING:
    import socket

    from aca_notebook.emulator.journal.database import Database

_KIND = "ingress-port"


class IngressPorts:
    """Ports by app key, or by app key and the name of a revision or label; durable before `bind` returns."""

    def __init__(self, database: Database, candidates: range = INGRESS_PORTS) -> None:
        self._database = database
        # Each emulator begins at a place of its own, so that two of them do not take each other's ports in turn.
        first = zlib.crc32(bytes(database.path)) % len(candidates)
        self._candidates = (*candidates[first:], *candidates[:first])
        self._ports: dict[str, int] = {key: int(port) for key, port in database.documents(_KIND).items()}

    def names(self, app_key: str) -> list[str]:
        """Return the revisions and labels of an app that have an address of their own."""
        return [key.removeprefix(f"{app_key}#") for key in self._ports if key.startswith(f"{app_key}#")]

    async def bind(self, app_key: str, name: str = "") -> tuple[socket.socket, int]:
        """Return a listening socket, and the port that was had before if it had to change, else 0.

        It is the app's, or with `name` that of one of its revisions or labels.
        Raises `OSError` when no port is free.
        """
        key = _key(app_key, name)
        before = self._ports.get(key, 0)
        if before:
            try:
                return listen_on_loopback(before), 0
            except OSError as failure:
                if failure.errno != errno.EADDRINUSE:
                    raise
        sock = listen_on_first_free(self._candidates, set(self._ports.values()))
        port = int(sock.getsockname()[1])
        self._ports[key] = port
        try:
            await self._database.write(put_document(_KIND, key, port))
        except BaseException:
            sock.close()
            del self._ports[key]
            raise
        return sock, before

    async def forget(self, app_key: str, name: str = "") -> None:
        """Let others have the port of a revision or label; without a name, all that the app has."""
        keys = [_key(app_key, each) for each in ([name] if name else ["", *self.names(app_key)])]
        known = [key for key in keys if self._ports.pop(key, 0)]
        if known:
            await self._database.write(*(delete_document(_KIND, key) for key in known))


def _key(app_key: str, name: str) -> str:
    return f"{app_key}#{name}" if name else app_key
