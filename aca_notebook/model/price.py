"""What running costs: usage of meters times their rates. Pure arithmetic, in the currency of the list it is given.

List prices: no discount, no tax; the free grant is taken off only where a function says so. The rules are facts §10.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.model import meter
from aca_notebook.model.quantities import GIB
from aca_notebook.model.rate import USD
from aca_notebook.model.rate_snapshot import SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aca_notebook.model.gpu import WorkloadProfileType
    from aca_notebook.model.meter import Meter
    from aca_notebook.model.rate import PriceList, RateCard

#: Whose prices stand for a region that has none.
DEFAULT_REGION = "eastus"
#: Below both, and without a request, a replica at the minimum is idle.
IDLE_CORES = 0.01
IDLE_BYTES_A_SECOND = 1000.0

#: Lists of the snapshot that can price a replica.
PRICE_LISTS: tuple[PriceList, ...] = tuple(each for each in SNAPSHOT.lists(USD) if each.complete)


@dataclass(frozen=True, slots=True)
class ReplicaSize:
    """What one replica occupies."""

    cpu_cores: float
    memory_bytes: int
    gpu: str = ""
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """Money by what it is for; `gpu` is None when the GPU has no known price."""

    vcpu: float
    memory: float
    gpu: float | None

    @property
    def total(self) -> float:
        """The sum of what is known."""
        return self.vcpu + self.memory + (self.gpu or 0.0)


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of a bill: so much of a meter, at its price; both are None when the price is not known."""

    meter: Meter
    quantity: float
    price: float | None
    amount: float | None


def price_list(location: str, currency: str = USD, card: RateCard = SNAPSHOT) -> PriceList:
    """Return the prices of a region, however it is spelt (`East US`, `eastus`).

    A region that cannot be priced gets East US's: `region` of the answer says which it is. Raises `ValueError` for a
    currency in which neither can.
    """
    for region in (location, DEFAULT_REGION):
        found = card.prices(region, currency)
        if found.complete:
            return found
    known = ", ".join(card.currencies())
    raise ValueError(f"there are no prices in {currency.upper()} for {location}; there are some in {known}")


def replica_usage(size: ReplicaSize, replica_seconds: float, *, idle: bool = False) -> dict[Meter, float]:
    """What the meters count while such a replica is there; a GPU is always active, and so is what is around it."""
    idle = idle and not size.gpu
    usage = {
        meter.VCPU_IDLE if idle else meter.VCPU_ACTIVE: size.cpu_cores * replica_seconds,
        meter.MEMORY_IDLE if idle else meter.MEMORY_ACTIVE: size.memory_bytes / GIB * replica_seconds,
    }
    return usage | ({meter.GPU_METERS[size.gpu]: size.gpus * replica_seconds} if size.gpu else {})


def node_hour_usage(profile: WorkloadProfileType) -> dict[Meter, float]:
    """What the meters count for one node of a dedicated profile in an hour, whatever runs on it."""
    usage = {meter.DEDICATED_VCPU: float(profile.cores), meter.DEDICATED_MEMORY: float(profile.memory_gib)}
    return usage | ({meter.DEDICATED_GPU: float(profile.gpus)} if profile.gpus else {})


def charges(usage: Mapping[Meter, float], prices: PriceList) -> tuple[Charge, ...]:
    """Return what each meter comes to."""
    made = []
    for each, quantity in usage.items():
        price = prices.price(each)
        made.append(Charge(each, quantity, price, None if price is None else quantity * price))
    return tuple(made)


def replica_cost(size: ReplicaSize, replica_seconds: float, prices: PriceList, *, idle: bool = False) -> Cost:
    """What `replica_seconds` of such a replica cost, active or idle; a GPU has no idle price."""
    sums: dict[str, float | None] = {"vcpu": 0.0, "memory": 0.0, "gpu": 0.0}
    for charge in charges(replica_usage(size, replica_seconds, idle=idle), prices):
        sums[charge.meter.part] = charge.amount
    return Cost(sums["vcpu"] or 0.0, sums["memory"] or 0.0, sums["gpu"])


def hourly_cost(size: ReplicaSize, prices: PriceList, *, idle: bool = False) -> float:
    """What one replica costs an hour."""
    return replica_cost(size, 3600.0, prices, idle=idle).total


def call_cost(size: ReplicaSize, call_seconds: float, concurrency: int, prices: PriceList) -> float:
    """What one call of `call_seconds` costs when `concurrency` of them share a replica that is never without one.

    The request itself included; starting a replica and waiting for its cooldown come on top.
    """
    shared = replica_cost(size, call_seconds / max(concurrency, 1), prices).total
    return shared + (prices.price(meter.REQUESTS) or 0.0)


def is_idle(
    *, min_replicas: int, replicas: float, requests: float, cores: float | None, bytes_a_second: float | None
) -> bool:
    """Tell whether Azure charges the idle rate (facts §10.5): at the minimum, without requests, next to no use.

    `cores` and `bytes_a_second` are one replica's; None, when nobody measured them, counts as active: an estimate may
    be too high, never too low.
    """
    if min_replicas <= 0 or not 0 < replicas <= min_replicas or requests > 0:
        return False
    if cores is None or bytes_a_second is None:
        return False
    return cores < IDLE_CORES and bytes_a_second < IDLE_BYTES_A_SECOND


def after_grant(used: Iterable[Mapping[Meter, float]]) -> dict[Meter, float]:
    """Add up a month's usage and take the free grant off, from what Azure charges most for first (facts §10.5).

    The grant is a subscription's: what others in it use is not known here, so this is the least there is to pay. What
    a GPU replica uses is left out by giving it apart: it has no grant.
    """
    total: dict[Meter, float] = {}
    for usage in used:
        for each, quantity in usage.items():
            total[each] = math.fsum((total.get(each, 0.0), quantity))
    left = dict(meter.FREE_A_MONTH)
    for each in sorted(total, key=lambda one: one.idle):  # active first
        free = min(total[each], left.get(each.counts, 0.0)) if each.sku == "Standard" else 0.0
        total[each] -= free
        if free:
            left[each.counts] -= free
    return total
