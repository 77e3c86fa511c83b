"""Clients that read slowly, say nothing, or leave: what it costs them, and that it costs nobody else."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.unit.emulator.ingress.site import GET, client, sited
from tests.unit.emulator.ingress.test_ingress import publish
from tests.unit.emulator.ingress.through import OK, answer_ok, through
from tests.unit.emulator.runtime.world import KEY

pytestmark = pytest.mark.anyio
CHUNK = b"1388\r\n%s\r\n" % bytes(5000)
END = b"c350\r\n%s\r\n0\r\n\r\n" % bytes(50_000)
FILL = b"GET /fill HTTP/1.1\r\nHost: a\r\n\r\n"


async def fill_or_ok(t, writer, head):
    """Answer `/fill` with so much that a client that does not read stops the proxy with the very last piece."""
    if b"/fill" not in head:
        writer.write(OK)
        return
    (exchange,) = t.site._active
    transport = exchange.downstream.transport
    transport.set_write_buffer_limits(high=30_000)
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while not transport.get_write_buffer_size():
        writer.write(CHUNK)
        await asyncio.sleep(0.001)
    writer.write(END)


@contextlib.asynccontextmanager
async def filling():
    async def script(reader, writer, head):
        await fill_or_ok(t, writer, head)

    async with through(script, send_buffer=8192) as t:
        yield t


async def ask_without_reading(t, c):
    """Return when the whole answer is with the proxy."""
    before = len(t.heads)
    c.writer.write(FILL)
    async with asyncio.timeout(10):
        while len(t.heads) == before or t.site.busy:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.005)


async def test_a_client_that_does_not_read_holds_up_nobody_elses_connection():
    async with filling() as t, t.client(receive_buffer=8192) as slow, t.client() as other:
        await ask_without_reading(t, slow)
        async with asyncio.timeout(5):
            assert (await other.ask(GET))[0] == 200
        assert t.connections == 1, "the connection was kept, and is read"
        assert (await slow.answer())[2].endswith(bytes(50_000))


async def test_a_client_that_does_not_read_is_sent_no_second_answer_to_hold_in_memory():
    sent = 0

    async def script(reader, writer, head):
        nonlocal sent
        if b"/fill" in head:
            await fill_or_ok(t, writer, head)
            return
        writer.transport.set_write_buffer_limits(65536)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n")
        for _ in range(500):
            writer.write(bytes(100_000))
            await writer.drain()
            sent += 100_000

    async with through(script, send_buffer=8192) as t, t.client(receive_buffer=8192) as slow:
        await ask_without_reading(t, slow)
        slow.writer.write(GET)
        await asyncio.sleep(0.3)
        (client,) = t.site._clients
        assert client.transport.get_write_buffer_size() < 500_000
        assert sent < 20_000_000
        assert (await slow.answer())[2].endswith(bytes(50_000))
        assert (await slow.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await slow.reader.readexactly(1_000_000)  # it goes on


async def closed(c) -> bool:
    try:
        async with asyncio.timeout(0.2):
            return await c.reader.read() == b""
    except TimeoutError:
        return False


@pytest.mark.parametrize("said", [b"G", b"GET / HTTP/1.1\r\nHost: a\r\n", b"\r\n", GET])
async def test_a_client_that_says_no_more_is_cut_off_after_60_seconds(said):
    async with through(answer_ok) as t, t.client() as c:
        c.writer.write(said)
        if said == GET:
            await c.answer()
        await asyncio.sleep(0.02)
        await t.clock.advance(59)
        assert not await closed(c)
        await t.clock.advance(3)
        assert await closed(c)


async def test_a_head_that_drips_in_is_cut_off_after_60_seconds():
    async with through(answer_ok) as t, t.client() as c:
        for letter in b"GET / H":
            c.writer.write(bytes([letter]))
            await asyncio.sleep(0.005)
            await t.clock.advance(10)
        assert await closed(c)


async def test_a_client_that_asks_now_and_then_is_kept():
    async with through(answer_ok) as t, t.client() as c:
        for _ in range(4):
            assert (await c.ask(GET))[0] == 200
            await t.clock.advance(50)
        c.writer.write(GET[:10])  # a minute begins with the request
        await asyncio.sleep(0.01)
        await t.clock.advance(50)
        assert (await c.ask(GET[10:]))[0] == 200


async def test_an_answer_that_takes_its_time_is_not_cut_off():
    gate = asyncio.Event()

    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no")
        await gate.wait()
        writer.write(b"k")

    async with through(script) as t, t.client() as c:
        c.writer.write(GET)
        assert await c.reader.readuntil(b"\r\n\r\no")
        await t.clock.advance(200)
        gate.set()
        assert await c.reader.readexactly(1) == b"k"


async def test_a_tunnel_may_be_silent_for_hours():
    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        writer.write((await reader.readexactly(2)).upper())

    async with through(script) as t, t.client() as c:
        c.writer.write(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        await c.reader.readuntil(b"\r\n\r\n")
        await t.clock.advance(1000)
        c.writer.write(b"hi")
        assert await c.reader.readexactly(2) == b"HI"


async def test_a_client_that_reads_its_answer_slowly_has_as_long_as_a_request():
    async with filling() as t, t.client(8192) as patient, t.client(8192) as stuck:
        await ask_without_reading(t, patient)
        await ask_without_reading(t, stuck)
        await t.clock.advance(200)
        assert (await patient.answer())[2].endswith(bytes(50_000))
        await t.clock.advance(45)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await stuck.answer()


# Over TLS, through the listener.


async def test_over_tls_clients_are_cut_off_and_refused_the_same(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s)
        async with client(address, s.trust) as silent, client(address, s.trust) as bad:
            assert (await bad.ask(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + GET))[0] == 400
            assert await bad.reader.read() == b""
            silent.writer.write(GET[:10])
            await asyncio.sleep(0.05)
            await s.world.clock.advance(62)
            assert await closed(silent)


async def test_a_client_whose_handshake_fails_is_forgotten(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s)
        async with client(address) as c:
            c.writer.write(b"\x16 but no handshake follows")
            async with asyncio.timeout(5):
                await c.reader.read()
        assert not s.ingress._published[KEY].main.sites[0]._clients


# What an answer and a request carry.


async def test_an_answer_has_one_call_id_and_it_is_the_requests():
    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\nX-Call-Id: the replica's own\r\ncontent-length: 2\r\n\r\nok")

    async with through(script) as t, t.client() as c:
        c.writer.write(GET)
        head = (await c.reader.readuntil(b"\r\n\r\n")).lower()
        assert head.count(b"x-call-id") == 1
        (call_id,) = [line for line in head.split(b"\r\n") if line.startswith(b"x-call-id")]
        assert call_id in t.heads[0].lower()


async def test_the_replica_gets_a_path_and_one_host_and_all_who_forwarded():
    async with through(answer_ok) as t, t.client() as c:
        await c.ask(
            b"GET http://a/x?y HTTP/1.1\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nHost: a\r\n\r\n"
        )
        assert t.heads[0].startswith(b"GET /x?y HTTP/1.1\r\nHost: a\r\n")
        assert b"X-Forwarded-For: 1.1.1.1, 2.2.2.2, 127.0.0.1\r\n" in t.heads[0]


async def test_an_old_client_without_a_host_gets_an_answer():
    async with through(answer_ok) as t, t.client() as c:
        c.writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await c.reader.read()).startswith(b"HTTP/1.1 200")
        assert b"\r\nHost: \r\n" in t.heads[0]
