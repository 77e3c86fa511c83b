"""Metric arithmetic, filters and queries: tables of cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aca_notebook.emulator.telemetry.catalogue import APPS
from aca_notebook.emulator.telemetry.filters import parse_filter
from aca_notebook.emulator.telemetry.metric_questions import read_query, read_timespan
from aca_notebook.emulator.telemetry.metrics import Buckets, Span, replicas, restarts
from aca_notebook.emulator.telemetry.sampler import CpuMeter, Reading

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def minutes(count: int) -> Buckets:
    return Buckets(NOON, NOON + timedelta(minutes=count), timedelta(minutes=1))


def test_a_replica_of_three_seconds_is_a_twentieth_of_its_minute():
    (point,) = replicas([Span("r", "p", after(10), after(13))], minutes(1), since=NOON, now=after(300))

    assert point is not None
    assert point.average == pytest.approx(0.05)
    assert (point.minimum, point.maximum) == (0, 1)


def test_the_open_minute_is_averaged_over_the_part_that_has_passed():
    (point,) = replicas([Span("r", "p", after(0))], minutes(1), since=NOON, now=after(15))

    assert point is not None
    assert point.average == 1


def test_there_is_no_point_before_the_app_and_none_in_the_future():
    points = replicas([Span("r", "p", after(70))], minutes(4), since=after(70), now=after(130))

    assert [point is None for point in points] == [True, False, False, True]


def test_an_app_without_replicas_has_zero_of_them():
    (point,) = replicas([], minutes(1), since=NOON, now=after(300))

    assert point is not None
    assert point.average == point.maximum == 0


def test_restarts_are_counted_up_to_the_end_of_each_point():
    span = Span("r", "p", after(0), after(150), restarts=(after(30), after(90)))

    points = restarts([span], minutes(4), now=after(600))

    assert [point and point.maximum for point in points] == [1, 2, 2, None]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("", {}, id="none"),
        pytest.param("revisionName eq '*'", {"revisionName": {"*"}}, id="a wildcard"),
        pytest.param("REVISIONNAME EQ 'a'", {"revisionName": {"a"}}, id="any case"),
        pytest.param("podName eq 'a' or podName eq 'b'", {"podName": {"a", "b"}}, id="or"),
        pytest.param("revisionName eq 'a' and podName eq '*'", {"revisionName": {"a"}, "podName": {"*"}}, id="and"),
        pytest.param("podName eq 'it''s'", {"podName": {"it's"}}, id="a doubled quote"),
    ],
)
def test_a_filter_is_read(text, values):
    metric = APPS.find("UsageNanoCores")
    assert metric is not None

    assert {name: set(found) for name, found in parse_filter(text, metric).values.items()} == values


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("statusCode eq '200'", "has no dimension statusCode", id="a dimension of another metric"),
        pytest.param("podName ne 'a'", "not understood", id="another operator"),
        pytest.param("podName eq 'a' podName eq 'b'", "write and, or", id="no join"),
        pytest.param("podName eq 'a' or revisionName eq 'b'", "cannot join", id="or between dimensions"),
        pytest.param("podName eq 'a' and", "not understood", id="cut short"),
    ],
)
def test_a_filter_that_cannot_be_read_says_why(text, complaint):
    metric = APPS.find("UsageNanoCores")
    assert metric is not None

    with pytest.raises(ValueError, match=complaint):
        parse_filter(text, metric)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        pytest.param("2026-01-01T12:00:00Z/2026-01-01T12:05:00Z", 0, 300, id="Zulu"),
        pytest.param("2026-01-01T12:00:00/2026-01-01T12:05:00", 0, 300, id="no zone, as az sends it"),
        pytest.param("2026-01-01T13:00:00+01:00/2026-01-01T12:05:00.5Z", 0, 300.5, id="another zone"),
        pytest.param("2026-01-01T13:00:00 01:00/PT5M", 0, 300, id="a plus that became a blank, and a duration"),
        pytest.param("PT1H", -3600, 0, id="a duration up to now"),
        pytest.param("", -3600, 0, id="nothing is the past hour"),
    ],
)
def test_a_time_span_is_read(text, start, end):
    assert read_timespan(text, NOON) == (after(start), after(end))


@pytest.mark.parametrize("text", ["yesterday", "2026-01-01T12:00:00Z/2026-01-01T12:00:00Z", "P/PT1H", "PT"])
def test_a_time_span_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="span"):
        read_timespan(text, NOON)


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        pytest.param({"metricnames": "Nonsense"}, "Valid metrics: UsageNanoCores", id="metric"),
        pytest.param({"interval": "PT2M"}, "Supported ones are: PT1M,PT5M", id="grain"),
        pytest.param({"aggregation": "median"}, "Invalid aggregation type: median", id="aggregation"),
        pytest.param({"orderby": "size desc"}, "Invalid orderby", id="order"),
        pytest.param({"top": "0"}, "top must be", id="top"),
        pytest.param({"timespan": "P365D"}, "ask for a longer interval", id="too many points"),
        pytest.param({"metricnames": ",".join(["Requests"] * 21)}, "Only 20 metrics", id="too many metrics"),
    ],
)
def test_a_query_that_azure_would_refuse_is_refused(asked, complaint):
    with pytest.raises(ValueError, match=complaint):
        read_query(lambda name: asked.get(name, ""), NOON)


def test_a_full_interval_is_one_point():
    asked = read_query(lambda name: {"interval": "FULL", "timespan": "PT90M"}.get(name, ""), NOON)

    assert len(asked.buckets) == 1


def test_a_query_starts_on_a_whole_minute():
    asked = read_query(lambda name: {"timespan": "2026-01-01T11:00:31Z/2026-01-01T11:02:31Z"}.get(name, ""), NOON)

    assert asked.buckets.start.second == 0
    assert len(asked.buckets) == 3


def test_cores_are_cpu_seconds_over_the_time_between_two_readings():
    meter = CpuMeter()
    replica = ("app", "replica")

    first = meter.cores(replica, Reading({(1, 0.0): 2.0}, 0), now=10, first_seconds=5)
    second = meter.cores(replica, Reading({(1, 0.0): 4.0, (2, 0.0): 1.0}, 0), now=12, first_seconds=5)
    third = meter.cores(replica, Reading({(1, 9.9): 0.5}, 0), now=13, first_seconds=5)  # the pid was used again

    assert (first, second, third) == (0.4, 1.5, 0.5)
