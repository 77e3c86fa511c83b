"""A token is renewed behind whoever uses it, and nobody waits for it while the present one holds."""

from __future__ import annotations

import asyncio

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from aca_notebook.azure.renewing import RENEW_SECONDS, Renewing
from tests.fakes.clock import ManualClock, settled

pytestmark = pytest.mark.anyio

LIFETIME = 3600


class Authority:
    """Gives tokens `1`, `2`, `3`; holds one back while `gate` is shut."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False

    async def __call__(self, scope: str) -> AccessToken:
        self.asked += 1
        number = self.asked
        await self.gate.wait()
        if self.fails:
            raise ClientAuthenticationError(message="no")
        return AccessToken(str(number), int(self._clock.now().timestamp()) + LIFETIME)


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
