"""The Retail Prices API's items become rates, each with its day and its source."""

from __future__ import annotations

from datetime import date

import pytest

from aca_notebook.model import meter
from aca_notebook.model.retail import filter_of, read_items

TODAY = date(2026, 11, 23)
SOURCE = "https://prices.azure.com/api/retail/prices"


def item(**changed):
    """As facts §10.2 has it, of West US 2."""
    return {
        "currencyCode": "USD", "tierMinimumUnits": 0.0, "retailPrice": 0.000034, "unitPrice": 0.000034,
        "armRegionName": "westus2", "location": "US West 2", "effectiveStartDate": "2022-06-01T00:00:00Z",
        "meterId": "2711ef08-ef48-5416-9ef2-f1110cd09c79", "meterName": "Standard vCPU Active Usage",
        "productName": "Azure Container Apps", "skuName": "Standard", "serviceName": "Azure Container Apps",
        "serviceFamily": "Containers", "unitOfMeasure": "1 Second", "type": "Consumption",
        "isPrimaryMeterRegion": True, "armSkuName": "", **changed,
    }  # fmt: skip


def test_an_item_is_a_rate_with_its_day_and_its_source():
    (rate,) = read_items([item()], TODAY, SOURCE)
    assert (rate.meter, rate.region, rate.currency, rate.price) == (meter.VCPU_ACTIVE, "westus2", "USD", 0.000034)
    assert (rate.as_of, rate.effective_from, rate.source) == (TODAY, date(2022, 6, 1), SOURCE)
    assert rate.meter_id.startswith("2711ef08")


@pytest.mark.parametrize(
    ("items", "price"),
    [
        ([item(retailPrice=0.0), item(tierMinimumUnits=180000.0)], 0.000034),  # after the free amount
        ([item(tierMinimumUnits=180000.0), item(retailPrice=0.0)], 0.000034),
        ([item(), item(retailPrice=0.00004, effectiveStartDate="2026-01-01T00:00:00Z")], 0.00004),
        ([item(), item(retailPrice=0.00004, effectiveStartDate="2027-01-01T00:00:00Z")], 0.000034),  # not yet
        ([item(), item(retailPrice=1.0, type="Reservation")], 0.000034),
        ([item(), item(retailPrice=1.0, isPrimaryMeterRegion=False)], 0.000034),
        ([item(), item(retailPrice=1.0, meterName="Something new")], 0.000034),
        ([item(), item(retailPrice=1.0, serviceName="Container Instances")], 0.000034),
    ],
)  # fmt: skip
def test_of_several_items_the_one_that_is_paid_counts(items, price):
    (rate,) = read_items(items, TODAY, SOURCE)
    assert rate.price == price


def test_who_says_how_old_the_figures_are_is_believed_but_none_is_older_than_it_holds():
    old, newer = read_items(
        [item(), item(armRegionName="eastus", effectiveStartDate="2026-08-01T00:00:00Z")], TODAY, SOURCE,
        date(2023, 1, 1),
    )  # fmt: skip
    assert (old.as_of, newer.as_of) == (date(2023, 1, 1), date(2026, 8, 1))


@pytest.mark.parametrize(
    "broken",
    [{"retailPrice": "free"}, {"retailPrice": -1.0}, {"retailPrice": float("nan")}, {"effectiveStartDate": "soon"},
     {"armRegionName": None}, {"meterName": None}],
)  # fmt: skip
def test_an_item_that_cannot_be_read_is_said_to_be_so(broken):
    with pytest.raises(ValueError, match="a price that cannot be read"):
        read_items([item(**broken)], TODAY, SOURCE)


def test_the_filter_asks_for_our_service_alone():
    assert filter_of() == "serviceName eq 'Azure Container Apps'"
    assert filter_of("East US") == "serviceName eq 'Azure Container Apps' and armRegionName eq 'eastus'"
