"""Traffic for any weights, labels and draws."""

from __future__ import annotations

import collections

from hypothesis import assume, given
from hypothesis import strategies as st

from aca_notebook.emulator.ingress.routing import Endpoint, RoutingTable, choose_endpoint, choose_revision

WEIGHTS = st.dictionaries(st.sampled_from([f"app--{n}" for n in range(6)]), st.integers(1, 100), min_size=1)
ENDPOINTS = st.lists(st.integers(1, 50), min_size=1, unique=True).map(
    lambda ports: tuple(Endpoint("r", f"r-{port}", port) for port in ports)
)


def table(weights, named=None) -> RoutingTable:
    return RoutingTable("key", "app", shares=tuple(weights.items()), named=named or {})


@given(WEIGHTS)
def test_evenly_spread_draws_hit_each_revision_as_often_as_its_weight(weights):
    total = sum(weights.values())
    hits = collections.Counter(choose_revision(table(weights), (n + 0.5) / total) for n in range(total))
    assert hits == weights


@given(WEIGHTS, st.floats(0, 1, exclude_max=True))
def test_a_draw_always_finds_a_revision_that_has_weight(weights, draw):
    assert choose_revision(table(weights), draw) in weights


@given(WEIGHTS, st.floats(0, 1, exclude_max=True), st.sampled_from(["app--5", "APP--5", "app---blue", "App---Blue"]))
def test_a_host_name_that_asks_for_a_revision_or_label_gets_it(weights, draw, first):
    named = {"app--5": "app--5", "blue": "app--5"}
    assert choose_revision(table(weights, named), draw, f"{first}.sea.eastus.azurecontainerapps.io:8080") == "app--5"


@given(st.floats(0, 1, exclude_max=True))
def test_no_share_is_no_revision(draw):
    assert choose_revision(table({}), draw) == ""


@given(ENDPOINTS, st.dictionaries(st.integers(1, 50), st.integers(0, 9)))
def test_the_replica_with_the_fewest_open_requests_gets_the_next(endpoints, in_flight):
    chosen = choose_endpoint(endpoints, in_flight)
    assert chosen is not None
    assert in_flight.get(chosen.port, 0) == min(in_flight.get(each.port, 0) for each in endpoints)


@given(ENDPOINTS, st.dictionaries(st.integers(1, 50), st.integers(0, 9)), st.data())
def test_affinity_wins_while_its_replica_is_there(endpoints, in_flight, data):
    wanted = data.draw(st.sampled_from(endpoints))
    assert choose_endpoint(endpoints, in_flight, wanted.replica) == wanted
    rest = tuple(each for each in endpoints if each != wanted)
    assume(rest)
    assert choose_endpoint(rest, in_flight, wanted.replica) in rest
