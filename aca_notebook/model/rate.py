"""Rates: what one unit of a meter costs in a region and a currency, with the date and the source of each figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.model.meter import GPU_METERS, MEMORY_ACTIVE, MEMORY_IDLE, VCPU_ACTIVE, VCPU_IDLE, Meter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

#: Without these a replica has no price.
ESSENTIAL: tuple[Meter, ...] = (VCPU_ACTIVE, VCPU_IDLE, MEMORY_ACTIVE, MEMORY_IDLE)
USD = "USD"


@dataclass(frozen=True, slots=True)
class Rate:
    """One figure: `price` is for one `meter.unit`, at list price.

    `as_of` is when it was read, `effective_from` since when Azure asks it, where that is known. `rounded` marks a
    figure that its source gives with too few digits to reckon with.
    """

    meter: Meter
    region: str
    currency: str
    price: float
    as_of: date
    source: str
    effective_from: date | None = None
    rounded: bool = False
    meter_id: str = ""


@dataclass(frozen=True, slots=True)
class PriceList:
    """The rates of one region in one currency. A meter whose price is not known is absent."""

    region: str
    currency: str
    rates: tuple[Rate, ...]

    def rate(self, meter: Meter) -> Rate | None:
        """The figure of a meter, or None."""
        return next((rate for rate in self.rates if rate.meter == meter), None)

    def price(self, meter: Meter) -> float | None:
        """What one of what the meter counts costs (a vCPU-second, a request), or None."""
        rate = self.rate(meter)
        return None if rate is None else rate.price / meter.per

    def gpu_second(self, gpu: str) -> float | None:
        """Price of one GPU for one second: 0.0 without a GPU, None when the region's price is not known."""
        return self.price(GPU_METERS[gpu]) if gpu else 0.0

    @property
    def complete(self) -> bool:
        """Whether a replica without a GPU can be priced."""
        return all(self.rate(meter) is not None for meter in ESSENTIAL)

    @property
    def as_of(self) -> date:
        """When the oldest figure of what a replica is made of was read."""
        return min(rate.as_of for rate in self.rates)

    @property
    def source(self) -> str:
        """Where its figures come from."""
        return "; ".join(dict.fromkeys(rate.source for rate in self.rates))


@dataclass(frozen=True, slots=True)
class RateCard:
    """All rates at hand. A later one of the same meter, region and currency stands for an earlier one."""

    rates: tuple[Rate, ...]

    def prices(self, region: str, currency: str = USD) -> PriceList:
        """The rates of a region, however it is spelt (`East US`, `eastus`); an empty list where there are none."""
        folded, wanted = fold_region(region), currency.upper()
        found = {
            rate.meter: rate for rate in self.rates if rate.region == folded and rate.currency == wanted
        }  # a later one of the same meter replaces the earlier one
        return PriceList(folded, wanted, tuple(found.values()))

    def lists(self, currency: str = "") -> tuple[PriceList, ...]:
        """Every region's list in a currency, or in each."""
        places = dict.fromkeys((rate.region, rate.currency) for rate in self.rates)
        return tuple(self.prices(region, held) for region, held in places if not currency or held == currency.upper())

    def currencies(self) -> tuple[str, ...]:
        """The currencies in which a replica can be priced somewhere."""
        return tuple(dict.fromkeys(each.currency for each in self.lists() if each.complete))

    def with_rates(self, later: Iterable[Rate]) -> RateCard:
        """The card with figures that were read later."""
        return RateCard((*self.rates, *later))


def fold_region(location: str) -> str:
    """Write a region as Azure names it (`armRegionName`): `East US` is `eastus`."""
    return location.lower().replace(" ", "")
