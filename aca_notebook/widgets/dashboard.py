"""The live view of an app's metrics: small multiples on one time axis, with a cursor through all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.display import axes, theme
from aca_notebook.widgets.front_end import View, module, show_when_there, style

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from aca_notebook.display.chart import Chart, Panel

    Show = Callable[[Any, Callable[[], None], Callable[[Mapping[str, Any]], None]], Callable[[], None]]

#: Digits that are kept of a value: more than a pixel shows, and a third of the bytes.
_DIGITS = 6


class Watched(Protocol):
    """What goes on, as far as a view reads it."""

    watched_by_a_page: bool

    @property
    def chart(self) -> Chart:
        """The last look."""
        ...

    @property
    def state(self) -> str:
        """How it goes, in words."""
        ...

    @property
    def note(self) -> str:
        """Who measured what, and what is missing."""
        ...

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


class DashboardView(View):
    """A page's picture of the last look. Each look replaces the one before, in a message that nobody saves."""

    _esm = module("dashboard")
    _css = style("dashboard")


def open_dashboard_view(
    watched: Watched, make: Callable[[], Any] = DashboardView, show: Show = show_when_there
) -> Callable[[], None]:  # fmt: skip
    """Open a view, to be shown under the present cell when a page answers; return what to call after each look."""
    view = make()

    def send() -> None:
        if watched.watched_by_a_page:
            view.send(message(watched.chart, watched))
            if not watched.running:
                take_away()  # the picture is there

    def begin() -> None:
        watched.watched_by_a_page = True
        send()

    def take(content: Mapping[str, Any]) -> None:
        if content.get("kind") == "stop":
            watched.stop()

    take_away = show(view, begin, take)
    return send


def message(chart: Chart, watched: Watched) -> dict[str, Any]:
    """A chart as the page draws it: numbers in shown units, moments in milliseconds of the epoch, ticks with labels."""
    start, end = chart.span
    return {
        "kind": "look",
        "title": chart.title,
        "state": watched.state,
        "running": watched.running,
        "note": watched.note,
        "span": [_millis(start), _millis(end)],
        "bucket": chart.bucket.total_seconds() * 1000,
        "times": [_millis(moment) for moment in chart.times],
        "ticks": [[_millis(each), axes.time_label(each, end - start)] for each in axes.time_ticks(start, end)],
        "idle": [[_millis(begin), _millis(until)] for begin, until in chart.idle],
        "marks": [[_millis(each.at), each.kind, each.label, each.steps] for each in chart.marks],
        "panels": [_panel(panel) for panel in chart.panels],
    }


def _panel(panel: Panel) -> dict[str, Any]:
    ticks = axes.value_ticks(panel.greatest)
    limit = panel.limit if panel.limit_drawn else None
    return {
        "title": panel.heading,
        "unit": panel.unit.label,
        "kind": panel.kind,
        "stacked": panel.stacked,
        "filled": panel.filled,
        "ticks": [[tick, axes.tick_label(tick)] for tick in ticks],
        "limit": None if limit is None else [limit.value / panel.unit.divisor, limit.label, theme.BAD],
        "series": [
            {
                "name": series.name,
                "colour": panel.colour_of(place),
                "values": [None if one is None else _short(one / panel.unit.divisor) for one in series.values],
            }
            for place, series in enumerate(panel.series)
        ],
    }


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
