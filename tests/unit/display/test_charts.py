from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.display import axes, charts
from aca_notebook.display.chart import PLOTLY
from tests.unit.display.examples import HOSTILE

START = datetime(2026, 11, 23, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
SVG = "{http://www.w3.org/2000/svg}"


def measured(minutes: int = 10, **columns) -> pd.DataFrame:
    index = pd.date_range(START, periods=minutes, freq="1min", name="at")
    told = {
        "replicas": [1.0] * minutes, "requests": [float(n) for n in range(minutes)],
        "response_seconds": [0.012] * minutes, "cpu_cores": [0.2] * minutes, "memory_bytes": [7e7] * minutes,
        "gpu_percent": [math.nan] * minutes,
    }  # fmt: skip
    return pd.DataFrame(told | columns, index=index)


def texts(chart) -> list[str]:
    return [element.text or "" for element in ET.fromstring(chart.svg).iter(f"{SVG}text")]


def test_every_panel_of_the_figure_names_its_unit_and_each_column_its_time() -> None:
    layout = charts.metrics(measured(), app="scorer").figure.layout
    units = {note.yref: note.text for note in layout.annotations if note.x == 1}
    assert list(units) == [f"y{n} domain" for n in ("", 2, 3, 4, 5)]
    assert list(units.values()) == ["requests per minute", "replicas", "milliseconds", "thousandths of a core", "MiB"]
    times = [layout[f"xaxis{n or ''}"].title.text for n in ("", 2, 3, 4, 5)]
    assert times == [None, None, None, "time (UTC)", "time (UTC)"], "the lowest panel of each column"


def test_panels_neither_overlap_nor_leave_the_figure() -> None:
    layout = charts.metrics(measured(), app="scorer").figure.layout
    left = [layout[f"yaxis{n or ''}"].domain for n in ("", 3, 5)]
    edges = [edge for low, high in reversed(left) for edge in (low, high)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= 1


def test_the_panels_share_one_time_axis() -> None:
    layout = charts.metrics(measured(), app="scorer").figure.layout
    assert all(layout[f"xaxis{n}"].matches == "x" for n in (2, 3, 4, 5))


def test_a_gpu_that_was_not_measured_has_no_panel() -> None:
    assert "GPU" not in [panel.title for panel in charts.metrics(measured(), app="scorer").panels]
    seen = charts.utilisation(measured(gpu_percent=[50.0] * 10), app="scorer")
    assert [panel.title for panel in seen.panels] == ["CPU", "Memory", "GPU"]


def test_the_picture_is_well_formed_and_says_in_words_what_it_shows() -> None:
    chart = charts.metrics(measured(), app="scorer", note="no GPU: CPU only")
    root = ET.fromstring(chart.svg)
    assert root.find(f"{SVG}title").text == "scorer: requests and use"
    assert "Requests: last 9, greatest 9 requests per minute" in root.find(f"{SVG}desc").text
    shown = texts(chart)
    assert {"Requests", "requests per minute", "MiB", "time (UTC)", "06:00", "no GPU: CPU only"} <= set(shown)


def test_the_bundle_has_plotly_a_picture_and_words() -> None:
    bundle = charts.metrics(measured(), app="scorer")._repr_mimebundle_()
    assert set(bundle) == {PLOTLY, "image/svg+xml", "text/plain"}
    assert charts.metrics(measured(), app="scorer")._repr_mimebundle_(include={"text/plain"}).keys() == {"text/plain"}
    assert PLOTLY in charts.metrics(measured(), app="scorer")._repr_mimebundle_(include=None, exclude=None)


def test_a_chart_without_data_says_so_and_draws_nothing() -> None:
    chart = charts.metrics(measured(0), app="scorer")
    assert chart._repr_mimebundle_() == {"text/plain": "scorer: requests and use: no data yet"}
    assert ET.fromstring(chart.svg).tag == f"{SVG}svg"


def test_a_bucket_without_data_breaks_the_line() -> None:
    values = [0.2] * 4 + [math.nan] + [0.2] * 4
    chart = charts.utilisation(measured(9, cpu_cores=values, memory_bytes=[math.nan] * 9), app="scorer")
    lines = [path for path in ET.fromstring(chart.svg).iter(f"{SVG}path") if path.get("fill") == "none"]
    assert len(lines) == 2


def test_missing_buckets_break_the_line() -> None:
    early, late = measured(10), measured(10)
    late.index += timedelta(hours=2)
    chart = charts.utilisation(pd.concat([early, late]), app="scorer")
    lines = [path for path in ET.fromstring(chart.svg).iter(f"{SVG}path") if path.get("fill") == "none"]
    assert len(lines) == 4
    assert None in chart.figure.data[0].y


def test_the_figure_carries_the_note() -> None:
    notes = [
        each.text for each in charts.metrics(measured(), app="scorer", note="an upper bound").figure.layout.annotations
    ]
    assert notes[-1] == "an upper bound"


def test_a_bucket_between_gaps_is_seen() -> None:
    frame = measured(10)
    frame.loc[frame.index[[1, 3, 4, 6, 7, 8, 9]], "cpu_cores"] = None
    (cpu,) = [trace for trace in charts.utilisation(frame, app="scorer").figure.data if trace.name == "CPU"]
    assert cpu.mode == "lines+markers"
    assert list(cpu.marker.size) == [7, 0, 7, 0, 0, 7, 0, 0, 0, 0]
    (memory,) = [trace for trace in charts.utilisation(frame, app="scorer").figure.data if trace.name == "Memory"]
    assert memory.mode == "lines"


def test_levels_fall_to_a_gap_where_their_bucket_ends() -> None:
    frame = measured(3)
    frame.loc[frame.index[1], "cpu_cores"] = None
    trace = charts.utilisation(frame, app="scorer").figure.data[0]
    minutes = [moment[11:16] for moment in trace.x]
    assert list(zip(minutes, trace.y, strict=True))[:4] == [
        ("06:00", trace.y[0]), ("06:01", trace.y[0]), ("06:01", None), ("06:02", None),
    ]  # fmt: skip


def test_a_single_bucket_is_a_level_as_long_as_it_lasted() -> None:
    frame = measured(1)
    frame.attrs["grain_seconds"] = 300
    chart = charts.utilisation(frame, app="scorer")
    assert chart.span == (START, START + timedelta(minutes=5))
    trace = chart.figure.data[0]
    assert list(trace.y) == [200.0, 200.0]
    assert list(trace.x) == ["2026-11-23T06:00:00Z", "2026-11-23T06:05:00Z"]


def test_revisions_at_one_moment_are_added_up() -> None:
    chart = charts.activity(pd.concat([measured(2), measured(2)]), app="scorer")
    assert chart.panels[0].series[0].values == (0.0, 2.0)


def test_a_hostile_name_stays_text() -> None:
    chart = charts.metrics(measured(), app=HOSTILE)
    assert ET.fromstring(chart.svg).find(f"{SVG}title").text.startswith(HOSTILE)


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_value_ticks_start_at_zero_cover_the_data_and_are_few(greatest: float) -> None:
    ticks = axes.value_ticks(greatest)
    assert ticks[0] == 0
    assert ticks[-1] >= greatest * (1 - 1e-6)
    assert 2 <= len(ticks) <= 6
    assert list(ticks) == sorted(set(ticks))


@given(st.integers(0, 2_000_000_000), st.integers(1, 90 * 86400))
def test_time_ticks_stay_inside_and_are_few(start: int, seconds: int) -> None:
    begin = datetime.fromtimestamp(start, UTC)
    end = begin + timedelta(seconds=seconds)
    ticks = axes.time_ticks(begin, end)
    assert len(ticks) <= 8
    assert all(begin <= tick <= end for tick in ticks)


@pytest.mark.parametrize(
    ("unit", "greatest", "label"),
    [("bytes", 7e7, "MiB"), ("bytes per minute", 3000, "KiB per minute"), ("seconds", 0.012, "milliseconds"),
     ("seconds", 2.0, "seconds"), ("USD", 3e-6, "millionths of a USD"), ("percent", 40, "percent"),
     ("bytes", 0, "bytes"), ("USD", 0, "USD")],
)  # fmt: skip
def test_a_unit_suits_the_greatest_value(unit: str, greatest: float, label: str) -> None:
    assert axes.unit_for(unit, [None, greatest]).label == label
