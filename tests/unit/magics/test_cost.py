"""`%aca cost` and `%aca prices`: a card, a chart, a meter, a bill, or three lines."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from aca_notebook.api.costing import Metered, cost_table
from aca_notebook.api.costs import CostReport, Costs
from aca_notebook.display.chart import Chart
from aca_notebook.errors import UsageFailed
from aca_notebook.magics.following import FollowedCost
from aca_notebook.magics.live import LiveCard
from aca_notebook.model.bill import Reconciled
from aca_notebook.model.cost import CostRow, CostSummary, Tick, forecast
from aca_notebook.model.metric import MetricPoint
from aca_notebook.model.price import ReplicaSize, price_list
from aca_notebook.model.rate_snapshot import SNAPSHOT
from tests.fakes.clock import ManualClock

START = datetime(2026, 9, 3, 6, tzinfo=UTC)
BUCKETS = cost_table(
    [Metered("scorer", "scorer--1", ReplicaSize(0.5, 2**30), (MetricPoint(START, 1.0),))], 60,
    START + timedelta(hours=1), price_list("eastus"),
)  # fmt: skip
FRAME = pd.DataFrame({"total_usd": [0.0009]}, index=["scorer--1"])


class FakeMeter:
    """Ticks when a test says so."""

    def __init__(self) -> None:
        self.now, self.listeners, self.stopped = Tick("scorer", "USD", 1.0, 3.6, charged=False, read=True), [], False

    def listen(self, listener) -> None:
        self.listeners.append(listener)

    def tick(self, amount: float, ended: str = "") -> None:
        self.now = Tick("scorer", "USD", amount, 3.6, charged=False, read=True, ended=ended)
        for listener in self.listeners:
            listener(self.now)

    def stop(self) -> None:
        self.stopped = True
        self.tick(self.now.amount, "stopped")

    def wait(self) -> Tick:
        self.tick(1.001)
        self.stop()
        return self.now


class FakeCosts:
    """Answers as the library does, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked, self.card, self.made = [], SNAPSHOT, FakeMeter()
        self.rows = (CostRow("scorer--1", 0.0009, {"vcpu": 0.0007, "memory": 0.0002}, 0.0009, 60.0, 3.0),)

    def report(self, app="", since=None, by="", currency="USD"):
        self.asked.append(("report", app, since, by, currency))
        summary = CostSummary(
            app, "local", currency, since, by or "revision", 0.0009, 0.0009, 0.002, 0.001, 0.0009, 0.054, self.rows,
            alarms=("scorer: its T4 has run for 20 min without a request",), note="estimate", charged=False,
        )  # fmt: skip
        return CostReport(summary, FRAME, BUCKETS)

    def billed(self, app="", since=None):
        self.asked.append(("billed", app, since))
        return (Reconciled("Standard Requests", 1.0, 0.5, 0.0, "the free grant"),)

    def forecast(self, app="", ahead=None, currency="USD"):
        self.asked.append(("forecast", app, ahead, currency))
        return forecast({date(2026, 9, 1) + timedelta(days=day): 1.0 for day in range(8)}, 2)

    def meter(self, app="", currency="USD"):
        self.asked.append(("meter", app, currency))
        return self.made

    def refresh_prices(self, currency="USD", region=""):
        self.asked.append(("refresh", currency, region))
        return SNAPSHOT

    def prices(self, currency="USD", region=""):
        raise UsageFailed(f"no prices are known in {currency}", code="PricesNotFound")


def test_the_fake_offers_what_the_library_does():
    public = {name for name in vars(FakeCosts) if not name.startswith("_")}
    assert public <= {name for name in dir(Costs) if not name.startswith("_")}


@pytest.fixture
def costs(notebook):
    made = FakeCosts()
    notebook.workspace.costs = made
    notebook.workspace.target.charges = False
    return made


def test_a_card_tells_of_today_of_the_month_and_of_idle_money(notebook, costs) -> None:
    card = notebook.run("%aca cost scorer --since 7d --by revision")
    assert costs.asked == [("report", "scorer", timedelta(days=7), "revision", "USD")]
    for words in (
        "scorer: $0.00090 in the past 7 d", "estimated, nothing was billed", "this month  $0.0020, of which the free",
        "$0.00090 (100%) was paid while no request came", "! scorer: its T4 has run", "scorer--1", "$0.30",
    ):  # fmt: skip
        assert words in repr(card)
    assert card.frame is FRAME
    assert "<table" in card._repr_html_()


