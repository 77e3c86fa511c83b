"""Reading an app's log from the platform: every replica, over drops and restarts, in batches and in order."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from aca_notebook.api.access import outlast
from aca_notebook.api.log_merge import Position, in_order
from aca_notebook.api.log_query import MOST_TAIL
from aca_notebook.errors import AcaError, NotFound, Throttled
from aca_notebook.model.log import LogSource
from aca_notebook.model.log_filter import LogFilter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from aca_notebook.api.access import Access
    from aca_notebook.api.log_query import LogQuery
    from aca_notebook.azure.logs import LineStream
    from aca_notebook.azure.services import Services
    from aca_notebook.clock import Clock
    from aca_notebook.model.log import LogLine

T = TypeVar("T")

_AGAIN_SECONDS = 0.5
#: A follower that has heard nothing for so long is told what the platform has to say.
_SILENT_SECONDS = 2.0
#: Replicas are looked for at once when some have just come, and ever more rarely when nothing changes.
_SOONEST_LOOK_SECONDS, _LATEST_LOOK_SECONDS = 0.5, 5.0
#: What several replicas write within this time is shown in the order of time.
_MERGE_SECONDS = 0.1
#: Streams that are being opened are waited for that long, so that what is there already comes in the order of time.
_OPENING_SECONDS = 1.0
#: So many lines may have arrived unread; then the connections are not read on until there is room.
_MOST_UNREAD = 10_000


class LogReader:
    """Reads one app's log over however many connections it takes, without loss or repetition."""

    def __init__(self, query: LogQuery, access: Access, clock: Clock) -> None:
        self._query = query
        self._access = access
        self._clock = clock
        self._arrivals: _Arrivals | None = None
        self._stop_asked = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reading: dict[str, asyncio.Task[None]] = {}  # by replica
        self._came = False  # whether any line has
        self._opening: set[str] = set()  # replicas whose first lines have not come yet

    def stop(self) -> None:
        """End the reading, from any thread."""
        self._stop_asked = True
        if self._loop is not None and self._arrivals is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrivals.stop)

    async def batches(self) -> AsyncIterator[list[LogLine]]:
        """Give the lines as they come, each replica's in its own order. Raises what ended them, after the last."""
        self._loop = asyncio.get_running_loop()
        self._arrivals = arrivals = _Arrivals(_MOST_UNREAD)
        if self._stop_asked:
            return
        reading = asyncio.create_task(self._read(arrivals))
        try:
            while await arrivals.come():
                if self._query.follow and len(self._reading) > 1:
                    await self._let_others_come(arrivals)
                lines = in_order(arrivals.take())
                if self._searching:
                    lines = [line for line in lines if self._is_wanted(line)]
                if lines:
                    yield lines
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    @property
    def _searching(self) -> bool:
        """Whether lines that come may not be wanted."""
        events_of_one = self._query.type == "system" and bool(self._query.revision or self._query.replica)
        return events_of_one or self._query.only != LogFilter()

    def _is_wanted(self, line: LogLine) -> bool:
        if line.source is LogSource.SYSTEM and self._query.type == "system":  # one stream tells of all revisions
            if self._query.revision and line.revision not in {"", self._query.revision}:
                return False
            if self._query.replica and line.replica != self._query.replica:
                return False
        return self._query.only.passes(line)

    async def _let_others_come(self, arrivals: _Arrivals) -> None:
        """Wait a moment for lines of other replicas that are as old, as long as there is room for more."""
        began = self._clock.monotonic()
        while arrivals.may_grow:
            waited = self._clock.monotonic() - began
            if waited >= (_OPENING_SECONDS if self._opening else _MERGE_SECONDS):
                return
            await self._clock.sleep(_MERGE_SECONDS / 2)

    async def _read(self, arrivals: _Arrivals) -> None:
        try:
            if self._query.follow:
                await self._read_log(arrivals)
            else:
                await self._read_past(arrivals)
        except Exception as failed:  # noqa: BLE001  # raised where the lines are read
            arrivals.end(failed)
        else:
            arrivals.end()

    async def _read_log(self, to: Destination) -> None:
        await (self._system(to) if self._query.type == "system" else self._console(to))

    async def _read_past(self, arrivals: _Arrivals) -> None:
        """Give the last lines that are wanted, of all replicas together and in the order of time."""
        found = _Collected()
        try:
            await self._read_log(found)
        finally:  # what came before a failure is told before it
            wanted = [line for line in in_order(found.by_replica.values()) if self._is_wanted(line)]
            if wanted and self._query.tail:
                await arrivals.put("", wanted[-self._query.tail :])
        if not wanted:
            await self._say_why(arrivals)

    async def _system(self, to: Destination) -> None:
        document = await self._access.ask(lambda services: services.apps.document(self._query.app))
        endpoint = document["properties"].get("eventStreamEndpoint") or ""

        def opened(services: Services, token: str, tail: int) -> Any:
            return services.logs.system(endpoint, token, tail=tail, follow=self._query.follow)

        await self._stream("", opened, to)

    async def _say_why(self, to: Destination) -> None:
        """Where nothing was written, give the platform's last warning: its image, its GPU, its probe."""
        if self._query.type == "system" or self._query.only != LogFilter() or not self._query.tail:
            return
        warnings: list[LogLine] = []
        with suppress(AcaError):
            document = await self._access.ask(lambda services: services.apps.document(self._query.app))
            revision = self._query.revision or document["properties"].get("latestRevisionName") or ""
            endpoint = document["properties"].get("eventStreamEndpoint")
            if not endpoint:
                return
            token = await self._access.ask(lambda services: services.apps.auth_token(self._query.app))
            opened = self._access.services.logs.system(endpoint, token, tail=MOST_TAIL, follow=False)
            async with opened as stream:
                warnings = [line async for line in stream if line.level == "Warning" and line.revision == revision]
        if warnings:
            await to.put("", warnings[-1:])

    async def _console(self, to: Destination) -> None:
        """Read every replica there is, and when following those that come, too."""
        began = changed_at = self._clock.monotonic()
        silent = True
        try:
            while True:
                if silent and self._query.follow and self._clock.monotonic() - began >= _SILENT_SECONDS:
                    silent = False
                    if not self._came:
                        await self._say_why(to)
                there = await self._containers()
                for name, revision, endpoint in there:
                    if endpoint and name not in self._reading:
                        changed_at = self._clock.monotonic()
                        self._opening.add(name)
                        self._reading[name] = asyncio.create_task(self._container(name, revision, endpoint, to))
                if not self._query.follow:
                    await asyncio.gather(*self._reading.values())
                    return
                self._forget({name for name, _, _ in there})
                quiet = self._clock.monotonic() - changed_at
                await self._clock.sleep(min(max(quiet / 10, _SOONEST_LOOK_SECONDS), _LATEST_LOOK_SECONDS))
        finally:
            for task in self._reading.values():
                task.cancel()
            await asyncio.gather(*self._reading.values(), return_exceptions=True)

    def _forget(self, there: set[str]) -> None:
        """Let go of replicas that were read to their end and are gone; raises what the reading of one ended with."""
        for name, task in list(self._reading.items()):
            if task.done():
                task.result()
                if name not in there:
                    del self._reading[name]

    async def _ask(self, action: Callable[[Services], Awaitable[T]]) -> T:
        """Ask the platform; a follower outlasts its outages."""
        if not self._query.follow:
            return await self._access.ask(action)
        return await outlast(self._access, self._clock, action)

    async def _containers(self) -> list[tuple[str, str, str]]:
        revision = self._query.revision
        if not revision:
            document = await self._ask(lambda services: services.apps.document(self._query.app))
            revision = document["properties"].get("latestRevisionName") or ""
        if not revision:
            return []
        replicas = await self._ask(lambda services: services.apps.replicas(self._query.app, revision))
        self._check_replica(revision, [replica.name for replica in replicas])
        return [
            (replica.name, revision, container.log_stream_endpoint)
            for replica in replicas
            if self._query.replica in {"", replica.name}
            for container in replica.containers[:1]
        ]

    def _check_replica(self, revision: str, there: list[str]) -> None:
        wanted = self._query.replica
        if not wanted or wanted in there or wanted in self._reading:
            return
        known = ", ".join(there) or "none runs"
        raise NotFound(
            f"revision {revision!r} has no replica {wanted!r} now", code="ReplicaNotFound", detail=f"there: {known}",
            hint="`%aca query` finds the lines of replicas that are gone",
        )  # fmt: skip

    async def _container(self, replica: str, revision: str, endpoint: str, to: Destination) -> None:
        def opened(services: Services, token: str, tail: int) -> Any:
            return services.logs.console(
                endpoint, token, tail=tail, follow=self._query.follow, replica=replica, revision=revision
            )

        try:
            await self._stream(replica, opened, to)
        except NotFound:  # the replica has gone meanwhile
            return

    async def _stream(
        self, replica: str, opened: Callable[[Services, str, int], AbstractAsyncContextManager[LineStream]],
        to: Destination,
    ) -> None:  # fmt: skip
        """Copy one stream; a follower that is cut off connects again and goes on after the last line it had.

        Who does not follow asks a second time where that may help.
        """
        # Of lines that are looked through, more must come than are wanted.
        searching = not self._query.follow and self._searching
        tail, position, repeated = MOST_TAIL if searching else self._query.tail, Position(MOST_TAIL), False
        while True:
            cut, wait = False, _AGAIN_SECONDS
            try:
                await self._copy(replica, opened, tail, position, to)
                if not self._query.follow:
                    return
            except AcaError as failed:
                if not failed.passing or (repeated and not self._query.follow):
                    raise
                cut = True
                if isinstance(failed, Throttled):
                    wait = max(wait, failed.retry_after_seconds)
            repeated, tail = True, MOST_TAIL if self._query.follow else tail
            position.resume(cut=cut)
            await self._clock.sleep(wait)

    async def _copy(
        self, replica: str, opened: Callable[[Services, str, int], AbstractAsyncContextManager[LineStream]],
        tail: int, position: Position, to: Destination,
    ) -> None:  # fmt: skip
        """Open a stream and copy what is new in it until it ends."""
        try:
            token = await self._ask(lambda services: services.apps.auth_token(self._query.app))
            async with opened(self._access.services, token, tail) as stream:
                async for lines in stream.batches():
                    self._opening.discard(replica)
                    fresh = position.fresh(lines)
                    if fresh:
                        self._came = True
                        await to.put(replica, fresh)
        finally:
            self._opening.discard(replica)


