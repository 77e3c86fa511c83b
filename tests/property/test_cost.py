"""Cost: additive over any split of time, never negative, never less with more use."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.model import meter
from aca_notebook.model.price import PRICE_LISTS, ReplicaSize, after_grant, charges, replica_cost, replica_usage

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


@CASES
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


@CASES
@given(sizes, seconds, lists, st.booleans())
def test_the_lines_of_a_bill_add_up_to_its_total(size, length, prices, idle):
    lines = charges(replica_usage(size, length, idle=idle), prices)
    assert math.fsum(line.amount or 0.0 for line in lines) == pytest.approx(
        replica_cost(size, length, prices, idle=idle).total
    )
