"""Metrics that go on in a notebook: a picture that stays with the notebook, and a live view beside it in a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import charts

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.api.watching import MetricWatch
    from aca_notebook.display.chart import Chart
    from aca_notebook.magics.live import LiveCard

#: How often the picture is drawn while a live view stands before it: what a notebook saves is this old at most.
BEHIND_A_VIEW_SECONDS = 10.0


class Dashboard:
    """An app's metrics as they come. `stop()` ends it; `frame`, `chart` and `figure` are of the last look.

    The picture is an output of its own: words and SVG, updated in place once a look. `view` opens a live view beside
    it, and then the picture is updated every ten seconds and at the end.
    """

    def __init__(
        self, watch: MetricWatch, card: Callable[[], LiveCard],
        view: Callable[[Dashboard], Callable[[], None]] | None = None, monotonic: Callable[[], float] = lambda: 0.0,
    ) -> None:  # fmt: skip
        self.watch = watch
        self.watched_by_a_page = False
        self._make_card = card
        self._open_view = view
        self._tell_view: Callable[[], None] | None = None
        self._card: LiveCard | None = None
        self._monotonic = monotonic
        self._drawn_at = float("-inf")

    @property
    def frame(self) -> Any:
        """The table of the last look."""
        return None if self.watch.latest is None else self.watch.latest.frame

    @property
    def chart(self) -> Chart:
        """The last look as a chart that goes on no more."""
        latest = self.watch.latest
        if latest is None:
            raise LookupError("nothing was seen yet")
        words = (self.state, self.note)
        return charts.metrics(
            latest.frame, app=self.watch.app, note="; ".join(filter(None, words)), around=latest.around
        )

    @property
    def figure(self) -> Any:
        """The last look as a `plotly.graph_objects.Figure`."""
        return self.chart.figure

    @property
    def note(self) -> str:
        """Who measured what, and what is missing."""
        return "" if self.watch.latest is None else str(self.watch.latest.frame.attrs.get("note", ""))

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.watch.running

    def stop(self) -> None:
        """End it; the picture of the last look stays."""
        self.watch.stop()

    @property
    def state(self) -> str:
        """How it goes, in words."""
        watch = self.watch
        seen = f"{watch.latest.at:%H:%M:%S} UTC" if watch.latest is not None else "never"
        if watch.failure is not None:
            return f"ended, last seen {seen}: {watch.failure.message}"
        if not watch.running:
            return f"stopped, last seen {seen}"
        if watch.trouble is not None:
            said = f"{watch.trouble.message} ({watch.trouble.code})"
            return f"last seen {seen}; {said}, looking again in {watch.next_look_seconds:.0f} s"
        return f"live, seen {seen}, every {watch.period_seconds:g} s"

    def _ipython_display_(self) -> None:
        if self._card is None:
            self._card = self._make_card()
            self._draw(last=True)
            self.watch.listen(self._on_look)
            if self._open_view is not None:
                self._tell_view = self._open_view(self)
        else:
            self._draw(last=True)

    def _on_look(self) -> None:
        if self._tell_view is not None:
            self._tell_view()
        ended = not self.watch.running
        late = self._monotonic() - self._drawn_at >= BEHIND_A_VIEW_SECONDS
        if ended or late or not self.watched_by_a_page:
            self._draw(last=ended)

    def _draw(self, *, last: bool) -> None:
        if self._card is not None:
            self._drawn_at = self._monotonic()
            self._card.show(self._bundle, last=last)

    def _bundle(self) -> dict[str, str]:
        chart = self.chart
        return {"text/plain": chart.words, **({"image/svg+xml": chart.svg} if chart.times else {})}

    def __repr__(self) -> str:
        return self.chart.words
