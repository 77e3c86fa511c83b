"""Metrics that go on: read again and again on the Workspace's loop, until stopped or until the Workspace ends.

What is cheap is asked for at each look: a request or two, and the revisions. Percentiles (a query of the logs) and the
runner's GPU figures (calls of the app) are asked for less often. Nothing grows: each look replaces the one before.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from aca_notebook.api import measures
from aca_notebook.api.runner_gpus import RunnerGpus
from aca_notebook.errors import AcaError, Throttled
from aca_notebook.model.metric import GPU_MEMORY, PERCENTILES, REQUESTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    import pandas as pd

    from aca_notebook.api.app import App
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.clock import Clock
    from aca_notebook.display.charts import Around

SLOW_SECONDS = 15.0
_SLOW_LOOKS = 2
#: How long the next look waits at most when looks fail.
LONGEST_SECONDS = 300.0
_GUEST_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen: the table of `App.metrics`, what stands around it, and when."""

    frame: pd.DataFrame
    around: Around
    at: datetime


class Looks(Protocol):
    """Whoever looks."""

    async def __call__(self) -> Look:
        """Look now. Raises `AcaError`."""
        ...


class MetricWatch:
    """Looks every `period_seconds`; `latest` is the last look, `trouble` why there was none since.

    `stop()` ends it; so does the end of its Workspace, and an app that is gone (`failure`). A target that does not
    answer is given twice as long before each further look, up to five minutes; one that asks for patience (429), at
    least what it asks for.
    """

    def __init__(self, app: str, look: Looks, loop: PrivateLoop, clock: Clock, period_seconds: float) -> None:
        self.app = app
        self.period_seconds = period_seconds
        self.latest: Look | None = None
        self.trouble: AcaError | None = None
        self.failure: AcaError | None = None
        self.running = True
        self._look = look
        self._loop = loop
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []
        self._stopping = asyncio.Event()
        self._wait = period_seconds
        self._done = False

    def begin(self) -> MetricWatch:
        """Look once, at once, and go on. Raises what the first look raises."""
        self._loop.run(self._first())
        self._loop.start(self._watch())
        return self

    def stop(self) -> None:
        """End it; what was seen last stays."""
        if self.running:
            self.running = False
            with contextlib.suppress(AcaError):  # the loop is closed, and it ended with it
                self._loop.run(self._stop())
            self._tell()

    def listen(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each look and at the end, on the loop's thread or on that which stops it."""
        self._listeners.append(listener)

    async def _first(self) -> None:
        self.latest = await self._look()

    async def _stop(self) -> None:
        self._stopping.set()

    async def _watch(self) -> None:
        try:
            while self.running:
                await self._pause(self._wait)
                if self.running:
                    await self.look()
        except asyncio.CancelledError:  # the Workspace ends
            self.running = False
            raise

    async def look(self) -> None:
        """Look once more and tell the listeners how it went."""
        try:
            self.latest, self.trouble, self._wait = await self._look(), None, self.period_seconds
        except AcaError as failed:
            if failed.passing:
                asked = failed.retry_after_seconds if isinstance(failed, Throttled) else 0.0
                self.trouble, self._wait = failed, max(asked, min(2 * self._wait, LONGEST_SECONDS))
            else:
                self.failure, self.running = failed, False
        self._tell()

    @property
    def next_look_seconds(self) -> float:
        """How long it waits until it looks again."""
        return self._wait

    async def _pause(self, seconds: float) -> None:
        waiting = {asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._stopping.wait())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


@dataclass(slots=True)
class AppLooks:
    """Looks at one app: the past `since` in buckets of `interval`."""

    app: App
    clock: Clock
    since: timedelta
    interval: timedelta | None
    period_seconds: float
    read: Callable[[measures.Question, Callable[[], Awaitable[RunnerGpus]] | None], Awaitable[pd.DataFrame]]
    around: Callable[[pd.DataFrame], Awaitable[Around]]
    _slow_at: float = float("-inf")
    _slow: pd.DataFrame | None = None
    _heard: RunnerGpus = field(default_factory=RunnerGpus)
    _own: deque[tuple[datetime, int]] = field(default_factory=lambda: deque(maxlen=64))

    async def __call__(self) -> Look:
        """Look now: at everything now and then, at what is cheap in between."""
        now = self.clock.now()
        span, grain = measures.buckets(self.since, self.interval, now)
        slow = self.clock.monotonic() - self._slow_at >= max(SLOW_SECONDS, _SLOW_LOOKS * self.period_seconds)
        metrics = tuple(each for each in measures.DEFAULT if slow or each not in {*PERCENTILES, GPU_MEMORY})
        question = measures.Question(span, grain, metrics, split_requests=True)

        async def runner() -> RunnerGpus:
            return await self._ask_runner(span)

        frame = await self.read(question, runner if slow else None)
        if slow:
            self._slow, self._slow_at = frame, self.clock.monotonic()
        elif self._slow is not None:
            _take_over(frame, self._slow)
        frame.attrs["note"] = "; ".join(filter(None, (self.app.state.gpu_note.rstrip("."), *frame.attrs["notes"])))
        return Look(frame, await self.around(frame), now)

    async def _ask_runner(self, span: tuple[datetime, datetime]) -> RunnerGpus:
        """Ask the app for its GPU only while others call it as well: our calls alone must not keep it from zero.

        While they do not, what it said before still holds of its time.
        """
        if self._slow is not None and REQUESTS.column in self._slow:
            since = span[1] - timedelta(minutes=_GUEST_MINUTES)
            calls = self._slow[REQUESTS.column].loc[since:].sum()
            if calls <= sum(count for at, count in self._own if at >= since):
                return self._heard
        heard = await self.app.runner_gpus(span)
        if heard.asked:
            self._own.append((span[1], heard.asked))
        if heard.reports:
            self._heard = heard
        return self._heard


def _take_over(frame: pd.DataFrame, slow: pd.DataFrame) -> None:
    """Put the columns that only slow looks have into a table, with what is said of them."""
    for name in slow.columns:
        if name not in frame.columns:
            frame[name] = slow[name].reindex(frame.index)
            for of in ("labels", "units", "sources"):
                if name in slow.attrs[of]:
                    frame.attrs[of][name] = slow.attrs[of][name]
    frame.attrs["notes"] = list(dict.fromkeys((*slow.attrs["notes"], *frame.attrs["notes"])))
