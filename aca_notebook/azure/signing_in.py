"""Signs a person or a program in: one way after the other, each with its seconds, until one gives a token."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError
from azure.identity import CredentialUnavailableError

from aca_notebook.azure import ways
from aca_notebook.azure.sign_in import read_token
from aca_notebook.errors import Unauthorized
from aca_notebook.model.signing import Attempt, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from azure.core.credentials import AccessToken
    from azure.identity import AuthenticationRecord

    from aca_notebook.azure.sign_in import Signed
    from aca_notebook.azure.ways import Person, Setting
    from aca_notebook.clock import Clock

#: The longest that one way may take which asks nobody: `az` is given its own limit, and a little more.
_LONGEST_SECONDS = ways.PROCESS_SECONDS + 5.0


class Chain:
    """One sign-in. After `run`, `way` is the one that gave the token, and `person` the credential of a person."""

    def __init__(self, setting: Setting, clock: Clock, on_attempt: Callable[[Attempt], None] | None = None) -> None:
        self._setting = setting
        self._clock = clock
        self._tell = on_attempt or (lambda _: None)
        self.attempts: list[Attempt] = []
        self.way = ""
        self.person: Person | None = None
        self.record: AuthenticationRecord | None = None

    async def run(
        self, wanted: Sequence[str], on_code: Callable[[str, str, datetime], None] | None = None
    ) -> Signed:  # fmt: skip
        """Try the ways in turn and return who is signed in. Raises `Unauthorized`, with what each of them said.

        That is in its answer: azure-identity's own warnings go only to those who configured logging.
        """
        logging.getLogger("azure.identity").addHandler(logging.NullHandler())
        for way in wanted:
            signed = await self._attempt(way, on_code)
            if signed is not None:
                self.way = way
                return signed
        said = "; ".join(f"{each.way}: {each.said}" for each in self.attempts)
        raise Unauthorized(
            "nobody could be signed in", status=401, code="SignInFailed", detail=said,
            hint="%aca login --device asks you to enter a code in any browser",
        )  # fmt: skip

    async def _attempt(self, way: str, on_code: Callable[[str, str, datetime], None] | None) -> Signed | None:
        reason = ways.worth_trying(way)
        if reason:
            self._end(Attempt(way, Outcome.SKIPPED, reason))
            return None
        began = self._clock.monotonic()
        self._tell(Attempt(way, Outcome.TRYING))
        try:
            token = await self._token(way, on_code)
        except (AzureError, TimeoutError, ValueError) as failed:
            unavailable = isinstance(failed, CredentialUnavailableError)
            outcome = Outcome.UNAVAILABLE if unavailable else Outcome.FAILED
            self._end(Attempt(way, outcome, _said(failed), self._clock.monotonic() - began))
            return None
        seconds = self._clock.monotonic() - began
        signed = read_token(token.token, token.expires_on, seconds)
        self._end(Attempt(way, Outcome.DONE, signed.name, seconds))
        return signed

    async def _token(self, way: str, on_code: Callable[[str, str, datetime], None] | None) -> AccessToken:
        scope = self._setting.cloud.scope
        if way in {ways.DEVICE, ways.BROWSER}:
            self.person = ways.Person(way, self._setting, on_code=on_code)
            self.record = await self.person.authenticate(scope)
            return await self.person.token(scope)
        credential = ways.silent_credential(way, self._setting)
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(credential)
            got: AccessToken = await asyncio.wait_for(credential.get_token(scope), _LONGEST_SECONDS)
            return got

    def _end(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        self._tell(attempt)


def _said(failed: BaseException) -> str:
    """The first sentence of what was said: azure-identity's errors go on for pages."""
    said = str(failed).strip().split("\n", 1)[0] or type(failed).__name__
    return said if len(said) <= 160 else f"{said[:157]}…"
