"""One port, http and https."""

from __future__ import annotations

import asyncio
import socket

import pytest

from aca_notebook.emulator.listener import Listener
from tests.unit.emulator.ingress.site import contexts

pytestmark = pytest.mark.anyio


class Echo(asyncio.Protocol):
    def __init__(self, secure) -> None:
        self.secure = secure

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write((b"secure " if self.secure else b"plain ") + data)
        self.transport.close()


@pytest.fixture
async def listening(tmp_path):
    server, trust = contexts(tmp_path)
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    listener = Listener(sock, Echo, server)
    await listener.start()
    yield listener, trust
    await listener.close()


async def say(port: int, tls=None, data: bytes = b"GET") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    writer.write(data)
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_the_first_byte_decides_between_http_and_https(listening):
    listener, trust = listening
    assert await say(listener.port) == b"plain GET"
    assert await say(listener.port, trust) == b"secure GET"


async def test_a_client_that_says_nothing_holds_up_nobody(listening):
    listener, _ = listening
    silent = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(20)]
    assert await say(listener.port) == b"plain GET"
    for _, writer in silent:
        writer.close()


async def test_a_first_byte_that_comes_late_is_served(listening):
    listener, _ = listening
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    await asyncio.sleep(0.05)
    writer.write(b"x")
    assert await reader.read() == b"plain x"
    writer.close()


async def test_a_broken_handshake_closes_that_connection_alone(listening):
    listener, trust = listening
    assert await say(listener.port, data=b"\x16nonsense that is no handshake at all") is not None
    assert await say(listener.port, trust) == b"secure GET"


async def test_closing_drops_silent_clients_and_frees_the_port(tmp_path):
    server, _ = contexts(tmp_path)
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    listener = Listener(sock, Echo, server)
    await listener.start()
    port = listener.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0.02)
    await listener.close()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize("first", [pytest.param(b"GET", id="plain"), pytest.param(b"\x16\x03\x01", id="by TLS")])
@pytest.mark.parametrize("turns", [pytest.param(0, id="before its first step"), pytest.param(5, id="on its way")])
async def test_closing_drops_a_client_that_is_being_handed_over(tmp_path, first, turns):
    server, _ = contexts(tmp_path)
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    made: list[asyncio.BaseTransport] = []
    listener = Listener(sock, lambda _: Silent(made), server)
    await listener.start()
    with socket.create_connection(sock.getsockname(), timeout=10) as client:
        client.sendall(first)
        listener._accept()
        for _ in range(turns):
            await asyncio.sleep(0)
        await listener.close()
        for transport in made:  # as the site does, which connections belong to once they are handed over
            transport.abort()
        await asyncio.sleep(0)
        assert await asyncio.to_thread(_is_closed, client)


class Silent(asyncio.Protocol):
    def __init__(self, made: list[asyncio.BaseTransport]) -> None:
        self.made = made

    def connection_made(self, transport):
        self.made.append(transport)


def _is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
