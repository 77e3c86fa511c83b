"""What every live view has: a module for pages, a place in an output, and whether a page is there to show it.

A view is opened unshown, and its place is put into an output when its copy in a page answers: with the message
`{"kind": "here"}`, which the page's module sends when it is loaded (`initialize`), once for each page, so again after
the page was loaded anew. Where there is none (nbclient, a console), nothing is shown.

The place is an empty element that the page's module fills (ADR 22). What a notebook saves of it is empty as well:
opened again it shows nothing there, and never the error that stands for a widget without its kernel.
"""

from __future__ import annotations

import contextvars
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from IPython.display import DisplayHandle

_HERE = Path(__file__).parent
_DEFAULT = "export default "


class View(anywidget.AnyWidget):  # type: ignore[misc]  # anywidget is untyped for us
    """A page's copy of something.

    Its state is the module, the style and its place's name; all else travels in messages, which nobody saves.
    """

    place = traitlets.Unicode().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(place=uuid.uuid4().hex)


def module(*names: str) -> str:
    """Return the scripts of those names as one module: the last is the view, those before it what it is made of."""
    *parts, view = ((_HERE / f"{name}.js").read_text(encoding="utf-8") for name in names)
    if view.count(_DEFAULT) != 1:
        raise ValueError(f"{names[-1]}.js has one default export, and it is the view")
    in_place = (_HERE / "in_place.js").read_text(encoding="utf-8")
    return "\n".join((*parts, view.replace(_DEFAULT, "const viewed = "), in_place))


def style(*names: str) -> str:
    """Return the style sheets of those names as one."""
    return "\n".join((_HERE / f"{name}.css").read_text(encoding="utf-8") for name in names)


def show_when_there(
    view: View, on_here: Callable[[], None], on_message: Callable[[Mapping[str, Any]], None]
) -> Callable[[], None]:  # fmt: skip
    """Put a view under the present cell once a page has it; return what takes it away again.

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
                shown.append(cell.copy().run(_display, view.place))

    def take_away() -> None:
        with lock:
            for handle in shown:
                cell.copy().run(handle.update, {"text/plain": ""}, raw=True)

    view.on_msg(take)
    return take_away


def _display(place: str) -> DisplayHandle:
    from IPython.display import DisplayHandle

    handle = DisplayHandle()
    handle.display({"text/plain": "", "text/html": f'<div data-aca-view="{place}"></div>'}, raw=True)
    return handle
