"""Logs that somebody in a browser follows: each begins with the first question and ends when nobody asks any more."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.errors import AcaError
from aca_notebook.server import protocol, showing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_notebook.api.logs import LogStream
    from aca_notebook.clock import Clock

#: So many lines an answer holds at most.
MOST_LINES = 500
#: A page that is hidden asks nothing; after so long its log is let go, and begins with its last lines when it asks.
LINGER_SECONDS = 60.0
#: A log that has ended, as with its app, begins anew when it is asked for so long after its end was told.
AGAIN_SECONDS = 10.0

Key = tuple[str, str]


@dataclass(slots=True)
class _Follow:
    stream: LogStream
    asked_at: float
    good_until: float = math.inf


class Follows:
    """Lives on the server's loop, with one task while any log is followed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._follows: dict[Key, _Follow] = {}
        self._opening: dict[Key, asyncio.Lock] = {}
        self._sweeping: asyncio.Task[None] | None = None

    async def page(self, key: Key, begin: Callable[[], Awaitable[LogStream]], position: int | None) -> protocol.LogPage:
        """Return lines from a position on; without one, or with one of a stream that is gone, the last ones kept."""
        async with self._opening.setdefault(key, asyncio.Lock()):
            follow = self._follows.get(key)
            if follow is not None and self._clock.monotonic() >= follow.good_until:
                self._let_go(key)
                follow = None
            if follow is None:
                follow = self._follows[key] = _Follow(await begin(), self._clock.monotonic())
                position = None
                self._sweeping = self._sweeping or asyncio.create_task(self._sweep())
        follow.asked_at = self._clock.monotonic()
        page = _page(follow.stream, position)
        if page.ended:
            follow.good_until = min(follow.good_until, follow.asked_at + AGAIN_SECONDS)
        return page

    def close(self) -> None:
        """End every stream."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for follow in self._follows.values():
            follow.stream.stop()
        self._follows.clear()
        self._opening.clear()

    def _let_go(self, key: Key) -> None:
        self._follows.pop(key).stream.stop()

    async def _sweep(self) -> None:
        while self._follows:
            await self._clock.sleep(LINGER_SECONDS / 2)
            now = self._clock.monotonic()
            for key, follow in list(self._follows.items()):
                if now - follow.asked_at >= LINGER_SECONDS:
                    self._let_go(key)
                    self._opening.pop(key, None)
        self._sweeping = None


def _page(stream: LogStream, position: int | None) -> protocol.LogPage:
    """Where nobody says from where on, the newest lines that fit."""
    running, failure = stream.running, stream.failure  # before the lines: what comes after is asked for again
    kept = stream.forgotten + len(stream.lines) if position is None else position
    lines, first = stream.lines_from(max(kept - MOST_LINES, 0) if position is None else position, MOST_LINES)
    upto = first + len(lines)
    more = bool(stream.lines_from(upto, 1)[0])
    return protocol.LogPage(
        lines=tuple(showing.log_line(line) for line in lines), next=upto, begun=position is None,
        missed=0 if position is None else max(first - position, 0), ended=not running and not more,
        problem=showing.problem(failure) if isinstance(failure, AcaError) else None,
    )  # fmt: skip
