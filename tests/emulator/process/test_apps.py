"""Whole apps with real processes: controller, shim, program, ingress."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import textwrap

import pytest

from aca_notebook.clock import SystemClock
from aca_notebook.emulator.arm.store import Store
from aca_notebook.emulator.ingress.ports import IngressPorts
from aca_notebook.emulator.ingress.service import Ingress
from aca_notebook.emulator.journal.database import Database
from aca_notebook.emulator.journal.events import ContainerExited, ContainerStarted
from aca_notebook.emulator.runtime.controller import Controller
from aca_notebook.emulator.runtime.desired import Container, Probe
from aca_notebook.emulator.runtime.gpus import NoGpus
from aca_notebook.emulator.runtime.process import SubprocessSpawn, marked_processes
from aca_notebook.emulator.telemetry import SCHEMA
from aca_notebook.emulator.telemetry.service import Telemetry
from tests.fakes.images import FakeImages, FakeSecrets
from tests.fakes.observer import FakeObserver
from tests.unit.emulator.ingress.site import GET, client, contexts
from tests.unit.emulator.runtime.world import FIRST, KEY, World, app, revision

pytestmark = [pytest.mark.anyio, pytest.mark.process]

SERVER = """
    import http.server, json, os
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def do_GET(self):
            body = json.dumps(dict(os.environ) | {"pid": os.getpid()}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def log_message(self, *_): print("called", flush=True)
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["CONTAINER_APP_PORT"])), Handler).serve_forever()
"""


@contextlib.asynccontextmanager
async def real(folder, *, code: str = SERVER):
    database = Database(folder / "state.db", schema=SCHEMA)
    images = FakeImages({"hello": (sys.executable, "-I", "-c", textwrap.dedent(code))})
    clock = SystemClock()
    controller = Controller(
        database=database, clock=clock, spawn=SubprocessSpawn(), images=images, gpus=NoGpus(),
        secrets=FakeSecrets({"key": "s3cret-canary"}), folder=folder / "replicas",
    )  # fmt: skip
    await controller.start()
    server, _ = contexts(folder)
    ingress = Ingress(
        controller=controller, ports=IngressPorts(database), tls=server, clock=clock, observer=FakeObserver()
    )
    w = World(controller, clock, None, images, None, database, None)
    try:
        yield w, ingress
    finally:
        marks = [c.mark for r in w.app.replicas for c in r.containers.values() if c.mark]
        await ingress.close()
        await controller.close()
        database.close()
        assert marked_processes(marks) == []


async def published_at_zero(w, ingress) -> str:
    """The address of an app that has proved itself and gone to zero."""
    wanted = app(revision(cooldown_seconds=0.5))
    await w.controller.declare(wanted)
    address = await ingress.publish(wanted)
    assert (await w.controller.revision_outcome(KEY, FIRST)).ready
    await w.until(lambda: not list(w.app.replicas), 10)
    return address


async def test_to_zero_and_from_there_to_an_answer(tmp_path):
    async with real(tmp_path) as (w, ingress):
        address = await published_at_zero(w, ingress)
        async with client(address) as c:
            status, _, body = await c.ask(GET)
        assert status == 200
        environment = json.loads(body)
        assert environment["CONTAINER_APP_REVISION"] == FIRST
        assert not {name for name in environment if name.startswith(("AZURE_", "PYTEST", "ACA_NOTEBOOK"))}


async def test_fifty_at_once_at_zero_start_one_replica_and_all_are_answered(tmp_path):
    async with real(tmp_path) as (w, ingress):
        address = await published_at_zero(w, ingress)

        async def ask() -> tuple[int, str]:
            async with client(address) as c:
                status, _, body = await c.ask(GET)
                return status, json.loads(body)["CONTAINER_APP_REPLICA_NAME"]

        answers = await asyncio.gather(*(ask() for _ in range(50)))
        assert {status for status, _ in answers} == {200}
        assert len({replica for _, replica in answers}) == 1
        started = [event for _, event in w.database.events(KEY) if isinstance(event, ContainerStarted)]
        assert len(started) == 2, "the one that proved the revision, and one for all fifty"


async def test_a_replica_that_is_killed_is_noticed_and_started_again(tmp_path):
    async with real(tmp_path) as (w, ingress):
        wanted = app(revision(low=1))
        await w.controller.declare(wanted)
        address = await ingress.publish(wanted)
        await w.until(lambda: w.ready() == 1, 10)
        found = w.replicas()[0].containers["main"]
        os.kill(found.pid, signal.SIGKILL)
        await w.until(lambda: found.failures == 1)
        async with client(address) as c:
            assert (await c.ask(GET))[0] == 200
        assert found.restart_count == 1
        ends = [event for _, event in w.database.events(KEY) if isinstance(event, ContainerExited)]
        assert [(end.exit_code, end.reason) for end in ends] == [(137, "Error")]


async def test_an_import_error_is_in_the_log_and_fails_the_revision(tmp_path):
    async with real(tmp_path, code="import nothing_of_that_name") as (w, _):
        await w.controller.declare(app())
        outcome = await w.controller.revision_outcome(KEY, FIRST)
        assert outcome.reason == "ContainerCrashing"
        replica = next(w.app.replicas)
        log = w.controller.log_file(KEY, FIRST, replica.name, "main").read_text()
        assert log.count("stderr F ModuleNotFoundError: No module named 'nothing_of_that_name'") == 3


async def test_the_log_stays_when_the_replica_has_gone_and_no_secret_is_written_anywhere(tmp_path):
    canary = Container("main", "hello", secret_env=(("KEY", "key"),), probes=(Probe("Startup", failure_threshold=240),))
    async with real(tmp_path) as (w, ingress):
        wanted = app(revision(containers=(canary,)))
        await w.controller.declare(wanted)
        address = await ingress.publish(wanted)
        async with client(address) as c:
            assert json.loads((await c.ask(GET))[2])["KEY"] == "s3cret-canary"
        replica = next(w.app.replicas).name
        await w.controller.withdraw(KEY)
        log = w.controller.log_file(KEY, FIRST, replica, "main")
        assert "stdout F called" in log.read_text()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"s3cret-canary" not in path.read_bytes(), path


GREEDY = SERVER.replace("import http.server", "held = bytearray(150_000_000); import http.server")


@pytest.mark.skipif(sys.platform != "linux", reason="what a process holds for itself is Linux's to say")
async def test_a_program_that_takes_more_memory_than_its_container_has_is_killed_at_the_next_sample(tmp_path):
    async with real(tmp_path, code=GREEDY) as (w, _):
        telemetry = Telemetry(
            database=w.database, controller=w.controller, store=Store(w.database), clock=w.clock, usage=w.controller
        )
        small = Container("main", "hello", memory_bytes=100_000_000, probes=(Probe("Startup", failure_threshold=240),))
        await w.controller.declare(app(revision(low=1, containers=(small,))))
        await w.until(lambda: w.ready() == 1, 10)
        await telemetry.sample()
        await w.until(lambda: w.replicas()[0].containers["main"].restart_count == 1, 10)
        (end,) = [event for _, event in w.database.events(KEY) if isinstance(event, ContainerExited)]
        assert (end.exit_code, end.reason) == (137, "OOMKilled")


async def test_the_sampler_is_told_each_programs_pid(tmp_path):
    async with real(tmp_path) as (w, ingress):
        wanted = app(revision(low=1))
        await w.controller.declare(wanted)
        address = await ingress.publish(wanted)
        async with client(address) as c:
            pid = json.loads((await c.ask(GET))[2])["pid"]
        (sample,) = w.controller.running()
        assert sample.pids == {"main": pid}
        assert (sample.cpu_cores, sample.memory_bytes) == (0.5, 2**30)
        assert secrets.compare_digest(sample.app_key, KEY)
