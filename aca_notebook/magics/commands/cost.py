"""What apps cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import charts, rates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.cost import Cost
    from aca_notebook.magics.subcommands.shared import Listing


def cost(notebook: Notebook, given: Cost) -> object:
    """Return what an app, or all of them, cost, as a DataFrame or a chart."""
    where = notebook.workspace.apps[given.name] if given.name else notebook.workspace
    frame = where.cost(since=given.since)
    return charts.cost(frame, app=given.name, note=_cost_note(frame.attrs)) if given.plot else frame


def _cost_note(attrs: Mapping[str, Any]) -> str:
    note = (
        f"{attrs.get('estimate', 'estimate')}; list prices of {attrs.get('price_region')}, {attrs.get('price_as_of')}"
    )
    unpriced = attrs.get("unpriced") or ()
    if unpriced:
        note += f"; no price is known for {', '.join(unpriced)}"
    return "; ".join(filter(None, (note, attrs.get("gpu_note"))))


def prices(notebook: Notebook, given: Listing) -> object:
    """List the prices that estimates use."""
    del notebook, given
    return rates.regions()


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "cost": cost,
    "prices": prices,
}
