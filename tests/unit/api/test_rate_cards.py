"""Prices that were fetched: kept whole, found again, and never in the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from aca_notebook.api.rate_cards import RateCards, check_currency
from aca_notebook.errors import UsageFailed
from aca_notebook.model import meter
from aca_notebook.model.price import price_list
from aca_notebook.model.rate_snapshot import SNAPSHOT

NEW = tuple(
    replace(rate, price=rate.price * 2, as_of=date(2026, 11, 1), effective_from=date(2026, 10, 1), source="https://x/y")
    for rate in price_list("eastus").rates
)


def test_what_was_kept_is_read_again_and_stands_before_the_packages(tmp_path):
    RateCards(tmp_path / "prices").keep("usd", NEW)
    cards = RateCards(tmp_path / "prices")
    found = cards.prices("eastus")
    assert found.rates == NEW
    assert found.as_of == date(2026, 11, 1)
    assert cards.prices("canadacentral") == price_list("canadacentral"), "others stay as they are"


def test_another_currency_is_kept_beside_the_first(tmp_path):
    cards = RateCards(tmp_path)
    cards.keep("EUR", [replace(rate, currency="EUR") for rate in NEW])
    assert cards.prices("eastus", "eur").price(meter.VCPU_ACTIVE) == 0.000048
    assert cards.prices("eastus").price(meter.VCPU_ACTIVE) == 0.000024


def test_a_region_that_cannot_be_priced_in_a_currency_uses_that_of_east_us(tmp_path):
    cards = RateCards(tmp_path)
    cards.keep("EUR", [replace(rate, currency="EUR") for rate in NEW])
    assert cards.prices("westeurope", "EUR").region == "eastus"


@pytest.mark.parametrize("broken", ["", "{", "[{}]", '[{"meter": "no such"}]', "7"])
def test_a_file_that_cannot_be_read_is_passed_over_and_said_so(tmp_path, caplog, broken):
    (tmp_path / "USD.json").write_text(broken)
    assert RateCards(tmp_path).card() == SNAPSHOT
    assert "run `%aca prices refresh`" in caplog.text


def test_a_currency_without_prices_is_refused_with_the_next_command(tmp_path):
    with pytest.raises(UsageFailed) as refused:
        RateCards(tmp_path).prices("eastus", "chf")
    assert refused.value.lines() == (
        "no prices are known in CHF",
        "PricesNotFound: there are no prices in CHF for eastus; there are some in USD",
        "%aca prices refresh --currency CHF, or leave --currency out",
    )


@pytest.mark.parametrize("word", ["", "euro", "E1R", "../..", "ÄÖÜ"])
def test_what_is_no_currency_is_refused(word):
    with pytest.raises(UsageFailed, match="is no currency"):
        check_currency(word)


def test_a_currency_is_written_as_azure_writes_it():
    assert check_currency(" eur ") == "EUR"
