"""Calls of apps on a bad day: silence, an ingress that answers itself, connections that are cut."""

from __future__ import annotations

import asyncio

import pytest

from aca_notebook.emulator.runtime.desired import Probe
from tests.fakes.spawn import Behaviour
from tests.unit.emulator.ingress.site import GET, client, sited
from tests.unit.emulator.ingress.test_ingress import publish
from tests.unit.emulator.ingress.through import through
from tests.unit.emulator.runtime.world import container, revision

pytestmark = pytest.mark.anyio


async def said(condition) -> None:
    """Wait for something another task does."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # the condition is any state, and polling is its only event
            await asyncio.sleep(0.002)


async def test_a_silent_app_is_cut_after_240_seconds_in_envoys_words():
    async def silent(reader, writer, head):
        await reader.read()

    async with through(silent) as t, t.client() as c:
        asked = asyncio.create_task(c.ask(GET))
        await said(lambda: t.heads)
        await t.clock.advance(238)
        assert not asked.done()
        await t.clock.advance(3)
        status, headers, body = await asked
        assert (status, body) == (504, b"stream timeout")
        assert headers["content-type"] == "text/plain"


async def test_a_stream_lasts_as_long_as_it_says_something_and_is_cut_once_it_is_silent():
    ticks: asyncio.Queue[bytes] = asyncio.Queue()

    async def ticking(reader, writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(3):
            writer.write(await ticks.get())
        await reader.read()

    async with through(ticking) as t, t.client() as c:
        c.writer.write(GET)
        await c.answer(bodiless=True)
        for _ in range(3):
            await t.clock.advance(200)
            ticks.put_nowait(b"1\r\nx\r\n")
            assert await c.reader.readexactly(6) == b"1\r\nx\r\n"
        await t.clock.advance(242)
        assert await c.reader.read() == b""  # and no last chunk: the client knows that it is not whole


async def test_silence_can_be_made_to_count_sooner_for_one_app(tmp_path):
    async with sited(tmp_path, behave=lambda _: Behaviour(listens=False)) as s:
        patient = container(probes=(Probe("Startup", period_seconds=1, failure_threshold=1000),))
        address = await publish(s, revision(containers=(patient,)))
        await s.world.faults.add("request-timeout seconds=5 on=containerApps/scorer")
        await s.world.faults.add("request-timeout seconds=1 on=containerApps/other")
        async with client(address) as c:
            asked = asyncio.create_task(c.ask(GET))
            await s.world.until(lambda: s.ingress.busy)
            await s.world.clock.advance(3)
            assert not asked.done()
            await s.world.clock.advance(3)
            assert (await asked)[0] == 504


async def test_the_ingress_answers_in_the_apps_stead_and_then_the_app_again(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s)
        await s.world.faults.add("app-outage count=1")
        async with client(address) as c:
            status, _, body = await c.ask(GET)
            assert status == 503
            assert body.startswith(b"upstream connect error or disconnect/reset before headers.")
            assert (await c.ask(GET))[0] == 200
        assert s.observer.statuses == [503, 200]


@pytest.mark.parametrize(("when", "seen"), [("before", 0), ("after", 1)])
async def test_a_call_that_gets_no_answer_may_have_been_taken(tmp_path, when, seen):
    async with sited(tmp_path) as s:
        address = await publish(s)
        await s.world.until(lambda: s.world.ready() == 1)
        await s.world.faults.add(f"drop-call when={when} count=1")
        async with client(address) as c:
            c.writer.write(GET)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await c.answer()
        assert len(s.world.spawn.alive[0].requests) == seen
        async with client(address) as c:
            assert (await c.ask(GET))[0] == 200
