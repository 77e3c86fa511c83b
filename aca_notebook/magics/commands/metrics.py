"""What apps use and answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.display import charts, listings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.metrics import Metrics, Top

_SINCE = timedelta(hours=1)


def metrics(notebook: Notebook, given: Metrics) -> object:
    """Return what an app did, as a DataFrame or a chart."""
    app = notebook.workspace.apps[given.name]
    since = given.since or _SINCE
    frame = app.metrics(since=since, interval=given.grain, metrics=given.metric, by=given.by)
    if given.output:
        notebook.define({given.output: frame})
    if given.plot:
        return charts.metrics(frame, app=given.name, note=frame.attrs.get("note", ""))
    return None if given.output else frame


def top(notebook: Notebook, given: Top) -> object:
    """List what each app does just now."""
    workspace = notebook.workspace
    minutes = given.since.total_seconds() / 60
    return listings.usage(workspace.top(since=given.since), target=workspace.target.name, minutes=minutes)


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "metrics": metrics,
    "top": top,
}
