"""A follower that is cut off goes on without loss or repetition."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.api.logs import _Position
from aca_notebook.model.log import LogLine

START = datetime(2026, 1, 1, tzinfo=UTC)

steps = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab")), max_size=30)


@given(steps, st.integers(0, 30), st.integers(0, 30))
def test_reading_again_from_the_start_gives_each_line_exactly_once(steps, first_cut, second_cut):
    """Lines may share a moment and a text: then their number counts."""
    lines, at = [], START
    for step, text in steps:
        at += timedelta(seconds=step)
        lines.append(LogLine(text, at))
    position, read = _Position(), []
    for cut in (first_cut, second_cut, len(lines)):
        read += [line for line in lines[:cut] if position.is_new(line)]
        position.resume()
    assert read == lines[: max(first_cut, second_cut, len(lines))]


def test_banners_without_a_time_are_shown_once():
    position, banner = _Position(), LogLine("Connecting")
    assert position.is_new(banner)
    position.resume()
    assert not position.is_new(banner)
