"""A site between a client that is a script and a replica that is one."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket

from aca_notebook.emulator.ingress.routing import Endpoint, RoutingTable
from aca_notebook.emulator.ingress.site import Site
from tests.fakes.clock import ManualClock
from tests.fakes.observer import FakeObserver
from tests.unit.emulator.ingress.site import Client

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Load:
    def __init__(self) -> None:
        self.open = 0

    def request_arrived(self, app_key, revision):
        self.open += 1

    def request_finished(self, app_key, revision):
        self.open -= 1


class Through:
    """A site in front of a scripted replica; `connections` counts those the replica got."""

    def __init__(self, site: Site, port: int, clock: ManualClock) -> None:
        self.site = site
        self.port = port
        self.clock = clock
        self.connections = 0
        self.heads: list[bytes] = []

    @contextlib.asynccontextmanager
    async def client(self, receive_buffer=0):
        """A client's connection; with a small `receive_buffer` the proxy soon notices that it does not read."""
        sock = socket.socket()
        sock.setblocking(False)  # noqa: FBT003  # the standard library's signature
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=receive_buffer or 2**16)
        try:
            yield Client(reader, writer)
        finally:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def through(script, send_buffer=0):
    """`script(reader, writer, head)` answers each request the replica gets; `send_buffer` is towards clients."""
    found: list[Through] = []
    tasks: set[asyncio.Task] = set()

    async def replica(reader, writer):
        tasks.add(asyncio.current_task())
        found[0].connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found[0].heads.append(head)
                await script(reader, writer, head)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(replica, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    table = RoutingTable("key", "app", shares=(("r", 100),), endpoints={"r": (Endpoint("r", "r-1", port),)})
    load = Load()
    clock = ManualClock()
    site = Site(table, load, clock, FakeObserver(), random.Random(1))
    listening = socket.create_server(("127.0.0.1", 0))
    if send_buffer:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    front = await asyncio.get_running_loop().create_server(lambda: site.connection(secure=False), sock=listening)
    try:
        found.append(Through(site, listening.getsockname()[1], clock))
        yield found[0]
    finally:
        front.close()
        await site.close()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)
        assert not site.busy
        assert load.open == 0


async def answer_ok(reader, writer, head):
    writer.write(OK)