def test_a_table_goes_into_a_variable_and_a_plot_is_a_chart(notebook, costs) -> None:
    assert notebook.run("%aca cost -o money") is None
    assert notebook.names["money"] is FRAME
    chart = notebook.run("%aca cost scorer --plot")
    assert isinstance(chart, Chart)
    assert "nothing was billed" in chart.note
    assert costs.asked[0] == ("report", "", timedelta(hours=24), "", "USD")


def test_a_bill_and_a_forecast_are_asked_for_by_their_flags(notebook, costs) -> None:
    bill = notebook.run("%aca cost scorer --billed")
    assert "the free grant" in repr(bill)
    notebook.run("%aca cost scorer --billed --since 2d -o bill")
    assert notebook.names["bill"]["billed"].tolist() == [0.5]
    assert isinstance(notebook.run("%aca cost --forecast 2d"), Chart)
    assert costs.asked == [
        ("billed", "scorer", timedelta(days=30)), ("billed", "scorer", timedelta(days=2)),
        ("forecast", "", timedelta(days=2), "USD"),
    ]  # fmt: skip


def test_in_a_terminal_a_meter_writes_until_it_is_stopped(notebook, costs) -> None:
    assert notebook.run("%aca cost scorer --follow") is None
    assert "scorer today: $1.00" in notebook.out
    assert "the meter has ended: stopped" in notebook.out


def test_in_a_notebook_its_output_ticks_with_it() -> None:
    shown, clock, meter = [], ManualClock(), FakeMeter()

    class Handle:
        def display(self, bundle, **_) -> None:
            shown.append(bundle["text/plain"])

        update = display

    followed = FollowedCost(meter, lambda: LiveCard(Handle(), clock, later=lambda _, act: act()))
    followed._ipython_display_()
    meter.tick(1.001)
    followed.stop()
    assert meter.stopped
    assert [line.partition("  ")[0] for line in (shown[0], shown[-1])] == [
        "● scorer today: $1.00", "■ scorer today: $1.00",
    ]  # fmt: skip
    assert followed.now.ended == "stopped"
    assert len(meter.listeners) == 1


def test_beside_a_view_the_card_stands_back_and_hears_of_the_end() -> None:
    shown, told, clock, meter = [], [], ManualClock(), FakeMeter()

    class Handle:
        def display(self, bundle, **_) -> None:
            shown.append(bundle)

        update = display

    def view(now, stop, on_view):
        on_view()
        return told.append

    followed = FollowedCost(meter, lambda: LiveCard(Handle(), clock, later=lambda *_: None), view)
    followed._ipython_display_()
    for second in range(30):
        meter.tick(1.0 + second)
    assert len(told) == 30
    assert len(shown) == 1, "the view shows it"
    assert "data-aca-static" in shown[0]["text/html"]
    followed.stop()
    assert told[-1].ended == "stopped"
    assert shown[-1]["text/plain"].startswith("■ scorer today")


def test_prices_are_listed_by_region_or_by_meter(notebook, costs) -> None:
    assert "canadacentral" in repr(notebook.run("%aca prices"))
    table = notebook.run("%aca prices --region canadacentral")
    assert table.frame.set_index("meter").loc["Dedicated Plan Management", "price"] == 0.10
    assert "not known" in repr(table)
    notebook.run("%aca prices refresh --currency EUR --region westeurope")
    assert costs.asked == [("refresh", "EUR", "westeurope")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%aca prices --region atlantis", "no prices are known for atlantis in USD"),
        ("%aca prices --currency CHF", "no prices are known in CHF"),
        ("%aca prices refrsh", "did you mean refresh"),
        ("%aca cost --by mood", "is not one of app, revision, replica, call, day, meter"),
        ("%aca cost --since yesterday", "not a span of time"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said(notebook, costs, line: str, words: str) -> None:
    notebook.run(line)
    assert words in str(notebook.error)
