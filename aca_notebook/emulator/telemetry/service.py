"""Telemetry put together: samples replicas, counts requests, serves logs and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.runtime.file_bells import FileBells
from aca_notebook.emulator.scaling.load import ReplicaUsage
from aca_notebook.emulator.telemetry.history import Histories
from aca_notebook.emulator.telemetry.lives import Lives
from aca_notebook.emulator.telemetry.meters import Meters
from aca_notebook.emulator.telemetry.monitor import Monitor
from aca_notebook.emulator.telemetry.platform_metrics import PlatformMetrics
from aca_notebook.emulator.telemetry.sampler import NANO, CpuMeter, NvmlGpuLoads, SystemProcesses, combined
from aca_notebook.emulator.telemetry.series import Key, Series
from aca_notebook.emulator.telemetry.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.faults.board import Strikes
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.runtime.controller import Controller, RunningReplica
    from aca_notebook.emulator.scaling.load import UsageObserver
    from aca_notebook.emulator.telemetry.platform_metrics import Measure
    from aca_notebook.emulator.telemetry.sampler import GpuLoads, Processes, Reading
    from aca_notebook.emulator.wire import Route
    from aca_notebook.model.ids import ResourceId

logger = logging.getLogger(__name__)

SAMPLE_SECONDS = 5.0
#: A sample this young is fresh enough for whoever asks. One look takes about 4 ms with a hundred processes.
FRESH_SECONDS = 1.0


class Telemetry:
    """Owns the sampling task, the series and the open streams.

    The database must have been opened with `telemetry.SCHEMA`. `request_finished` makes it a `RequestObserver`.
    """

    def __init__(  # noqa: PLR0913  # the composition root and tests name them
        self, *, database: Database, controller: Controller, store: Store, clock: Clock,
        usage: UsageObserver | None = None, processes: Processes | None = None, gpus: GpuLoads | None = None,
        faults: Strikes | None = None,
    ) -> None:  # fmt: skip
        self._controller = controller
        self._clock = clock
        self._usage = usage
        self._processes = processes or SystemProcesses()
        self._gpus = gpus or NvmlGpuLoads()
        self._series = Series(database, clock)
        self._lives = Lives(database)
        self._meter = CpuMeter()
        self._bells = FileBells(clock)
        self._streams = Streams(database=database, controller=controller, store=store, clock=clock, bells=self._bells)
        histories = Histories(database, self._lives)
        self.meters = Meters(database=database, series=self._series, histories=histories, clock=clock)
        self._monitor = Monitor(
            series=self._series, histories=histories, store=store, clock=clock, fresh=self.look, faults=faults
        )
        self._platform = PlatformMetrics(store=store, clock=clock)
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")
        self._seen: frozenset[tuple[str, str]] = frozenset()
        self._ready: dict[str, frozenset[str]] = {}  # replicas by app
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def routes(self) -> list[Route]:
        """Log stream, event stream, metrics and their definitions."""
        return [*self._streams.routes(), *self._monitor.routes(), *self._platform.routes()]

    def measure(self, kind: str, measure: Measure) -> None:
        """Have the metrics of a type of resource answered with points."""
        self._platform.measure(kind, measure)

    async def start(self) -> None:
        """Begin sampling. To be called after the controller has written down what a killed emulator left."""
        await self._lives.begin(self._clock.now())
        self._controller.subscribe(self._changed)
        self._tasks = [
            asyncio.create_task(self._sample_for_ever(), name="telemetry sampling"),
            asyncio.create_task(self._look_when_ready(), name="telemetry looking"),
        ]

    async def close(self) -> None:
        """Stop sampling, end the open streams, write what is in memory."""
        self._streams.close()
        self._bells.close()
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._series.write_all()
        await self._lives.beat(self._clock.now(), every_seconds=0)

    async def values(self, resource: ResourceId, ask: Callable[[str], str]) -> dict[str, Any]:
        """Answer a question about metrics that the emulator itself has (see `Monitor.values`)."""
        return await self._monitor.values(resource, ask)

    def request_finished(  # noqa: PLR0913, PLR0917 - the shape is the ingress's
        self, app_key: str, revision: str, replica: str, status: int, seconds: float, received_bytes: int,
        sent_bytes: int,
    ) -> None:  # fmt: skip
        """Count one request that the ingress has answered; `seconds` until its last byte."""
        minute = self._series.minute()
        minute.count(Key(app_key, "Requests", revision, replica, status))
        minute.sample(Key(app_key, "ResponseTime", status=status), seconds * 1000)
        minute.count(Key(app_key, "RxBytes", revision, replica), received_bytes)
        minute.count(Key(app_key, "TxBytes", revision, replica), sent_bytes)

    async def sample(self) -> None:
        """Read every running replica once and write the minutes that are over."""
        async with self._looking:
            await self._sample()

    async def look(self) -> None:
        """Take a sample beside the regular ones, unless the last is fresh; those who ask at once share one.

        A replica that has started since the last is waited for: never over a second, and no more looks than one in it.
        """
        async with self._looking:
            fresh_seconds = self._looked_at + FRESH_SECONDS - self._clock.monotonic()
            if fresh_seconds > 0 and self._seen.issuperset(_names(self._controller.running())):
                return
            await self._clock.sleep(max(0.0, fresh_seconds))
            try:
                await self._sample()
            except Exception:  # the next one may succeed, and who asks gets what there is
                logger.exception("a sample could not be taken")

    async def _sample(self) -> None:
        running = self._controller.running()
        self._looked_at, self._seen = self._clock.monotonic(), _names(running)
        if running:
            groups = [[pid] for each in running for pid in each.pids.values()]
            readings = iter(await asyncio.to_thread(self._processes.read, groups))
            now = self._clock.monotonic()
            for each in running:
                containers = {name: next(readings) for name in each.pids}
                cores = self._record(each, combined(containers.values()), now)
                await self._tell(each, cores, containers)
            await self._sample_gpus(running)
            await self._lives.beat(self._clock.now())
        self._meter.forget_all_but(self._seen)
        await self._series.write_closed()

    def _record(self, replica: RunningReplica, reading: Reading, now: float) -> float | None:
        """Take a reading in; return the cores used, or None when its processes ended between the two looks."""
        if not reading.cpu_seconds:
            return None
        name = (replica.app_key, replica.revision, replica.replica)
        cores = self._meter.cores((replica.app_key, replica.replica), reading, now=now, first_seconds=SAMPLE_SECONDS)
        limits = (replica.cpu_cores * NANO, float(replica.memory_bytes))
        minute = self._series.minute()
        minute.sample(_run_key("UsageNanoCores", name, limits[0]), cores * NANO)
        minute.sample(_run_key("WorkingSetBytes", name, limits[1]), reading.resident_bytes)
        return cores

    async def _tell(self, replica: RunningReplica, cores: float | None, containers: Mapping[str, Reading]) -> None:
        """Tell who scales and limits what the replica used; a container that seems too large is looked at closely."""
        if self._usage is None or cores is None:
            return
        held = {name: reading.resident_bytes for name, reading in containers.items()}
        for name in [name for name, size in held.items() if size > replica.memory_limits.get(name, size)]:
            held[name] = await asyncio.to_thread(self._processes.held_bytes, [replica.pids[name]])
        resident = sum(reading.resident_bytes for reading in containers.values())
        self._usage.replica_used(
            ReplicaUsage(
                replica.app_key, replica.revision, replica.replica, 100 * cores / replica.cpu_cores,
                100 * resident / replica.memory_bytes, held,
            )
        )  # fmt: skip

    async def _sample_gpus(self, running: Sequence[RunningReplica]) -> None:
        leased = [(each, uuid) for each in running for uuid in each.gpus]
        if not leased:
            return
        loads = await asyncio.to_thread(lambda: [self._gpus.utilization(uuid) for _, uuid in leased])
        for (each, _), load in zip(leased, loads, strict=True):
            if load is not None:  # no device, no sample
                self._series.minute().sample(
                    Key(each.app_key, "GpuUtilizationPercentage", each.revision, each.replica), load
                )

    def _changed(self, app_key: str) -> None:
        """Wake the looker when an app has a replica that is ready and was not: a chart should begin there."""
        replicas = self._controller.observe(app_key).replicas
        ready = frozenset(each.name for each in replicas if any(one.ready for one in each.containers.values()))
        if ready - self._ready.get(app_key, frozenset()):
            self._woken.set()
        if ready:
            self._ready[app_key] = ready
        else:
            self._ready.pop(app_key, None)

    async def _look_when_ready(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            await self.look()

    async def _sample_for_ever(self) -> None:
        while True:
            await self._clock.sleep(SAMPLE_SECONDS)
            try:
                await self.sample()
            except Exception:  # one bad look must not end all that follow
                logger.exception("a sample could not be taken")


def _names(running: Iterable[RunningReplica]) -> frozenset[tuple[str, str]]:
    """Each replica with its app."""
    return frozenset((each.app_key, each.replica) for each in running)


def _run_key(metric: str, name: tuple[str, str, str], capacity: float) -> Key:
    app, revision, replica = name
    return Key(app, metric, revision, replica, capacity=capacity)
