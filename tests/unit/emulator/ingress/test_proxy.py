"""The proxy byte by byte: a replica that is a script on one side, a client that is one on the other."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.unit.emulator.ingress.site import GET
from tests.unit.emulator.ingress.through import OK, answer_ok, through

pytestmark = pytest.mark.anyio


async def test_a_chunked_answer_arrives_piece_by_piece():
    gate = asyncio.Event()

    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await gate.wait()
        writer.write(b"6\r\nsecond\r\n0\r\n\r\n")

    async with through(script) as t, t.client() as c:
        c.writer.write(GET)
        head = await c.reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head.lower()
        assert await c.reader.readexactly(10) == b"5\r\nfirst\r\n"
        gate.set()
        assert await c.reader.readuntil(b"0\r\n\r\n") == b"6\r\nsecond\r\n0\r\n\r\n"


async def test_a_chunked_request_arrives_whole():
    bodies = []

    async def script(reader, writer, head):
        bodies.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(OK)

    async with through(script) as t, t.client() as c:
        c.writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await asyncio.sleep(0.01)
        assert (await c.ask(b"2\r\nde\r\n0\r\n\r\n"))[0] == 200
        assert bodies == [b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"]


async def test_a_large_body_passes_both_ways_unchanged():
    payload = random.Random(1).randbytes(5_000_000)

    async def script(reader, writer, head):
        body = await reader.readexactly(len(payload))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async with through(script) as t, t.client() as c:
        request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(payload) + payload
        status, _, body = await c.ask(request)
        assert (status, body) == (200, payload)


async def test_an_interim_100_reaches_the_client_before_it_sends_its_body():
    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await reader.readexactly(4) == b"body"
        writer.write(OK)

    async with through(script) as t, t.client() as c:
        c.writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert await c.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await c.ask(b"body"))[2] == b"ok"


async def test_head_has_no_body_and_the_connections_stay_usable():
    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n" + (b"" if head.startswith(b"HEAD") else b"ok"))

    async with through(script) as t, t.client() as c:
        c.writer.write(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        status, headers, _ = await c.answer(bodiless=True)
        assert (status, headers["content-length"]) == (200, "2")
        assert (await c.ask(GET))[2] == b"ok"
        assert t.connections == 1


async def test_an_answer_without_length_ends_with_the_connection():
    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        writer.close()

    async with through(script) as t, t.client() as c:
        status, headers, body = await c.ask(GET)
        assert (status, body, headers["connection"]) == (200, b"until the end", "close")


async def test_a_204_has_no_body():
    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with through(script) as t, t.client() as c:
        assert (await c.ask(GET))[0] == 204
        assert (await c.ask(GET))[0] == 204


async def test_a_replica_that_dies_before_it_answers_is_a_502():
    async def script(reader, writer, head):
        writer.transport.abort()

    async with through(script) as t, t.client() as c:
        assert (await c.ask(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"))[0] == 502


async def test_a_replica_that_dies_in_the_middle_cuts_the_client_off():
    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.transport.abort()

    async with through(script) as t, t.client() as c:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await c.ask(GET)


async def test_a_kept_connection_that_went_dead_is_replaced_for_a_request_that_may_be_repeated():
    served = []

    async def script(reader, writer, head):
        served.append(head)
        if len(served) == 2:
            writer.transport.abort()
            return
        writer.write(OK)

    async with through(script) as t, t.client() as c:
        assert (await c.ask(GET))[0] == 200
        assert (await c.ask(GET))[0] == 200
        assert t.connections == 2


async def test_one_connection_to_the_replica_serves_request_after_request():
    async with through(answer_ok) as t, t.client() as c:
        for _ in range(10):
            assert (await c.ask(GET))[0] == 200
        assert t.connections == 1


async def test_a_client_that_leaves_takes_its_connection_to_the_replica_along():
    left = asyncio.Event()

    async def script(reader, writer, head):
        assert await reader.read() == b""
        left.set()

    async with through(script) as t:
        async with t.client() as c:
            c.writer.write(GET)
            await asyncio.sleep(0.02)
        async with asyncio.timeout(2):
            await left.wait()


async def test_an_early_refusal_reaches_a_client_that_is_still_sending():
    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")

    async with through(script) as t, t.client() as c:
        c.writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf.")
        assert (await c.answer())[0] == 413
        c.writer.write(b"rest.")
        assert (await c.ask(GET))[0] == 413


async def test_a_slow_client_slows_the_replica_down():
    sent = 0

    async def script(reader, writer, head):
        nonlocal sent
        writer.transport.set_write_buffer_limits(65536)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        for _ in range(1000):
            writer.write(bytes(100_000))
            await writer.drain()
            sent += 100_000

    async with through(script) as t, t.client() as c:
        c.writer.write(GET)
        await asyncio.sleep(0.3)
        assert sent < 40_000_000
        before = sent
        await asyncio.sleep(0.1)
        assert sent == before
        await c.reader.readuntil(b"\r\n\r\n")
        await c.reader.readexactly(100_000_000)


async def test_a_websocket_passes_as_it_is_in_both_directions():
    async def script(reader, writer, head):
        assert b"upgrade: websocket" in head.lower()
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello")
        while data := await reader.read(100):
            writer.write(data.upper())
        writer.close()

    async with through(script) as t, t.client() as c:
        c.writer.write(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        head = await c.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101")
        assert await c.reader.readexactly(5) == b"hello"
        c.writer.write(b"\x81raw \r\n\r\n bytes")
        assert await c.reader.readexactly(15) == b"\x81RAW \r\n\r\n BYTES"


async def test_a_refused_upgrade_is_an_ordinary_answer():
    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno")

    async with through(script) as t, t.client() as c:
        status, _, body = await c.ask(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        assert (status, body) == (403, b"no")


async def test_hop_by_hop_headers_stay_behind_and_a_call_id_cannot_be_forged():
    async with through(answer_ok) as t, t.client() as c:
        _, headers, _ = await c.ask(
            b"GET / HTTP/1.1\r\nHost: app\r\nConnection: keep-alive\r\nTE: trailers\r\nX-Call-Id: forged\r\n"
            b"X-Forwarded-For: 10.0.0.1\r\nX-Own: kept\r\n\r\n"
        )
        head = t.heads[0]
        assert b"TE:" not in head
        assert b"forged" not in head
        assert b"X-Own: kept" in head
        assert b"X-Forwarded-For: 10.0.0.1, 127.0.0.1" in head
        assert headers["x-call-id"].encode() in head


async def test_an_http_1_0_client_gets_plain_bytes_and_a_close():
    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")

    async with through(script) as t, t.client() as c:
        c.writer.write(b"GET / HTTP/1.0\r\n\r\n")
        received = await c.reader.read()
        assert received.endswith(b"\r\n\r\nok")
        assert b"chunked" not in received


async def test_many_clients_at_once_get_their_own_answers():
    async def script(reader, writer, head):
        path = head.split()[1]
        await asyncio.sleep(0.001)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(path), path))

    async def one(t, number):
        async with t.client() as c:
            for turn in range(5):
                path = b"/%d/%d" % (number, turn)
                assert (await c.ask(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path))[2] == path

    async with through(script) as t:
        await asyncio.gather(*(one(t, number) for number in range(20)))


@pytest.mark.parametrize("cut", [1, 2, 3, 7])
async def test_how_the_bytes_are_cut_does_not_matter(cut):
    async def script(reader, writer, head):
        assert await reader.readexactly(5) == b"hello"
        reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3\r\n and\r\n0\r\n\r\n"
        reply = reply.replace(b"3\r\n and", b"4\r\n and")
        for start in range(0, len(reply), cut):
            writer.write(reply[start : start + cut])
            await asyncio.sleep(0)

    async with through(script) as t, t.client() as c:
        request = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        for start in range(0, len(request), cut):
            c.writer.write(request[start : start + cut])
            await asyncio.sleep(0)
        status, _, body = await c.answer()
        assert (status, body) == (200, b"ok and")
