"""An output that follows what something costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import costs

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.api.cost_meter import CostMeter
    from aca_notebook.display.cards import Bundle
    from aca_notebook.magics.live import LiveCard
    from aca_notebook.model.cost import Tick


class FollowedCost:
    """A meter whose output ticks with it, at most once a second. `stop()` ends both; the rest is the meter's.

    `view` opens a live view beside the card, which is then drawn anew once a minute, and at the end.

    The output lives as long as this object: IPython keeps what a cell returned (`Out`); `del` and a cleared `Out` end
    the meter, and so does the end of its workspace.
    """

    #: How old the card may be while a view stands before it: what a saved notebook tells.
    PERIOD_BESIDE_A_VIEW_SECONDS = 60.0

    def __init__(
        self, meter: CostMeter, card: Callable[[], LiveCard],
        view: Callable[[Tick, Callable[[], None], Callable[[], None]], Callable[[Tick], None]] | None = None,
    ) -> None:  # fmt: skip
        self._meter = meter
        self._open_view = view
        self._tell_view: Callable[[Tick], None] | None = None
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
            if self._open_view is not None:
                self._tell_view = self._open_view(self._meter.now, self._meter.stop, self._on_view)
            self._meter.listen(self._show)

    def _on_view(self) -> None:
        if self._card is not None:
            self._card.pace(self.PERIOD_BESIDE_A_VIEW_SECONDS)

    def _show(self, tick: Tick, *, at_once: bool = False) -> None:
        if self._tell_view is not None:
            self._tell_view(tick)
        if self._card is not None:
            self._card.show(lambda: self._bundle(tick), last=at_once or bool(tick.ended))

    def _bundle(self, tick: Tick) -> Bundle:
        bundle = costs.meter(tick)
        if self._open_view is None:
            return bundle
        return {**bundle, "text/html": f"<div data-aca-static>{bundle['text/html']}</div>"}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._meter, name)

    def __repr__(self) -> str:
        return repr(self._meter)
