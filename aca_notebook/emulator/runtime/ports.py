"""Loopback ports from below the range the kernel hands out, so that nothing else stumbles into them."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

CONTAINER_PORTS = range(21000, 30000)
INGRESS_PORTS = range(18100, 21000)


class NoPortFree(OSError):
    """Every port of the range is taken."""


def bind_loopback(port: int) -> socket.socket:
    """Return a socket bound to 127.0.0.1. Raises `OSError`, with `EADDRINUSE` when someone has the port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT do not matter
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    return sock


def bind_first_free(ports: Iterable[int], taken: Container[int] = ()) -> socket.socket:
    """Return a socket on the first port that is neither `taken` nor someone's. Raises `NoPortFree`."""
    for port in ports:
        if port not in taken:
            try:
                return bind_loopback(port)
            except OSError as failure:
                if failure.errno not in {errno.EADDRINUSE, errno.EACCES}:
                    raise
    raise NoPortFree(errno.EADDRINUSE, "no free port is left")


class ContainerPorts:
    """Hands out a port a container, each in turn, so that one just given back is not given out at once."""

    def __init__(self, ports: range = CONTAINER_PORTS) -> None:
        self._ports = ports
        self._next = 0
        self._leased: set[int] = set()

    def lease(self) -> int:
        """Return a port that nobody listens on. Raises `NoPortFree`."""
        turn = (self._ports[(self._next + step) % len(self._ports)] for step in range(len(self._ports)))
        with bind_first_free(turn, self._leased) as sock:
            port = int(sock.getsockname()[1])
        self._next = self._ports.index(port) + 1
        self._leased.add(port)
        return port

    def give_back(self, port: int) -> None:
        """End a lease."""
        self._leased.discard(port)
