"""Brings what containers and the platform write into the tables: once each line, in order, over kills and restarts."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.journal.events import read_events
from aca_notebook.emulator.telemetry.logs.lines import Source
from aca_notebook.emulator.telemetry.logs.output import OutputFile
from aca_notebook.emulator.telemetry.logs.store import LogStore, Reading, SystemRow
from aca_notebook.emulator.telemetry.system import system_line
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from aca_notebook.clock import Clock
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.runtime.controller import Controller
    from aca_notebook.emulator.telemetry.logs.destinations import Destinations

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
FORGET_SECONDS = 3600.0
_BATCH = 5000


class Collector:
    """Owns the task and the store. The store is opened when there is the first thing to keep, or to ask."""

    def __init__(
        self, *, path: Path, database: Database, controller: Controller, destinations: Destinations, clock: Clock,
        subscription: str,
    ) -> None:  # fmt: skip
        self.subscription = subscription
        self._path = path
        self._database = database
        self._controller = controller
        self._destinations = destinations
        self._clock = clock
        self._store: LogStore | None = None
        self._opening = asyncio.Lock()
        self._collecting = asyncio.Lock()
        self._readings: dict[str, tuple[Reading, OutputFile]] = {}  # by path
        self._ending: set[str] = set()  # paths whose replica has gone
        self._journal_read = 0
        self._forgotten_at = float("-inf")
        self._task: asyncio.Task[None] | None = None
        self._in_trouble = False
        self._woken = asyncio.Event()

    def workspaces_of(self, key: str) -> list[str]:
        """Return the workspaces that lines of a resource go to, by their customer ids."""
        destination = self._destinations.of(key)
        return [destination.workspace] if destination else []

    def start(self) -> None:
        """Begin to collect, in a task."""
        self._controller.subscribe(lambda _: self._woken.set())
        self._task = asyncio.create_task(self._for_ever(), name="log collection")

    async def close(self) -> None:
        """Take in what is there, and close the store."""
        if self._task is not None:
            async with self._collecting:  # a thread that opens or writes the file cannot be cancelled, only awaited
                self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            await self._collect_logged()
        for _, file in self._readings.values():
            file.close()
        if self._store is not None:
            await asyncio.to_thread(self._store.close)

    def begin(self, pool: str, session: str, container: str, image: str, path: Path) -> None:
        """Follow what a container of a session writes, by its pool's key."""
        destination = self._destinations.of(pool)
        if destination is None:
            return
        self._follow(Reading(
            Source(
                path=str(path), resource=pool, app="", job="", revision=parse_id(pool).name, replica=session,
                container=container, container_id=hashlib.sha256(str(path).encode()).hexdigest(), image=image,
                destination=destination,
            )
        ))  # fmt: skip
        self._woken.set()

    async def end(self, path: Path) -> None:
        """Take in the last of what a container of a session wrote: its file goes away then."""
        if str(path) in self._readings:
            self._ending.add(str(path))
            await self._collect_logged()

    async def store(self) -> LogStore:
        """Return the store, opened."""
        async with self._opening:
            if self._store is None:
                self._store = await asyncio.to_thread(LogStore, self._path)
                self._journal_read = await asyncio.to_thread(self._store.journal_read)
                for reading in await asyncio.to_thread(self._store.readings):
                    self._follow(reading)
                    if not self._lives(reading.source):
                        self._ending.add(reading.source.path)
            return self._store

    async def collect(self) -> None:
        """Take in all that was written until now."""
        async with self._collecting:
            if not (self._store or self._readings or self._path.exists() or await self._is_anything()):
                return
            store = await self.store()
            while await self._collect_journal(store):
                pass
            for reading, file in list(self._readings.values()):
                await self._collect_output(store, reading, file)
            if self._clock.monotonic() - self._forgotten_at >= FORGET_SECONDS:
                self._forgotten_at = self._clock.monotonic()
                await asyncio.to_thread(store.forget, self._clock.now())

    async def _for_ever(self) -> None:
        while True:
            await self._collect_logged()
            if not self._readings:  # nobody writes: wait until something happens
                await self._woken.wait()
            self._woken.clear()
            await self._clock.sleep(LOOK_SECONDS)

    async def _collect_logged(self) -> None:
        try:
            await self.collect()
            self._in_trouble = False
        except Exception:  # the lines stay where they are, and the next look may succeed
            if not self._in_trouble:  # a full disk would be told of every second
                logger.exception("logs could not be collected")
            self._in_trouble = True

    async def _is_anything(self) -> bool:
        return bool(await self._database.read("SELECT 1 FROM events LIMIT 1"))

    async def _collect_journal(self, store: LogStore) -> bool:
        """Take in a batch of events; return whether there may be more."""
        rows = await self._database.read(
            "SELECT sequence, kind, body FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (self._journal_read, _BATCH),
        )
        if not rows:
            return False
        told: list[SystemRow] = []
        begun: list[Reading] = []
        for sequence, event in read_events(rows):
            destination = self._destinations.of(event.app)
            line = system_line(event)
            if destination is not None and line is not None:
                id_ = parse_id(event.app)
                told.append(SystemRow(sequence, event.app, line, id_.types == ("jobs",), destination))
            if isinstance(event, events.ContainerStarted):
                begun += self._begin(event)
            if isinstance(event, events.ReplicaStopped):
                self._end(event)
        until = int(rows[-1][0])
        await asyncio.to_thread(store.add_system, told, begun, until, self._clock.now())
        self._journal_read = until
        return len(rows) == _BATCH

    def _begin(self, event: events.ContainerStarted) -> list[Reading]:
        """Follow what a container writes, unless it is followed."""
        path = str(self._controller.log_file(event.app, event.revision, event.replica, event.container))
        if path in self._readings:
            return []
        destination = self._destinations.of(event.app)
        if destination is None:
            return []
        app = self._controller.desired(event.app)
        revision = app.revision(event.revision) if app else None
        containers = (*revision.init_containers, *revision.containers) if revision else ()
        image = next((each.image for each in containers if each.name == event.container), "")
        id_ = parse_id(event.app)
        name, is_job = id_.name, id_.types == ("jobs",)
        reading = Reading(
            Source(
                path=path, resource=event.app, app="" if is_job else name, job=name if is_job else "",
                revision="" if is_job else event.revision, replica=event.replica, container=event.container,
                container_id=hashlib.sha256(path.encode()).hexdigest(), image=image, destination=destination,
            )
        )  # fmt: skip
        self._follow(reading)
        return [reading]

    def _end(self, event: events.ReplicaStopped) -> None:
        for path, (reading, _) in self._readings.items():
            if (reading.source.resource, reading.source.replica) == (event.app, event.replica):
                self._ending.add(path)

    def _lives(self, source: Source) -> bool:
        return any(each.name == source.replica for each in self._controller.observe(source.resource).replicas)

    def _follow(self, reading: Reading) -> None:
        file = OutputFile(Path(reading.source.path), reading.inode, reading.position)
        self._readings[reading.source.path] = (reading, file)

    async def _collect_output(self, store: LogStore, reading: Reading, file: OutputFile) -> None:
        """Take in what a source has written; one whose replica has gone is read to its end and let go."""
        path = reading.source.path
        ending = path in self._ending
        while raw := await asyncio.to_thread(file.read, to_the_end=ending):
            moved = dataclasses.replace(reading, inode=file.inode, position=file.position)
            try:
                await asyncio.to_thread(store.add_output, moved, raw, self._clock.now())
            except BaseException:
                file.go_to(reading.inode, reading.position)  # nothing of it was kept
                raise
            reading.inode, reading.position, reading.last = moved.inode, moved.position, moved.last
        if file.inode != reading.inode:  # an empty file was passed over; the disk may give its number to another
            reading.inode, reading.position = file.inode, file.position
            await asyncio.to_thread(store.go_on, reading)
        if ending:
            await asyncio.to_thread(store.end_output, reading)
            file.close()
            del self._readings[path]
            self._ending.discard(path)
