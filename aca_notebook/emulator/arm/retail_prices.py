"""The Retail Prices API (facts §10.2): list prices for anybody who asks, from the dated figures of the package.

They are no live prices: what is answered was read on the date that stands beside each figure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.cost_rows import SERVICE, display_location, meter_id
from aca_notebook.emulator.arm.odata import parse_predicate
from aca_notebook.emulator.wire import AzureError, Door, Route, origin, query
from aca_notebook.model.rate_snapshot import SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from aca_notebook.model.rate import Rate

_PATH = "/api/retail/prices"
_PAGE = 1000  #: items of one answer (facts §10.2)
_SERVICE_ID = "DZH318Z0BXNH"  # made up, and the same each time
_FILTERED = (
    "armRegionName", "location", "meterId", "meterName", "productId", "skuId", "productName", "skuName", "serviceName",
    "serviceId", "serviceFamily", "type", "priceType", "armSkuName",
)  # fmt: skip


class RetailPrices:
    """One public route."""

    def __init__(self, rates: Sequence[Rate] = SNAPSHOT.rates) -> None:
        self._rates = rates

    def routes(self) -> list[Route]:
        """The list."""
        return [Route("GET", _PATH, Door.PUBLIC, "RetailPrices_List", self._list)]

    async def _list(self, request: Request) -> Response:
        currency = query(request, "currencyCode").strip("'\"").upper() or "USD"
        found = [_item(rate) for rate in self._rates if rate.currency == currency]
        if not found:
            raise AzureError(400, "BadRequest", f"Invalid currency code '{currency}'.")
        condition = query(request, "$filter")
        if condition:
            try:
                holds = parse_predicate(condition, _FILTERED)
            except ValueError as bad:
                raise AzureError(400, "BadRequest", f"Invalid OData parameters supplied: {bad}") from bad
            found = [item for item in found if holds({**item, "priceType": item["type"]})]
        start = _start(request)
        shown = found[start : start + _PAGE]
        later = start + len(shown) < len(found)
        return JSONResponse({
            "BillingCurrency": currency, "CustomerEntityId": "Default", "CustomerEntityType": "Retail",
            "Items": shown, "NextPageLink": _link(request, start + len(shown)) if later else None, "Count": len(shown),
        }, headers={"Last-Modified": self._read_on(currency)})  # fmt: skip

    def _read_on(self, currency: str) -> str:
        """When the oldest figure of a currency was read: what is answered is no younger than that."""
        oldest = min(rate.as_of for rate in self._rates if rate.currency == currency)
        return format_datetime(datetime(oldest.year, oldest.month, oldest.day, tzinfo=UTC), usegmt=True)


def _item(rate: Rate) -> dict[str, Any]:
    meter = rate.meter
    since = rate.effective_from or rate.as_of
    return {
        "currencyCode": rate.currency,
        "tierMinimumUnits": 0.0,
        "retailPrice": rate.price,
        "unitPrice": rate.price,
        "armRegionName": rate.region,
        "location": display_location(rate.region),
        "effectiveStartDate": f"{since:%Y-%m-%d}T00:00:00Z",
        "meterId": rate.meter_id or meter_id(meter, rate.region),
        "meterName": meter.name,
        "productId": f"{_SERVICE_ID}/0000",
        "skuId": f"{_SERVICE_ID}/0000/{meter.sku.replace(' ', '')}",
        "productName": SERVICE,
        "skuName": meter.sku,
        "serviceName": SERVICE,
        "serviceId": _SERVICE_ID,
        "serviceFamily": "Containers",
        "unitOfMeasure": meter.unit,
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "",
    }


def _start(request: Request) -> int:
    skip = query(request, "$skip") or "0"
    if not skip.isdigit() or len(skip) > 9:
        raise AzureError(400, "BadRequest", "Invalid OData parameters supplied: $skip must be a number.")
    return int(skip)


def _link(request: Request, start: int) -> str:
    kept = [(key, value) for key, value in request.query_params.multi_items() if key.lower() != "$skip"]
    return f"{origin(request)}{_PATH}?{urlencode([*kept, ('$skip', str(start))])}"
