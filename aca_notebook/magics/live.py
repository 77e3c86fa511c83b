"""An output that changes in place while something runs."""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.display import logs
from aca_notebook.model.log import LogLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aca_notebook.api.logs import LogStream
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


def call_later(seconds: float, act: Callable[[], None]) -> None:
    """Run `act` after some seconds, in a thread that does not keep the kernel alive."""
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()


class LiveCard:
    """One output, updated at most four times a second and always with the last state.

    Updates may come from any thread: each runs in the context of the cell that made the card, so the front end files
    it under that cell. What comes too early is shown when its time has come.
    """

    PERIOD_SECONDS = 0.25

    def __init__(
        self, handle: Handle, clock: Clock, *, live: bool = True,
        later: Callable[[float, Callable[[], None]], None] = call_later,
    ) -> None:  # fmt: skip
        self._handle = handle
        self._clock = clock
        self._live = live
        self._later = later
        self._context = contextvars.copy_context()
        self._lock = threading.RLock()
        self._period = self.PERIOD_SECONDS
        self._shown_at = float("-inf")
        self._shown: Mapping[str, Any] | None = None
        self._waiting: Callable[[], Mapping[str, Any]] | None = None

    def show(self, make: Callable[[], Mapping[str, Any]], *, last: bool = False) -> None:
        """Show what `make` returns, soon; `last` shows it now and ends what was waiting."""
        with self._lock:
            early = self._shown_at + self._period - self._clock.monotonic()
            if last:
                self._waiting = None
                self._draw(make())
            elif self._live and early <= 0:
                self._draw(make())
            elif self._live:
                if self._waiting is None:
                    self._later(early, self._flush)
                self._waiting = make

    def pace(self, period_seconds: float) -> None:
        """Show no more often than this from here on; the last state is shown at once, whatever the pace."""
        with self._lock:
            self._period = period_seconds

    def _flush(self) -> None:
        with self._lock:
            make, self._waiting = self._waiting, None
            if make is not None:
                self._draw(make())

    def _draw(self, bundle: Mapping[str, Any]) -> None:
        if bundle == self._shown:
            return
        act = self._handle.display if self._shown is None else self._handle.update
        self._shown_at, self._shown = self._clock.monotonic(), bundle
        self._context.copy().run(act, bundle, raw=True)  # a context is one thread's at a time


class FollowedLog:
    """A log that goes on: its output follows it. `stop()` ends it; everything else is the stream's.

    `view` opens a live view beside the card, which the card then stands back for; a page that has none shows the card.
    It is given what to call with whether a page shows it.
    """

    #: A card that nobody sees is there for the notebook to be saved.
    PERIOD_BESIDE_A_VIEW_SECONDS = 5.0

    def __init__(
        self, app: str, stream: LogStream, card: Callable[[], LiveCard],
        view: Callable[[str, LogStream, Callable[[bool], None]], object] | None = None,
    ) -> None:  # fmt: skip
        self._app = app
        self._stream = stream
        self._make_card = card
        self._open_view = view
        self._card: LiveCard | None = None

    def stop(self) -> None:
        """End the stream; what has come stays."""
        self._stream.stop()
        if self._card is not None:
            self._card.show(lambda: self._bundle(following=False), last=True)

    def _ipython_display_(self) -> None:
        if self._card is None:
            self._card = self._make_card()
            self._stream.listen(self._on_change)
            self._card.show(lambda: self._bundle(following=self._stream.running), last=True)
            if self._open_view is not None:
                self._open_view(self._app, self._stream, self._on_view)
        else:
            self._card.show(lambda: self._bundle(following=self._stream.running), last=True)

    def _on_view(self, seen: bool) -> None:  # noqa: FBT001  # a callback of one argument
        if self._card is not None:
            self._card.pace(self.PERIOD_BESIDE_A_VIEW_SECONDS if seen else LiveCard.PERIOD_SECONDS)

    def _on_change(self) -> None:
        if self._card is not None:
            following = self._stream.running
            self._card.show(lambda: self._bundle(following=following), last=not following)

    def _bundle(self, *, following: bool) -> Bundle:
        lines = self._stream.lines
        if self._stream.failure is not None:
            lines = [*lines, LogLine(f"the log ended: {self._stream.failure}", level="Warning")]
        return logs.log(self._app, lines, following=following, beside_a_view=self._open_view is not None)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._stream)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._stream, name)

    def __repr__(self) -> str:
        return self._bundle(following=self._stream.running)["text/plain"]
