"""What a table of metrics becomes: panels, lines by part, limits, marks, idle times, and many points as few."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from aca_notebook.display import charts, theme
from aca_notebook.display.chart import Limit, Mark
from aca_notebook.display.charts import Around

START = datetime(2026, 11, 23, 6, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def table(minutes: int = 12, **columns) -> pd.DataFrame:
    index = pd.date_range(START, periods=minutes, freq="1min", name="at")
    frame = pd.DataFrame(columns, index=index)
    frame.attrs = {"grain_seconds": 60, "by": ""}
    return frame


def split(by: str, minutes: int = 12, **parts: float) -> pd.DataFrame:
    """A table with a row for each minute and part: requests at the part's own rate."""
    rows = [
        (at(minute), part.replace("_", "-"), rate, 0.01) for minute in range(minutes) for part, rate in parts.items()
    ]
    frame = pd.DataFrame(rows, columns=["at", by, "requests", "cpu_cores"]).set_index("at")
    frame.attrs = {"grain_seconds": 60, "by": by}
    return frame


def titles(chart) -> list[str]:
    return [panel.title for panel in chart.panels]


def test_requests_by_status_are_stacked_in_colours_that_tell_failures() -> None:
    frame = table(requests=[3.0] * 12, requests_2xx=[2.0] * 12, requests_5xx=[1.0] * 12)
    (panel,) = charts.metrics(frame, app="scorer").panels
    assert (panel.stacked, panel.greatest) == (True, 3.0)
    assert [(one.name, one.colour) for one in panel.series] == [("2xx", theme.SERIES[0]), ("5xx", theme.SERIES[7])]


def test_percentiles_and_the_mean_share_a_panel_and_the_mean_alone_is_the_response_time() -> None:
    latency = {"response_seconds": [0.2] * 12}
    assert titles(charts.metrics(table(**latency), app="scorer")) == ["Response time"]
    (panel,) = charts.metrics(table(**latency, p50_seconds=[0.1] * 12, p99_seconds=[0.9] * 12), app="scorer").panels
    assert (panel.title, [one.name for one in panel.series]) == ("Latency", ["mean", "50 %", "99 %"])


def test_restarts_are_drawn_when_there_were_any_and_a_metric_of_azures_own_name_always() -> None:
    frame = table(restarts=[0.0] * 12, JvmGcCount=[0.0] * 12)
    frame.attrs["labels"] = {"JvmGcCount": "JVM GC", "restarts": "Restarts"}
    assert titles(charts.metrics(frame, app="scorer")) == ["JvmGcCount"]
    frame["restarts"] = 1.0
    assert titles(charts.metrics(frame, app="scorer")) == ["Restarts", "JvmGcCount"]


def test_a_split_table_has_a_line_for_each_part_in_the_same_colour_everywhere() -> None:
    chart = charts.metrics(split("revision", scorer__2=5.0, scorer__1=1.0), app="scorer")
    assert chart.title == "scorer: requests and use by revision"
    requests, cpu = chart.panels
    assert [one.name for one in requests.series] == [one.name for one in cpu.series] == ["scorer--1", "scorer--2"]
    assert [requests.colour_of(place) for place in (0, 1)] == [cpu.colour_of(place) for place in (0, 1)]
    assert requests.greatest == 6.0
    assert "Requests, scorer--2: last 5" in chart.words


def test_of_many_parts_the_busiest_are_drawn_and_the_chart_says_so() -> None:
    chart = charts.metrics(split("replica", **{f"r{number}": float(number) for number in range(9)}), app="scorer")
    assert [one.name for one in chart.panels[0].series] == ["r3", "r4", "r5", "r6", "r7", "r8"]
    assert "the busiest 6 of 9 replicas" in chart.note


@pytest.mark.parametrize(
    ("limit", "drawn", "heading"), [(2.0, True, "CPU"), (64.0, False, "CPU · limit 64 cores")], ids=["near", "far"]
)
def test_a_limit_is_a_line_when_it_is_near_and_a_word_when_it_is_far(
    *, limit: float, drawn: bool, heading: str
) -> None:
    around = Around(limits={"cpu_cores": Limit(limit, f"limit {limit:g} cores")})
    chart = charts.metrics(table(cpu_cores=[1.0] * 12), app="scorer", around=around)
    (panel,) = chart.panels
    shapes = chart.plotly()["layout"]["shapes"]
    assert (panel.heading, panel.greatest, len(shapes)) == (heading, 2.0 if drawn else 1.0, int(drawn))
    assert f"limit {limit:g} cores" in chart.svg


def test_what_happened_and_idle_times_are_in_the_picture_the_figure_and_the_words() -> None:
    around = Around(
        marks=(Mark(at(2), "revision new"), Mark(at(4), "scaled up from 1 to 3", "scaling", 2)),
        idle=((at(6), at(9)),),
    )
    chart = charts.metrics(table(requests=[1.0] * 12, cpu_cores=[1.0] * 12), app="scorer", around=around)
    root = ET.fromstring(chart.svg)
    told = [element.text for element in root.iter(f"{SVG}title")]
    assert told.count("revision new") == told.count("scaled up from 1 to 3") == 2, "in each panel"
    assert "┆ new revision · ▴▾ scaled · grey: idle" in [element.text for element in root.iter(f"{SVG}text")]
    shapes = chart.plotly()["layout"]["shapes"]
    assert sorted(shape["type"] for shape in shapes) == ["line", "line", "line", "line", "rect", "rect"]
    assert "happened: 06:02 revision new, 06:04 scaled up from 1 to 3" in chart.words
    assert "idle for 3 min" in chart.words


def test_a_million_points_are_few_in_the_notebook_and_a_spike_of_one_second_is_seen() -> None:
    seconds = 1_000_000
    index = pd.date_range(START, periods=seconds, freq="1s", name="at")
    quiet = {name: np.ones(seconds) for name in ("requests", "replicas", "cpu_cores", "memory_bytes", "sent_bytes")}
    frame = pd.DataFrame(quiet, index=index)
    frame.iloc[654_321, 2] = 99.0
    frame.iloc[100_000:400_000, 2] = np.nan
    chart = charts.metrics(frame, app="scorer")
    cpu = next(panel for panel in chart.panels if panel.title == "CPU").series[0].values
    assert (len(chart.times), max(value for value in cpu if value is not None)) == (1600, 99.0)
    assert cpu.count(None) == pytest.approx(0.3 * 1600, abs=3)
    assert "drawn from 1,000,000 points" in chart.note
    assert len(json.dumps(chart._repr_mimebundle_())) < 2_000_000
