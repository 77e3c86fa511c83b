"""The session pools at work: instances that wait, sessions that are allocated, and the end of each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from aca_notebook.clock import format_instant, parse_instant
from aca_notebook.emulator.journal.database import delete_document, put_document
from aca_notebook.emulator.sessions import pool
from aca_notebook.emulator.sessions.instances import StartRefused
from aca_notebook.emulator.sessions.levels import Levels
from aca_notebook.emulator.sessions.session import Session

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from datetime import datetime

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.sessions.instances import Instance, Launcher
    from aca_notebook.emulator.sessions.pool import Rules

logger = logging.getLogger(__name__)

T = TypeVar("T")
_KIND = "session"
#: An instance that was taken is replaced a moment later: starting one takes the processor from whoever took it.
_REFILL_SECONDS = 0.25
_TRY_AGAIN_SECONDS = (1.0, 5.0, 30.0)
_GONE_REMEMBERED = 1000


class PoolFull(Exception):
    """As many sessions are allocated as the pool may have."""


class NoSession(Exception):
    """There is no session of that identifier. `gone` is the last one, where it is remembered."""

    def __init__(self, gone: Gone | None) -> None:
        super().__init__("no session")
        self.gone = gone


@dataclass(frozen=True, slots=True)
class Gone:
    """A session that has ended, and why."""

    created_at: datetime
    ended_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many instances of a pool wait, are being started, and are allocated."""

    ready: int = 0
    pending: int = 0
    allocated: int = 0
    failing: int = 0  #: those that should wait and cannot be started


