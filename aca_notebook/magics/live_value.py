"""A value with a live view under it in a page: everything else about it is the value's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class LiveValue:
    """A table or card that shows itself as ever, and then opens its view. What a notebook saves is the card."""

    def __init__(self, value: Any, open_view: Callable[[], object]) -> None:
        self._value = value
        self._open_view = open_view

    def _ipython_display_(self) -> None:
        from IPython.display import display

        html = f"<div data-aca-static>{self._value._repr_html_()}</div>"  # IPython's own protocol
        display({"text/plain": repr(self._value), "text/html": html}, raw=True)
        self._open_view()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._value, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __repr__(self) -> str:
        return repr(self._value)
