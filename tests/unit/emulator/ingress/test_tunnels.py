"""Connections that pass as they are: TCP apps, and HTTP/2."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl

import pytest

from aca_notebook.emulator.runtime.desired import Ingress
from aca_notebook.emulator.runtime.ingress_rules import AddressRule, IngressRules, SignIn, read_network
from tests.fakes.spawn import Behaviour
from tests.unit.emulator.ingress.site import GET, client, sited
from tests.unit.emulator.runtime.world import FIRST, KEY, app, container, revision

pytestmark = pytest.mark.anyio
TCP = Ingress(external=True, target_port=6379, transport="Tcp")
HTTP2 = Ingress(external=True, target_port=8000, transport="Http2")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


async def publish(s, ingress: Ingress, *revisions) -> str:
    wanted = app(*revisions, ingress=ingress)
    await s.world.controller.declare(wanted)
    return await s.ingress.publish(wanted)


def free_port() -> int:
    """A port that nobody is given unasked: neither by the kernel nor by another test."""
    draws = random.SystemRandom()
    while True:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", draws.randrange(15000, 17000))) as taken:
            return int(taken.getsockname()[1])


async def test_bytes_pass_as_they_are(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s, TCP)
        async with client(address) as c:
            assert (await c.ask(GET))[0] == 200
        assert s.world.spawn.alive[0].requests == [GET]  # no header more


async def test_a_connection_wakes_an_app_and_keeps_it_awake(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s, TCP)
        await s.world.controller.revision_outcome(KEY, FIRST)
        await s.world.clock.advance(301)
        await s.world.until(lambda: not list(s.world.app.replicas))
        async with client(address) as c:
            assert (await c.ask(GET))[0] == 200
            await s.world.clock.advance(1000)
            assert s.world.ready() == 1
            assert s.ingress.busy
        await s.world.until(lambda: not s.ingress.busy)


async def test_either_side_may_end_first(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s, TCP)
        async with client(address) as c:
            c.writer.write(GET)
            c.writer.write_eof()
            assert (await c.answer())[0] == 200
            assert await c.reader.read() == b""
        async with client(address) as c:
            assert (await c.ask(GET))[0] == 200
            s.world.spawn.alive[0].crash()
            assert await c.reader.read() == b""
        await s.world.until(lambda: not s.ingress.busy)


async def test_an_exposed_port_is_listened_on_too_if_it_is_free(tmp_path):
    port = free_port()
    exposing = Ingress(external=True, target_port=6379, transport="Tcp", exposed_port=port)
    async with sited(tmp_path) as s:
        own = await publish(s, exposing)
        for address in (own, f"127.0.0.1:{port}"):
            async with client(address) as c:
                assert (await c.ask(GET))[0] == 200
        assert await publish(s, HTTP2) == own, "an app's address stays what it is"
        with socket.create_server(("127.0.0.1", port)):
            assert await publish(s, exposing) == own
        async with client(own) as c:
            assert (await c.ask(GET))[0] == 200


async def test_an_app_that_failed_hangs_up(tmp_path):
    async with sited(tmp_path, behave=lambda _: Behaviour(exit_code=1)) as s:
        impatient = revision(containers=(container(),))
        address = await publish(s, TCP, impatient)
        async with client(address) as c:
            await s.world.controller.revision_outcome(KEY, FIRST)
            assert await c.reader.read() == b""


@pytest.mark.parametrize(
    "rules",
    [
        IngressRules(internal=True),
        IngressRules(addresses=(AddressRule(read_network("10.0.0.0/8"), allow=True),)),
        IngressRules(allow_insecure=False),
        IngressRules(sign_in=SignIn()),
    ],
)
async def test_who_may_not_come_is_hung_up_on(tmp_path, rules):
    guarded = Ingress(external=True, target_port=8000, transport="Http2", rules=rules)
    async with sited(tmp_path) as s:
        address = await publish(s, guarded)
        async with client(address) as c:
            c.writer.write(PREFACE)
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await c.reader.readexactly(1)
        assert not any(child.requests for child in s.world.spawn.children)


async def test_an_http2_app_gets_http2_as_it_is_and_http1_by_the_proxy(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s, HTTP2)
        for tls in (None, s.trust):
            async with client(address, tls) as c:
                assert (await c.ask(PREFACE[:18]))[0] == 200
            async with client(address, tls) as c:
                assert (await c.ask(GET))[0] == 200
        sent = s.world.spawn.alive[0].requests
        assert [sent[0], sent[2]] == [PREFACE[:18]] * 2
        assert b"X-Forwarded-For: 127.0.0.1\r\n" in sent[1]


async def test_a_preface_may_come_byte_by_byte(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s, HTTP2)
        for whole in (PREFACE[:18], b"PUT / HTTP/1.1\r\nHost: app\r\nContent-Length: 0\r\n\r\n"):
            async with client(address) as c:
                c.writer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for start in range(4):
                    c.writer.write(whole[start : start + 1])
                    await c.writer.drain()
                    await asyncio.sleep(0)
                assert (await c.ask(whole[4:]))[0] == 200


async def test_only_an_http2_app_offers_http2(tmp_path):
    async with sited(tmp_path) as s:
        trust = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
        trust.check_hostname = False
        trust.set_alpn_protocols(["h2", "http/1.1"])
        for ingress, offered in ((HTTP2, "h2"), (Ingress(external=True, target_port=8000), "http/1.1")):
            async with client(await publish(s, ingress), trust) as c:
                assert c.writer.transport.get_extra_info("ssl_object").selected_alpn_protocol() == offered
