"""Charts of money: what is stacked, how wide a bar is, and what they say of themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from aca_notebook.api.costing import Metered, cost_table
from aca_notebook.display import cost_charts
from aca_notebook.model.cost import forecast
from aca_notebook.model.metric import MetricPoint
from aca_notebook.model.price import ReplicaSize, price_list
from tests.unit.display.examples import HOSTILE

START = datetime(2026, 11, 23, 6, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
SMALL, T4 = ReplicaSize(1, 2**31), ReplicaSize(8, 56 * 2**30, "T4", 1)


def charged(buckets: int = 3, grain_seconds: int = 60, apps=(("scorer", SMALL),)):
    """Every app has one replica; six requests come in every second bucket."""
    grain = timedelta(seconds=grain_seconds)

    def points(value) -> tuple[MetricPoint, ...]:
        return tuple(MetricPoint(START + place * grain, value(place)) for place in range(buckets))

    metered = [
        Metered(name, f"{name}--1", size, points(lambda _: 1.0), requests=points(lambda place: 6.0 * (place % 2)))
        for name, size in apps
    ]
    return cost_table(metered, grain_seconds, START + timedelta(days=400), price_list("eastus"))


def test_cost_is_stacked_by_meter_beside_what_a_request_cost_and_what_was_idle() -> None:
    meters, request, idle = cost_charts.report(charged(apps=(("scorer", T4),)), app="scorer").panels
    assert [series.name for series in meters.series] == ["vCPU", "memory", "GPU", "requests"]
    assert (meters.title, meters.stacked) == ("Cost per minute, by meter", True)
    assert request.series[0].values[0] is None, "a minute without a request has no cost of one"
    assert request.series[0].values[1] == pytest.approx((60 * 0.000433 + 6 * 0.4 / 1e6) / 6)
    assert idle.series[0].values == pytest.approx((60 * 0.000433, 0.0, 60 * 0.000433))


def test_several_apps_are_stacked_the_dearest_first_and_one_alone_is_not() -> None:
    by_app = cost_charts.report(charged(apps=(("small", SMALL), ("large", T4)))).panels[1]
    assert by_app.title == "Cost per minute, by app"
    assert [series.name for series in by_app.series] == ["large", "small"]
    alone = cost_charts.report(charged(), app="scorer")
    assert not any("by revision" in panel.title for panel in alone.panels)


def test_more_apps_than_colours_are_added_up() -> None:
    apps = tuple((f"app-{number}", ReplicaSize(number + 1, 2**31)) for number in range(10))
    by_app = cost_charts.report(charged(apps=apps)).panels[1]
    assert [series.name for series in by_app.series] == [*(f"app-{number}" for number in range(9, 2, -1)), "others"]


@pytest.mark.parametrize(
    ("buckets", "grain_seconds", "bar_seconds", "title"),
    [(3, 60, 60, "per minute"), (180, 60, 300, "per 5 min"), (288, 300, 3600, "per hour"), (40, 3600, 3600, "per hour"),
     (744, 3600, 86400, "per day")],
)  # fmt: skip
def test_bars_stay_few_and_lose_no_money(buckets: int, grain_seconds: int, bar_seconds: int, title: str) -> None:
    frame = charged(buckets, grain_seconds)
    chart = cost_charts.report(frame, app="scorer")
    assert chart.bucket == timedelta(seconds=bar_seconds)
    assert title in chart.panels[0].title
    drawn = sum(sum(value or 0.0 for value in series.values) for series in chart.panels[0].series)
    assert drawn == pytest.approx(frame["total_usd"].sum())


def test_the_note_says_that_nothing_was_billed_where_nothing_is() -> None:
    local, azure = (cost_charts.report(charged(), app="scorer", charged=paid) for paid in (False, True))
    assert local.note.startswith("estimated, nothing was billed; list prices of eastus, 2026-08-01")
    assert "nothing was billed" not in azure.note


def test_a_table_of_nothing_makes_a_chart_that_says_so() -> None:
    assert cost_charts.report(charged(0), app="scorer").words == "scorer: cost (estimate): no data yet"


def test_a_forecast_shows_its_band_and_its_method() -> None:
    past = {date(2026, 11, 1) + timedelta(days=day): 1.0 + day % 3 for day in range(8)}
    chart = cost_charts.forecast(forecast(past, 3), app="scorer", charged=False)
    so_far, expected, least, most = chart.panels[0].series
    assert [one.name for one in (so_far, expected, least, most)] == ["so far", "expected", "at least", "at most"]
    assert chart.times[8] == datetime(2026, 11, 9, tzinfo=UTC), "the first day ahead"
    assert (so_far.values[7], so_far.values[8]) == (2.0, None)
    assert (expected.values[7], most.values[7]) == (None, None)
    assert least.values[8] <= expected.values[8] <= most.values[8]
    assert "the average of all days of 8 days" in chart.note


def test_a_hostile_name_stays_text() -> None:
    assert ET.fromstring(cost_charts.report(charged(), app=HOSTILE).svg).find(f"{SVG}title").text.startswith(HOSTILE)
