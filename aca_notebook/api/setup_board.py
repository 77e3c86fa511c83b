"""How far a set-up is, told to whoever shows it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from aca_notebook.api.progress import TICK_SECONDS
from aca_notebook.model.deploy import PhaseState
from aca_notebook.model.setup import SetUpProgress, StepProgress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aca_notebook.clock import Clock
    from aca_notebook.errors import AcaError
    from aca_notebook.model.setup import SetUpPlan, Step

logger = logging.getLogger(__name__)


class SetUpBoard:
    """Keeps the steps' times and tells each change, and four times a second while a step runs.

    `on_progress` is called on the loop's thread; what it raises is logged and does not stop the set-up.
    """

    def __init__(self, plan: SetUpPlan, clock: Clock, on_progress: Callable[[SetUpProgress], None] | None) -> None:
        self._clock = clock
        self._tell_whom = on_progress
        self._began = clock.monotonic()
        self._steps_began: dict[Step, float] = {}
        self.progress = SetUpProgress(plan, tuple(StepProgress(step) for step in plan.steps))

    @asynccontextmanager
    async def step(self, step: Step) -> AsyncIterator[None]:
        """Run one step: done when the block ends, failed when it raises."""
        self._steps_began[step] = self._clock.monotonic()
        self._set(step, PhaseState.RUNNING)
        ticking = asyncio.create_task(self._tick(step))
        try:
            yield
        except BaseException:
            self._set(step, PhaseState.FAILED)
            raise
        else:
            self._set(step, PhaseState.DONE, "")
        finally:
            ticking.cancel()

    def note(self, step: Step, note: str) -> None:
        """Say what a step waits for."""
        self._set(step, PhaseState.RUNNING, note)

    def finish(self, error: AcaError | None = None, *, settles_seconds: float = 0.0) -> SetUpProgress:
        """Say how it ended: the last word."""
        lines = error.lines() if error else ()
        self._update(finished=True, error=lines, settles_seconds=settles_seconds)
        return self.progress

    @property
    def done(self) -> tuple[Step, ...]:
        """What has been done."""
        return tuple(each.step for each in self.progress.steps if each.state is PhaseState.DONE)

    async def _tick(self, step: Step) -> None:
        while True:
            await self._clock.sleep(TICK_SECONDS)
            self._set(step, PhaseState.RUNNING)

    def _set(self, step: Step, state: PhaseState, note: str | None = None) -> None:
        seconds = self._clock.monotonic() - self._steps_began.get(step, self._clock.monotonic())
        changed = tuple(
            StepProgress(step, state, seconds, each.note if note is None else note) if each.step == step else each
            for each in self.progress.steps
        )
        self._update(steps=changed)

    def _update(self, **changed: object) -> None:
        seconds = self._clock.monotonic() - self._began
        self.progress = replace(self.progress, seconds=seconds, **changed)  # type: ignore[arg-type]  # the fields' names
        if self._tell_whom is None:
            return
        try:
            self._tell_whom(self.progress)
        except Exception:
            logger.exception("showing the progress failed")
