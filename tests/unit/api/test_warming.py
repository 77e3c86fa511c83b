"""Imports in the background wait until nobody else does."""

from __future__ import annotations

import asyncio
import threading

import pytest

from aca_notebook.api.loop import PrivateLoop
from aca_notebook.api.warming import MODULES, QUIET_SECONDS, Warming
from tests.fakes.clock import ManualClock


@pytest.fixture
def loop():
    opened = PrivateLoop()
    yield opened
    opened.close()


class Loads(list):
    """The modules asked for; `came` after the last."""

    def __init__(self) -> None:
        self.came = threading.Event()

    def __call__(self, module: str) -> None:
        self.append(module)
        if len(self) == len(MODULES):
            self.came.set()


def advance(loop: PrivateLoop, clock: ManualClock) -> None:
    loop.start(clock.advance(QUIET_SECONDS)).result(5)


def test_each_is_loaded_once_when_the_workspace_is_quiet(loop):
    clock, loads = ManualClock(), Loads()
    warming = Warming(loop, clock, loads)
    warming.begin()
    warming.begin()
    while not loads.came.is_set():
        advance(loop, clock)
    assert loads == list(MODULES)


def test_nothing_is_loaded_while_somebody_waits_or_calls(loop):
    clock, loads = ManualClock(), Loads()
    Warming(loop, clock, loads).begin()

    async def call() -> None:
        await clock.advance(QUIET_SECONDS)

    for _ in range(5):
        loop.run(call())
    assert loads == []
    assert (loop.waiting, loop.waited_for) == (0, 5)


def test_every_module_that_is_warmed_exists():
    for module in MODULES:
        __import__(module)


def test_work_that_is_over_is_waited_for_no_more(loop):
    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        loop.run(fail())

    async def waited() -> None:
        await loop.wait(asyncio.sleep(0))

    asyncio.run(waited())
    assert loop.waiting == 0
