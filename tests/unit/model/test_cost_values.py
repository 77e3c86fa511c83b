"""Alarms, forecasts and bills: decided from values alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from aca_notebook.model import meter
from aca_notebook.model.bill import Spent, reconcile
from aca_notebook.model.cost import CostRow, decide_quiet, forecast
from aca_notebook.model.metric import MetricPoint

NOW = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
TODAY = NOW.date()
VCPU, IDLE, T4 = meter.VCPU_ACTIVE.name, meter.VCPU_IDLE.name, meter.GPU_T4.name


def minutes(values: dict[int, float | None]) -> tuple[MetricPoint, ...]:
    """Points by how many minutes ago they began."""
    whole = NOW.replace(second=0)
    return tuple(MetricPoint(whole - timedelta(minutes=ago), value) for ago, value in sorted(values.items()))


RUNNING = minutes(dict.fromkeys(range(60), 1.0))


@pytest.mark.parametrize(
    ("replicas", "requests", "quiet"),
    [
        (RUNNING, minutes(dict.fromkeys(range(60), 0.0)), 60),
        (RUNNING, minutes({20: 3.0}), 20),
        (RUNNING, minutes({14: 1.0}), None),  # a quarter of an hour is not over yet
        (RUNNING, (), 60),  # what nobody asked for has no points
        (minutes(dict.fromkeys(range(10), 1.0)), (), None),  # it has just started
        (minutes({0: 1.0, 1: 1.0, **dict.fromkeys(range(3, 60), 1.0)}), (), None),  # a minute that nobody measured
        (minutes(dict.fromkeys(range(10, 60), 1.0)), (), None),  # it has gone
        (minutes(dict.fromkeys(range(4, 60), 1.0)), (), 56),  # Azure Monitor is a few minutes behind
        ((), (), None),
        (minutes(dict.fromkeys(range(60), 0.0)), (), None),
    ],
)  # fmt: skip
def test_an_alarm_needs_a_replica_that_was_there_all_the_time_and_nobody_who_asked(replicas, requests, quiet):
    expected = None if quiet is None else timedelta(minutes=quiet)
    assert decide_quiet(replicas, requests, NOW) == expected


def test_a_thousand_requests_cost_all_that_was_spent_for_them():
    assert CostRow("scorer", 0.5, {}, requests=250.0).per_thousand == 2.0
    assert CostRow("scorer", 0.5, {}).per_thousand is None


def test_a_week_is_forecast_as_its_average_with_the_band_of_its_days():
    past = {date(2026, 11, 2) + timedelta(days=day): amount for day, amount in enumerate([1, 1, 1, 1, 1, 1, 8])}
    found = forecast(past, 2)
    assert found.days == (date(2026, 11, 9), date(2026, 11, 10))
    assert found.expected == pytest.approx((2.0, 2.0))
    # Left out, a day of 1 is expected to be (5 + 8) / 6, and is 7/6 less; the day of 8 is 7 more. Quantiles between.
    assert found.low == pytest.approx((2.0 - 7 / 6,) * 2)
    assert found.high == pytest.approx((2.0 + (-7 / 6 + 0.4 * (7 + 7 / 6)),) * 2)


def test_with_two_weeks_each_weekday_is_expected_to_be_like_its_own():
    past = {date(2026, 11, 2) + timedelta(days=day): 5.0 if day % 7 < 5 else 1.0 for day in range(21)}
    found = forecast(past, 7)
    assert found.expected == (5.0, 5.0, 5.0, 5.0, 5.0, 1.0, 1.0)
    assert found.low == found.high == found.expected, "every day was as its weekday says"
    assert "weekdays" in found.method


def test_a_forecast_is_never_below_nothing():
    past = {date(2026, 11, 2) + timedelta(days=day): 0.0 if day % 2 else 10.0 for day in range(9)}
    assert min(forecast(past, 5).low) == 0.0


def test_less_than_a_week_is_refused():
    with pytest.raises(ValueError, match="6 full days are too few"):
        forecast({date(2026, 11, 2) + timedelta(days=day): 1.0 for day in range(6)}, 1)


def spent(*rows: tuple[int, str, float]) -> list[Spent]:
    return [Spent(TODAY - timedelta(days=ago), name, amount) for ago, name, amount in rows]


@pytest.mark.parametrize(
    ("estimated", "billed", "lag", "why"),
    [
        ([(5, T4, 2.0)], [(5, T4, 2.001)], 0.0, "the same"),
        ([(5, T4, 2.0), (2, T4, 1.0)], [(5, T4, 2.0)], 1.0, "bills are 8 to 24 hours late"),
        ([(5, T4, 2.0), (0, T4, 1.0)], [(5, T4, 2.0), (0, T4, 0.4)], 0.6, "bills are 8 to 24 hours late"),
        ([(5, T4, 2.0)], [(5, T4, 1.5)], 0.0, "a discount, or a lower price than the list's"),
        ([(5, T4, 2.0)], [(5, T4, 2.5)], 0.0, "a higher price than the list's, or apps that are gone"),
        ([(5, VCPU, 2.0)], [(5, VCPU, 0.5)], 0.0, "the free grant, a discount, or waiting that metrics did not show"),
        ([], [(5, "Analytics Logs Data Ingestion", 0.3)], 0.0,
         "not a meter of replicas or requests: nothing here estimates it"),
        ([(1, T4, 1.0)], [], 1.0, "bills are 8 to 24 hours late"),
    ],
)  # fmt: skip
def test_the_difference_to_a_bill_is_explained_by_meter_and_lag(estimated, billed, lag, why):
    (row,) = reconcile(spent(*estimated), spent(*billed), TODAY)
    assert (row.lag, row.why) == (pytest.approx(lag), why)
    assert row.difference == pytest.approx(row.billed - row.estimated)


def test_what_was_billed_as_idle_and_estimated_as_active_is_told_on_both_lines():
    rows = reconcile(spent((5, VCPU, 8.0)), spent((5, VCPU, 4.0), (5, IDLE.upper(), 0.5)), TODAY)
    assert [row.meter for row in rows] == [VCPU, IDLE]
    assert {row.why for row in rows} == {"some waiting was billed as idle that metrics did not show"}


def test_bill_and_estimate_keep_their_sums():
    ours, theirs = spent((3, VCPU, 1.0), (0, VCPU, 2.0)), spent((3, VCPU, 0.5), (3, T4, 9.0))
    rows = reconcile(ours, theirs, TODAY)
    assert sum(row.estimated for row in rows) == 3.0
    assert sum(row.billed for row in rows) == 9.5
    assert [row.meter for row in rows] == [T4, VCPU], "the dearest first"
