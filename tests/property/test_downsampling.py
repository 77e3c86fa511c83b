"""A drawing of a million points keeps what stands out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.display.downsampling import envelope

value = st.one_of(st.floats(-1e9, 1e9), st.sampled_from([math.nan, math.inf, -math.inf, 0.0]))


@st.composite
def drawings(draw):
    """Moments in order, some of them far apart, a few columns, and how many may be drawn."""
    gaps = draw(st.lists(st.one_of(st.integers(0, 5), st.integers(1000, 5000)), min_size=1, max_size=120))
    columns = draw(st.lists(st.lists(value, min_size=len(gaps), max_size=len(gaps)), min_size=1, max_size=3))
    start = draw(st.integers(0, 10**15))
    moments = start + np.cumsum(gaps)
    return moments, {f"column {number}": np.array(one) for number, one in enumerate(columns)}, draw(st.integers(2, 60))


@pytest.mark.timeout(300)
@settings(max_examples=1500)
@given(drawings())
def test_each_part_keeps_its_least_and_its_greatest_value_in_the_order_they_came(drawing):
    moments, columns, most = drawing

    drawn, kept = envelope(moments, columns, most)

    assert len(drawn) <= max(most, 2) if len(moments) > most else len(drawn) == len(moments)
    assert list(drawn) == sorted(drawn)
    for name, values in columns.items():
        finite = values[np.isfinite(values)]
        shown = kept[name][np.isfinite(kept[name])]
        assert set(shown) <= set(finite), "no value is made up"
        if len(finite):
            assert (shown.min(), shown.max()) == (finite.min(), finite.max())
        else:
            assert not len(shown)
        if len(moments) > most:
            _hold_each_part(moments, values, (drawn, kept[name]), most // 2)


def _hold_each_part(moments, values, drawn, parts):
    """By the naive way: for each part, walk through its points."""
    first, span = int(moments[0]), int(moments[-1]) - int(moments[0]) + 1
    expected = []
    for part in range(parts):
        low, high = first + span * part // parts, first + span * (part + 1) // parts
        inside = [index for index, moment in enumerate(moments) if low <= moment < high]
        if not inside:
            continue
        known = [index for index in inside if math.isfinite(values[index])]
        if not known:
            expected += [math.nan, math.nan]
            continue
        least = min(known, key=lambda index: (values[index], index))
        greatest = min(known, key=lambda index: (-values[index], index))
        expected += [values[index] for index in sorted((least, greatest))]
    np.testing.assert_array_equal(drawn[1], expected)
    assert len(drawn[0]) == len(expected)
