"""Work that is done again and again, by a task that has an owner and an end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from typing import TYPE_CHECKING

from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_notebook.clock import Clock

logger = logging.getLogger(__name__)


class Rounds:
    """Makes a round after each pause, at this emulator's clock, until it is closed.

    A round that fails is told of, and the next is made all the same: a full disk (`AzureError`, `OSError`) in one
    line, anything else with its traceback.
    """

    def __init__(
        self, name: str, once: Callable[[], Awaitable[None]], *, pause: Callable[[], float], clock: Clock
    ) -> None:
        """`name` stands in the log and on the task; `pause` says for how many seconds to wait, before each round."""
        self._name = name
        self._once = once
        self._pause = pause
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self, *, pause_first: bool = True) -> None:
        """Begin, in a task of the running loop."""
        self._task = asyncio.create_task(self._for_ever(pause_first=pause_first), name=self._name)

    async def close(self) -> None:
        """End the task where it is, and wait until it has ended."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def once(self) -> None:
        """Make one round now; what goes wrong is in the log."""
        try:
            await self._once()
        except (AzureError, OSError, sqlite3.Error) as trouble:
            logger.warning("%s: %s; the next round tries again", self._name, trouble)
        except Exception:  # one bad round must not end all that follow
            logger.exception("%s: a round failed", self._name)

    async def _for_ever(self, *, pause_first: bool) -> None:
        if not pause_first:
            await self.once()
        while True:
            await self._clock.sleep(self._pause())
            await self.once()
