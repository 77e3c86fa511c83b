"""Clients that owe the emulator something, and those that are too many: let go, and all others answered."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from starlette.responses import Response

from aca_notebook.clock import SystemClock
from aca_notebook.emulator.dispatch import Dispatcher
from aca_notebook.emulator.http_server import HttpServer
from aca_notebook.emulator.wire import Door, Route, RouteTable
from tests.emulator.telemetry.serving import OpenDoors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

pytestmark = pytest.mark.anyio
LITTLE, MUCH = 0.05, 3600.0
GET = b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n"
PUT = b"PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"


async def echo(request: Request) -> Response:
    return Response(await request.body())


@contextlib.asynccontextmanager
async def listening(patience_seconds: float, most_connections: int = 100) -> AsyncIterator[int]:
    routes = [Route(method, "/echo", Door.PUBLIC, "Echo", echo) for method in ("GET", "PUT")]
    dispatcher = Dispatcher(RouteTable(routes), OpenDoors(), SystemClock())  # type: ignore[arg-type]  # a fake
    server = HttpServer(dispatcher, patience_seconds=patience_seconds, most_connections=most_connections)
    listener = await asyncio.get_running_loop().create_server(lambda: server.protocol(False), "127.0.0.1", 0)  # noqa: FBT003  # as the listener calls it
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await server.close()


@contextlib.asynccontextmanager
async def client(port: int, said: bytes = b"") -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("said", [b"", b"G", GET[:-2], GET + GET[:-1]], ids=["nothing", "a letter", "half", "a second"])
async def test_a_head_that_does_not_come_is_waited_for_no_longer(said: bytes) -> None:
    async with listening(LITTLE) as port, client(port, said) as (reader, _):
        assert (await reader.read()).endswith(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n")


async def test_a_body_that_stops_coming_is_waited_for_no_longer() -> None:
    async with listening(LITTLE) as port, client(port, PUT + b"half.") as (reader, _):
        assert b"200" not in await reader.read()


async def test_a_head_and_a_body_in_pieces_are_read_as_they_come() -> None:
    async with listening(MUCH) as port, client(port) as (reader, writer):
        for byte in PUT + b"0123456789":
            writer.write(bytes([byte]))
            await writer.drain()
        assert (await reader.readuntil(b"0123456789")).startswith(b"HTTP/1.1 200 ")


async def test_one_connection_too_many_is_told_so_and_the_others_go_on() -> None:
    async with listening(MUCH, most_connections=2) as port, client(port, GET) as one, client(port, GET) as two:
        for reader, _ in (one, two):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        async with client(port) as (reader, _):
            assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        one[1].write(GET)
        assert b"200" in await one[0].readuntil(b"HTTP/1.1 200")


def test_it_is_told_so_on_the_loop_that_emulators_run_on() -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not for this system")

    async def tell() -> bytes:
        async with listening(MUCH, most_connections=0) as port, client(port) as (reader, _):
            return await reader.read()

    assert uvloop.run(tell()).startswith(b"HTTP/1.1 503 ")
