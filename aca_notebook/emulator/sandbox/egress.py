"""The way out of a sandbox that has a network of its own: a proxy that answers on that network's loopback.

The socket is made inside, before the program runs, and answered out here, so the program has no other way out than to
ask by name for what it wants: `CONNECT` for anything over TCP, or plain http. The name is resolved here, every address
it has is judged, and the one that was judged is connected to: a name cannot mean something else a moment later.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import logging
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from ipaddress import IPv4Address, IPv6Address

logger = logging.getLogger(__name__)

HEAD_BYTES, HEAD_SECONDS = 16 * 1024, 10.0
CONNECT_SECONDS = 10.0
#: At once, for one sandbox.
CONNECTIONS = 64
_BLOCK_BYTES = 64 * 1024
#: The platform's own address, which looks like any other (Azure: "What is IP address 168.63.129.16?").
_PLATFORM = frozenset({ipaddress.ip_address("168.63.129.16")})
#: IPv6 that carries an IPv4 address in its last four bytes (RFC 6052).
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


class Resolve(Protocol):
    """Finds the addresses of a name."""

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return them, the best first. Raises `OSError`."""
        ...


def is_outside(text: str, own: frozenset[str] = frozenset()) -> bool:
    """Whether an address is out on the internet: not loopback, link-local (metadata), private, multicast or our own."""
    address = _plain(ipaddress.ip_address(text.partition("%")[0]))
    return address.is_global and not address.is_multicast and address not in _PLATFORM and str(address) not in own


def own_addresses() -> frozenset[str]:
    """Return the addresses of this machine: a service on all of them is reached by any."""
    return frozenset(
        address.address.partition("%")[0]
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in {socket.AF_INET, socket.AF_INET6}
    )


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the head of a request asks for; `opening` is what the other side is to be told first."""

    host: str
    port: int
    tunnel: bool
    opening: bytes


class Refused(Exception):
    """With a status, and words for whoever asked."""

    def __init__(self, status: str, words: str) -> None:
        super().__init__(words)
        self.status = status


def read_head(head: bytes) -> Asked:
    """Read the head of a request to a proxy (RFC 9110, 9.3.6; RFC 9112, 3.2.2). Raises `Refused`."""
    line, _, fields = head.partition(b"\r\n")
    words = line.decode("latin-1").split(" ")
    if len(words) != 3:
        raise Refused("400 Bad Request", "this is a proxy for http and CONNECT")
    method, target, version = words
    try:
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        port = parts.port or 80
    except ValueError as wrong:
        raise Refused("400 Bad Request", str(wrong)) from wrong
    if not parts.hostname or (method != "CONNECT" and parts.scheme != "http"):
        raise Refused("400 Bad Request", f"{target!r} names no host")
    if method == "CONNECT":
        return Asked(parts.hostname, port, tunnel=True, opening=b"")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kept = [field for field in fields.split(b"\r\n") if field and not _of_the_way(field)]
    opening = b"\r\n".join([f"{method} {path} {version}".encode("latin-1"), *kept, b"Connection: close", b"", b""])
    return Asked(parts.hostname, port, tunnel=False, opening=opening)


class Gate:
    """Answers on a sandbox's socket until it is closed."""

    def __init__(self, resolve: Resolve = resolve, outside: Callable[[str], bool] | None = None) -> None:
        """Judge by `is_outside` and the addresses that this machine has now, unless told otherwise."""
        self._resolve = resolve
        self._outside = outside or functools.partial(is_outside, own=own_addresses())
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def open(self, file: int) -> None:
        """Take over a listening socket."""
        self._server = await asyncio.start_server(self._talk, sock=socket.socket(fileno=file), limit=HEAD_BYTES)

    async def close(self) -> None:
        """End every talk."""
        if self._server is not None:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None  # noqa: S101  # a handler is a task
        self._talks.add(talk)
        try:
            await self._serve(reader, writer)
        except Refused as refused:
            body = f"{refused}\n".encode()
            writer.write(
                f"HTTP/1.1 {refused.status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            )
            writer.write(body)
        except OSError:
            logger.debug("a sandbox's connection ended", exc_info=True)
        finally:
            self._talks.discard(talk)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._talks) > CONNECTIONS:
            raise Refused("503 Service Unavailable", f"there are {CONNECTIONS} connections already")
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError) as wrong:
            raise Refused("400 Bad Request", "no head of a request came") from wrong
        asked = read_head(head)
        there, away = await self._connected(asked)
        try:
            if asked.tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            away.write(asked.opening)
            await asyncio.gather(_pour(reader, away), _pour(there, writer))
        finally:
            away.close()

    async def _connected(self, asked: Asked) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                addresses = list(await self._resolve(asked.host, asked.port))
                if not addresses or not all(map(self._outside, addresses)):
                    raise Refused(
                        "403 Forbidden", f"{asked.host} is not out on the internet: sessions may not go there"
                    )
                return await asyncio.open_connection(addresses[0], asked.port)
        except (OSError, UnicodeError, ValueError) as failure:  # TimeoutError is an OSError
            raise Refused("502 Bad Gateway", f"{asked.host}: {str(failure) or 'no answer'}") from failure


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass everything on, then say that nothing more comes."""
    while block := await reader.read(_BLOCK_BYTES):
        writer.write(block)
        await writer.drain()
    with contextlib.suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for, in any of the ways one can."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _TRANSLATED:
            return ipaddress.ip_address(address.packed[-4:])
        return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
    return address


def _of_the_way(field: bytes) -> bool:
    """Fields that are between the program and us (RFC 9110, 7.6.1)."""
    return field.partition(b":")[0].strip().lower() in {
        b"connection",
        b"proxy-connection",
        b"proxy-authorization",
        b"keep-alive",
    }
