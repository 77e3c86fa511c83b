"""Waits for whichever comes first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from aca_notebook.clock import Clock


async def first_of(*waited: Awaitable[object]) -> None:
    """Return when the first of them has ended, and cancel the others; what they return or raise is lost."""
    tasks = {asyncio.ensure_future(each) for each in waited}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def rest(wake: asyncio.Event, clock: Clock, seconds: float | None) -> None:
    """Wait until woken, for so many seconds at the most, without a number for ever."""
    if seconds is None:
        await wake.wait()
    else:
        await first_of(wake.wait(), clock.sleep(seconds))
