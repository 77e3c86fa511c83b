from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from aca_notebook.display import traces
from aca_notebook.model.trace import PLATFORM, RECKONED, Span, SpanEvent, Trace, in_reading_order
from tests.unit.display.test_cards import Tidy

NOW = datetime(2026, 11, 23, 13, 3, 11, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>&\"'"


def span(name: str, start: float, length: float, parent: str = "root", **more) -> Span:
    return Span(more.pop("id_", name), name, NOW + timedelta(milliseconds=start), length, parent, **more)


def cold(**more) -> Trace:
    root = span(
        "POST /score", 950, 50, "", id_="root", app="scorer", replica="scorer--1-x", result="200",
        properties={"aca.call_id": "c1"}, **more,
    )  # fmt: skip
    spans = [
        root, span("queue", 0, 950, source=RECKONED), span("replica start", 0, 300, "queue", source=RECKONED),
        span("pull image", 10, 200, "replica start", source=PLATFORM), span("import", 300, 500, "queue"),
        span("run score", 951, 49),
    ]  # fmt: skip
    return Trace("0af7651916cd43dd8448eb211c80319c", "c1", in_reading_order(spans))


def test_a_waterfall_reads_well_as_text() -> None:
    assert traces.waterfall(cold())["text/plain"] == (
        "POST /score: cold call of 1.00 s; 950 ms before its replica had it\n"
        "  call c1\n"
        "  trace 0af7651916cd43dd8448eb211c80319c\n"
        "  replica scorer--1-x\n"
        "  answer 200\n"
        "  began 2026-11-23 13:03:11 UTC\n"
        "  POST /score             50 ms                                        ━━\n"
        "    queue            ~   950 ms  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━\n"
        "      replica start  ~   300 ms  ━━━━━━━━━━━━\n"
        "        pull image   ·   200 ms  ━━━━━━━━\n"
        "      import             500 ms              ━━━━━━━━━━━━━━━━━━━━\n"
        "    run score             49 ms                                        ━━\n"
        "  ~ reckoned from when the caller sent it\n"
        "  · from the platform's log"
    )


def test_a_warm_call_names_what_took_most_of_it() -> None:
    root = span("POST /", 0, 100, "", id_="root")
    trace = Trace("t", "c", in_reading_order([root, span("run score", 5, 80)]))
    assert traces.summary(trace) == "warm call of 100 ms; most of it run score, 80 ms"


def test_each_form_has_every_span_and_its_picture_is_whole() -> None:
    bundle = traces.waterfall(cold())
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}
    drawing = ET.fromstring(bundle["image/svg+xml"])
    words = " ".join(each.text or "" for each in drawing.iter("{http://www.w3.org/2000/svg}text"))
    for name in ("POST /score", "queue", "replica start", "pull image", "import", "run score", "950 ms"):
        assert name in words
        assert name in bundle["text/plain"]
    picture = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', bundle["text/html"])
    ET.fromstring(base64.b64decode(picture[1]))
    assert "alt=" in bundle["text/html"]  # for who does not see it
    Tidy(bundle["text/html"])


def test_every_bar_lies_within_the_picture() -> None:
    drawing = ET.fromstring(traces.svg(cold()))
    for bar in list(drawing.iter("{http://www.w3.org/2000/svg}rect"))[1:]:
        assert 0 <= float(bar.get("x")) <= float(bar.get("x")) + float(bar.get("width")) <= 880


def test_names_that_a_program_chose_are_only_words() -> None:
    root = span(HOSTILE, 0, 5, "", id_="root", replica=HOSTILE, success=False)
    events = (SpanEvent(NOW, "exception", f"{HOSTILE}\nmore", "root"),)
    bundle = traces.waterfall(Trace(HOSTILE, HOSTILE, in_reading_order([root]), events, HOSTILE))
    assert "<script" not in bundle["text/html"]
    ET.fromstring(bundle["image/svg+xml"])
    Tidy(bundle["text/html"])
    assert "failed" in bundle["text/plain"]


def test_a_trace_of_no_length_is_drawn() -> None:
    bundle = traces.waterfall(Trace("t", "c", in_reading_order([span("x", 0, 0.0, "")])))
    ET.fromstring(bundle["image/svg+xml"])
    assert "0.0 ms" in bundle["text/plain"]


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0.04, "0.0 ms"), (4.0, "4.0 ms"), (14.4, "14 ms"), (999.0, "999 ms"), (1234.0, "1.23 s"), (65_000.0, "65.0 s")],
)
def test_lengths_are_written_with_the_digits_that_count(milliseconds: float, text: str) -> None:
    assert traces.length(milliseconds) == text
