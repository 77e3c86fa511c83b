"""Prices: dated, sourced, and the worked example of the price table."""

from __future__ import annotations

import pytest

from aca_notebook.model.gpu import GPU_NAMES
from aca_notebook.model.price import EAST_US, PRICE_LISTS, WEST_US_2, ReplicaSize, hourly_usd, price_list, replica_cost

GIB = 2**30


def test_the_worked_example_of_one_a100_replica_in_east_us():
    assert hourly_usd(ReplicaSize(24, 220 * GIB, "A100", 1), EAST_US) == pytest.approx(6.35, abs=0.01)  # facts §10.4


@pytest.mark.parametrize("prices", PRICE_LISTS, ids=lambda prices: prices.region)
def test_every_list_names_its_source_and_its_date(prices):
    assert prices.source.startswith("https://prices.azure.com/")
    assert prices.as_of.year >= 2022
    assert prices.vcpu_idle_usd <= prices.vcpu_active_usd


@pytest.mark.parametrize("spelt", ["eastus", "East US", "EASTUS"])
def test_a_region_is_found_however_it_is_spelt(spelt):
    assert price_list(spelt) is EAST_US


def test_a_region_without_figures_says_whose_it_uses():
    assert price_list("norwayeast").region == "eastus"


def test_a_gpu_without_a_known_price_costs_an_unknown_sum_and_not_nothing():
    cost = replica_cost(ReplicaSize(8, 56 * GIB, "T4", 1), 60, WEST_US_2)
    assert cost.gpu_usd is None
    assert cost.total_usd == cost.vcpu_usd + cost.memory_usd


def test_every_gpu_one_can_ask_for_has_a_price_where_we_deploy_by_default():
    assert all(EAST_US.gpu_second_usd(name) for name in GPU_NAMES)
