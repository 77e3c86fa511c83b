"""What Container Apps costs: dated list prices, and the arithmetic of one replica.

Figures: pay-as-you-go retail prices in US dollars as collected in facts §10.4; each list names its source and date.
They are list prices: no discount, no free grant, no tax.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from aca_notebook.model.quantities import GIB

RETAIL_API = "https://prices.azure.com/api/retail/prices (serviceName 'Azure Container Apps')"


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices of one region; `*_usd` are per second of one vCPU, GiB or GPU, `requests_usd` per million.

    A GPU whose price is not known for the region is absent from `gpu_usd`.
    """

    region: str
    as_of: date
    source: str
    vcpu_active_usd: float
    vcpu_idle_usd: float
    memory_active_usd: float
    memory_idle_usd: float
    requests_usd: float
    gpu_usd: tuple[tuple[str, float], ...] = ()

    def gpu_second_usd(self, gpu: str) -> float | None:
        """Price of one GPU for one second: 0.0 without a GPU, None when the region's price is not known."""
        return dict(self.gpu_usd).get(gpu) if gpu else 0.0


@dataclass(frozen=True, slots=True)
class ReplicaSize:
    """What one replica occupies."""

    cpu_cores: float
    memory_bytes: int
    gpu: str = ""
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """Dollars by meter; `gpu_usd` is None when the GPU has no known price."""

    vcpu_usd: float
    memory_usd: float
    gpu_usd: float | None

    @property
    def total_usd(self) -> float:
        """The sum of what is known."""
        return self.vcpu_usd + self.memory_usd + (self.gpu_usd or 0.0)


EAST_US = PriceList(
    "eastus", date(2026, 8, 1), RETAIL_API, 0.000024, 0.000003, 0.000003, 0.000003, 0.40,
    (("T4", 0.000073), ("A100", 0.000529)),
)  # fmt: skip
CANADA_CENTRAL = PriceList(
    "canadacentral", date(2026, 8, 1), RETAIL_API, 0.000034, 0.000004, 0.000004, 0.000004, 0.40,
    (("T4", 0.000088), ("A100", 0.000635)),
)  # fmt: skip
WEST_US_2 = PriceList(
    "westus2", date(2022, 6, 1), RETAIL_API, 0.000034, 0.000004, 0.000004, 0.000004, 0.40,
)  # fmt: skip
JAPAN_EAST = PriceList(
    "japaneast", date(2026, 8, 1), RETAIL_API, 0.000024, 0.000003, 0.000003, 0.000003, 0.40,
)  # fmt: skip

PRICE_LISTS: tuple[PriceList, ...] = (EAST_US, CANADA_CENTRAL, WEST_US_2, JAPAN_EAST)


def price_list(location: str) -> PriceList:
    """Return the prices of a region, however it is spelt (`East US`, `eastus`).

    A region we have no figures for gets East US's: `region` of the answer says which it is.
    """
    folded = location.lower().replace(" ", "")
    return next((prices for prices in PRICE_LISTS if prices.region == folded), EAST_US)


def replica_cost(size: ReplicaSize, replica_seconds: float, prices: PriceList, *, idle: bool = False) -> Cost:
    """What `replica_seconds` of such a replica cost, active or idle; a GPU has no idle price (facts §10.5)."""
    vcpu = prices.vcpu_idle_usd if idle else prices.vcpu_active_usd
    memory = prices.memory_idle_usd if idle else prices.memory_active_usd
    gpu = prices.gpu_second_usd(size.gpu)
    return Cost(
        vcpu_usd=size.cpu_cores * vcpu * replica_seconds,
        memory_usd=size.memory_bytes / GIB * memory * replica_seconds,
        gpu_usd=None if gpu is None else size.gpus * gpu * replica_seconds,
    )


def hourly_usd(size: ReplicaSize, prices: PriceList, *, idle: bool = False) -> float:
    """What one replica costs an hour."""
    return replica_cost(size, 3600.0, prices, idle=idle).total_usd
