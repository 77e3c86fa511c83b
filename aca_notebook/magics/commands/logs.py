"""What apps wrote, now and before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import listings
from aca_notebook.display import logs as log_cards
from aca_notebook.display.values import Card
from aca_notebook.errors import UsageFailed
from aca_notebook.magics.live import FollowedLog, call_later

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.logs import LogStream
    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.logs import Logs, Query


def logs(notebook: Notebook, given: Logs) -> object:
    """Return lines, or with `--follow` a stream that goes on."""
    app = notebook.workspace.apps[given.name]
    revision = given.revision if not given.revision or "--" in given.revision else f"{app.name}--{given.revision}"
    stream = app.logs(
        tail=given.tail, follow=given.follow, source=given.type, revision=revision, replica=given.replica,
        since=given.since, level=given.level, grep=given.grep, call=given.call,
    )  # fmt: skip
    if given.output:
        notebook.define({given.output: stream if given.follow else stream.to_frame()})
        return None
    if not given.follow:
        return Card(stream, log_cards.log(app.name, stream.lines))
    if notebook.graphical:
        return FollowedLog(app.name, stream, notebook.card, _open_view if notebook.in_page else None)
    try:
        for line in stream:
            notebook.write(log_cards.text_of(line, colours=True))
    except KeyboardInterrupt:  # how a person ends it
        stream.stop()
    return None


def _open_view(app: str, stream: LogStream, on_view: Callable[[bool], None]) -> object:
    from aca_notebook.widgets.log_view import open_log_view  # anywidget takes 0.2 s to import

    return open_log_view(app, stream, call_later, on_view)


def query(notebook: Notebook, given: Query, source: str = "") -> object:
    """Ask the history of logs and return a DataFrame, into a variable when one is named."""
    if given.list:
        return listings.named_queries()
    text = source.strip() or given.text
    if not text:
        raise UsageFailed("KQL is missing", code="UsageError", hint="%aca query --list shows queries that have a name")
    frame = notebook.workspace.query(text, app=given.app, since=given.since)
    told = log_cards.query_notes(frame.attrs.get("missing", ""), frame.attrs.get("note", ""))
    if told is not None:  # beside the table: what a DataFrame carries, it does not show
        notebook.card().show(lambda: told, last=True)
    if given.output:
        notebook.define({given.output: frame})
        return None
    return frame


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "logs": logs,
    "query": query,
}
CELL: Mapping[str, Callable[[Notebook, Any, str], object]] = {"query": query}
