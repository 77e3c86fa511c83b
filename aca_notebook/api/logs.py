"""Logs as they come: an iterable of lines that can be followed, stopped, and turned into a table."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from aca_notebook.api.access import outlast
from aca_notebook.api.log_buffer import MOST_LINES, LogBuffer, LogCursor
from aca_notebook.api.log_query import MOST_TAIL, LogQuery
from aca_notebook.errors import AcaError, NotFound, UsageFailed
from aca_notebook.model.log_filter import LogFilter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from contextlib import AbstractAsyncContextManager

    import pandas as pd

    from aca_notebook.api.access import Access
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.azure.services import Services
    from aca_notebook.clock import Clock
    from aca_notebook.model.log import LogLine

T = TypeVar("T")

_LOOK_SECONDS = 0.5
#: So many lines may have arrived unread; then the connections are not read on until there is room.
_MOST_UNREAD = 1000


class LogStream:
    """Lines of a log. Iterate over it; with `follow` it ends only when stopped, by `stop()` or Ctrl-C in `wait()`.

    Each iteration reads from the oldest line that is kept, and its `missed` says how many went by unread. It is also a
    context manager, and `lines` holds the last 100,000 that have come, which is what it shows. Whatever ends it unasked
    is raised where it is read, after the last line.
    """

    def __init__(
        self, query: LogQuery, access: Access, loop: PrivateLoop, clock: Clock, *, most_lines: int = MOST_LINES
    ) -> None:  # fmt: skip
        if not 0 <= query.tail <= MOST_TAIL:
            raise UsageFailed(
                f"a tail is 0 to {MOST_TAIL} lines", code="InvalidTail", detail=str(query.tail), hint="--tail 50"
            )
        self.query = query
        self._loop = loop
        self._reader = LogReader(query, access, clock)
        self._buffer = LogBuffer(most_lines)
        self._listeners: list[Callable[[], None]] = []
        loop.start(self._pump())

    @property
    def lines(self) -> list[LogLine]:
        """The last 100,000 lines that have come."""
        return self._buffer.lines()

    @property
    def forgotten(self) -> int:
        """How many lines came before those in `lines`."""
        return self._buffer.forgotten

    def lines_from(self, position: int, most: int) -> tuple[list[LogLine], int]:
        """Return up to `most` kept lines from a position on, and the position of the first.

        Positions count from 0, forgotten lines too.
        """
        return self._buffer.lines_from(position, most)

    @property
    def running(self) -> bool:
        """Whether more lines may come."""
        return not self._buffer.ended

    @property
    def failure(self) -> Exception | None:
        """What ended it, when nobody asked for that."""
        return self._buffer.failure

    def stop(self) -> None:
        """End the stream. Lines that have come stay."""
        self._reader.stop()

    def listen(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each further line and at the end, on the loop's thread."""
        self._listeners.append(listener)

    def wait(self) -> LogStream:
        """Wait until the stream has ended; returns itself. Ctrl-C stops it."""
        try:
            self._buffer.wait()
        except KeyboardInterrupt:
            self.stop()
        return self

    def to_frame(self) -> pd.DataFrame:
        """Return the lines so far: at, source, revision, replica, container, level, reason, text."""
        import pandas as pd

        columns = ["at", "source", "revision", "replica", "container", "level", "reason", "text"]
        rows = [[getattr(line, column) for column in columns] for line in self.lines]
        return pd.DataFrame(rows, columns=columns)

    def __iter__(self) -> LogCursor:
        return LogCursor(self._buffer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __str__(self) -> str:
        return "\n".join(str(line) for line in self.lines)

    def __repr__(self) -> str:
        return self._repr_mimebundle_()["text/plain"]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from aca_notebook.display import logs

        following = self.running and self.query.follow
        bundle = logs.log(self.query.app, self.lines, following=following)
        hint = "\n(iterate over it for more; .stop() ends it)" if following else ""
        return {**bundle, "text/plain": bundle["text/plain"] + hint}

    async def _pump(self) -> None:
        failure: Exception | None = None
        try:
            async for line in self._reader.lines():
                self._buffer.append(line)
                self._tell()
        except Exception as failed:  # noqa: BLE001  # whatever it is, it is the reader's to see
            failure = failed
        finally:
            self._buffer.end(failure)
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


Arrived = asyncio.Queue["LogLine | Exception | None"]
"""Lines on their way; an exception or None is the last."""


async def _first(arrived: Arrived, stopping: asyncio.Task[Any]) -> LogLine | Exception | None:
    """Return what arrived first, or None when the reading is to stop before."""
    if not arrived.empty():
        return arrived.get_nowait()
    coming = asyncio.create_task(arrived.get())
    try:
        await asyncio.wait({coming, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return coming.result() if coming.done() else None
    finally:
        coming.cancel()


class Destination(Protocol):
    """Where lines go."""

    async def put(self, item: LogLine, /) -> None:
        """Take one."""
        ...


class _Collected:
    """The last lines of several replicas, each in its own order."""

    def __init__(self) -> None:
        self._by_replica: dict[str, deque[LogLine]] = {}

    async def put(self, line: LogLine, /) -> None:
        self._by_replica.setdefault(line.replica, deque(maxlen=MOST_TAIL)).append(line)

    def in_order(self) -> list[LogLine]:
        """Return them merged by time; one without a moment stays before the line it came before."""
        placed = heapq.merge(*map(_placed, self._by_replica.values()), key=lambda each: each[0])
        return [line for _, line in placed]


def _placed(lines: Iterable[LogLine]) -> list[tuple[datetime, LogLine]]:
    """Give each line the moment it is sorted by: its own, but never before that of the line above it."""
    placed: list[tuple[datetime, LogLine]] = []
    latest = datetime.min.replace(tzinfo=UTC)
    for line in lines:
        latest = max(latest, line.at) if line.at else latest
        placed.append((latest, line))
    return placed


class LogReader:
    """Reads one app's log over however many connections it takes, without loss or repetition."""

    def __init__(self, query: LogQuery, access: Access, clock: Clock) -> None:
        self._query = query
        self._access = access
        self._clock = clock
        self._stopping: asyncio.Event | None = None
        self._stop_asked = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """End the reading, from any thread."""
        self._stop_asked = True
        if self._loop is not None and self._stopping is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def lines(self) -> AsyncIterator[LogLine]:
        """Give the lines, oldest first within a replica."""
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        if self._stop_asked:
            return
        arrived: Arrived = asyncio.Queue(_MOST_UNREAD)
        reading = asyncio.create_task(self._read(arrived))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not stopping.done():
                item = await _first(arrived, stopping)
                if item is None:
                    return
                if isinstance(item, Exception):
                    raise item
                if self._query.only.passes(item):
                    yield item
        finally:
            for task in (reading, stopping):
                task.cancel()
            await asyncio.gather(reading, stopping, return_exceptions=True)

    async def _read(self, arrived: Arrived) -> None:
        try:
            if self._query.follow:
                await self._read_log(arrived)
            else:
                await self._read_past(arrived)
        except Exception as failed:  # noqa: BLE001  # raised where the lines are read
            await arrived.put(failed)
        else:
            await arrived.put(None)

    async def _read_log(self, arrived: Destination) -> None:
        await (self._system(arrived) if self._query.type == "system" else self._console(arrived))

    async def _read_past(self, arrived: Arrived) -> None:
        """Give the last lines that are wanted, of all replicas together and in the order of time."""
        found = _Collected()
        try:
            await self._read_log(found)
        finally:  # what came before a failure is told before it
            wanted = [line for line in found.in_order() if self._query.only.passes(line)]
            for line in wanted[-self._query.tail :] if self._query.tail else ():
                await arrived.put(line)

    async def _system(self, arrived: Destination) -> None:
        document = await self._access.ask(lambda services: services.apps.document(self._query.app))
        endpoint = document["properties"].get("eventStreamEndpoint") or ""

        def opened(services: Services, token: str, tail: int) -> Any:
            return services.logs.system(endpoint, token, tail=tail, follow=self._query.follow)

        await self._stream(opened, arrived)

    async def _console(self, arrived: Destination) -> None:
        """Read every replica there is, and when following those that come, too."""
        known: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                for name, revision, endpoint in await self._containers():
                    if endpoint and name not in known:
                        known[name] = asyncio.create_task(self._container(name, revision, endpoint, arrived))
                if not self._query.follow:
                    await asyncio.gather(*known.values())
                    return
                for task in known.values():
                    if task.done():
                        task.result()  # raises what the reading of a replica ended with
                await self._clock.sleep(_LOOK_SECONDS)
        finally:
            for task in known.values():
                task.cancel()
            await asyncio.gather(*known.values(), return_exceptions=True)

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
        return [
            (replica.name, revision, container.log_stream_endpoint)
            for replica in replicas
            if self._query.replica in {"", replica.name}
            for container in replica.containers[:1]
        ]

    async def _container(self, replica: str, revision: str, endpoint: str, arrived: Destination) -> None:
        def opened(services: Services, token: str, tail: int) -> Any:
            return services.logs.console(
                endpoint, token, tail=tail, follow=self._query.follow, replica=replica, revision=revision
            )

        try:
            await self._stream(opened, arrived)
        except NotFound:  # the replica has gone meanwhile
            return

    async def _stream(
        self,
        opened: Callable[[Services, str, int], AbstractAsyncContextManager[AsyncIterator[LogLine]]],
        arrived: Destination,
    ) -> None:
        """Copy one stream; a follower that is cut off connects again and goes on after the last line it had.

        Who does not follow asks a second time where that may help.
        """
        # Of lines that are looked through, more must come than are wanted.
        searching = not self._query.follow and self._query.only != LogFilter()
        tail, after, repeated = MOST_TAIL if searching else self._query.tail, _Position(), False
        while True:
            token = await self._ask(lambda services: services.apps.auth_token(self._query.app))
            try:
                async with opened(self._access.services, token, tail) as stream:
                    async for line in stream:
                        if after.is_new(line):
                            await arrived.put(line)
                if not self._query.follow:
                    return
            except AcaError as failed:
                if not failed.passing or (repeated and not self._query.follow):
                    raise
            repeated, tail = True, MOST_TAIL if self._query.follow else tail
            after.resume()
            await self._clock.sleep(_LOOK_SECONDS)


class _Position:
    """How far a stream has been read: the last moment, and which lines had that very moment."""

    def __init__(self) -> None:
        self._moment: datetime | None = None
        self._at_moment: deque[str] = deque(maxlen=MOST_TAIL)  # more are not sent again
        self._resumed: list[str] = []
        self._resuming = False

    def resume(self) -> None:
        """From here on the stream starts over."""
        self._resumed = list(self._at_moment)
        self._resuming = True

    def is_new(self, line: LogLine) -> bool:
        """Whether this line has not been read yet; it counts as read from now on."""
        if line.at is None:
            return not self._resuming
        if self._moment is not None and line.at < self._moment and self._resuming:
            return False
        if line.at == self._moment and self._resuming and line.text in self._resumed:
            self._resumed.remove(line.text)
            return False
        if self._moment is None or line.at > self._moment:
            self._moment, self._resuming = line.at, False
            self._at_moment.clear()
        self._at_moment.append(line.text)
        return True
