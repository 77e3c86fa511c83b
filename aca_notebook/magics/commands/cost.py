"""What apps cost, and at which prices."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.display import cost_charts, costs, rates
from aca_notebook.display.values import Card
from aca_notebook.errors import UsageFailed
from aca_notebook.magics.following import FollowedCost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.cost import Cost, Prices
    from aca_notebook.model.cost import Tick

_DAY = timedelta(hours=24)
_MONTH = timedelta(days=30)


def cost(notebook: Notebook, given: Cost) -> object:
    """Return what an app, or all of them, cost: a card, a chart, a meter or a bill."""
    if given.follow:
        return _follow(notebook, given)
    if given.billed:
        return _billed(notebook, given)
    return _estimate(notebook, given) if given.forecast is None else _forecast(notebook, given, given.forecast)


def _estimate(notebook: Notebook, given: Cost) -> object:
    report = notebook.workspace.costs.report(
        given.name, since=given.since or _DAY, by=given.by, currency=given.currency
    )  # fmt: skip
    if given.output:
        notebook.define({given.output: report.frame})
        return None
    if given.plot:
        return cost_charts.report(report.buckets, app=given.name, charged=report.summary.charged)
    return Card(report, costs.report(report.summary))


def _follow(notebook: Notebook, given: Cost) -> object:
    meter = notebook.workspace.costs.meter(given.name, given.currency)
    if notebook.graphical:
        return FollowedCost(meter, notebook.card, _open_view if notebook.in_page else None)
    meter.listen(lambda tick: notebook.write(costs.meter(tick)["text/plain"]))
    meter.wait()
    return None


def _open_view(now: Tick, stop: Callable[[], None], on_view: Callable[[], None]) -> Callable[[Tick], None]:
    from aca_notebook.widgets.cost_meter import open_cost_meter  # anywidget takes 0.2 s to import

    return open_cost_meter(now, stop, on_view)


def _billed(notebook: Notebook, given: Cost) -> object:
    since = given.since or _MONTH
    workspace = notebook.workspace
    rows = workspace.costs.billed(given.name, since=since)
    table = costs.bill(rows, app=given.name, days=max(1, round(since / _DAY)), charged=workspace.target.charges)
    return _kept(notebook, given, table)


def _forecast(notebook: Notebook, given: Cost, ahead: timedelta) -> object:
    found = notebook.workspace.costs.forecast(given.name, ahead=ahead, currency=given.currency)
    charged = notebook.workspace.target.charges
    return cost_charts.forecast(found, app=given.name, currency=given.currency.upper(), charged=charged)


def _kept(notebook: Notebook, given: Cost, table: Any) -> object:
    if not given.output:
        return table
    notebook.define({given.output: table.frame})
    return None


def prices(notebook: Notebook, given: Prices) -> object:
    """List the prices at hand, freshly fetched if asked."""
    held = notebook.workspace.costs
    card = held.refresh_prices(given.currency, given.region) if given.action else held.card
    if given.region:
        found = card.prices(given.region, given.currency)
        if not found.rates:
            raise UsageFailed(
                f"no prices are known for {given.region} in {given.currency.upper()}", code="PricesNotFound",
                detail=f"there are some for {', '.join(one.region for one in card.lists(given.currency)) or 'nowhere'}",
                hint=f"%aca prices refresh --region {given.region} --currency {given.currency.upper()}",
            )  # fmt: skip
        return rates.meters(found)
    if not card.lists(given.currency):
        held.prices(given.currency)  # says what is wrong with the currency
    return rates.regions(card, given.currency)


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "cost": cost,
    "prices": prices,
}
