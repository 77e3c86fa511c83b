"""Prices: dated, sourced, and the examples of docs/explanation/cost.md worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aca_notebook.model import meter
from aca_notebook.model.gpu import CATALOGUE, GPU_NAMES, find_profile_type
from aca_notebook.model.price import (
    PRICE_LISTS,
    ReplicaSize,
    after_grant,
    call_cost,
    charges,
    hourly_cost,
    is_idle,
    node_hour_usage,
    price_list,
    replica_cost,
    replica_usage,
)
from aca_notebook.model.rate_snapshot import SNAPSHOT

GIB = 2**30
EAST_US, WEST_US_2, CANADA = price_list("eastus"), price_list("westus2"), price_list("canadacentral")
SMALL = ReplicaSize(0.5, GIB)
T4 = ReplicaSize(8, 56 * GIB, "T4", 1)
A100 = ReplicaSize(24, 220 * GIB, "A100", 1)


@pytest.mark.parametrize(
    ("size", "prices", "idle", "expected"),
    [
        # 24 × 0.000024 + 220 × 0.000003 + 0.000529 = 0.001765 a second
        (A100, EAST_US, False, 6.354),
        (A100, EAST_US, True, 6.354),  # a GPU has no idle rate
        # 8 × 0.000024 + 56 × 0.000003 + 0.000073 = 0.000433 a second
        (T4, EAST_US, False, 1.5588),
        # 24 × 0.000034 + 220 × 0.000004 + 0.000635 = 0.002331 a second
        (A100, CANADA, False, 8.3916),
        # 0.5 × 0.000024 + 1 × 0.000003 = 0.000015 a second
        (SMALL, EAST_US, False, 0.054),
        # 0.5 × 0.000003 + 1 × 0.000003 = 0.0000045 a second
        (SMALL, EAST_US, True, 0.0162),
    ],
)  # fmt: skip
def test_a_replica_hour_is_what_one_reckons_by_hand(size, prices, idle, expected):
    assert hourly_cost(size, prices, idle=idle) == pytest.approx(expected)


def test_an_hour_of_a_dedicated_gpu_node_is_its_cores_its_memory_and_its_gpu():
    # 24 × 0.080859 + 220 × 0.006638 + 5.28912 = 8.6901
    usage = node_hour_usage(find_profile_type("NC24-A100"))
    assert sum(each.amount for each in charges(usage, CANADA)) == pytest.approx(8.690096)


def test_a_call_costs_its_share_of_a_replica_and_the_request():
    # half a second of 0.000015 a second, shared by ten, and 0.40 / 1,000,000
    assert call_cost(SMALL, 0.5, 10, EAST_US) == pytest.approx(0.00000075 + 0.0000004)


def test_the_snapshot_names_source_and_date_of_every_figure():
    assert len(SNAPSHOT.rates) == 7 + 11 + 5 + 5 + 3 + 3
    assert all(rate.source.startswith("https://prices.azure.com/") for rate in SNAPSHOT.rates)
    assert all(rate.as_of.year >= 2022 for rate in SNAPSHOT.rates)
    assert all(rate.price > 0 for rate in SNAPSHOT.rates)


def test_a_figure_that_nobody_read_is_absent():
    assert EAST_US.rate(meter.SESSIONS) is None
    assert EAST_US.rate(meter.PLAN_MANAGEMENT) is None
    assert WEST_US_2.gpu_second("T4") is None
    assert CANADA.rate(meter.PLAN_MANAGEMENT).price == 0.10


@pytest.mark.parametrize("prices", PRICE_LISTS, ids=lambda prices: prices.region)
def test_idle_is_never_dearer_than_active(prices):
    assert prices.price(meter.VCPU_IDLE) <= prices.price(meter.VCPU_ACTIVE)
    assert prices.price(meter.MEMORY_IDLE) <= prices.price(meter.MEMORY_ACTIVE)


@pytest.mark.parametrize("spelt", ["canadacentral", "Canada Central", "CANADACENTRAL"])
def test_a_region_is_found_however_it_is_spelt(spelt):
    assert price_list(spelt) == CANADA


@pytest.mark.parametrize("region", ["norwayeast", "westeurope"])  # of the second, only some meters were read
def test_a_region_that_cannot_be_priced_says_whose_prices_it_uses(region):
    assert price_list(region).region == "eastus"


def test_a_currency_without_prices_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="no prices in EUR for westeurope; there are some in USD"):
        price_list("westeurope", "eur")


def test_the_euro_figures_that_were_read_are_kept_and_marked_as_rounded():
    prices = SNAPSHOT.prices("West Europe", "EUR")
    assert prices.rate(meter.GPU_A100).rounded
    assert not prices.rate(meter.DEDICATED_GPU).rounded
    assert not prices.complete


def test_a_later_figure_stands_for_an_earlier_one():
    newer = replace(EAST_US.rate(meter.GPU_T4), price=0.00008)
    assert SNAPSHOT.with_rates([newer]).prices("eastus").gpu_second("T4") == 0.00008


def test_a_gpu_without_a_known_price_costs_an_unknown_sum_and_not_nothing():
    cost = replica_cost(T4, 60, WEST_US_2)
    assert cost.gpu is None
    assert cost.total == cost.vcpu + cost.memory


def test_every_gpu_one_can_ask_for_has_a_price_where_we_deploy_by_default():
    assert all(EAST_US.gpu_second(name) for name in GPU_NAMES)


@pytest.mark.parametrize(
    ("seen", "idle"),
    [
        ({}, True),
        ({"min_replicas": 0}, False),  # at zero nothing waits; what runs then runs for a request
        ({"replicas": 3.0}, False),  # above the minimum
        ({"replicas": 0.5}, True),  # started in the middle of the bucket
        ({"replicas": 0.0}, False),
        ({"requests": 1.0}, False),
        ({"cores": 0.01}, False),
        ({"cores": None}, False),  # not measured: the estimate may be too high, never too low
        ({"bytes_a_second": 1000.0}, False),
        ({"bytes_a_second": None}, False),
    ],
)  # fmt: skip
def test_the_idle_rate_needs_every_one_of_its_conditions(seen, idle):
    waiting = {"min_replicas": 2, "replicas": 2.0, "requests": 0.0, "cores": 0.004, "bytes_a_second": 120.0}
    assert is_idle(**(waiting | seen)) is idle


def test_a_month_of_one_small_replica_that_waits_is_what_the_page_says():
    month = replica_usage(SMALL, 730 * 3600, idle=True)
    free = after_grant([month])
    # (0.5 × 2,628,000 - 180,000) × 0.000003 + (2,628,000 - 360,000) × 0.000003 = 10.206
    assert sum(each.amount for each in charges(free, EAST_US)) == pytest.approx(10.206)


def test_the_grant_is_drawn_on_once_by_active_and_idle_together():
    left = after_grant([{meter.VCPU_ACTIVE: 100_000.0}, {meter.VCPU_IDLE: 100_000.0, meter.REQUESTS: 2_500_000.0}])
    assert left == {meter.VCPU_ACTIVE: 0.0, meter.VCPU_IDLE: 20_000.0, meter.REQUESTS: 500_000.0}


def test_gpus_and_dedicated_nodes_have_no_grant():
    used = {meter.GPU_T4: 10.0} | node_hour_usage(CATALOGUE[3])
    assert after_grant([used]) == used
