"""The live view of a log that is followed: filter, follow, pause, levels, ANSI colours, download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.widgets.front_end import View, module, show_when_there, style
from aca_notebook.widgets.log_feed import LogFeed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.logs import LogStream


class LogView(View):
    """A page's copy of a log. Its state is the module and the style; lines travel in messages, which nobody saves."""

    _esm = module("log_view")
    _css = style("log_view")


def open_log_view(
    app: str, stream: LogStream, later: Callable[[float, Callable[[], None]], None], on_view: Callable[[bool], None]
) -> LogView:  # fmt: skip
    """Open a view of a stream, to be shown under the present cell when a page answers.

    `on_view` hears whether a page has it: the cell may be run again, and its outputs gone.
    """
    view = LogView()
    feed = LogFeed(app, stream, view.send, later)

    def here() -> None:
        on_view(True)  # noqa: FBT003  # whether it is seen
        feed.begin()

    def take(content: Mapping[str, Any]) -> None:
        kind = content.get("kind")
        if kind == "stop":
            stream.stop()
        elif kind == "had":
            feed.confirm()
        elif kind == "gone":
            feed.pause()
            on_view(False)  # noqa: FBT003

    stream.listen(feed.changed)
    show_when_there(view, here, take)
    return view
