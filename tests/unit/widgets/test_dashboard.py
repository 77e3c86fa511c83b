"""What a page is sent of an app's metrics."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from aca_notebook.display import axes
from aca_notebook.display.chart import Chart, Limit, Mark, Panel, Series
from aca_notebook.widgets import dashboard

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOON_MILLIS = 1777636800000


class Watched:
    """A board that a page may watch."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.watched_by_a_page = False
        self.state, self.note, self.running = "live", "who measured", True

    def stop(self) -> None:
        self.running = False


def chart() -> Chart:
    times = tuple(NOON + timedelta(minutes=minute) for minute in range(3))
    panels = (
        Panel("Memory", axes.Unit("MiB", 2.0**20), (Series("Memory", (2.0**20, None, 2.0**20 / 3)),), kind="area",
              limit=Limit(2.0 * 2**20, "limit 2 MiB")),
        Panel("CPU", axes.Unit("cores"), (Series("CPU", (0.1, 0.2, 0.3)),), limit=Limit(8.0, "limit 8 cores")),
    )  # fmt: skip
    marks = (Mark(NOON, "revision new"), Mark(times[1], "scaled up from 1 to 3", "scaling", 2))
    return Chart("scorer", times, panels, timedelta(minutes=1), "note", marks, ((times[1], times[2]),))


def test_numbers_are_in_the_units_shown_and_moments_in_milliseconds():
    sent = dashboard.message(chart(), Watched(chart()))
    memory, cpu = sent["panels"]
    assert sent["span"] == [NOON_MILLIS, NOON_MILLIS + 180_000]
    assert sent["times"][1] - sent["times"][0] == sent["bucket"] == 60_000
    assert memory["series"][0]["values"] == [1.0, None, 0.333333]
    assert memory["limit"][:2] == [2.0, "limit 2 MiB"]
    assert (cpu["limit"], cpu["title"]) == (None, "CPU · limit 8 cores"), "far above the data it is told, not drawn"
    assert [label for _, label in sent["ticks"]][:2] == ["12:00:00", "12:01:00"]
    assert sent["idle"] == [[NOON_MILLIS + 60_000, NOON_MILLIS + 120_000]]
    assert [mark[1:] for mark in sent["marks"]] == [
        ["revision", "revision new", 0], ["scaling", "scaled up from 1 to 3", 2],
    ]  # fmt: skip
    assert (sent["state"], sent["note"], sent["running"]) == ("live", "who measured", True)
    assert json.loads(json.dumps(sent)) == sent


class View:
    """A widget that keeps what it was to send."""

    def __init__(self, sent: list[dict]) -> None:
        self.send = sent.append


def test_a_page_is_sent_looks_once_it_is_there_and_can_end_them():
    sent: list[dict] = []
    hooks = []
    gone: list[bool] = []
    watched = Watched(chart())

    looked = dashboard.open_dashboard_view(
        watched, lambda: View(sent), lambda _, *both: hooks.extend(both) or (lambda: gone.append(True))
    )
    looked()
    assert (sent, watched.watched_by_a_page) == ([], False), "nobody is there"
    here, take = hooks
    here()
    looked()
    assert [each["kind"] for each in sent] == ["look", "look"]
    assert watched.watched_by_a_page
    take({"kind": "stop"})
    assert not watched.running
    looked()
    assert gone == [True], "the view of what has ended is no error in the saved notebook"
