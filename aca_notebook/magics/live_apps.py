"""The list of apps in a page: sorted, and with buttons that stop, start and delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.display import amounts, cards, listings, theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.api.workspace import Workspace
    from aca_notebook.model.app import AppState
    from aca_notebook.widgets.live_table import Shown

_TONES = {theme.GOOD: "good", theme.BAD: "bad", theme.WARN: "warn", theme.FAINT: "faint"}


def shown(states: Sequence[AppState], workspace: Workspace) -> Shown:
    """Return apps as a page draws them."""
    from aca_notebook.widgets.live_table import Act, Row, Shown, Spot  # anywidget takes 0.2 s to import

    table = listings.apps(states, target=workspace.target.name)
    stop = Act("stop", "Stop", "Stop it? Calls fail until it is started")
    start = Act("start", "Start")
    delete = Act("delete", "Delete", "Delete it for good?")
    rows = []
    for state in states:
        mark, tone = cards.standing(state)
        spots = (
            Spot(state.name), Spot(f"{mark} {cards.status(state)}", cards.status(state), _TONES.get(tone, "")),
            Spot("" if state.replicas is None else f"{state.replicas} of {state.max_replicas}",
                 None if state.replicas is None else float(state.replicas), right=True),
            Spot(cards.gpu(state) or "–", tone="warn" if state.gpu_note or state.idle_note else ""),
            Spot(amounts.dollars(cards.hourly(state)), cards.hourly(state), right=True),
            Spot(amounts.moment(state.expires_at) if state.expires_at else "never",
                 state.expires_at.timestamp() if state.expires_at else None),
            Spot(state.url, link=state.url),
        )  # fmt: skip
        stopped = state.running_status == "Stopped"
        rows.append(Row(state.name, spots, (start if stopped else stop, delete)))
    right = {"replicas", "$/h each"}
    return Shown(
        table.title, tuple((name, name in right) for name in table.columns), tuple(rows), table.note,
        f"{workspace.clock.now():%H:%M:%S} UTC",
    )  # fmt: skip


def open_view(states: Sequence[AppState], workspace: Workspace) -> object:
    """Open the list in a page; what its buttons ask for is done here."""
    from aca_notebook.widgets.live_table import open_live_table

    acts = {"stop": lambda app: app.stop(), "start": lambda app: app.start(), "delete": lambda app: app.down()}

    def look() -> Shown:
        return shown([app.state for app in workspace.apps.values()], workspace)

    def do(act: str, name: str) -> None:
        acts[act](workspace.apps[name])

    return open_live_table(shown(states, workspace), look, do)
