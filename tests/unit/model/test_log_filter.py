"""Which lines pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.model.log import LogLine, LogSource
from aca_notebook.model.log_filter import LEVELS, LogFilter, level_of

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LINES = {
    '{"level": "WARN", "x": 1}': "warning",
    '{"severity": "critical"}': "critical",
    '{"message": "ERROR"}': "",
    '{"level": 3}': "",
    "{no json": "",
    "2026-05-01 12:00:00,123 ERROR module: it broke": "error",
    "INFO:     Uvicorn running": "info",
    "[warning] low": "warning",
    "app: warning: low": "warning",
    "a warning to all": "",
    "the ERROR_COUNT is 3": "",
    "Traceback (most recent call last):": "error",
    "ValueError: negative": "error",
    "lib.errors.TooBig: no": "",
    "all is well": "",
}


@pytest.mark.parametrize(("text", "level"), LINES.items(), ids=LINES)
def test_a_line_tells_its_level(text, level):
    assert level_of(LogLine(text)) == level


def test_what_was_written_to_standard_error_is_an_error_unless_it_says_otherwise():
    assert level_of(LogLine("oh", level="stderr")) == "error"
    assert level_of(LogLine("INFO: started", level="stderr")) == "info"
    assert level_of(LogLine("Probe failed", source=LogSource.SYSTEM, level="Warning")) == "warning"


@given(st.sampled_from([*LINES]), st.sampled_from([*LEVELS]), st.sampled_from([*LEVELS]))
def test_a_stricter_level_lets_nothing_through_that_a_milder_one_holds_back(text, one, other):
    mild, strict = sorted((one, other), key=[*LEVELS].index)
    line = LogLine(text)
    assert not LogFilter(level=strict).passes(line) or LogFilter(level=mild).passes(line)


def test_a_line_must_be_all_that_is_asked_for():
    line = LogLine("ERROR timeout in call 7f", NOON)
    assert LogFilter("error", "TIME.?OUT", NOON, "7f").passes(line)
    assert not LogFilter("critical").passes(line)
    assert not LogFilter(pattern="refused").passes(line)
    assert not LogFilter(since=NOON + timedelta(seconds=1)).passes(line)
    assert not LogFilter(call="8a").passes(line)
    assert LogFilter(since=NOON).passes(LogLine("a banner"))
