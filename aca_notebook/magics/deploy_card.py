"""What a deployment's output is after its end: a card that stays, with what it costs, and in a page a live view."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.display import costs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.cost_meter import CostMeter
    from aca_notebook.api.deployment import Deployment
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.magics.live import LiveCard
    from aca_notebook.model.cost import Tick

#: How old the figure of the static card may be, while something runs: what a saved notebook tells.
PERIOD_SECONDS = 60.0


def follow_deployment(
    workspace: Workspace, deployment: Deployment, card: LiveCard, bundle: Callable[[str], Mapping[str, Any]]
) -> DeployCard:  # fmt: skip
    """Follow a deployment that has just ended well, in a page."""
    from aca_notebook.api.costs import Begun  # pandas comes with the first figures
    from aca_notebook.api.trying import forms
    from aca_notebook.widgets.deployed import Shown, open_deployed_view  # anywidget takes 0.2 s to import

    done, app, monotonic = deployment.progress, deployment.app, workspace.clock.monotonic
    begun = workspace.clock.now() - timedelta(seconds=done.seconds)
    shown = Shown(
        app.name, done.url, done.plan.expires_at, done.plan.expiry_enforced,
        forms(done.plan.functions, deployment.handles),
    )  # fmt: skip
    meter = workspace.costs.meter(app.name, begun=Begun(begun, "" if done.plan.unchanged else done.revision))
    return DeployCard(card, bundle, meter, open_deployed_view(shown, app.call, monotonic), monotonic)


class DeployCard:
    """Follows a deployed app's meter until `end()`, until the app is gone or its workspace closes.

    `bundle` makes the card with a line of the meter's; `tell_view` hears each tick, and `end_view` ends the view.
    """

    def __init__(
        self, card: LiveCard, bundle: Callable[[str], Mapping[str, Any]], meter: CostMeter,
        view: tuple[Callable[[Tick], None], Callable[[], None]], monotonic: Callable[[], float],
    ) -> None:  # fmt: skip
        self._card = card
        self._bundle = bundle
        self._meter = meter
        self._tell_view, self._end_view = view
        self._monotonic = monotonic
        self._drawn_at = float("-inf")
        self._drawn = ""
        meter.listen(self._on_tick)

    def end(self) -> None:
        """Leave the card as it is, for a later one takes its place."""
        self._meter.stop()
        self._end_view()

    def _on_tick(self, tick: Tick) -> None:
        self._tell_view(tick)
        if not tick.read or tick.ended == "stopped":
            return
        figures = costs.meter_figures(tick)
        if tick.ended or (self._monotonic() - self._drawn_at >= PERIOD_SECONDS and figures != self._drawn):
            self._drawn_at, self._drawn = self._monotonic(), figures
            line = costs.meter_line(tick)
            self._card.show(lambda: self._bundle(line), last=bool(tick.ended))
