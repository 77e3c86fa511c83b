"""An output that follows what something costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import costs

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.api.cost_meter import CostMeter
    from aca_notebook.magics.live import LiveCard
    from aca_notebook.model.cost import Tick


class FollowedCost:
    """A meter whose output ticks with it, at most once a second. `stop()` ends both; the rest is the meter's.

    The output lives as long as this object: IPython keeps what a cell returned (`Out`); `del` and a cleared `Out` end
    the meter, and so does the end of its workspace.
    """

    def __init__(self, meter: CostMeter, card: Callable[[], LiveCard]) -> None:
        self._meter = meter
        self._make_card = card
        self._card: LiveCard | None = None

    def stop(self) -> None:
        """End the meter; what it showed last stays."""
        self._meter.stop()

    def _ipython_display_(self) -> None:
        first = self._card is None
        if self._card is None:
            self._card = self._make_card()
        self._show(self._meter.now, at_once=True)
        if first:
            self._meter.listen(self._show)

    def _show(self, tick: Tick, *, at_once: bool = False) -> None:
        if self._card is not None:
            self._card.show(lambda: costs.meter(tick), last=at_once or bool(tick.ended))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._meter, name)

    def __repr__(self) -> str:
        return repr(self._meter)
