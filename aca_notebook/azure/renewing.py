"""A credential that gets its next token in the background, while the present one still holds."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Self

from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.exceptions import AzureError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_notebook.clock import Clock

logger = logging.getLogger(__name__)

#: A token that ends so soon is not handed out, and one that ends so soon is renewed behind whoever uses it: `az` takes
#: up to thirteen seconds for one, which nobody who makes a call should wait for.
_HOLDS_SECONDS = 120.0
RENEW_SECONDS = 900.0


class Renewing:
    """Wraps a credential; lives on the loop it is used on, which owns its tasks until `close`."""

    def __init__(
        self, ask: Callable[[str], Awaitable[AccessToken]], clock: Clock,
        close: Callable[[], Awaitable[Any]] | None = None,
    ) -> None:  # fmt: skip
        self._ask = ask
        self._clock = clock
        self._close = close
        self._tokens: dict[str, AccessToken] = {}
        self._renewing: dict[str, asyncio.Task[None]] = {}

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token: the one there is, unless it is about to end."""
        scope = scopes[0]
        present = self._tokens.get(scope)
        left = present.expires_on - self._clock.now().timestamp() if present is not None else 0.0
        if present is None or left < _HOLDS_SECONDS:
            self._tokens[scope] = present = await self._ask(scope)
        elif left < RENEW_SECONDS and scope not in self._renewing:
            task = asyncio.create_task(self._renew(scope))
            self._renewing[scope] = task
            task.add_done_callback(lambda _: self._renewing.pop(scope, None))
        return present

    async def get_token_info(self, *scopes: str, **_: Any) -> AccessTokenInfo:
        """The same, with the moment from which on the SDKs should ask again."""
        token = await self.get_token(*scopes)
        return AccessTokenInfo(token.token, token.expires_on, refresh_on=int(token.expires_on - RENEW_SECONDS))

    async def _renew(self, scope: str) -> None:
        try:
            self._tokens[scope] = await self._ask(scope)
        except AzureError as failed:  # the present one still holds; when it does not, whoever asks is told
            logger.debug("no new token yet: %s", failed)

    async def close(self) -> None:
        """End what is under way."""
        for task in list(self._renewing.values()):
            task.cancel()
        await asyncio.gather(*self._renewing.values(), return_exceptions=True)
        if self._close is not None:
            await self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
