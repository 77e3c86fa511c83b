"""The same money cut differently: shares add up, and what nobody can be named for goes to nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.api import cost_grouping
from aca_notebook.api.costing import Metered, cost_table
from aca_notebook.model.metric import MetricPoint
from aca_notebook.model.price import ReplicaSize, price_list

START = datetime(2026, 5, 1, 23, 58, tzinfo=UTC)
PRICES = price_list("eastus")
SIZE, T4 = ReplicaSize(0.5, 2**30), ReplicaSize(8, 56 * 2**30, "T4", 1)
SECOND_USD = 0.000015


def points(*values: float | None) -> tuple[MetricPoint, ...]:
    return tuple(MetricPoint(START + timedelta(minutes=minute), value) for minute, value in enumerate(values))


def charged(*metered: Metered) -> pd.DataFrame:
    return cost_table(metered, 60, START + timedelta(days=1), PRICES)


def calls(*rows: tuple[int, str, float]) -> pd.DataFrame:
    """Calls by the second after the start they ended at, their id and how long they ran."""
    return pd.DataFrame({
        "At": pd.to_datetime([START + timedelta(seconds=at) for at, _, _ in rows], utc=True),
        "App": "scorer", "Function": "score", "Call": [name for _, name, _ in rows], "Status": 200,
        "Seconds": [seconds for _, _, seconds in rows],
    })  # fmt: skip


ONE = Metered("scorer", "scorer--1", SIZE, points(1.0, 1.0, 1.0))


def test_days_are_those_of_utc():
    found = cost_grouping.by_day(charged(ONE))
    assert found["replica_seconds"].to_dict() == {"2026-05-01": 120.0, "2026-05-02": 60.0}


def test_a_bucket_is_shared_by_the_replicas_that_were_measured_in_it():
    two = Metered("scorer", "scorer--1", SIZE, points(2.0, 1.0, 1.0), requests=points(4.0, 0.0, 0.0))
    there = {"scorer--1-a": points(0.1, 0.1), "scorer--1-b": points(0.1), "scorer--11-c": points(0.1, 0.1, 0.1)}
    found = cost_grouping.by_replica(charged(two), there)
    assert found["replica_seconds"].to_dict() == {"scorer--1-a": 120.0, "scorer--1-b": 60.0, cost_grouping.NOBODY: 60.0}
    assert found.loc["scorer--1-b", "requests"] == 2.0
    assert found["total_usd"].sum() == pytest.approx(charged(two)["total_usd"].sum())


def test_a_call_pays_for_its_seconds_and_waiting_is_told_apart():
    found = cost_grouping.by_call(charged(ONE), calls((30, "slow", 6.0), (40, "fast", 3.0)))
    assert found["call"].tolist() == ["slow", "fast"], "the dearest first"
    assert found["total_usd"].tolist() == pytest.approx([6 * SECOND_USD, 3 * SECOND_USD])
    assert found.attrs["waiting_usd"] == pytest.approx((180 - 9) * SECOND_USD)


def test_calls_that_run_at_once_share_their_replica():
    found = cost_grouping.by_call(charged(ONE), calls(*((50, str(number), 40.0) for number in range(3))))
    assert found["total_usd"].tolist() == pytest.approx([20 * SECOND_USD] * 3)


def test_a_call_that_took_no_time_is_free_and_one_of_another_time_is_left_out():
    found = cost_grouping.by_call(charged(ONE), calls((10, "nothing", 0.0), (9999, "later", 1.0)))
    assert found["call"].tolist() == ["nothing"]
    assert found["total_usd"].tolist() == [0.0]


def test_meters_have_quantities_and_what_they_come_to():
    waiting = Metered(
        "scorer", "scorer--1", SIZE, points(1.0, 1.0), min_replicas=1, requests=points(0.0, 10.0),
        cores=points(0.0, 0.5), moved_bytes=points(0.0, 1e6),
    )  # fmt: skip
    gpu = Metered("trainer", "trainer--1", T4, points(1.0))
    found = cost_grouping.by_meter(charged(waiting, gpu), [waiting, gpu], PRICES).set_index("meter")
    assert found["quantity"].to_dict() == {
        "Standard vCPU Active Usage": 30.0 + 480.0, "Standard vCPU Idle Usage": 30.0,
        "Standard Memory Active Usage": 60.0 + 56 * 60.0, "Standard Memory Idle Usage": 60.0,
        "Standard NC T4 v3 GPU Usage": 60.0, "Standard Requests": 10.0,
    }  # fmt: skip
    assert found["total_usd"].sum() == pytest.approx(charged(waiting, gpu)["total_usd"].sum())


def test_a_meter_without_a_price_is_counted_and_has_no_amount():
    west = price_list("westus2")
    gpu = Metered("trainer", "trainer--1", T4, points(1.0))
    frame = cost_table([gpu], 60, START + timedelta(days=1), west)
    found = cost_grouping.by_meter(frame, [gpu], west).set_index("meter")["total_usd"]
    assert pd.isna(found["Standard NC T4 v3 GPU Usage"])


def test_nothing_can_be_cut_every_way():
    empty = charged()
    for found in (
        cost_grouping.by_column(empty, "app"), cost_grouping.by_day(empty), cost_grouping.by_replica(empty, {}),
        cost_grouping.by_call(empty, calls()), cost_grouping.by_meter(empty, [], PRICES),
        cost_grouping.by_meter(empty, [], PRICES, daily=True),
    ):  # fmt: skip
        assert cost_grouping.rows_of(found) == ()
        assert found["total_usd"].sum() == 0.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 179), st.floats(0, 300)), max_size=12))
def test_calls_and_waiting_together_are_all_there_was(made):
    frame = charged(ONE)
    found = cost_grouping.by_call(frame, calls(*((at, str(number), ran) for number, (at, ran) in enumerate(made))))
    assert found["total_usd"].sum() + found.attrs["waiting_usd"] == pytest.approx(frame["total_usd"].sum())
    assert (found["total_usd"] >= 0).all()
