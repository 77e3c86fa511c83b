"""What happens when nobody answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from aca_notebook.api.access import Access
from aca_notebook.clock import SystemClock
from aca_notebook.errors import Unreachable
from tests.fakes.services import fake_target

pytestmark = pytest.mark.anyio


class Dying:
    """A target that dies and can be brought back; `asked` counts attempts."""

    def __init__(self, *, repairable: bool = True) -> None:
        self.alive, self.repaired, self.asked = False, 0, 0
        self.target = fake_target(ensure=self.ensure if repairable else None)

    def ensure(self):
        self.alive = True
        self.repaired += 1
        return replace(self.target, notice="back again")

    async def answer(self, *, refused: bool) -> str:
        self.asked += 1
        if not self.alive:
            raise Unreachable("gone", refused=refused)
        return "here"


@pytest.fixture
async def access():
    made: list[Access] = []

    def make(dying: Dying) -> Access:
        made.append(Access(dying.target, SystemClock()))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "cut off"])
async def test_a_dead_target_is_brought_back_and_asked_again_and_that_is_said(access, caplog, refused):
    dying = Dying()
    assert await access(dying).ask(lambda _: dying.answer(refused=refused)) == "here"
    assert (dying.repaired, dying.asked) == (1, 2)
    assert "back again" in caplog.text


async def test_what_may_happen_only_once_is_not_repeated_after_it_was_cut_off(access):
    dying = Dying()
    with pytest.raises(Unreachable):
        await access(dying).ask(lambda _: dying.answer(refused=False), once=True)
    assert dying.asked == 1


async def test_a_refused_connection_took_nothing_so_even_that_is_repeated(access):
    dying = Dying()
    assert await access(dying).ask(lambda _: dying.answer(refused=True), once=True) == "here"


async def test_many_who_find_it_dead_at_once_bring_it_back_once(access):
    dying = Dying()
    one = access(dying)
    assert await asyncio.gather(*(one.ask(lambda _: dying.answer(refused=True)) for _ in range(5))) == ["here"] * 5
    assert dying.repaired == 1


async def test_a_target_that_cannot_be_brought_back_says_that_it_is_gone(access):
    dying = Dying(repairable=False)
    with pytest.raises(Unreachable):
        await access(dying).ask(lambda _: dying.answer(refused=True))
