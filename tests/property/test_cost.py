"""Cost: additive over any split of time, never negative, never less with more use."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.api.costing import Metered, fold, samples, terms
from aca_notebook.model import meter
from aca_notebook.model.metric import MetricPoint
from aca_notebook.model.price import (
    PRICE_LISTS,
    ReplicaSize,
    after_grant,
    charges,
    is_idle,
    replica_cost,
    replica_usage,
)

CASES = settings(max_examples=1000, deadline=None)

seconds = st.floats(0, 1e7)
sizes = st.builds(
    lambda cores, gib, gpu: ReplicaSize(cores, int(gib * 2**30), gpu, 1 if gpu else 0),
    st.floats(0.25, 24), st.floats(0.5, 220), st.sampled_from(["", "T4", "A100"]),
)  # fmt: skip
lists = st.sampled_from(PRICE_LISTS)
used = st.dictionaries(st.sampled_from(meter.METERS), st.floats(0, 1e8), max_size=6)


@CASES
@given(sizes, st.lists(seconds, min_size=1, max_size=8), lists, st.booleans())
def test_what_the_pieces_of_a_time_cost_is_what_the_time_costs(size, pieces, prices, idle):
    apart = [replica_cost(size, piece, prices, idle=idle) for piece in pieces]
    whole = replica_cost(size, math.fsum(pieces), prices, idle=idle)
    assert math.fsum(each.total for each in apart) == pytest.approx(whole.total, rel=1e-9, abs=1e-12)
    assert whole.total >= 0


@given(sizes, seconds, lists)
def test_waiting_never_costs_more_than_working(size, length, prices):
    waiting, working = (replica_cost(size, length, prices, idle=idle) for idle in (True, False))
    assert 0 <= waiting.total <= working.total


@CASES
@given(st.lists(used, max_size=4))
def test_the_free_grant_takes_at_most_itself_and_never_more_than_was_used(months):
    left = after_grant(months)
    for each, quantity in left.items():
        before = math.fsum(month.get(each, 0.0) for month in months)
        assert 0 <= quantity <= before * (1 + 1e-12)
    for counted, free in meter.FREE_A_MONTH.items():
        standard = [each for each in meter.METERS if each.sku == "Standard" and each.counts == counted]
        before = math.fsum(month.get(each, 0.0) for month in months for each in standard)
        after = math.fsum(left.get(each, 0.0) for each in standard)
        assert before - after == pytest.approx(min(before, free), abs=1e-3)


@given(sizes, seconds, lists, st.booleans())
def test_the_lines_of_a_bill_add_up_to_its_total(size, length, prices, idle):
    lines = charges(replica_usage(size, length, idle=idle), prices)
    assert math.fsum(line.amount or 0.0 for line in lines) == pytest.approx(
        replica_cost(size, length, prices, idle=idle).total
    )


START = datetime(2026, 5, 1, tzinfo=UTC)
values = st.one_of(st.none(), st.floats(0, 50))
revisions = st.lists(
    st.tuples(
        sizes, st.integers(0, 3),
        st.lists(st.tuples(st.floats(0, 4), st.sampled_from([0.0, 0.0, 1.0, 7.0]), values, values), max_size=6),
    ),
    min_size=1, max_size=4,
)  # fmt: skip


def metered_of(drawn) -> list[Metered]:
    found = []
    for number, (size, least, drawn_samples) in enumerate(drawn):
        at = [START + timedelta(minutes=minute) for minute in range(len(drawn_samples))]
        columns = [
            tuple(MetricPoint(moment, sample[place]) for moment, sample in zip(at, drawn_samples, strict=True))
            for place in range(4)
        ]
        thousandth = tuple(MetricPoint(each.at, each.value and each.value / 1000) for each in columns[2])
        found.append(
            Metered("scorer", f"scorer--{number}", size, columns[0], least, columns[1], thousandth, columns[3])
        )
    return found


def cost_of(metered, prices, now):
    return fold(samples(metered, 60), terms(metered, prices), 60, now.timestamp())


@CASES
@given(revisions, lists)
def test_the_table_is_what_one_reckons_sample_by_sample(drawn, prices):
    metered = metered_of(drawn)
    found = cost_of(metered, prices, START + timedelta(hours=1))
    expected = 0.0
    for one in metered:
        for there, asked, cores, moved in zip(one.points, one.requests, one.cores, one.moved_bytes, strict=True):
            a_second = None if moved.value is None else moved.value / 60 / max(there.value, 1.0)
            idle = is_idle(
                min_replicas=one.min_replicas, replicas=there.value, requests=asked.value, cores=cores.value,
                bytes_a_second=a_second,
            )  # fmt: skip
            expected += replica_cost(one.size, there.value * 60, prices, idle=idle).total
            expected += asked.value * prices.price(meter.REQUESTS)
    assert found["total_money"].sum() == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert (found["total_money"] >= 0).all()
    assert (found["idle_money"] <= found["total_money"]).all()


@CASES
@given(revisions, lists, st.integers(0, 6), st.floats(0, 400))
def test_two_halves_of_a_time_cost_what_the_whole_does(drawn, prices, cut, elapsed):
    """Also while the last bucket is open: it is charged for the seconds of it that have passed."""
    now = START + timedelta(seconds=elapsed)
    metered = metered_of(drawn)
    border = START + timedelta(minutes=cut)

    def total(keep) -> float:
        part = [
            dataclasses.replace(one, **{
                name: tuple(point for point in getattr(one, name) if keep(point.at))
                for name in ("points", "requests", "cores", "moved_bytes")
            })
            for one in metered
        ]  # fmt: skip
        return cost_of(part, prices, now)["total_money"].sum()

    apart = total(lambda at: at < border) + total(lambda at: at >= border)
    assert total(lambda _: True) == pytest.approx(apart, rel=1e-9, abs=1e-15)
