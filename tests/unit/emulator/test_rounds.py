import contextlib
import logging

import pytest

from aca_notebook.emulator.rounds import Rounds
from aca_notebook.emulator.wire import AzureError
from tests.fakes.clock import ManualClock, settled

pytestmark = pytest.mark.anyio


class Counted:
    def __init__(self, *troubles: Exception | None) -> None:
        self.made = 0
        self._troubles = list(troubles)

    async def once(self) -> None:
        self.made += 1
        trouble = self._troubles.pop(0) if self._troubles else None
        if trouble is not None:
            raise trouble


@contextlib.asynccontextmanager
async def running(counted: Counted, clock: ManualClock, *, pause_first: bool = True):
    rounds = Rounds("looking", counted.once, pause=lambda: 10.0, clock=clock)
    rounds.start(pause_first=pause_first)
    await settled()
    yield
    await rounds.close()


async def test_a_round_is_made_after_each_pause():
    clock, counted = ManualClock(), Counted()
    async with running(counted, clock):
        made = [counted.made]
        for _ in range(3):
            await clock.advance(10)
            made.append(counted.made)
    assert made == [0, 1, 2, 3]


async def test_the_first_round_may_come_before_the_first_pause():
    counted = Counted()
    async with running(counted, ManualClock(), pause_first=False):
        assert counted.made == 1


@pytest.mark.parametrize(
    ("trouble", "level"),
    [
        pytest.param(AzureError(507, "InsufficientStorage", "full"), logging.WARNING, id="a refused write"),
        pytest.param(OSError(28, "full"), logging.WARNING, id="a full disk"),
        pytest.param(KeyError("x"), logging.ERROR, id="a mistake of ours"),
    ],
)
async def test_a_round_that_fails_is_told_of_and_the_next_is_made(trouble, level, caplog):
    clock, counted = ManualClock(), Counted(trouble)
    async with running(counted, clock):
        await clock.advance(10)
        await clock.advance(10)
    assert counted.made == 2
    assert [record.levelno for record in caplog.records] == [level]
    assert "looking" in caplog.text


async def test_no_round_is_made_after_the_close():
    clock, counted = ManualClock(), Counted()
    async with running(counted, clock):
        pass
    await clock.advance(100)
    assert counted.made == 0


async def test_rounds_that_never_started_close_at_once():
    await Rounds("looking", Counted().once, pause=lambda: 10.0, clock=ManualClock()).close()
