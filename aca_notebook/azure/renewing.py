"""A credential that gets its next token in the background, while the present one still holds."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Self

from azure.core.credentials import AccessToken, AccessTokenInfo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azure.core.credentials import TokenRequestOptions

    from aca_notebook.clock import Clock

logger = logging.getLogger(__name__)

#: A token that ends so soon is not handed out, and one that ends so soon is renewed behind whoever uses it: `az` takes
#: up to thirteen seconds for one, which nobody who makes a call should wait for.
_HOLDS_SECONDS = 120.0
RENEW_SECONDS = 900.0
#: So long a token that holds is not renewed again: `az` gives the same one until its last minutes.
PAUSE_SECONDS = 60.0
_NONE = AccessToken("", 0)


class Renewing:
    """Wraps a credential; lives on the loop it is used on, which owns its tasks until `close`.

    `ask` gets a scope, and `claims` where a token was refused for want of them. It is asked once for all who wait.
    """

    def __init__(
        self, ask: Callable[..., Awaitable[AccessToken]], clock: Clock,
        close: Callable[[], Awaitable[Any]] | None = None,
    ) -> None:  # fmt: skip
        self._ask = ask
        self._clock = clock
        self._close = close
        self._tokens: dict[str, AccessToken] = {}
        self._asked: dict[str, float] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[AccessToken]] = {}

    async def get_token(self, *scopes: str, claims: str | None = None, **_: Any) -> AccessToken:
        """Return a token: the one there is, unless it is about to end or lacks `claims`."""
        scope, now = scopes[0], self._clock.now().timestamp()
        present = _NONE if claims else self._tokens.get(scope, _NONE)
        left = present.expires_on - now
        asking = self._asking.get((scope, claims or ""))
        rested = now - self._asked.get(scope, 0.0) >= PAUSE_SECONDS
        if asking is None and (left <= 0 or (left < RENEW_SECONDS and rested)):
            asking = self._begin(scope, claims or "")
        return present if asking is None or left >= _HOLDS_SECONDS else await asyncio.shield(asking)

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """The same, with the moment from which on the SDKs should ask again."""
        token = await self.get_token(*scopes, claims=(options or {}).get("claims"))
        return AccessTokenInfo(token.token, token.expires_on, refresh_on=int(token.expires_on - RENEW_SECONDS))

    def _begin(self, scope: str, claims: str) -> asyncio.Task[AccessToken]:
        async def ask() -> AccessToken:
            self._tokens[scope] = token = await self._ask(scope, **({"claims": claims} if claims else {}))
            return token

        def end(done: asyncio.Task[AccessToken]) -> None:
            del self._asking[scope, claims]
            if not done.cancelled() and done.exception() is not None:  # who waits is told; a token that holds holds
                logger.debug("no new token: %s", done.exception())

        self._asked[scope] = self._clock.now().timestamp()
        task = self._asking[scope, claims] = asyncio.create_task(ask())
        task.add_done_callback(end)
        return task

    async def close(self) -> None:
        """End what is under way."""
        under_way = tuple(self._asking.values())
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        if self._close is not None:
            await self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
