"""The one client of other servers that the emulator has: it posts what an action group is to be told.

Which address that may be is decided before (`notices.refused_address`); here a name is never looked up unless it was
allowed, redirects are not followed, and what is answered is not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from aca_notebook.emulator.arm.notices import is_loopback

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection

#: How long an endpoint may take (documented: action groups, webhook).
TIMEOUT_SECONDS = 10.0


class Posting:
    """Keeps connections; `hosts` may be looked up."""

    def __init__(self, hosts: Collection[str], at_once: int) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=_Resolver(hosts), limit=at_once),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS), trust_env=False,
        )  # fmt: skip

    async def post(self, url: str, body: str) -> int:
        """Post JSON and return the status. Raises `OSError` when nobody answers in time."""
        headers = {"Content-Type": "application/json; charset=utf-8"}
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError) as trouble:
            raise OSError(type(trouble).__name__) from trouble

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


class _Resolver(AbstractResolver):
    """Finds this machine, whatever a name server says of it, and the hosts that were allowed."""

    def __init__(self, hosts: Collection[str]) -> None:
        self._hosts = hosts
        self._others = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily | int = 0) -> list[ResolveResult]:
        """Return the addresses of a host."""
        if host.lower() in self._hosts:
            return await self._others.resolve(host, port, family)  # type: ignore[arg-type]  # its own default is 0 too
        if not is_loopback(host.lower()):
            raise OSError(f"{host} may not be asked")
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is held."""
