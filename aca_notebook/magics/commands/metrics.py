"""What apps use and answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.display import charts, listings
from aca_notebook.errors import UsageFailed
from aca_notebook.magics.dashboard import Dashboard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.app import App
    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.metrics import Metrics, Top

_SINCE = timedelta(hours=1)
_LIVE_SINCE = timedelta(minutes=30)


def metrics(notebook: Notebook, given: Metrics) -> object:
    """Return what an app did: as a DataFrame, a chart, or a chart that goes on."""
    app = notebook.workspace.apps[given.name]
    if given.live:
        return _live(notebook, app, given)
    frame = app.metrics(since=given.since or _SINCE, interval=given.grain, metrics=given.metric, by=given.by)
    if given.output:
        notebook.define({given.output: frame})
    if given.plot:
        note, around = frame.attrs.get("note", ""), app.surroundings(frame)
        return charts.metrics(frame, app=given.name, note=note, around=around)
    return None if given.output else frame


def _live(notebook: Notebook, app: App, given: Metrics) -> object:
    if given.by or given.metric or given.output:
        raise UsageFailed(
            "--live shows everything, unsplit", code="UsageError",
            hint=f"%aca metrics {given.name} --plot takes --by and --metric",
        )  # fmt: skip
    watch = app.watch_metrics(since=given.since or _LIVE_SINCE, interval=given.grain)
    if not notebook.graphical:  # a terminal has no place that changes
        watch.stop()
    return Dashboard(watch, notebook.card, _open_view if notebook.in_page else None, notebook.workspace.clock.monotonic)


def _open_view(dashboard: Dashboard) -> Callable[[], None]:
    from aca_notebook.widgets.dashboard import open_dashboard_view  # anywidget takes 0.2 s to import

    return open_dashboard_view(dashboard)


def top(notebook: Notebook, given: Top) -> object:
    """List what each app does just now."""
    workspace = notebook.workspace
    minutes = given.since.total_seconds() / 60
    return listings.usage(workspace.top(since=given.since), target=workspace.target.name, minutes=minutes)


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "metrics": metrics,
    "top": top,
}
