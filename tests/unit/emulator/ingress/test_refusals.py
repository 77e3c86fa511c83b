"""Bytes that another reader could take for something else, or that never end: refused, and nothing after is read."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.emulator.ingress.site import GET
from tests.unit.emulator.ingress.through import OK, answer_ok, through

pytestmark = pytest.mark.anyio
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
BAD_HEADS = {
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\nX: 1\r\n\r\n",
    "host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "version 2.0": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "version 0.9": b"GET / HTTP/0.9\r\nHost: a\r\n\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT": b"CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n\r\n",
    "another host in the target": b"GET http://evil.example/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a coding like chunked": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "codings apart": CHUNKED[:-2] + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked and a vertical tab": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a length and chunks": CHUNKED[:-2] + b"Content-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a signed length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
    "a listed length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
    "a folded header": b"GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n Content-Length: 3\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: a\nX-A: 1\n\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "CR in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "a space after a name": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "a fragment": b"GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("bad", BAD_HEADS.values(), ids=BAD_HEADS.keys())
async def test_an_ambiguous_head_gets_400_and_nothing_after_it_is_read(bad):
    async with through(answer_ok) as t, t.client() as c:
        async with asyncio.timeout(5):
            assert (await c.ask(bad + GET))[0] == 400
            assert await c.reader.read() == b""
        assert t.heads == []


async def test_requests_before_a_bad_one_are_answered_first():
    async with through(answer_ok) as t, t.client() as c:
        c.writer.write(GET + GET + BAD_HEADS["two hosts"] + GET)
        assert [(await c.answer())[0] for _ in range(3)] == [200, 200, 400]
        assert await c.reader.read() == b""
        assert len(t.heads) == 2


async def test_an_answer_is_not_lost_to_garbage_behind_its_request():
    async with through(answer_ok) as t, t.client() as c:
        c.writer.write(GET + b"garbage\r\n\r\n")
        assert [(await c.answer())[0] for _ in range(2)] == [200, 400]


async def test_a_body_in_bad_chunks_gets_400():
    async def script(reader, writer, head):
        await reader.read()  # until the proxy gives up

    async with through(script) as t, t.client() as c:
        c.writer.write(CHUNKED + b"3\r\nabc\r\n")
        while not t.heads:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.001)
        assert (await c.ask(b"nonsense\r\n"))[0] == 400
        assert await c.reader.read() == b""


@pytest.mark.parametrize("trailer", [b"X-Api-Key: k", b"Host: other", b"X-Forwarded-Proto: https\r\nX-Last: 1"])
async def test_a_trailer_is_not_a_header(trailer):
    async def script(reader, writer, head):
        assert await reader.readuntil(b"0\r\n\r\n") == b"2\r\nhi\r\n0\r\n\r\n"
        writer.write(OK)

    async with through(script) as t, t.client() as c:
        assert (await c.ask(CHUNKED + b"2\r\nhi\r\n0\r\n" + trailer + b"\r\n\r\n"))[0] == 200
        assert b"X-Api-Key" not in t.heads[0]
        assert b"X-Last" not in t.heads[0]
        assert t.heads[0].count(b"Host: ") == 2  # Host and X-Forwarded-Host
        assert b"other" not in t.heads[0]
        assert (await c.ask(CHUNKED + b"2\r\nhi\r\n0\r\n\r\n"))[0] == 200


# Upgrades.


async def test_what_follows_an_upgrade_that_is_not_taken_up_reaches_no_replica():
    async def script(reader, writer, head):
        path = head.split()[1]
        await asyncio.sleep(0.01)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(path), path))

    async with through(script) as t, t.client() as evil, t.client() as victim:
        evil.writer.write(UPGRADE + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        status, headers, body = await evil.answer()
        assert (status, body, headers["connection"]) == (200, b"/ws", "close")
        evil.writer.write(b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await evil.reader.read() == b""
        assert (await victim.ask(b"GET /victim HTTP/1.1\r\nHost: a\r\n\r\n"))[2] == b"/victim"
        assert [head.split()[1] for head in t.heads] == [b"/ws", b"/victim"]
        assert t.connections == 2, "who knows what the replica still reads as which protocol"


async def test_an_eager_client_is_heard_once_the_replica_has_agreed():
    early = []

    async def script(reader, writer, head):
        await asyncio.sleep(0.02)
        early.append(bytes(reader._buffer))
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        assert await reader.readexactly(500_005) == b"eager" + bytes(500_000)
        writer.write(b"heard")

    async with through(script) as t, t.client() as c:
        c.writer.write(UPGRADE + b"eager" + bytes(500_000))
        assert (await c.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        assert await c.reader.readexactly(5) == b"heard"
        assert early == [b""]


async def test_a_replica_that_switches_unasked_is_a_bad_gateway():
    async def script(reader, writer, head):
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw")

    async with through(script) as t, t.client() as c:
        assert (await c.ask(GET))[0] == 502


async def test_h2c_is_answered_as_what_it_is():
    async with through(answer_ok) as t, t.client() as c:
        status, headers, _ = await c.ask(UPGRADE.replace(b"websocket", b"h2c"))
        assert (status, headers["connection"]) == (200, "close")
        assert b"pgrade" not in t.heads[0]


# Replicas that say too much.


@pytest.mark.parametrize("extra", [OK, b"HTTP/1.1 200 OK\r\n"])
async def test_an_answer_to_no_question_is_given_to_nobody(extra):
    async def script(reader, writer, head):
        writer.write(OK + extra)

    async with through(script) as t, t.client() as c:
        for turn in range(1, 4):
            assert (await c.ask(GET))[2] == b"ok"
            assert t.connections == turn


async def test_a_body_behind_an_answer_to_head_is_given_to_nobody():
    async def script(reader, writer, head):
        writer.write(OK)

    async with through(script) as t, t.client() as c:
        c.writer.write(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await c.answer(bodiless=True))[0] == 200
        assert (await c.ask(GET))[2] == b"ok"
        assert t.connections == 2


# Heads and trailers without end.


@pytest.mark.parametrize(
    "piece", [b"v" * 1000, b"X-A: %s\r\n" % (b"v" * 993), b"\tv" * 500], ids=["one header", "many headers", "tabs"]
)
async def test_a_head_without_end_gets_431(piece):
    async with through(answer_ok) as t, t.client() as c:
        c.writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        async with asyncio.timeout(10):
            for _ in range(1000):
                c.writer.write(piece)
                await c.writer.drain()
            assert (await c.answer())[0] == 431
            assert await c.reader.read() == b""
        assert t.heads == []


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"p" * 66_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"v" * 66_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: v\r\n" * 100 + b"\r\n",
    ],
    ids=["target", "one header", "101 headers"],
)
@pytest.mark.parametrize("cut", [10**6, 50_000])
async def test_a_whole_head_that_is_too_large_gets_431(head, cut):
    async with through(answer_ok) as t, t.client() as c:
        for start in range(0, len(head), cut):
            c.writer.write(head[start : start + cut])
            await asyncio.sleep(0.01)
        assert (await c.answer())[0] == 431
        assert t.heads == []


async def test_a_large_head_within_the_limit_passes():
    async with through(answer_ok) as t, t.client() as c:
        head = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"v" * 60_000 + b"\r\n\r\n"
        assert (await c.ask(head))[0] == 200
        c.writer.write(head[:30_000])
        await asyncio.sleep(0.01)
        assert (await c.ask(head[30_000:]))[0] == 200


@pytest.mark.parametrize("piece", [b"v" * 1000, b"X-A: %s\r\n" % (b"v" * 993)], ids=["one trailer", "many trailers"])
async def test_trailers_without_end_are_cut_off(piece):
    async def script(reader, writer, head):
        await reader.read()

    async with through(script) as t, t.client() as c:
        c.writer.write(CHUNKED + b"2\r\nhi\r\n0\r\nX: ")
        async with asyncio.timeout(10):
            for _ in range(1000):
                c.writer.write(piece)
                await c.writer.drain()
            assert (await c.answer())[0] == 431


async def test_a_long_body_in_small_chunks_has_no_such_limit():
    async def script(reader, writer, head):
        for _ in range(30_000):
            assert await reader.readuntil(b"\r\nx\r\n") == b"1\r\nx\r\n"
        assert await reader.readuntil(b"\r\n\r\n") == b"0\r\n\r\n"
        writer.write(OK)

    async with through(script) as t, t.client() as c:
        c.writer.write(CHUNKED)
        for _ in range(30):
            c.writer.write(b"1\r\nx\r\n" * 1000)
            await asyncio.sleep(0)
        assert (await c.ask(b"0\r\n\r\n"))[0] == 200


@pytest.mark.parametrize("more", [b"", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"], ids=["asking", "upgrading"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8400", "127.0.0.1.evil.example", "localhost.evil.example", "scorer.evil.example",
        "169.254.169.254", "0.0.0.0", "[::2]", "127.0.0.1.", "1.127.0.0.1",
    ],
)  # fmt: skip
async def test_a_name_that_somebody_else_could_own_reaches_no_replica(host, more):
    async with through(answer_ok) as t, t.client() as c:
        assert (await c.ask(b"GET / HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (host.encode(), more)))[0] == 404
        assert t.heads == []


@pytest.mark.parametrize(
    "host", ["scorer", "localhost", "LOCALHOST:8400", "127.0.0.1:8400", "[::1]:1", "scorer--v1.blue.localhost"]
)
async def test_a_name_of_this_machine_does(host):
    async with through(answer_ok) as t, t.client() as c:
        assert (await c.ask(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode()))[0] == 200