class Pool:
    """One pool: `declare` gives it its rules, `session` allocates, `close` ends all of it."""

    def __init__(self, key: str, rules: Rules, hosting: Hosting) -> None:
        self.key = key
        self.rules = rules
        self.levels = Levels()
        self._hosting = hosting
        self._clock = hosting.clock
        self._ready: deque[Instance] = deque()
        self._starting = 0
        self._failures = 0
        self.trouble = ""  #: why no instance could be started, the last time; empty while they can
        self._sessions: dict[str, Session] = {}
        self._allocating: dict[str, asyncio.Task[Session]] = {}
        self._guards: dict[str, tuple[asyncio.Task[None], ...]] = {}  # what ends a session, by its guid
        self._gone: OrderedDict[str, Gone] = OrderedDict()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False
        self._changed = asyncio.Event()

    @property
    def sessions(self) -> Sequence[Session]:
        """Those allocated, the oldest first."""
        return tuple(self._sessions.values())

    @property
    def ready(self) -> int:
        """How many instances wait."""
        return len(self._ready)

    @property
    def pending(self) -> int:
        """How many are being started."""
        return self._starting

    def declare(self, rules: Rules) -> None:
        """Go by these rules from now on. Instances that were made by others, and wait, are replaced."""
        before, self.rules = self.rules, rules
        changed = not before.makes_as(rules)
        too_many = pool.surplus(rules, ready=len(self._ready), allocated=len(self._sessions))
        for _ in range(len(self._ready) if changed else too_many):
            self._do(self._ready.pop().close())
        self.refill()

    def refill(self, delay_seconds: float = 0.0) -> None:
        """Start as many instances as are missing, after a delay."""
        self._do(self._refill(delay_seconds))

    async def filled(self) -> None:
        """Return when as many instances wait as should, or none can be started."""
        while (
            not self.trouble
            and not self._closing
            and pool.missing(self.rules, ready=len(self._ready), starting=0, allocated=len(self._sessions))
        ):
            changed = self._changed
            await changed.wait()

    async def session(self, identifier: str) -> Session:
        """Return the session of an identifier, allocated if there is none.

        Raises `PoolFull` when there is no room, `StartRefused` when no instance can be had.
        """
        found = self._sessions.get(identifier)
        if found is not None:
            return found
        task = self._allocating.get(identifier)
        if task is None:
            if not pool.has_room(self.rules, len(self._sessions.keys() | self._allocating.keys())):
                raise PoolFull
            task = self._do(self._allocate(identifier))
            self._allocating[identifier] = task
            task.add_done_callback(lambda _: self._allocating.pop(identifier, None))
        return await asyncio.shield(task)

    def find(self, identifier: str) -> Session:
        """Return the session of an identifier. Raises `NoSession`."""
        found = self._sessions.get(identifier)
        if found is None:
            raise NoSession(self._gone.get(identifier))
        return found

    def gone(self, identifier: str) -> Gone | None:
        """Return the session of an identifier that has ended, where none lives; None for one that never was."""
        return None if identifier in self._sessions else self._gone.get(identifier)

    async def stop(self, identifier: str) -> None:
        """End a session, as its user asked. Raises `NoSession`."""
        await self._end(self.find(identifier), "it was stopped")

    def ends_in(self, session: Session) -> float:
        """Return in how many seconds a session ends unless it is used."""
        return pool.ends_at(self.rules, session.life) - self._clock.monotonic()

    def remember(self, identifier: str, gone: Gone) -> None:
        """Know of a session that has ended."""
        self._gone[identifier] = gone
        self._gone.move_to_end(identifier)
        if len(self._gone) > _GONE_REMEMBERED:
            self._gone.popitem(last=False)

    async def close(self, reason: str) -> None:
        """End every session and every instance."""
        self._closing = True
        await asyncio.gather(*(self._end(session, reason) for session in self.sessions))
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(instance.close() for instance in self._ready))
        self._ready.clear()
        self._note()

    async def _allocate(self, identifier: str) -> Session:
        instance = self._ready.popleft() if self._ready else await self._start()
        session = Session(identifier, instance, self._clock)
        self._sessions[identifier] = session
        self._gone.pop(identifier, None)
        self._note()
        self._guards[session.guid] = (self._do(self._watch(session)), self._do(self._expire(session)))
        self.refill(_REFILL_SECONDS)
        await self._hosting.write_down(self.key, session)
        return session

    async def _start(self) -> Instance:
        self._starting += 1
        self._note()
        try:
            await self._hosting.launcher.prepared(self.rules)
            async with self._hosting.starts:
                instance = await self._hosting.launcher.start(self.key, self.rules)
        except StartRefused as refused:
            self.trouble = str(refused)
            raise
        finally:
            self._starting -= 1
            self._note()
        if self._closing:
            await instance.close()
            raise StartRefused("the pool is gone")
        self.trouble = ""
        return instance

    async def _refill(self, delay_seconds: float) -> None:
        await self._clock.sleep(delay_seconds)
        wanted = pool.missing(
            self.rules, ready=len(self._ready), starting=self._starting, allocated=len(self._sessions)
        )
        for _ in range(wanted):
            self._do(self._make_ready())

    async def _make_ready(self) -> None:
        rules = self.rules
        try:
            instance = await self._start()
        except StartRefused as refused:
            wait = _TRY_AGAIN_SECONDS[min(self._failures, len(_TRY_AGAIN_SECONDS) - 1)]
            self._failures += 1
            logger.warning("no instance of %s could be started: %s", self.key, refused)
            self.refill(wait)
            return
        self._failures = 0
        if not rules.makes_as(self.rules):
            await instance.close()
            self.refill()
            return
        self._ready.append(instance)
        self._note()
        self._do(self._look_after(instance))

    async def _look_after(self, instance: Instance) -> None:
        """Let a waiting instance go that ends by itself."""
        how = await instance.ended()
        if instance in self._ready:
            self._ready.remove(instance)
            logger.warning("a waiting instance of %s ended: %s", self.key, how)
            await instance.close()
            self.refill(_TRY_AGAIN_SECONDS[0])

    async def _watch(self, session: Session) -> None:
        await self._end(session, await session.instance.ended())

    async def _expire(self, session: Session) -> None:
        while (wait := self.ends_in(session)) > 0:
            await self._clock.sleep(min(wait, self.rules.cooldown_seconds))
        await self._end(session, pool.why_ended(self.rules, session.life, self._clock.monotonic()))

    async def _end(self, session: Session, reason: str) -> None:
        if self._sessions.get(session.identifier) is not session:
            return
        del self._sessions[session.identifier]
        self.remember(session.identifier, Gone(session.created_at, self._clock.now(), reason))
        self._note()
        logger.info("a session of %s ended: %s", self.key, reason)
        for guard in self._guards.pop(session.guid, ()):
            if guard is not asyncio.current_task():
                guard.cancel()
        await asyncio.shield(self._hosting.own(session.close(reason)))
        await self._hosting.forget(self.key, session)
        if not self._closing:
            self.refill()

    def _note(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        self.levels.note(
            self._clock.now(), ready=len(self._ready), pending=self._starting, executing=len(self._sessions)
        )

    def _do(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class Hosting:
    """All pools. What is allocated is written down, so that a later emulator can say what became of it."""

    def __init__(self, *, launcher: Launcher, database: Database, clock: Clock) -> None:
        self.launcher = launcher
        self.clock = clock
        self.starts = asyncio.Semaphore(max(2, os.cpu_count() or 1))
        self._database = database
        self._pools: dict[str, Pool] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def sessions(self) -> int:
        """How many sessions are allocated."""
        return sum(len(each.sessions) for each in self._pools.values())

    async def start(self, pools: Mapping[str, Rules]) -> None:
        """Remove what a killed emulator left, declare the pools, and know of its sessions as gone."""
        await self.launcher.sweep()
        for key, rules in pools.items():
            self.declare(key, rules)
        left = self._database.documents(_KIND)
        for body in left.values():
            there = self._pools.get(body["pool"])
            if there is not None:
                created_at = parse_instant(body["createdAt"])
                gone = Gone(created_at, self.clock.now(), "the emulator that ran it has ended")
                there.remember(body["identifier"], gone)
        if left:
            await self._database.write(*(delete_document(_KIND, key) for key in left))

    def declare(self, key: str, rules: Rules) -> Pool:
        """Have a pool go by these rules; made if it is not there."""
        found = self._pools.get(key)
        if found is None:
            found = self._pools[key] = Pool(key, rules, self)
            self.launcher.prepare(rules)
            found.refill()
        else:
            self.launcher.prepare(rules)
            found.declare(rules)
        return found

    def counts(self, key: str) -> Counts:
        """Return how many instances of a pool there are; none of one that is not at work."""
        found = self._pools.get(key)
        if found is None:
            return Counts()
        failing = max(0, found.rules.ready - found.ready) if found.trouble else 0
        return Counts(found.ready, found.pending, len(found.sessions), failing)

    def pool(self, key: str) -> Pool | None:
        """Return a pool."""
        return self._pools.get(key)

    async def withdraw(self, key: str) -> None:
        """End a pool with all that is in it."""
        found = self._pools.pop(key, None)
        if found is not None:
            await found.close("its pool was deleted")

    async def close(self) -> None:
        """End everything."""
        await asyncio.gather(*(found.close("the emulator stopped") for found in self._pools.values()))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.launcher.close()

    def own(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do work that must be done to its end, whoever asked for it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def write_down(self, key: str, session: Session) -> None:
        """Keep that a session is there."""
        body = {"pool": key, "identifier": session.identifier, "createdAt": format_instant(session.created_at)}
        await self._database.write(put_document(_KIND, session.guid, body))

    async def forget(self, key: str, session: Session) -> None:
        """Keep no longer that a session is there."""
        del key
        with contextlib.suppress(Exception):  # a full disk: the next start says that it has ended
            await self._database.write(delete_document(_KIND, session.guid))
