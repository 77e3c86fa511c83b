"""A token is renewed behind whoever uses it, and nobody waits for it while the present one holds."""

from __future__ import annotations

import asyncio

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from aca_notebook.azure.renewing import PAUSE_SECONDS, RENEW_SECONDS, Renewing
from tests.fakes.clock import ManualClock, settled

pytestmark = pytest.mark.anyio

LIFETIME = 3600


class Authority:
    """Gives tokens `1`, `2`, `3`; holds one back while `gate` is shut. While it is `lazy`, the last one comes again."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = self.lazy = False
        self.claims: list[str] = []
        self._last: AccessToken | None = None

    async def __call__(self, scope: str, **asked: str) -> AccessToken:
        self.asked += 1
        number = self.asked
        self.claims += asked.values()
        await self.gate.wait()
        if self.fails:
            raise ClientAuthenticationError(message="no")
        if not (self.lazy and self._last):
            self._last = AccessToken(str(number), int(self._clock.now().timestamp()) + LIFETIME)
        return self._last


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_one_token_serves_until_it_is_about_to_end(clock: ManualClock) -> None:
    authority = Authority(clock)
    credential = Renewing(authority, clock)
    assert [(await credential.get_token("s")).token for _ in range(3)] == ["1", "1", "1"]
    assert (await credential.get_token("another")).token == "2"


async def test_the_next_one_is_had_while_the_present_one_is_handed_out(clock: ManualClock) -> None:
    authority = Authority(clock)
    credential = Renewing(authority, clock)
    await credential.get_token("s")
    await clock.advance(LIFETIME - RENEW_SECONDS + 1)
    authority.gate.clear()
    assert (await credential.get_token("s")).token == "1"
    await settled()
    assert (await credential.get_token("s")).token == "1"
    authority.gate.set()
    await settled()
    assert ((await credential.get_token("s")).token, authority.asked) == ("2", 2)


async def test_a_renewal_that_fails_is_nobodys_error_while_the_present_one_holds(clock: ManualClock) -> None:
    authority = Authority(clock)
    credential = Renewing(authority, clock)
    await credential.get_token("s")
    await clock.advance(LIFETIME - RENEW_SECONDS + 1)
    authority.fails = True
    assert (await credential.get_token("s")).token == "1"
    await settled()
    assert (await credential.get_token("s")).token == "1"
    await clock.advance(RENEW_SECONDS)
    with pytest.raises(ClientAuthenticationError):
        await credential.get_token("s")


async def test_closing_ends_a_renewal_under_way(clock: ManualClock) -> None:
    authority = Authority(clock)
    credential = Renewing(authority, clock)
    await credential.get_token("s")
    await clock.advance(LIFETIME - RENEW_SECONDS + 1)
    authority.gate.clear()
    await credential.get_token("s")
    await settled()
    await credential.close()


async def test_the_sdks_are_told_when_to_ask_again(clock: ManualClock) -> None:
    info = await Renewing(Authority(clock), clock).get_token_info("s")
    assert info.refresh_on == info.expires_on - RENEW_SECONDS


async def test_all_who_come_at_once_wait_for_one_token(clock: ManualClock) -> None:
    authority = Authority(clock)
    credential = Renewing(authority, clock)
    authority.gate.clear()
    waiting = [asyncio.create_task(credential.get_token("s")) for _ in range(6)]
    await settled()
    waiting[0].cancel()
    authority.gate.set()
    got = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(got[0], asyncio.CancelledError)
    assert [each.token for each in got[1:]] == ["1"] * 5
    assert authority.asked == 1


async def test_a_way_that_gives_the_same_token_again_is_let_rest(clock: ManualClock) -> None:
    authority = Authority(clock)
    credential = Renewing(authority, clock)
    await credential.get_token("s")
    authority.lazy = True
    await clock.advance(LIFETIME - RENEW_SECONDS + 1)
    for seconds, asked in ((0, 2), (PAUSE_SECONDS - 1, 2), (1, 3), (RENEW_SECONDS - 2 * PAUSE_SECONDS, 4)):
        await clock.advance(seconds)
        for _ in range(3):
            assert (await credential.get_token("s")).token == "1"
            await settled()
        assert authority.asked == asked, seconds


async def test_claims_ask_for_another_token_which_is_the_one_from_then_on(clock: ManualClock) -> None:
    authority = Authority(clock)
    credential = Renewing(authority, clock)
    await credential.get_token("s")
    assert (await credential.get_token("s", claims="c")).token == "2"
    assert (await credential.get_token_info("s", options={"claims": "d"})).token == "3"
    assert ((await credential.get_token("s")).token, authority.claims) == ("3", ["c", "d"])


async def test_whoever_waited_for_a_token_that_failed_may_ask_again_at_once(clock: ManualClock) -> None:
    authority = Authority(clock)
    credential = Renewing(authority, clock)
    authority.fails = True
    with pytest.raises(ClientAuthenticationError):
        await credential.get_token("s")
    authority.fails = False
    assert (await credential.get_token("s")).token == "2"
