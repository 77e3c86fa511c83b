"""An output that changes in place while something runs."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.clock import Clock
    from aca_notebook.display.cards import Bundle


class Handle(Protocol):
    """IPython's `DisplayHandle`, as far as we use it."""

    def display(self, obj: object, **named: object) -> None:
        """Show the output for the first time."""
        ...

    def update(self, obj: object, **named: object) -> None:
        """Show it anew in the same place."""
        ...


class LiveCard:
    """One output, updated at most four times a second and always with the last state.

    Updates may come from any thread: each runs in the context of the cell that made the card, so the front end files
    it under that cell.
    """

    PERIOD_SECONDS = 0.25

    def __init__(self, handle: Handle, clock: Clock, *, live: bool = True) -> None:
        self._handle = handle
        self._clock = clock
        self._live = live
        self._context = contextvars.copy_context()
        self._shown_at = float("-inf")
        self._shown: Bundle | None = None

    def show(self, make: Callable[[], Bundle], *, last: bool = False) -> None:
        """Show what `make` returns, unless the card changed a moment ago; `last` always shows."""
        now = self._clock.monotonic()
        if not last and (not self._live or now - self._shown_at < self.PERIOD_SECONDS):
            return
        bundle = make()
        if bundle == self._shown:
            return
        draw = self._handle.display if self._shown is None else self._handle.update
        self._shown_at, self._shown = now, bundle
        self._context.copy().run(draw, bundle, raw=True)  # a context is one thread's at a time
