"""What sessions cost: built-in pools by the session-hour, custom ones by the nodes their ready instances take.

Facts §10.3 and §10.5: built-in sessions are charged in steps of an hour; custom pools run on E16 nodes at dedicated
rates, ready instances included. Shares of a node are an estimate: Azure charges whole nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.model import meter
from aca_notebook.model.quantities import GIB
from aca_notebook.model.rate import USD, fold_region
from aca_notebook.model.rate_snapshot import SNAPSHOT
from aca_notebook.model.session import ContainerType


@dataclass(frozen=True, slots=True)
class PoolPrice:
    """Dollars an hour, None where the price is not known; `region` is whose prices these are."""

    region: str
    session_hour_usd: float | None = None
    ready_hour_usd: float | None = None
    custom: bool = False

    @property
    def words(self) -> str:
        """What a pool costs, in words."""
        if self.custom:
            each = _dollars(self.ready_hour_usd)
            return f"{each} an hour for each instance, ready or in use: its share of an E16 node ({self.region})"
        each = _dollars(self.session_hour_usd)
        return f"by the session, for each hour it begins: {each}; nothing without sessions"

    def ready_words(self, count: int) -> str:
        """What keeping some instances ready costs, in words."""
        if not self.custom:
            return "at no cost of their own"
        known = None if self.ready_hour_usd is None else self.ready_hour_usd * count
        return f"{_dollars(known)} an hour, used or not"


def pool_price(container_type: str, cpu_cores: float, memory_bytes: int, location: str) -> PoolPrice:
    """Return what a pool costs in its region; the first region with a known price stands in for one without."""
    custom = container_type == ContainerType.CUSTOM
    wanted = (meter.DEDICATED_VCPU, meter.DEDICATED_MEMORY) if custom else (meter.SESSIONS,)
    lists = [SNAPSHOT.prices(location, USD), *SNAPSHOT.lists(USD)]
    known = next((one for one in lists if all(one.rate(each) is not None for each in wanted)), None)
    if known is None:
        return PoolPrice(fold_region(location), custom=custom)
    rates = [known.price(each) or 0.0 for each in wanted]
    if custom:
        return PoolPrice(known.region, None, cpu_cores * rates[0] + memory_bytes / GIB * rates[1], custom=True)
    return PoolPrice(known.region, rates[0])


def _dollars(amount: float | None) -> str:
    return "a price we do not know" if amount is None else f"${amount:.4f}".rstrip("0").rstrip(".")
