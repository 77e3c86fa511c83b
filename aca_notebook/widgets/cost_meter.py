"""The live view of a meter that is followed: it ticks in the page, between what is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.widgets.front_end import View, module, show_when_there, style
from aca_notebook.widgets.meter_message import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.model.cost import Tick


class CostMeterView(View):
    """A page's copy of a meter. Figures travel in messages, which nobody saves."""

    _esm = module("parts", "meter", "cost_meter")
    _css = style("parts", "deployed")


def open_cost_meter(now: Tick, stop: Callable[[], None], on_view: Callable[[], None]) -> Callable[[Tick], None]:
    """Open a view, to be shown under the present cell when a page answers; return what to call with each tick.

    `on_view` hears that a page has it.
    """
    view = CostMeterView()
    told = Told()
    told.news(now)

    def greet() -> None:
        on_view()
        view.send(told.last)

    def take(content: Mapping[str, Any]) -> None:
        if content.get("kind") == "stop":
            stop()

    take_away = show_when_there(view, greet, take)

    def tell(tick: Tick) -> None:
        if (news := told.news(tick)) is not None:
            view.send(news)
        if tick.ended:
            take_away()

    return tell
