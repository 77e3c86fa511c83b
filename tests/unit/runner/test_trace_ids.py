from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.runner.trace_ids import read_parent, read_sent, trace_id_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("call", "trace"),
    [
        (TRACE, TRACE),
        (TRACE.upper(), TRACE),
        ("0af76519-16cd-43dd-8448-eb211c80319c", TRACE),
        # first half of `printf %s call-1 | sha256sum`
        ("call-1", "5d7963c4f471e142f5a72214a9666fb1"),
    ],
)
def test_a_calls_id_is_its_traces_or_stands_for_one(call: str, trace: str) -> None:
    assert trace_id_of(call) == trace


@given(st.text())
def test_any_call_has_the_same_valid_trace_each_time(call: str) -> None:
    trace = trace_id_of(call)
    assert re.fullmatch(r"[0-9a-f]{32}", trace)
    assert trace != "0" * 32
    assert trace_id_of(call) == trace


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (f"00-{TRACE}-{SPAN}-01", (TRACE, SPAN)),
        (f" 00-{TRACE.upper()}-{SPAN}-00 ", (TRACE, SPAN)),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE}-{SPAN}", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        ("", None),
        ("00-x-y-01", None),
    ],
)
def test_a_traceparent_is_read_or_left_alone(written: str, found: tuple[str, str] | None) -> None:
    assert read_parent(written) == found


@pytest.mark.parametrize("written", ["t=1700000000.5", "1700000000500", "t=1700000000500000", " t=1700000000.5 "])
def test_a_moment_is_read_in_seconds_milliseconds_or_microseconds(written: str) -> None:
    assert read_sent(written) == 1_700_000_000_500_000_000


@pytest.mark.parametrize("written", ["", "t=", "now", "t=-1", "nan", "inf", "t=1e400", "12", "t=99999999999999999999"])
def test_what_says_no_moment_is_none(written: str) -> None:
    assert read_sent(written) is None
