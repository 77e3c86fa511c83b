"""A value of the model together with its card, for values that cannot draw themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aca_notebook.display.cards import Bundle


@dataclass(frozen=True)
class Card:
    """What a command returns when its value is plain: `value` is the value, the rest is how it looks."""

    value: Any
    bundle: Bundle = field(repr=False)

    def __repr__(self) -> str:
        return self.bundle["text/plain"]

    def _repr_html_(self) -> str:
        return self.bundle["text/html"]
