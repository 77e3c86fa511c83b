"""What apps cost, estimated: replica-seconds and requests from Azure Monitor × dated list prices.

A bucket's replica-seconds are its time-weighted average of replicas × the seconds of it that have passed, so the open
bucket counts for what it has run and a replica that lived three seconds costs three seconds. Where the metrics show
that a replica met every condition of the idle rate (facts §10.5), it is charged that; where they say less, the active
rate, so that the figure may be too high and is never too low.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aca_notebook.model import meter
from aca_notebook.model.price import IDLE_BYTES_A_SECOND, IDLE_CORES
from aca_notebook.model.quantities import GIB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import pandas as pd

    from aca_notebook.model.metric import MetricPoint
    from aca_notebook.model.price import ReplicaSize
    from aca_notebook.model.rate import PriceList

#: What money is spent on; a column each, with the currency at its end (`vcpu_usd`).
PARTS = ("vcpu", "memory", "gpu", "requests")
_KEYS = ("app", "revision", "at")
_QUANTITIES = ("replica_seconds", "idle_seconds", "requests")
#: What the fold takes of each sample.
SAMPLE = ("place", "at", "replicas", "requests", "cores", "bytes_a_second")


@dataclass(frozen=True, slots=True)
class Metered:
    """One revision's life over time, and what one of its replicas occupies.

    `points` are replicas; the others are a replica's average cores, and requests and bytes in and out, a bucket each.
    `serves` is whether anybody counts its requests; `dedicated` names the profile whose nodes are paid for, and not its
    replicas.
    """

    app: str
    revision: str
    size: ReplicaSize
    points: Sequence[MetricPoint]
    min_replicas: int = 0
    requests: Sequence[MetricPoint] = ()
    cores: Sequence[MetricPoint] = ()
    moved_bytes: Sequence[MetricPoint] = ()
    serves: bool = True
    dedicated: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """By what the money of one revision is reckoned: columns as long as there are revisions."""

    names: tuple[tuple[str, str], ...]
    arrays: Mapping[str, Any] = field(repr=False)


def columns(currency: str) -> tuple[str, ...]:
    """The columns of a cost table: whose and when, how much of what, what it costs; `idle_…` was spent on nothing."""
    money = (*PARTS, "total", "idle")
    return (*_KEYS, *_QUANTITIES, *(f"{name}_{currency.lower()}" for name in money))


def cost_table(
    metered: Sequence[Metered], grain_seconds: int, now: datetime, prices: PriceList, without_gpu: Sequence[str] = ()
) -> pd.DataFrame:
    """Return one row a revision and bucket with a cost; `.attrs` tells source, date, region and what is not known.

    `idle_usd` is the part of `total_usd` that was paid while no request came. `without_gpu` are apps whose replicas run
    on the CPU though they asked for a GPU: they cost what the GPU would.
    """
    agreed = terms(metered, prices)
    found = fold(samples(metered, grain_seconds), agreed, grain_seconds, now.timestamp())
    frame = table(found, agreed, prices.currency)
    frame.attrs = {"grain_seconds": grain_seconds, **describe(prices, metered, without_gpu)}
    return frame


def terms(metered: Sequence[Metered], prices: PriceList) -> Terms:
    """Put side by side what each revision's replicas are, and what a second of one costs, active and idle."""
    import numpy as np

    def rate(which: meter.Meter) -> float:
        price = prices.price(which)
        return math.nan if price is None else price

    def row(one: Metered) -> tuple[float, ...]:
        charged = 0.0 if one.dedicated else 1.0
        gpu = prices.gpu_second(one.size.gpu)
        cores, gib = one.size.cpu_cores * charged, one.size.memory_bytes / GIB * charged
        return (
            cores * rate(meter.VCPU_ACTIVE), cores * rate(meter.VCPU_IDLE), gib * rate(meter.MEMORY_ACTIVE),
            gib * rate(meter.MEMORY_IDLE), math.nan if gpu is None else one.size.gpus * gpu * charged,
            charged * rate(meter.REQUESTS), 0.0 if one.size.gpu or one.dedicated else float(one.min_replicas),
            float(one.serves),
        )  # fmt: skip

    names = ("vcpu", "vcpu_idle", "memory", "memory_idle", "gpu", "requests", "min_replicas", "serves")
    table = np.array([row(one) for one in metered], dtype=float).reshape(len(metered), len(names))
    return Terms(tuple((one.app, one.revision) for one in metered), dict(zip(names, table.T, strict=True)))


