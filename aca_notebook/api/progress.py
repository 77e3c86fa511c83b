"""How far a deployment is, told to whoever shows it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from aca_notebook.model.bring_up import STEPS, BringUp
from aca_notebook.model.deploy import DeployProgress, DeployState, Phase, PhaseName, PhaseState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from aca_notebook.clock import Clock
    from aca_notebook.errors import AcaError
    from aca_notebook.model.bring_up import Sighting
    from aca_notebook.model.deploy import DeployPlan

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.25


class ProgressBoard:
    """Keeps the phases' times and tells each change, and four times a second while a phase runs.

    `on_progress` is called on the loop's thread; what it raises is logged and does not stop the deployment.
    """

    def __init__(self, plan: DeployPlan, clock: Clock, on_progress: Callable[[DeployProgress], None] | None) -> None:
        self._clock = clock
        self._tell_whom = on_progress
        self._began: dict[PhaseName, float] = {}
        self._rising: BringUp | None = None
        self.progress = DeployProgress(plan, tuple(Phase(name) for name in PhaseName))

    @asynccontextmanager
    async def phase(self, name: PhaseName, note: str = "") -> AsyncIterator[None]:
        """Run one phase: done when the block ends, failed when it raises."""
        self._began[name] = self._clock.monotonic()
        self._set(name, PhaseState.RUNNING, note)
        ticking = asyncio.create_task(self._tick(name))
        try:
            yield
        except BaseException:
            self._set(name, PhaseState.FAILED)
            raise
        else:
            self._set(name, PhaseState.DONE)
        finally:
            ticking.cancel()

    @asynccontextmanager
    async def bring_up(self) -> AsyncIterator[None]:
        """Run the phases that are the platform's, one after the other as `saw` hears of them."""
        self._rising = BringUp(self._clock.monotonic())
        self._rise(PhaseState.RUNNING)
        ticking = asyncio.create_task(self._tick_rising())
        try:
            yield
        except BaseException:
            self._rise(PhaseState.FAILED)
            raise
        else:
            self._rise(PhaseState.DONE)
        finally:
            ticking.cancel()

    @property
    def rising(self) -> BringUp:
        """How far the revision is."""
        return self._rising or BringUp(self._clock.monotonic())

    def saw(self, sightings: Iterable[Sighting]) -> None:
        """Take in what shows how far the revision is."""
        before = self.rising
        after = self._rising = before.saw(sightings)
        if after.phase is not before.phase and before.phase is not PhaseName.REVISION:
            self.note(before.phase, "")  # what it waited for is over
        self._rise(PhaseState.RUNNING)

    def note_rising(self, note: str) -> None:
        """Say what the platform's present phase waits for."""
        self.note(self.rising.phase, note)

    def note(self, name: PhaseName, note: str) -> None:
        """Say what a phase is doing."""
        phase = self._phase(name)
        if phase.note != note:
            self._put({name: replace(phase, note=note)})

    def skip(self, name: PhaseName, note: str) -> None:
        """Say that a phase is not needed, and why."""
        self._set(name, PhaseState.SKIPPED, note)

    def update(self, **changed: object) -> None:
        """Change what is known of the deployment as a whole."""
        self.progress = replace(self.progress, **changed)  # type: ignore[arg-type]  # names are the fields'
        self._tell()

    def finish(self, state: DeployState, error: AcaError | None = None) -> None:
        """Say how it ended: the last word, told before the command returns."""
        traceback = getattr(error, "traceback", "")
        self.update(state=state, error=error.lines() if error else (), traceback=traceback)

    async def _tick(self, name: PhaseName) -> None:
        while True:
            await self._clock.sleep(TICK_SECONDS)
            self._set(name, PhaseState.RUNNING)

    async def _tick_rising(self) -> None:
        while True:
            await self._clock.sleep(TICK_SECONDS)
            self._rise(PhaseState.RUNNING)

    def _rise(self, state: PhaseState) -> None:
        """Show the platform's phases; the furthest is in `state`, those before it are done."""
        seconds = self.rising.seconds(self._clock.monotonic())
        furthest = self.rising.phase
        told = {
            name: Phase(
                name, state if name is furthest else PhaseState.DONE, seconds[name], self._phase(name).note
            )
            for name in STEPS
            if name in seconds
        }  # fmt: skip
        if any(phase != self._phase(name) for name, phase in told.items()):
            self._put(told)

    def _set(self, name: PhaseName, state: PhaseState, note: str | None = None) -> None:
        began = self._began.get(name)
        seconds = 0.0 if began is None else self._clock.monotonic() - began
        kept = self._phase(name).note if note is None else note
        self._put({name: Phase(name, state, seconds, kept)})

    def _put(self, changed: dict[PhaseName, Phase]) -> None:
        phases = tuple(changed.get(phase.name, phase) for phase in self.progress.phases)
        self.progress = replace(self.progress, phases=phases)
        self._tell()

    def _phase(self, name: PhaseName) -> Phase:
        return next(phase for phase in self.progress.phases if phase.name == name)

    def _tell(self) -> None:
        if self._tell_whom is None:
            return
        try:
            self._tell_whom(self.progress)
        except Exception:
            logger.exception("showing the progress failed")
