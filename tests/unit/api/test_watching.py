"""Metrics that go on."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from aca_notebook.api.loop import PrivateLoop
from aca_notebook.api.runner_gpus import GpuReport, RunnerGpus
from aca_notebook.api.watching import LONGEST_SECONDS, AppLooks, Look, MetricWatch
from aca_notebook.display.charts import Around
from aca_notebook.errors import NotFound, Throttled
from aca_notebook.model.metric import GPU_MEMORY, P50
from tests.fakes.clock import ManualClock

if TYPE_CHECKING:
    from aca_notebook.api import measures


class Platform:
    """Answers looks, or fails as a test says."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.looks = 0
        self.failing: Exception | None = None

    async def __call__(self) -> Look:
        self.looks += 1
        if self.failing is not None:
            raise self.failing
        return Look(pd.DataFrame({"looks": [self.looks]}), Around(), self.clock.now())


@pytest.fixture
def loop():
    opened = PrivateLoop()
    yield opened
    opened.close()


@pytest.fixture
def watched(loop):
    clock = ManualClock()
    platform = Platform(clock)
    watch = MetricWatch("scorer", platform, loop, clock, period_seconds=2.0).begin()
    yield watch, platform, lambda seconds: loop.run(clock.advance(seconds))
    watch.stop()


def test_the_first_look_is_there_at_once_and_others_follow_at_the_period(watched):
    watch, platform, advance = watched
    told: list[int] = []
    watch.listen(lambda: told.append(int(watch.latest.frame["looks"].iloc[0])))
    assert platform.looks == 1
    advance(1.9)
    assert told == []
    advance(4.2)
    assert told == [2, 3, 4]


def test_stopping_is_told_once_and_ends_the_looks(watched):
    watch, platform, advance = watched
    told: list[bool] = []
    watch.listen(lambda: told.append(watch.running))
    watch.stop()
    watch.stop()
    advance(100)
    assert (told, platform.looks, watch.latest is not None) == ([False], 1, True)


def test_a_target_that_asks_for_patience_gets_more_each_time_and_the_last_look_stays(watched):
    watch, platform, advance = watched
    platform.failing = Throttled("the platform asks us to slow down", status=429, code="TooManyRequests")
    advance(2)
    assert (watch.running, watch.trouble.code, watch.next_look_seconds) == (True, "TooManyRequests", 4.0)
    advance(4)
    assert (platform.looks, watch.next_look_seconds) == (3, 8.0)
    advance(2000)
    assert watch.next_look_seconds == LONGEST_SECONDS
    assert int(watch.latest.frame["looks"].iloc[0]) == 1
    platform.failing = None
    advance(LONGEST_SECONDS)
    assert (watch.trouble, watch.next_look_seconds) == (None, 2.0)


def test_a_target_that_says_how_long_to_wait_is_not_asked_before(watched):
    watch, platform, advance = watched
    platform.failing = Throttled("the platform asks us to slow down", status=429)
    platform.failing.retry_after_seconds = 372.0
    advance(2)
    assert watch.next_look_seconds == 372.0
    advance(371)
    assert platform.looks == 2
    advance(1)
    assert platform.looks == 3


def test_an_app_that_is_gone_ends_it(watched):
    watch, platform, advance = watched
    platform.failing = NotFound("app 'scorer' does not exist", status=404)
    advance(2)
    assert (watch.running, watch.failure) == (False, platform.failing)
    advance(100)
    assert platform.looks == 2


def test_it_ends_with_its_workspace(loop):
    clock = ManualClock()
    watch = MetricWatch("scorer", Platform(clock), loop, clock, period_seconds=2.0).begin()
    loop.close()
    assert not watch.running
    watch.stop()


class App:
    """An app with a GPU that Azure Monitor says nothing of; `answered` is how many calls others have made."""

    class state:  # noqa: N801  # an attribute
        gpu_note = ""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.answered = 0
        self.calls = 0
        self.questions: list[measures.Question] = []

    async def runner_gpus(self, span):
        self.calls += 1
        return RunnerGpus((GpuReport("r", "a", ((self.clock.now(), 1, 50.0, 2.0**30),)),), replicas=1, asked=1)

    async def read(self, question, runner):
        self.questions.append(question)
        heard = await runner() if runner is not None else RunnerGpus()
        index = pd.DatetimeIndex([self.clock.now().replace(second=0)], name="at")
        frame = pd.DataFrame({"requests": [float(self.answered + self.calls)]}, index=index)
        if heard.reports:
            frame["gpu_memory_bytes"] = 2.0**30
        frame.attrs = {"labels": {}, "units": {}, "sources": {}, "notes": [heard.note] if heard.note else []}
        return frame

    async def around(self, frame):
        return Around()


def looks_at(app: App, clock: ManualClock) -> AppLooks:
    return AppLooks(app, clock, timedelta(minutes=30), None, 2.0, app.read, app.around)  # type: ignore[arg-type]  # a fake


def test_what_is_dear_is_asked_for_now_and_then_and_shown_in_between():
    async def scenario() -> None:
        clock = ManualClock()
        app = App(clock)
        look = looks_at(app, clock)
        for _ in range(9):
            seen = await look()
            assert seen.frame["gpu_memory_bytes"].iloc[0] == 2.0**30
            assert "the runner's own figures" in seen.frame.attrs["note"]
            await clock.advance(2)
        dear = [{P50, GPU_MEMORY} <= set(question.metrics) for question in app.questions]
        assert dear == [True, *[False] * 7, True]

    asyncio.run(scenario())


def test_the_app_is_asked_for_its_gpu_only_while_others_call_it():
    async def scenario() -> None:
        clock = ManualClock()
        app = App(clock)
        look = looks_at(app, clock)
        asked = []
        for answered in (0, 0, 0, 7, 7):
            app.answered = answered
            await look()
            asked.append(app.calls)
            await clock.advance(20)
        assert asked == [1, 1, 1, 1, 2], "the look that saw guests asks no more; the next one does"

    asyncio.run(scenario())
