"""Bad days, rehearsed: what a target is told to let go wrong, and how fast it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.errors import TargetFailed, UsageFailed
from aca_notebook.model.fault import parse_fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.azure.target import Rehearsal, Target
    from aca_notebook.clock import Clock
    from aca_notebook.model.fault import FaultInForce


class Rehearsing:
    """What `Workspace.rehearsal` offers. Every method raises `TargetFailed` on a target whose bad days are real."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self._target = target
        self._clock = clock

    @property
    def possible(self) -> bool:
        """Whether this target can be told to have a bad day."""
        return self._target.rehearsal is not None

    def faults(self) -> Sequence[FaultInForce]:
        """Return the faults in force."""
        return self._control().faults()

    def add(self, fault: str) -> FaultInForce:
        """Put a fault in force: `add("throttle retry_after=5 on=PUT containerApps/scorer count=3")`.

        Raises `UsageFailed` for words that are none.
        """
        control = self._control()
        try:
            parse_fault(fault, self._clock.now())
        except ValueError as wrong:
            raise UsageFailed(str(wrong), code="InvalidFault", hint="%aca fault add --help") from wrong
        return control.add_fault(fault)

    def clear(self, id_: str = "") -> int:
        """End one fault, or all; return how many there were."""
        return self._control().clear_faults(id_)

    def pace(self) -> float:
        """Return how fast the target is: 0 is instant, 1 as fast as Azure."""
        return self._control().pace()

    def set_pace(self, pace: str) -> float:
        """Make the target `instant`, `realistic`, or a factor of Azure's own times, from now on."""
        return self._control().set_pace(pace)

    def _control(self) -> Rehearsal:
        if self._target.rehearsal is None:
            raise TargetFailed(
                f"bad days cannot be rehearsed on the target {self._target.name!r}: they come by themselves there",
                code="NotRehearsable", hint="%aca target local, then the same line",
            )  # fmt: skip
        return self._target.rehearsal()
