"""Cost: replica-seconds × prices, additive over any split of time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.api.costing import Metered, columns, cost_table
from aca_notebook.model.metric import MetricPoint
from aca_notebook.model.price import ReplicaSize, price_list, replica_cost
from aca_notebook.model.rate import PriceList

START = datetime(2026, 1, 1, tzinfo=UTC)
EAST_US, WEST_US_2 = price_list("eastus"), price_list("westus2")
SIZE = ReplicaSize(0.5, 2**30)


def metered(*values: float | None, size: ReplicaSize = SIZE) -> Metered:
    points = tuple(MetricPoint(START + timedelta(minutes=i), value) for i, value in enumerate(values))
    return Metered("scorer", "scorer--1", size, points)


def test_a_replica_that_lived_three_seconds_costs_three_seconds():
    frame = cost_table([metered(3 / 60)], 60, START + timedelta(hours=1), EAST_US)
    assert frame["replica_seconds"].sum() == pytest.approx(3.0)
    assert frame["total_usd"].sum() == pytest.approx(3 * (0.5 * 0.000024 + 0.000003))


def test_the_open_bucket_counts_for_what_has_passed_of_it():
    frame = cost_table([metered(1.0, 1.0)], 60, START + timedelta(seconds=75), EAST_US)
    assert frame["replica_seconds"].tolist() == [60.0, 15.0]


def test_what_ran_on_the_cpu_costs_what_its_gpu_would_and_the_note_says_so():
    size = ReplicaSize(8.0, 56 * 2**30, "T4", 1)
    with_gpu = cost_table([metered(1.0, size=size)], 60, START + timedelta(hours=1), WEST_US_2)
    without = cost_table([metered(1.0, size=size)], 60, START + timedelta(hours=1), WEST_US_2, ("scorer",))
    assert without["total_usd"].tolist() == with_gpu["total_usd"].tolist()
    assert "ran on the CPU" in without.attrs["note"]
    assert "CPU" not in with_gpu.attrs["note"]


def test_buckets_without_replicas_have_no_row():
    frame = cost_table([metered(None, 0.0, 2.0)], 60, START + timedelta(hours=1), EAST_US)
    assert frame["at"].tolist() == [START + timedelta(minutes=2)]


def test_nothing_measured_is_an_empty_table_with_its_columns():
    frame = cost_table([], 60, START, EAST_US)
    assert list(frame.columns) == list(columns("USD"))
    assert frame.empty


def test_the_table_says_that_it_is_an_estimate_and_where_its_prices_come_from():
    attributes = cost_table([metered(1.0)], 60, START, EAST_US).attrs
    assert "upper bound" in attributes["estimate"]
    assert attributes["price_as_of"] == "2026-08-01"
    assert attributes["price_region"] == "eastus"
    assert "upper bound" in attributes["note"]


def test_a_gpu_is_charged_on_top_and_an_unknown_price_is_said():
    size = ReplicaSize(8, 56 * 2**30, "T4", 1)
    known = cost_table([metered(1.0, size=size)], 60, START + timedelta(hours=1), EAST_US)
    assert known["gpu_usd"].sum() == pytest.approx(60 * 0.000073)
    unknown = cost_table([metered(1.0, size=size)], 60, START + timedelta(hours=1), WEST_US_2)
    assert unknown["gpu_usd"].isna().all()
    assert unknown.attrs["unpriced"] == ["T4"]
    assert "T4" in unknown.attrs["note"]


@given(st.floats(0, 1e5), st.floats(0, 1e5), st.sampled_from(["", "T4", "A100"]))
def test_cost_is_additive_over_time(first, second, gpu):
    size = ReplicaSize(1.0, 2**31, gpu, 1 if gpu else 0)
    apart = replica_cost(size, first, EAST_US).total + replica_cost(size, second, EAST_US).total
    assert replica_cost(size, first + second, EAST_US).total == pytest.approx(apart)


def points(*values: float | None) -> tuple[MetricPoint, ...]:
    return tuple(MetricPoint(START + timedelta(minutes=i), value) for i, value in enumerate(values))


def test_a_replica_that_waits_at_its_minimum_is_charged_the_idle_rate_where_metrics_show_it():
    waiting = Metered(
        "scorer", "scorer--1", SIZE, points(1.0, 1.0, 1.0), min_replicas=1, requests=points(0.0, 4.0, 0.0),
        cores=points(0.002, 0.3, None), moved_bytes=points(600.0, 9000.0, 600.0),
    )  # fmt: skip
    frame = cost_table([waiting], 60, START + timedelta(hours=1), EAST_US)
    active, idle = 60 * (0.5 * 0.000024 + 0.000003), 60 * (0.5 * 0.000003 + 0.000003)
    assert frame["total_usd"].tolist() == pytest.approx([idle, active + 4 * 0.40 / 1e6, active])
    assert frame["idle_seconds"].tolist() == [60.0, 0.0, 0.0]
    assert frame["idle_usd"].tolist() == pytest.approx([idle, 0.0, active]), "what was paid while nobody asked"


def test_a_gpu_that_waits_is_charged_in_full_and_all_of_it_is_idle_money():
    size = ReplicaSize(8, 56 * 2**30, "T4", 1)
    waiting = Metered(
        "scorer", "scorer--1", size, points(1.0), min_replicas=1, requests=points(0.0), cores=points(0.0),
        moved_bytes=points(0.0),
    )  # fmt: skip
    frame = cost_table([waiting], 60, START + timedelta(hours=1), EAST_US)
    assert frame["total_usd"].sum() == pytest.approx(60 * 0.000433)
    assert frame["idle_usd"].tolist() == frame["total_usd"].tolist()


def test_what_takes_no_requests_is_not_called_idle():
    worker = Metered("worker", "worker--1", SIZE, points(1.0), serves=False)
    assert cost_table([worker], 60, START + timedelta(hours=1), EAST_US)["idle_usd"].sum() == 0


def test_replicas_on_dedicated_nodes_cost_nothing_themselves_and_the_note_says_who_does():
    there = Metered("scorer", "scorer--1", SIZE, points(1.0), requests=points(3.0), dedicated="D4")
    frame = cost_table([there], 60, START + timedelta(hours=1), EAST_US)
    assert frame["total_usd"].sum() == 0
    assert "scorer (D4)" in frame.attrs["note"]


def test_columns_carry_the_currency():
    euros = PriceList("eastus", "EUR", tuple(replace(rate, currency="EUR") for rate in EAST_US.rates))
    frame = cost_table([metered(1.0)], 60, START + timedelta(hours=1), euros)
    assert "total_eur" in frame
    assert frame.attrs["currency"] == "EUR"
