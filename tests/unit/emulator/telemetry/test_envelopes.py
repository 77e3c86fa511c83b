"""What an item of telemetry says, one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.telemetry.traces.envelopes import Refusal, Row, key_of, read_item

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def item(base: dict[str, Any], kind: str = "RequestData", **changed: Any) -> dict[str, Any]:
    given_base = {"id": "1", "duration": "00:00:01", **base}
    return {"time": NOW.isoformat(), "iKey": "K", "data": {"baseType": kind, "baseData": given_base}} | changed


def row(made: dict[str, Any]) -> Row:
    found = read_item(made, NOW)
    assert isinstance(found, Row), found
    return found


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [("00:00:01", 1000.0), ("1.02:03:04.5", 93_784_500.0), ("0.00:00:00.0000001", 0.0001), (12.5, 12.5)],
)
def test_a_duration_is_read_in_milliseconds(written: Any, milliseconds: float) -> None:
    assert row(item({"duration": written})).milliseconds == pytest.approx(milliseconds)


@pytest.mark.parametrize("duration", ["", "soon", "1:2", None, [], {"a": 1}, True, "99999999999999999999"])
def test_what_is_no_duration_is_refused(duration: Any) -> None:
    assert isinstance(read_item(item({"duration": duration}), NOW), Refusal)


def test_a_sampled_item_stands_for_those_that_were_not_sent() -> None:
    assert row(item({}, sampleRate=25)).items == 4
    assert row(item({}, sampleRate=None)).items == 1
    assert row(item({}, sampleRate=10**400)).items == 1


@pytest.mark.parametrize(
    ("level", "kept"), [("Error", 3), (2, 2), ("1", 1), ("critical", 4), (None, None), (9, None), ("x", None)]
)
def test_a_severity_is_a_number_from_nought_to_four(level: Any, kept: int | None) -> None:
    message = {"message": "m", "severityLevel": level}
    assert row(item(message, "MessageData")).more["severity"] == kept


def test_an_exception_names_the_outermost_the_innermost_and_where() -> None:
    frames = [{"method": "load", "assembly": "cell", "line": 3}]
    outer = {"typeName": "RuntimeError", "message": "outer"}
    inner = {"typeName": "ValueError", "message": "inner", "parsedStack": frames}
    more = row(item({"exceptions": [outer, inner]}, "ExceptionData")).more
    assert (more["outer_type"], more["type"], more["problem"]) == ("RuntimeError", "ValueError", "ValueError at load")
    assert [each["type"] for each in more["details"]] == ["RuntimeError", "ValueError"]


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize("bad", [{"x": deep(40)}, {"x": "\0"}, {"x": "\ud800"}])
def test_what_could_not_be_stored_is_refused(bad: dict[str, Any]) -> None:
    assert isinstance(read_item(item({}, **bad), NOW), Refusal)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)
KINDS = st.sampled_from([
    "RequestData", "RemoteDependencyData", "MessageData", "ExceptionData", "EventData", "PageViewData", "MetricData",
    "AvailabilityData", "Other",
])  # fmt: skip
MEMBERS = st.sampled_from([
    "id", "name", "duration", "success", "responseCode", "message", "exceptions", "metrics", "properties",
    "measurements", "severityLevel",
])  # fmt: skip


@given(KINDS, st.dictionaries(MEMBERS, JSON), st.dictionaries(st.sampled_from(["time", "tags", "sampleRate"]), JSON))
def test_anything_is_kept_or_refused_and_nothing_breaks(kind: str, base: dict[str, Any], outer: dict[str, Any]) -> None:
    made = {"data": {"baseType": kind, "baseData": base}, "time": NOW.isoformat(), **outer}
    found = read_item(made, NOW)
    assert isinstance(found, Row | Refusal)
    if isinstance(found, Row):
        found.as_json()


@given(JSON)
def test_any_json_is_no_item_at_worst(value: Any) -> None:
    assert isinstance(read_item(value, NOW), Row | Refusal)
    assert isinstance(key_of(value), str)