class Destination(Protocol):
    """Where lines go."""

    async def put(self, replica: str, lines: Sequence[LogLine], /) -> None:
        """Take lines of one replica, in their order."""
        ...


class _Collected:
    """The last lines of several replicas, each in its own order."""

    def __init__(self) -> None:
        self.by_replica: defaultdict[str, deque[LogLine]] = defaultdict(lambda: deque(maxlen=MOST_TAIL))

    async def put(self, replica: str, lines: Sequence[LogLine], /) -> None:
        self.by_replica[replica].extend(lines)


class _Arrivals:
    """Lines that have come and were not taken yet, by replica; who brings more than `most` waits for room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: defaultdict[str, list[LogLine]] = defaultdict(list)
        self._count = 0
        self._ended = False
        self._stopped = False
        self._failure: Exception | None = None
        self._there = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def may_grow(self) -> bool:
        """Whether more may come before something is taken."""
        return self._count < self._most and not self._ended and not self._stopped

    async def put(self, replica: str, lines: Sequence[LogLine], /) -> None:
        await self._room.wait()
        self._waiting[replica].extend(lines)
        self._count += len(lines)
        self._there.set()
        if self._count >= self._most:
            self._room.clear()

    def end(self, failure: Exception | None = None) -> None:
        """Say that no more will come, and why when it was not meant to end."""
        self._ended, self._failure = True, failure
        self._there.set()

    def stop(self) -> None:
        """Say that no more is wanted."""
        self._stopped = True
        self._there.set()

    async def come(self) -> bool:
        """Wait for lines; False when there will be none. Raises the failure that ended them, after the last."""
        await self._there.wait()
        if self._waiting and not self._stopped:
            return True
        if self._failure is not None and not self._stopped:
            raise self._failure
        return False

    def take(self) -> list[list[LogLine]]:
        """Return what has come, a list for each replica, and make room."""
        taken = list(self._waiting.values())
        self._waiting.clear()
        self._count = 0
        self._room.set()
        if not self._ended and not self._stopped:
            self._there.clear()
        return taken
