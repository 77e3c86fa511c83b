"""What an app cost, estimated: replica-seconds from Azure Monitor × dated list prices.

A bucket's replica-seconds are its time-weighted average of replicas × the seconds of it that have passed, so the open
bucket counts for what it has run and a replica that lived three seconds costs three seconds. Everything is charged at
the active rate, which makes the figure an upper bound: Azure charges an idle replica less (facts §10.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.model.price import replica_cost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import pandas as pd

    from aca_notebook.model.metric import MetricPoint
    from aca_notebook.model.price import ReplicaSize
    from aca_notebook.model.rate import PriceList

COLUMNS = ("app", "revision", "at", "replica_seconds", "vcpu_usd", "memory_usd", "gpu_usd", "total_usd")


@dataclass(frozen=True, slots=True)
class Metered:
    """One revision's replicas over time, and what one of them occupies."""

    app: str
    revision: str
    size: ReplicaSize
    points: Sequence[MetricPoint]


def cost_table(
    metered: Sequence[Metered], grain_seconds: int, now: datetime, prices: PriceList, without_gpu: Sequence[str] = ()
) -> pd.DataFrame:
    """Return one row a revision and bucket with a cost; `.attrs` tells source, date, region and what is not known.

    `without_gpu` are apps whose replicas run on the CPU though they asked for a GPU: they cost what the GPU would.
    """
    import pandas as pd

    rows = [
        _row(revision, point, _elapsed_seconds(point.at, grain_seconds, now), prices)
        for revision in metered
        for point in revision.points
        if point.value
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    frame = frame.sort_values(["at", "app", "revision"], ignore_index=True)
    described = describe(prices, [revision.size for revision in metered], without_gpu)
    frame.attrs = {"grain_seconds": grain_seconds, **described}
    return frame


def describe(
    prices: PriceList, sizes: Sequence[ReplicaSize], without_gpu: Sequence[str] = ()
) -> dict[str, object]:  # fmt: skip
    """What a reader must know of the figures."""
    unpriced = sorted({size.gpu for size in sizes if prices.gpu_second(size.gpu) is None})
    note = (
        f"estimate, upper bound: list prices of {prices.region} as of {prices.as_of:%Y-%m-%d}, all at the active rate"
    )
    if unpriced:
        note += f"; without {', '.join(unpriced)}, whose price is not known"
    on_cpu = ""
    if without_gpu:
        on_cpu = f"priced with the GPU that {', '.join(without_gpu)} asked for, though replicas ran on the CPU"
    return {
        "note": "; ".join(filter(None, (note, on_cpu))),
        "gpu_note": on_cpu,
        "estimate": "upper bound: every second at the active rate",
        "currency": "USD",
        "price_source": prices.source,
        "price_as_of": prices.as_of.isoformat(),
        "price_region": prices.region,
        "unpriced": unpriced,
        "excludes": "requests, free grants, discounts, tax",
    }


def _elapsed_seconds(start: datetime, grain_seconds: int, now: datetime) -> float:
    return min(float(grain_seconds), max(0.0, (now - start).total_seconds()))


def _row(revision: Metered, point: MetricPoint, seconds: float, prices: PriceList) -> Mapping[str, object]:
    replica_seconds = (point.value or 0.0) * seconds
    cost = replica_cost(revision.size, replica_seconds, prices)
    return {
        "app": revision.app,
        "revision": revision.revision,
        "at": point.at,
        "replica_seconds": replica_seconds,
        "vcpu_usd": cost.vcpu,
        "memory_usd": cost.memory,
        "gpu_usd": cost.gpu,
        "total_usd": cost.total,
    }
