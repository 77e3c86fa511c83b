"""Whether a page is there to show a widget: the widget is opened unshown, and shown when its copy in a page answers.

The answer is the message `{"kind": "here"}`, which the page's module sends when it is loaded (`initialize`): once for
each page, so again after the page was loaded anew. Where there is none (nbclient, a console), nothing is shown.
"""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from anywidget import AnyWidget
    from IPython.display import DisplayHandle


def show_when_there(
    widget: AnyWidget, on_here: Callable[[], None], on_message: Callable[[Mapping[str, Any]], None]
) -> Callable[[], None]:  # fmt: skip
    """Display a widget under the present cell once a page has it; return what takes the view away again.

    A view that was taken away is no error in a notebook that is opened later.

    `on_here` is called for each page that says so, before the first is shown; `on_message` for every other message.
    Both run in whichever thread the kernel handles messages in.
    """
    cell = contextvars.copy_context()
    lock = threading.Lock()
    shown: list[DisplayHandle] = []

    def take(_: object, content: Mapping[str, Any], __: object) -> None:
        if content.get("kind") != "here":
            on_message(content)
            return
        on_here()
        with lock:
            if not shown:
                shown.append(cell.copy().run(_display, widget))

    def take_away() -> None:
        with lock:
            for handle in shown:
                cell.copy().run(handle.update, {"text/plain": ""}, raw=True)

    widget.on_msg(take)
    return take_away


def _display(widget: AnyWidget) -> DisplayHandle:
    from IPython.display import DisplayHandle

    handle = DisplayHandle()
    handle.display(_Place(widget))
    return handle


class _Place:
    """A widget's view, with words for where no widget can be shown any more."""

    def __init__(self, widget: AnyWidget) -> None:
        self._widget = widget

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
        return {
            "text/plain": "(a live view was here; it lasts as long as its kernel)",
            "application/vnd.jupyter.widget-view+json": view,
        }
