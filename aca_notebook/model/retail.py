"""The Retail Prices API's shape (facts §10.2) as rates: `{"Items": […], "NextPageLink": …}`, no credential."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

from aca_notebook.model.meter import find_meter
from aca_notebook.model.rate import Rate, fold_region

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aca_notebook.model.meter import Meter

SERVICE = "Azure Container Apps"
API_VERSION = "2023-01-01-preview"


def filter_of(region: str = "") -> str:
    """The `$filter` for our service, in one region or in all; its values are case-sensitive."""
    return f"serviceName eq '{SERVICE}'" + (f" and armRegionName eq '{fold_region(region)}'" if region else "")


def read_items(
    items: Iterable[Mapping[str, Any]], today: date, source: str, as_of: date | None = None
) -> tuple[Rate, ...]:  # fmt: skip
    """Return the rates among some items, one a meter, region and currency.

    Of several, the one that holds after the free amount (`tierMinimumUnits`) and began last, but not after `today`.
    `as_of` is how old the answer is, where whoever gave it says so; no figure is older than it holds. Meters we do not
    know, reservations and figures of other regions' meters are left out. Raises `ValueError` for an item that cannot be
    read.
    """
    best: dict[tuple[Meter, str, str], tuple[date, float, Rate]] = {}
    for item in items:
        found = _read(item, min(as_of or today, today), source)
        if found is None:
            continue
        since, tier, rate = found
        key = (rate.meter, rate.region, rate.currency)
        if since <= today and (key not in best or (since, tier) > best[key][:2]):
            best[key] = found
    return tuple(rate for _, _, rate in best.values())


def _read(item: Mapping[str, Any], as_of: date, source: str) -> tuple[date, float, Rate] | None:
    try:
        meter = find_meter(item["meterName"])
        wanted = item.get("type", "Consumption") == "Consumption" and item.get("isPrimaryMeterRegion", True)
        if meter is None or not wanted or item.get("serviceName", SERVICE) != SERVICE:
            return None
        price, tier = _amount(item["retailPrice"]), _amount(item.get("tierMinimumUnits") or 0.0)
        since = date.fromisoformat(str(item.get("effectiveStartDate") or as_of.isoformat())[:10])
        region, currency = fold_region(item["armRegionName"]), str(item["currencyCode"]).upper()
    except (KeyError, TypeError, AttributeError, ValueError) as bad:
        raise ValueError(f"a price that cannot be read: {str(item)[:120]}") from bad
    rate = Rate(
        meter, region, currency, price, max(as_of, since), source, since, meter_id=str(item.get("meterId") or "")
    )
    return since, tier, rate


def _amount(value: Any) -> float:
    amount = float(value)
    if not math.isfinite(amount) or amount < 0:
        raise ValueError(f"{value!r} is no amount")
    return amount
