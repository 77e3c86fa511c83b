"""The figures that ship with the package: pay-as-you-go list prices, read on the dates given (facts §10.4).

`%aca prices refresh` fetches newer ones. A meter that is not here has no figure that anybody has read; nothing stands
for it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from aca_notebook.model import meter
from aca_notebook.model.rate import USD, Rate, RateCard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aca_notebook.model.meter import Meter

RETAIL_API = "https://prices.azure.com/api/retail/prices (serviceName 'Azure Container Apps')"

_AUGUST = date(2026, 8, 1)
_LATE_AUGUST = date(2026, 8, 28)
#: Azure has asked West US 2's since then; when they were read is not known, so the older date stands for both.
_SINCE_2022 = date(2022, 6, 1)

_EAST_US = {
    meter.VCPU_ACTIVE: 0.000024, meter.VCPU_IDLE: 0.000003, meter.MEMORY_ACTIVE: 0.000003, meter.MEMORY_IDLE: 0.000003,
    meter.REQUESTS: 0.40, meter.GPU_T4: 0.000073, meter.GPU_A100: 0.000529,
}  # fmt: skip
_CANADA_CENTRAL = {
    meter.VCPU_ACTIVE: 0.000034, meter.VCPU_IDLE: 0.000004, meter.MEMORY_ACTIVE: 0.000004, meter.MEMORY_IDLE: 0.000004,
    meter.REQUESTS: 0.40, meter.GPU_T4: 0.000088, meter.GPU_A100: 0.000635, meter.DEDICATED_VCPU: 0.080859,
    meter.DEDICATED_MEMORY: 0.006638, meter.DEDICATED_GPU: 5.28912, meter.PLAN_MANAGEMENT: 0.10,
}  # fmt: skip
_WEST_US_2 = {
    meter.VCPU_ACTIVE: 0.000034, meter.VCPU_IDLE: 0.000004, meter.MEMORY_ACTIVE: 0.000004, meter.MEMORY_IDLE: 0.000004,
    meter.REQUESTS: 0.40,
}  # fmt: skip
_JAPAN_EAST = {
    meter.VCPU_ACTIVE: 0.000024, meter.VCPU_IDLE: 0.000003, meter.MEMORY_ACTIVE: 0.000003, meter.MEMORY_IDLE: 0.000003,
    meter.REQUESTS: 0.40,
}  # fmt: skip
#: No figure of its memory was read, so a replica there is priced as one in East US, and the table says so.
_WEST_EUROPE = {meter.VCPU_ACTIVE: 0.000034, meter.VCPU_IDLE: 0.000004, meter.REQUESTS: 0.56}
#: In euro; the API answers the two GPU seconds with one digit.
_WEST_EUROPE_EUR = {meter.GPU_T4: 0.0001, meter.GPU_A100: 0.0006, meter.DEDICATED_GPU: 5.0422}
_ONE_DIGIT = frozenset({meter.GPU_T4, meter.GPU_A100})

_WEST_US_2_IDS = {
    meter.VCPU_ACTIVE: "2711ef08-ef48-5416-9ef2-f1110cd09c79", meter.VCPU_IDLE: "8fed0c99-e333-5840-b785-a25c32d8940e",
    meter.MEMORY_ACTIVE: "2dbd360e-f9d9-563d-8916-844b6b27a2d7",
    meter.MEMORY_IDLE: "576eb6a3-4204-52cd-a016-1640251bdb77",
}  # fmt: skip


def _read(
    region: str, as_of: date, figures: Mapping[Meter, float], currency: str = USD, since: date | None = None
) -> Iterator[Rate]:
    ids = _WEST_US_2_IDS if region == "westus2" else {}
    for each, price in figures.items():
        rounded = currency != USD and each in _ONE_DIGIT
        yield Rate(each, region, currency, price, as_of, RETAIL_API, since, rounded, ids.get(each, ""))


SNAPSHOT = RateCard((
    *_read("eastus", _AUGUST, _EAST_US),
    *_read("canadacentral", _AUGUST, _CANADA_CENTRAL),
    *_read("westus2", _SINCE_2022, _WEST_US_2, since=_SINCE_2022),
    *_read("japaneast", _AUGUST, _JAPAN_EAST),
    *_read("westeurope", _LATE_AUGUST, _WEST_EUROPE),
    *_read("westeurope", _LATE_AUGUST, _WEST_EUROPE_EUR, "EUR"),
))  # fmt: skip
