"""Imports what the first table of metrics or cost needs, while nobody waits: it takes a second of CPU otherwise."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.clock import Clock

#: One a step: an import holds the interpreter, and a call that comes meanwhile waits for the rest of its step alone.
MODULES = ("azure.mgmt.monitor.aio", "azure.mgmt.monitor.models", "numpy", "pandas")
QUIET_SECONDS = 0.5


class Warming:
    """Runs once; each step waits until the Workspace has had nothing to do for a moment."""

    def __init__(
        self, loop: PrivateLoop, clock: Clock, load: Callable[[str], object] = importlib.import_module
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._load = load
        self._begun = False

    def begin(self) -> None:
        """Begin, unless it has begun before; returns at once."""
        if not self._begun:
            self._begun = True
            self._loop.start(self.run())

    async def run(self) -> None:
        """Load one after the other."""
        for module in MODULES:
            await self._quiet()
            await asyncio.to_thread(self._load, module)

    async def _quiet(self) -> None:
        while True:
            before = self._loop.waited_for
            await self._clock.sleep(QUIET_SECONDS)
            if self._loop.waited_for == before and not self._loop.waiting:
                return
