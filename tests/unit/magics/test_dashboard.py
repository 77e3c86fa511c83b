"""A board in a notebook: its picture follows the looks, stands back behind a view, and stays when it is stopped."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from aca_notebook.api.watching import Look
from aca_notebook.display.charts import Around
from aca_notebook.errors import NotFound, Throttled
from aca_notebook.magics.dashboard import Dashboard

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Watch:
    """What a watch is to a board."""

    app = "scorer"
    period_seconds = 2.0
    next_look_seconds = 8.0

    def __init__(self) -> None:
        self.running = True
        self.failure = self.trouble = None
        self.listeners = []
        self.looks(1)

    def looks(self, requests: float) -> None:
        index = pd.date_range(NOON, periods=2, freq="1min", name="at")
        frame = pd.DataFrame({"requests": [requests, 2 * requests]}, index=index)
        frame.attrs = {"grain_seconds": 60, "note": "who measured", "by": ""}
        self.latest = Look(frame, Around(), NOON)

    def listen(self, listener) -> None:
        self.listeners.append(listener)

    def stop(self) -> None:
        self.running = False
        self.tell()

    def tell(self) -> None:
        for listener in self.listeners:
            listener()


class Card:
    """A card that remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[dict, bool]] = []

    def show(self, make, *, last: bool = False) -> None:
        self.shown.append((make(), last))


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def board(view=None):
    watch, card, seconds = Watch(), Card(), Seconds()
    made = Dashboard(watch, lambda: card, view, seconds)  # type: ignore[arg-type]  # fakes
    made._ipython_display_()
    return made, watch, card, seconds


def test_the_picture_is_there_at_once_and_follows_each_look():
    made, watch, card, _ = board()
    (first, last), *_ = card.shown
    assert last, "drawn before the cell ends: what comes later may be dropped"
    assert set(first) == {"text/plain", "image/svg+xml"}
    assert "live, seen 12:00:00 UTC, every 2 s; who measured" in first["text/plain"]
    watch.looks(5)
    watch.tell()
    assert "greatest 10 requests" in card.shown[-1][0]["text/plain"]
    assert made.frame["requests"].tolist() == [5, 10]


def test_behind_a_view_the_picture_is_drawn_every_ten_seconds_and_at_the_end():
    told = []
    made, watch, card, seconds = board(lambda dashboard: lambda: told.append(dashboard.state))
    made.watched_by_a_page = True
    for now in (2, 4, 9, 11, 13):
        seconds.now = now
        watch.tell()
    assert (len(card.shown), len(told)) == (2, 5)
    made.stop()
    assert card.shown[-1][1]
    assert "stopped, last seen 12:00:00 UTC" in card.shown[-1][0]["text/plain"]
    assert len(told) == 6, "the view hears of the end too"


def test_trouble_and_the_end_of_the_app_are_told():
    _, watch, card, _ = board()
    watch.trouble = Throttled("the platform asks us to slow down", status=429, code="TooManyRequests")
    watch.tell()
    assert "slow down (TooManyRequests), looking again in 8 s" in card.shown[-1][0]["text/plain"]
    watch.running, watch.failure = False, NotFound("app 'scorer' does not exist", status=404)
    watch.tell()
    assert "ended, last seen 12:00:00 UTC: app 'scorer' does not exist" in card.shown[-1][0]["text/plain"]


def test_a_board_that_is_shown_again_listens_once():
    made, watch, card, _ = board()
    made._ipython_display_()
    assert (len(watch.listeners), len(card.shown)) == (1, 2)
    assert repr(made).startswith("scorer: requests and use")
