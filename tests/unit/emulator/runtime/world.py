"""A controller in a world that is made of fakes, and short ways to say what an app is."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.emulator.faults.board import Faults
from aca_notebook.emulator.journal.database import Database
from aca_notebook.emulator.runtime.controller import Controller
from aca_notebook.emulator.runtime.desired import App, Container, Ingress, Probe, Revision, Scale, ScaleRule
from aca_notebook.emulator.runtime.observed import ObservedApp, ObservedReplica, fold
from aca_notebook.emulator.settings import Pace
from tests.fakes.clock import ManualClock
from tests.fakes.gpus import FakeGpus
from tests.fakes.images import FakeImages, FakeSecrets
from tests.fakes.spawn import Behaviour, FakeSpawn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aca_notebook.emulator.runtime.hosting import Platform

KEY = "/subscriptions/s/resourcegroups/local/providers/microsoft.app/containerapps/scorer"
FIRST = "scorer--abc1234"


@dataclass
class World:
    controller: Controller
    clock: ManualClock
    spawn: FakeSpawn
    images: FakeImages
    secrets: FakeSecrets
    database: Database
    faults: Faults

    @property
    def app(self) -> ObservedApp:
        return self.controller.observe(KEY)

    def replicas(self, revision: str = FIRST) -> list[ObservedReplica]:
        state = self.app.revisions.get(revision)
        return [replica for replica in state.replicas.values() if not replica.stopping] if state else []

    def ready(self, revision: str = FIRST) -> int:
        return sum(all(c.ready for c in r.containers.values()) and bool(r.containers) for r in self.replicas(revision))

    async def until(self, condition, seconds: float = 5.0) -> None:
        """Wait in real time for what goes through sockets and the journal's thread; the clock stands still."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110  # the condition is any state, and polling is its only event
                await asyncio.sleep(0.002)

    async def journal(self) -> dict[str, ObservedApp]:
        await self.controller._recorder.durable()
        return fold(event for _, event in self.database.events())


@contextlib.asynccontextmanager
async def world(
    folder: Path, *, behave=lambda _: Behaviour(), gpus: int = 0, pace: float = 0.0, clock: ManualClock | None = None,
    platform: Platform | None = None,
) -> AsyncIterator[World]:  # fmt: skip
    database = Database(folder / "state.db")
    clock, spawn, images, secrets = clock or ManualClock(), FakeSpawn(behave), FakeImages(), FakeSecrets()
    faults = Faults(database, clock)
    controller = Controller(
        database=database, clock=clock, spawn=spawn, images=images, gpus=FakeGpus(gpus), secrets=secrets,
        folder=folder / "replicas", pace=Pace(pace), names=random.Random(1), faults=faults,
        platform=platform,
    )  # fmt: skip
    faults.watch(controller.gpus_freed)
    await controller.start()
    try:
        yield World(controller, clock, spawn, images, secrets, database, faults)
    finally:
        await controller.close()
        await faults.close()
        await asyncio.sleep(0.02)  # connections that were cut, or were just being accepted, end through the kernel
        assert spawn.alive == [], "a program outlived its controller"
        database.close()


def container(image: str = "hello", **fields) -> Container:
    probes = fields.pop("probes", (Probe("Startup", period_seconds=1, timeout_seconds=3, failure_threshold=240),))
    return Container("main", image, probes=probes, **fields)


def revision(name: str = FIRST, *, low: int = 0, high: int = 10, image: str = "hello", **fields) -> Revision:
    cooldown = fields.pop("cooldown_seconds", 300.0)
    scale = Scale(low, high, cooldown, rules=(ScaleRule("http", "http", 10.0),))
    containers = fields.pop("containers", (container(image),))
    return Revision(name, containers, scale=scale, **fields)


def app(*revisions: Revision, **fields) -> App:
    revisions = revisions or (revision(),)
    defaults = {
        "running": True, "latest_revision": revisions[-1].name,
        "ingress": Ingress(external=True, target_port=8000), "dns_suffix": "blue.eastus.azurecontainerapps.io",
    }  # fmt: skip
    return App(KEY, "scorer", "local", revisions=revisions, **(defaults | fields))
