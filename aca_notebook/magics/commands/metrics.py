"""What apps use and answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import charts, listings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.metrics import Metrics, Top


def metrics(notebook: Notebook, given: Metrics) -> object:
    """Return what an app did, as a DataFrame or a chart."""
    frame = notebook.workspace.apps[given.name].metrics(since=given.since, interval=given.interval)
    return charts.metrics(frame, app=given.name, note=frame.attrs.get("note", "")) if given.plot else frame


def top(notebook: Notebook, given: Top) -> object:
    """List what each app does just now."""
    workspace = notebook.workspace
    minutes = given.since.total_seconds() / 60
    return listings.usage(workspace.top(since=given.since), target=workspace.target.name, minutes=minutes)


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "metrics": metrics,
    "top": top,
}
