"""The way to a target: one set of services, and what to do when nobody answers."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from aca_notebook.azure.faults import Unreachable
from aca_notebook.azure.services import Services

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_notebook.azure.target import Target
    from aca_notebook.clock import Clock

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Access:
    """Lives on the Workspace's loop."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self.target = target
        self._clock = clock
        self._services: Services | None = None
        self._repairing: asyncio.Lock | None = None

    @property
    def services(self) -> Services:
        """The services of the target as it is now."""
        if self._services is None:
            self._services = Services(self.target, self._clock)
        return self._services

    async def ask(self, action: Callable[[Services], Awaitable[T]]) -> T:
        """Do something with the services; if the target refuses connections, bring it back and try once more.

        Only a refused connection is repeated: no byte of ours was taken then, so nothing can happen twice.
        """
        used = self.services
        try:
            return await action(used)
        except Unreachable as gone:
            if not gone.refused or self.target.ensure is None:
                raise
        await self._repair(used)
        return await action(self.services)

    async def _repair(self, broken: Services) -> None:
        self._repairing = self._repairing or asyncio.Lock()
        async with self._repairing:
            if self._services is not broken or self.target.ensure is None:
                return  # somebody else did it while we waited
            self.target = await asyncio.to_thread(self.target.ensure)
            self._services = None
            await broken.close()
        if self.target.notice:
            logger.warning("%s", self.target.notice)

    async def close(self) -> None:
        """Close every connection."""
        if self._services is not None:
            await self._services.close()
            self._services = None