def fold(
    taken: Mapping[str, Any], agreed: Terms, grain_seconds: int, now_seconds: float
) -> dict[str, Any]:  # fmt: skip
    """Turn samples (arrays, `SAMPLE`) into what they cost, in their order; moments are seconds since the epoch.

    Arithmetic on whole arrays: a million samples take a fraction of a second.
    """
    import numpy as np

    place, at, requests = taken["place"], taken["at"], taken["requests"]
    rates = agreed.arrays
    passed = np.clip(now_seconds - at, 0.0, float(grain_seconds))
    replica_seconds = taken["replicas"] * passed
    waiting = np.flatnonzero(_idle(taken, rates["min_replicas"])) if rates["min_replicas"].any() else np.zeros(0, int)
    vcpu, memory, gpu = (replica_seconds * rates[name][place] for name in ("vcpu", "memory", "gpu"))
    for money, rate in ((vcpu, rates["vcpu_idle"]), (memory, rates["memory_idle"])):
        money[waiting] = replica_seconds[waiting] * rate[place[waiting]]
    idle_seconds = np.zeros_like(replica_seconds)
    idle_seconds[waiting] = replica_seconds[waiting]
    asked = requests * rates["requests"][place]
    total = vcpu + memory
    for part, rate in ((gpu, rates["gpu"]), (asked, rates["requests"])):
        total += np.nan_to_num(part) if np.isnan(rate).any() else part
    quiet = requests == 0
    if not rates["serves"].all():
        quiet &= rates["serves"][place] > 0
    return {
        "place": place, "at": at, "replica_seconds": replica_seconds, "idle_seconds": idle_seconds,
        "requests": requests, "vcpu_money": vcpu, "memory_money": memory, "gpu_money": gpu, "requests_money": asked,
        "total_money": total, "idle_money": total * quiet,
    }  # fmt: skip


def table(found: Mapping[str, Any], agreed: Terms, currency: str) -> pd.DataFrame:
    """Put what the fold found into a table, in the order of time; rows of nothing are left out."""
    import numpy as np
    import pandas as pd

    kept = np.flatnonzero((found["replica_seconds"] > 0) | (found["requests"] > 0))
    kept = kept[np.lexsort((found["place"][kept], found["at"][kept]))]
    place = found["place"][kept]
    apps, revisions = (np.array([name[part] for name in agreed.names], dtype=object)[place] for part in (0, 1))
    numbers = [values[kept] for name, values in found.items() if name not in {"place", "at"}]
    filled = (apps, revisions, pd.to_datetime(found["at"][kept], unit="s", utc=True), *numbers)
    return pd.DataFrame(dict(zip(columns(currency), filled, strict=True)))


def _idle(taken: Mapping[str, Any], least: Any) -> Any:
    """`price.is_idle` on whole arrays; a sample that was not taken (NaN) is below nothing, so it is active."""
    there, at_least = taken["replicas"], least[taken["place"]]
    waits = (at_least > 0) & (there > 0) & (there <= at_least) & (taken["requests"] <= 0)
    waits &= taken["cores"] < IDLE_CORES
    waits &= taken["bytes_a_second"] < IDLE_BYTES_A_SECOND
    return waits


def samples(metered: Sequence[Metered], grain_seconds: int) -> dict[str, Any]:
    """Put the points of one bucket side by side; what nobody measured is NaN."""
    import numpy as np

    rows = [(place, *row) for place, one in enumerate(metered) for row in _rows(one, grain_seconds)]
    table = np.array(rows, dtype=float).reshape(len(rows), len(SAMPLE))
    found = dict(zip(SAMPLE, table.T, strict=True))
    return found | {"place": found["place"].astype(int)}


def _rows(one: Metered, grain_seconds: int) -> Iterator[tuple[float, ...]]:
    requests, cores, moved = (_by_moment(points) for points in (one.requests, one.cores, one.moved_bytes))
    replicas = _by_moment(one.points)
    for at in sorted({*replicas, *requests}):
        there = replicas.get(at, 0.0)
        a_second = moved[at] / grain_seconds / max(there, 1.0) if at in moved else math.nan
        yield at.timestamp(), there, requests.get(at, 0.0), cores.get(at, math.nan), a_second


def _by_moment(points: Sequence[MetricPoint]) -> dict[datetime, float]:
    """Values by moment, those that are known; several of one moment (bytes in and out) are added up."""
    found: dict[datetime, float] = {}
    for point in points:
        if point.value is not None:
            found[point.at] = found.get(point.at, 0.0) + point.value
    return found


def describe(
    prices: PriceList, metered: Sequence[Metered] = (), without_gpu: Sequence[str] = ()
) -> dict[str, object]:  # fmt: skip
    """What a reader must know of the figures."""
    unpriced = sorted({one.size.gpu for one in metered if prices.gpu_second(one.size.gpu) is None})
    dedicated = sorted({f"{one.app} ({one.dedicated})" for one in metered if one.dedicated})
    note = (
        f"estimate, upper bound: list prices of {prices.region} as of {prices.as_of:%Y-%m-%d}, "
        "the active rate wherever metrics do not show that a replica was idle"
    )
    if unpriced:
        note += f"; without {', '.join(unpriced)}, whose price is not known"
    if dedicated:
        note += f"; without {', '.join(dedicated)}: dedicated nodes are charged by the hour, whatever runs on them"
    on_cpu = ""
    if without_gpu:
        on_cpu = f"priced with the GPU that {', '.join(without_gpu)} asked for, though replicas ran on the CPU"
    return {
        "note": "; ".join(filter(None, (note, on_cpu))),
        "gpu_note": on_cpu,
        "estimate": "upper bound: the active rate wherever metrics do not show that a replica was idle",
        "currency": prices.currency,
        "price_source": prices.source,
        "price_as_of": prices.as_of.isoformat(),
        "price_region": prices.region,
        "unpriced": unpriced,
        "excludes": "free grants, discounts, tax, logs, network, registry",
    }
