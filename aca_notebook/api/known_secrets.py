"""Which apps' secret values the redactor knows, and since when: what an app wrote is shown without them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aca_notebook.errors import AcaError, ServiceFailed

if TYPE_CHECKING:
    from aca_notebook.api.access import Access
    from aca_notebook.clock import Clock

logger = logging.getLogger(__name__)

#: So long an answer holds: after that a value may have been changed by somebody else.
KNOWN_SECONDS = 180.0


@dataclass(slots=True)
class _Asked:
    """The last look at one app's values; `at` is None until one was answered."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    at: float | None = None


class KnownSecrets:
    """Lives on the Workspace's loop. One look an app at a time: a second reader waits for the first one's values."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apps: dict[str, _Asked] = {}

    async def ask(self, access: Access, app: str) -> None:
        """Let the redactor know an app's secret values, unless it has asked within `KNOWN_SECONDS`.

        Whoever may not read them sees what the app wrote as it is, which is an answer; any other failure is none, and
        the next reader asks again.
        """
        asked = self._apps.setdefault(app, _Asked())
        async with asked.lock:
            if asked.at is not None and self._clock.monotonic() - asked.at < KNOWN_SECONDS:
                return
            try:
                found = await access.ask(lambda services: services.apps.secrets(app))
            except AcaError as refused:
                logger.debug("the secrets of %s cannot be struck out of what it wrote: %s", app, refused)
                if not (isinstance(refused, ServiceFailed) and refused.status == 403):
                    return
            else:
                access.redactor.learn(*found.values())
            asked.at = self._clock.monotonic()
