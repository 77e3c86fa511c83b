"""Probes on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest

from aca_notebook.emulator.runtime.desired import Probe
from aca_notebook.emulator.runtime.probes import Faded, GaveUp, Passed, Watch, check
from tests.fakes.clock import ManualClock, settled
from tests.unit.emulator.ingress.site import contexts

pytestmark = pytest.mark.anyio
STARTUP = Probe("Startup", period_seconds=5, failure_threshold=3)
READINESS = Probe("Readiness", period_seconds=10, failure_threshold=2, success_threshold=1)
LIVENESS = Probe("Liveness", initial_delay_seconds=1, period_seconds=10, failure_threshold=3)


class Watched:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.findings = []
        self.sick: set[str] = set()

    async def look(self, probe, port):
        return "sick" if probe.kind in self.sick else ""

    @contextlib.asynccontextmanager
    async def by(self, *probes, eager=False):
        watch = Watch(probes, 1, self.clock, self.look, self.findings.append, eager=eager)
        task = asyncio.create_task(watch.run())
        await settled()
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_without_probes_a_container_is_ready_at_once():
    async with Watched().by() as w:
        assert w.findings == [Passed()]


async def test_startup_gives_up_after_its_threshold_and_nothing_else_is_looked_at():
    w = Watched()
    w.sick = {"Startup"}
    async with w.by(STARTUP, READINESS):
        await w.clock.advance(9)
        assert w.findings == []
        await w.clock.advance(2)
        assert w.findings == [GaveUp("Startup", "Startup probe failed: sick")]


async def test_an_eager_watch_sees_the_start_at_once_but_gives_up_no_earlier():
    w = Watched()
    w.sick = {"Startup"}
    async with w.by(STARTUP, eager=True):
        await w.clock.advance(1.0)
        assert w.findings == []
        w.sick.clear()
        await w.clock.advance(0.5)
        assert w.findings == [Passed()]


async def test_an_eager_watch_counts_declared_looks_only():
    w = Watched()
    w.sick = {"Startup"}
    async with w.by(STARTUP, eager=True):
        await w.clock.advance(9.9)
        assert w.findings == []
        await w.clock.advance(0.2)
        assert [type(each) for each in w.findings] == [GaveUp]


async def test_readiness_comes_goes_and_comes_back():
    w = Watched()
    async with w.by(READINESS):
        assert w.findings == [Passed()]
        w.sick = {"Readiness"}
        await w.clock.advance(19)
        assert len(w.findings) == 1
        await w.clock.advance(2)
        assert w.findings[1:] == [Faded("Readiness probe failed: sick")]
        w.sick.clear()
        await w.clock.advance(10)
        assert w.findings[2:] == [Passed()]


async def test_liveness_gives_up_only_after_failures_in_a_row():
    w = Watched()
    async with w.by(LIVENESS):
        for _ in range(3):
            w.sick = {"Liveness"}
            await w.clock.advance(20)
            w.sick.clear()
            await w.clock.advance(10)
        assert w.findings == [Passed()]
        w.sick = {"Liveness"}
        await w.clock.advance(35)
        assert w.findings[-1] == GaveUp("Liveness", "Liveness probe failed: sick")


@pytest.mark.parametrize(("status", "trouble"), [(200, ""), (302, ""), (404, "404"), (503, "503")])
async def test_an_http_probe_reads_the_status(status, trouble):
    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"GET /health HTTP/1.1\r\n")
        assert b"x-own: 1" in head
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    probe = Probe("Readiness", "/health", headers=(("X-Own", "1"),), timeout_seconds=5)
    assert trouble in await check(probe, port)
    assert bool(await check(probe, port)) is bool(trouble)
    server.close()


async def test_an_https_probe_believes_any_certificate(tmp_path):
    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d X\r\n\r\n" % (200 if b"\r\nhost: app.example\r\n" in head else 400))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=contexts(tmp_path)[0])
    port = server.sockets[0].getsockname()[1]
    probe = Probe("Readiness", "/", headers=(("Host", "app.example"),), timeout_seconds=5, secure=True)
    assert await check(probe, port) == ""
    assert "statuscode: 400" in await check(replace(probe, headers=()), port)
    server.close()
    await server.wait_closed()


async def test_a_probe_of_a_silent_server_times_out():
    async def serve(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert "no answer within 0.05 s" in await check(Probe("Readiness", "/", timeout_seconds=0.05), port)
    server.close()
    assert "failed" in await check(Probe("Readiness"), port)
