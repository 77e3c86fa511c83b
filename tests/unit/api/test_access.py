"""What happens when nobody answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from aca_notebook.api.access import OUTAGE_SECONDS, Access, outlast
from aca_notebook.clock import SystemClock
from aca_notebook.errors import AcaError, NotFound, ServiceFailed, Unauthorized, Unreachable
from tests.fakes.clock import ManualClock
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


class Struggling:
    """A target that fails `times` with `error` and then answers."""

    def __init__(self, times: int, error: AcaError) -> None:
        self.left, self.error, self.asked = times, error, []
        self.target = fake_target()

    async def answer(self, services) -> str:
        self.asked.append(services)
        if self.left:
            self.left -= 1
            raise self.error
        return "here"


EXPIRED = Unauthorized("expired", status=401, code="ExpiredAuthenticationToken")
DOWN = ServiceFailed("down", status=503, code="ServiceUnavailable")


async def test_a_token_that_has_just_expired_is_renewed_once_with_a_new_connection(access):
    struggling = Struggling(1, EXPIRED)
    assert await access(struggling).ask(struggling.answer, once=True) == "here"
    assert len(set(map(id, struggling.asked))) == 2, "what the old credential keeps has expired"


@pytest.mark.parametrize(("times", "error"), [(2, EXPIRED), (1, Unauthorized("no", status=401)), (1, DOWN)])
async def test_a_refusal_that_a_new_token_does_not_help_is_raised(access, times, error):
    struggling = Struggling(times, error)
    with pytest.raises(type(error)):
        await access(struggling).ask(struggling.answer)


async def test_an_outage_is_outlasted_and_told(access):
    struggling, clock, told = Struggling(3, DOWN), ManualClock(), []
    asking = asyncio.create_task(outlast(access(struggling), clock, struggling.answer, told.append))
    await clock.advance(10)
    assert await asking == "here"
    assert told == ["down (ServiceUnavailable); asking again"] * 3


async def test_an_outage_that_lasts_too_long_is_raised_as_it_is(access):
    struggling, clock = Struggling(10**6, DOWN), ManualClock()
    asking = asyncio.create_task(outlast(access(struggling), clock, struggling.answer))
    await clock.advance(OUTAGE_SECONDS - 4)
    assert not asking.done()
    await clock.advance(8)
    with pytest.raises(ServiceFailed):
        await asking


async def test_what_will_not_pass_is_raised_at_once(access):
    struggling = Struggling(1, NotFound("gone", status=404))
    with pytest.raises(NotFound):
        await outlast(access(struggling), ManualClock(), struggling.answer)
