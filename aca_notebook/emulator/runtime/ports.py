"""Loopback ports from below the range the kernel hands out, so that nothing else stumbles into them."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

CONTAINER_PORTS = range(21000, 30000)
INGRESS_PORTS = range(18100, 21000)
_SOMEONES = frozenset({errno.EADDRINUSE, errno.EACCES})


class NoPortFree(OSError):
    """Every port of the range is taken."""


def listen_on_loopback(port: int) -> socket.socket:
    """Return a socket that listens on 127.0.0.1. Raises `OSError`, with `EADDRINUSE` when someone has the port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT do not matter
        sock.bind(("127.0.0.1", port))
        sock.listen()  # only this makes it ours: two that merely bind with SO_REUSEADDR both succeed
    except OSError:
        sock.close()
        raise
    return sock


def listen_if_free(port: int) -> socket.socket | None:
    """Return a socket that listens on this very port of 127.0.0.1; None for 0 and where we cannot have it."""
    try:
        return listen_on_loopback(port) if port else None
    except OSError:
        return None


def listen_on_first_free(ports: Iterable[int], taken: Container[int] = ()) -> socket.socket:
    """Return a socket on the first port that is neither `taken` nor someone's. Raises `NoPortFree`."""
    for port in ports:
        if port not in taken:
            try:
                return listen_on_loopback(port)
            except OSError as failure:
                if failure.errno not in _SOMEONES:
                    raise
    raise NoPortFree(errno.EADDRINUSE, "no free port is left")


class ContainerPorts:
    """Hands out a port a container, each in turn, so that one just given back is not given out at once.

    Between the lease and the moment its program listens, the port looks free to other emulators of this machine. What
    keeps them away is the UDP port of the same number, which is held as long as the lease.
    """

    def __init__(self, ports: range = CONTAINER_PORTS) -> None:
        self._ports = ports
        self._next = 0
        self._locks: dict[int, socket.socket] = {}

    def lease(self) -> int:
        """Return a port that nobody listens on. Raises `NoPortFree`."""
        for step in range(len(self._ports)):
            port = self._ports[(self._next + step) % len(self._ports)]
            if port not in self._locks and self._try(port):
                self._next = self._ports.index(port) + 1
                return port
        raise NoPortFree(errno.EADDRINUSE, "no free port is left")

    def give_back(self, port: int) -> None:
        """End a lease."""
        lock = self._locks.pop(port, None)
        if lock is not None:
            lock.close()

    def _try(self, port: int) -> bool:
        lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            lock.bind(("127.0.0.1", port))
            listen_on_loopback(port).close()
        except OSError as failure:
            lock.close()
            if failure.errno not in _SOMEONES:
                raise
            return False
        self._locks[port] = lock
        return True
