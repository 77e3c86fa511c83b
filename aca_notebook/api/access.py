"""The way to a target: one set of services, and what to do when nobody answers."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from aca_notebook.api.known_secrets import KnownSecrets
from aca_notebook.azure.services import Services
from aca_notebook.errors import AcaError, Unauthorized, Unreachable, UsageFailed
from aca_notebook.model.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_notebook.azure.target import Target
    from aca_notebook.clock import Clock

logger = logging.getLogger(__name__)
T = TypeVar("T")

#: How long an outage may last that somebody who waits for something is not bothered with.
OUTAGE_SECONDS = 120.0
_LOOK_SECONDS = 2.0


class Access:
    """Lives on the Workspace's loop."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self.target = target
        self.redactor = Redactor()  #: knows every secret value that came by here
        self.known_secrets = KnownSecrets(clock)
        self._clock = clock
        self._services: Services | None = None
        self._retired: list[Services] = []
        self._repairing: asyncio.Lock | None = None
        self._closed = False

    @property
    def services(self) -> Services:
        """The services of the target as it is now."""
        if self._closed:  # who still asks then, in the background, must not open what nobody closes
            raise UsageFailed("the workspace is closed", code="Closed", hint="connect again")
        if self._services is None:
            self._services = Services(self.target, self._clock)
        return self._services

    async def ask(self, action: Callable[[Services], Awaitable[T]], *, once: bool = False) -> T:
        """Do something with the services; if nobody answers, bring the target back and try once more.

        With a token that has just expired nothing was done: it is tried once more with another.

        Reads and the platform's idempotent writes may be repeated whatever happened. `once` is for what may not happen
        twice: it is repeated only when the connection was refused, so that no byte of ours was taken.
        """
        used = self.services
        try:
            return await action(used)
        except Unauthorized as refused:
            if not refused.expired:
                raise
            self._renew(used)
        except Unreachable as gone:
            if self.target.ensure is None or (once and not gone.refused):
                raise
            await self._repair(used)
        return await action(self.services)

    def _renew(self, used: Services) -> None:
        """Take another credential: what the old one keeps has expired."""
        if self._services is used:
            logger.warning("the token has expired; signing in again")
            self._services = None
            self._retired.append(used)

    async def _repair(self, broken: Services) -> None:
        self._repairing = self._repairing or asyncio.Lock()
        async with self._repairing:
            if self._services is not broken or self.target.ensure is None:
                return  # somebody else did it while we waited
            found = await asyncio.to_thread(self.target.ensure)
            moved, self.target = found != self.target, found
            if moved:
                self._services = None
                self._retired.append(broken)  # others may be in the middle of it: closed with us
        if self.target.notice:
            logger.warning("%s", self.target.notice)

    async def close(self) -> None:
        """Close every connection, and open none from now on."""
        self._closed = True
        left = [*self._retired, *([self._services] if self._services else [])]
        self._services, self._retired = None, []
        for services in left:
            await services.close()


async def outlast(
    access: Access, clock: Clock, action: Callable[[Services], Awaitable[T]], tell: Callable[[str], None] | None = None
) -> T:
    """`ask` for what may be asked any number of times, over an outage of up to two minutes.

    `tell` hears why it takes longer. Raises what was said last when it takes too long.
    """
    began = clock.monotonic()
    while True:
        try:
            return await access.ask(action)
        except AcaError as failed:
            if not failed.passing or clock.monotonic() - began >= OUTAGE_SECONDS:
                raise
            if tell is not None:
                tell(f"{failed.message} ({failed.code}); asking again")
        await clock.sleep(_LOOK_SECONDS)
