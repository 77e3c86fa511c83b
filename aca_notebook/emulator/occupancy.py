"""One emulator a data folder: the lock, who holds it, and the port to come back on."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from aca_notebook.emulator.settings import FIRST_PORT, LAST_PORT, write_private

if TYPE_CHECKING:
    from aca_notebook.emulator.settings import Settings


class AlreadyRunning(Exception):
    """Another emulator has the data folder; `str` says which."""


class PortInUse(Exception):
    """The port that was asked for is taken."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What `emulator.json` tells the rest of the machine. `start_ticks` with `pid` names the process for good."""

    pid: int
    start_ticks: int
    port: int
    url: str
    http_url: str
    version: str


class Occupancy:
    """Holds the folder from construction to `release`.

    Raises `AlreadyRunning` when somebody else does.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(settings.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            os.close(self._lock)
            raise AlreadyRunning(_who(settings)) from held

    def announce(self, endpoint: Endpoint) -> None:
        """Write down where the emulator answers."""
        write_private(self._settings.endpoint_path, json.dumps(asdict(endpoint)))
        write_private(self._settings.port_path, str(endpoint.port))

    def release(self) -> None:
        """Give the folder back."""
        self._settings.endpoint_path.unlink(missing_ok=True)
        os.close(self._lock)


def bind(settings: Settings) -> socket.socket:
    """Return a listening socket on loopback.

    Raises `PortInUse` when the port asked for is taken, or all of ours are.
    """
    if settings.port:
        sock = _try_to_bind(settings.port)
        if sock is None:
            raise PortInUse(f"port {settings.port} is in use; leave --port out to take a free one")
        return sock
    for port in (*_remembered(settings), *range(FIRST_PORT, LAST_PORT + 1)):
        sock = _try_to_bind(port)
        if sock is not None:
            return sock
    raise PortInUse(f"all ports from {FIRST_PORT} to {LAST_PORT} are in use; name another with --port")


def _try_to_bind(port: int) -> socket.socket | None:
    # asyncio switches Nagle's algorithm off only where the protocol is named: without it each answer took 45 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
        sock.listen(1024)  # at once: two sockets may be bound to a port, only one may listen
    except OSError:
        sock.close()
        return None
    return sock


def _remembered(settings: Settings) -> tuple[int, ...]:
    try:
        return (int(settings.port_path.read_text()),)
    except (OSError, ValueError):
        return ()


def _who(settings: Settings) -> str:
    try:
        told = json.loads(settings.endpoint_path.read_text())
        return f"process {told['pid']} already runs an emulator on {settings.data_dir}, at {told['url']}"
    except (OSError, ValueError, KeyError):
        return f"another process is starting an emulator on {settings.data_dir}"
