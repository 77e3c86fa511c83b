"""Values of the library that cannot draw themselves, together with how they look."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aca_notebook.display.cards import Bundle


@dataclass(frozen=True)
class Card:
    """A plain value and its card: attributes and iteration are the value's."""

    value: Any
    bundle: Bundle = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.value, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __repr__(self) -> str:
        return self.bundle["text/plain"]

    def _repr_html_(self) -> str:
        return self.bundle["text/html"]


class Line(str):
    """A line to copy: shown as it is, without the quotes and escapes of a string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
