"""Aggregating by minutes gives what aggregating the samples themselves gives."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.emulator.telemetry.catalogue import GRAINS
from aca_notebook.emulator.telemetry.metrics import Buckets, Cell, Span, aggregate, minute_of, replicas, sampled

START = datetime(2026, 1, 1, tzinfo=UTC)
HORIZON_SECONDS = 2 * 3600

seconds = st.integers(0, HORIZON_SECONDS - 1)
values = st.floats(0, 1e12, allow_nan=False)
samples = st.lists(st.tuples(st.integers(0, 2), seconds, values), max_size=60)
grains = st.sampled_from([minutes for minutes in GRAINS.values() if minutes <= 60])


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


@pytest.mark.timeout(300)
@settings(max_examples=1000)
@given(samples, st.integers(0, 100), st.integers(1, 120), grains)
def test_points_made_from_minutes_equal_points_made_from_samples(taken, first_minute, minutes, grain):
    buckets = Buckets(at(first_minute * 60), at((first_minute + minutes) * 60), timedelta(minutes=grain))
    stored: dict[int, dict[int, Cell]] = {}
    for series, second, value in taken:
        cells = stored.setdefault(series, {})
        minute = minute_of(at(second))
        cells[minute] = cells[minute].merged(sampled(value)) if minute in cells else sampled(value)

    points = aggregate(stored.values(), buckets)

    assert len(points) == math.ceil(minutes / grain)
    for index, point in enumerate(points):
        begin, end = buckets.bounds(index)
        naive = [value for _, second, value in taken if begin <= at(second) < end]
        if not naive:
            assert point is None
            continue
        assert point is not None
        assert (point.count, point.minimum, point.maximum) == (len(naive), min(naive), max(naive))
        assert math.isclose(point.total, math.fsum(naive), rel_tol=1e-9)
        assert point.minimum <= point.average * (1 + 1e-9)
        assert point.average <= point.maximum * (1 + 1e-9)


spans = st.lists(
    st.tuples(seconds, st.one_of(st.none(), st.integers(0, HORIZON_SECONDS))).map(
        lambda pair: Span("r", "p", at(pair[0]), None if pair[1] is None else at(pair[0] + pair[1]))
    ),
    max_size=8,
)


@given(spans, seconds, grains)
def test_average_times_elapsed_is_replica_seconds_whatever_the_grain(there, now_second, grain):
    now = at(now_second)
    buckets = Buckets(START, at(HORIZON_SECONDS), timedelta(minutes=grain))

    points = replicas(there, buckets, since=START, now=now)

    metered = 0.0
    for index, point in enumerate(points):
        begin, end = buckets.bounds(index)
        if point is not None:
            metered += point.average * (min(end, now) - begin).total_seconds()
    naive = sum(max(0.0, (min(span.end or now, now) - span.start).total_seconds()) for span in there)
    assert math.isclose(metered, naive, rel_tol=1e-9, abs_tol=1e-6)


@given(spans, grains)
def test_replicas_lie_between_the_least_and_the_most_that_ran(there, grain):
    buckets = Buckets(START, at(HORIZON_SECONDS), timedelta(minutes=grain))

    for point in replicas(there, buckets, since=START, now=at(HORIZON_SECONDS)):
        assert point is not None
        assert 0 <= point.minimum <= point.average + 1e-9
        assert point.average <= point.maximum + 1e-9
        assert point.maximum <= len(there)
