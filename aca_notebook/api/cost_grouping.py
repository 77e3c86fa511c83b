"""Cost tables by app, revision, replica, call, day or meter: the same money, cut differently. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.api.costing import PARTS
from aca_notebook.model import meter
from aca_notebook.model.cost import CostRow
from aca_notebook.model.meter import GPU_METERS, Meter
from aca_notebook.model.quantities import GIB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from aca_notebook.api.costing import Metered
    from aca_notebook.model.metric import MetricPoint
    from aca_notebook.model.rate import PriceList

#: What money that no replica, or no call, can be named for is called.
NOBODY = "(nobody)"


def by_column(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Add up the rows of each app, revision or replica, the dearest first."""
    return _summed(frame, column).sort_values(f"total_{_currency(frame)}", ascending=False, kind="stable")


def by_day(frame: pd.DataFrame) -> pd.DataFrame:
    """Add up the rows of each day (UTC), in their order."""
    days = frame["at"].dt.strftime("%Y-%m-%d") if len(frame) else frame["at"].astype(str)
    return _summed(frame.assign(day=days), "day")


def _summed(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    numbers = [name for name in frame.columns if name not in {"app", "revision", "replica", "at", "day", "call"}]
    found = frame.groupby(column, sort=True)[numbers].sum()
    found.attrs = dict(frame.attrs)
    return found


def by_replica(frame: pd.DataFrame, presence: Mapping[str, Sequence[MetricPoint]]) -> pd.DataFrame:
    """Share each bucket of a revision evenly among its replicas that were measured in it.

    Azure Monitor counts replicas by revision only; that one was there shows in its CPU. What was charged while none
    was measured goes to nobody.
    """
    import pandas as pd

    there = pd.DataFrame(
        [(name, point.at) for name, points in presence.items() for point in points], columns=["replica", "at"]
    )
    there["at"] = pd.to_datetime(there["at"], utc=True).astype(frame["at"].dtype)
    owners = [_revision_of(name, frame["revision"].unique()) for name in there["replica"]]
    there["revision"] = pd.Series(owners, dtype=object, index=there.index)
    joined = frame.merge(there, on=["revision", "at"], how="left")
    joined["replica"] = joined["replica"].fillna(NOBODY)
    share = joined.groupby(["app", "revision", "at"])["replica"].transform("size")
    numbers = [name for name in frame.columns if name not in {"app", "revision", "at"}]
    joined[numbers] = joined[numbers].div(share, axis=0)
    joined.attrs = dict(frame.attrs)
    return by_column(joined, "replica")


def _revision_of(replica: str, revisions: Sequence[str]) -> str:
    """A replica is called after its revision (facts §3.9)."""
    return max((name for name in revisions if replica.startswith(f"{name}-")), key=len, default="")


def by_call(frame: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    """Share each bucket among the calls that ended in it, by how long they ran; the dearest first.

    `calls` has App, At, Call and Seconds, as the runner's lines tell. What was charged in buckets without a call, and
    all that waiting cost, goes to nobody.
    """
    import pandas as pd

    currency = _currency(frame)
    grain = pd.Timedelta(seconds=frame.attrs["grain_seconds"])
    spent = frame.groupby(["app", "at"], as_index=False)[[f"total_{currency}", "replica_seconds"]].sum()
    told = calls.assign(at=pd.to_datetime(calls["At"], utc=True).dt.floor(grain), app=calls["App"])
    joined = told.merge(spent, on=["app", "at"], how="inner")
    running = joined.groupby(["app", "at"])["Seconds"].transform("sum")
    # Calls share a replica, so their seconds may be more than its: each second of a replica is paid for once.
    paid = running.clip(lower=joined["replica_seconds"]).where(running > 0)
    joined["cost"] = (joined[f"total_{currency}"] * joined["Seconds"] / paid).fillna(0.0)
    table = pd.DataFrame({
        "call": joined["Call"], "app": joined["app"], "function": joined["Function"], "at": joined["At"],
        "status": joined["Status"], "seconds": joined["Seconds"], f"total_{currency}": joined["cost"],
    }).sort_values(f"total_{currency}", ascending=False, ignore_index=True)  # fmt: skip
    left = float(spent[f"total_{currency}"].sum() - table[f"total_{currency}"].sum())
    table.attrs = frame.attrs | {f"waiting_{currency}": max(left, 0.0)}
    return table


def by_meter(
    frame: pd.DataFrame, metered: Sequence[Metered], prices: PriceList, *, daily: bool = False
) -> pd.DataFrame:  # fmt: skip
    """Return how much of each meter was used and what it comes to; `daily` for each day and app."""
    import pandas as pd

    sizes = pd.DataFrame(
        [_size_row(one) for one in metered], columns=["app", "revision", "cores", "gib", "gpus", "gpu"]
    ).drop_duplicates(["app", "revision"])
    joined = frame.merge(sizes, on=["app", "revision"], how="left")
    active = joined["replica_seconds"] - joined["idle_seconds"]
    quantities: dict[Meter, Any] = {
        meter.VCPU_ACTIVE: active * joined["cores"],
        meter.VCPU_IDLE: joined["idle_seconds"] * joined["cores"],
        meter.MEMORY_ACTIVE: active * joined["gib"],
        meter.MEMORY_IDLE: joined["idle_seconds"] * joined["gib"],
        **{each: (joined["replica_seconds"] * joined["gpus"]).where(joined["gpu"] == name, 0.0)
           for name, each in GPU_METERS.items()},
        meter.REQUESTS: joined["requests"],
    }  # fmt: skip
    day = joined["at"].dt.strftime("%Y-%m-%d") if len(joined) else joined["at"].astype(str)
    pieces = [
        pd.DataFrame({
            "day": day, "app": joined["app"], "meter": each.name, "counts": each.counts, "quantity": quantity,
            "amount": quantity * (price if (price := prices.price(each)) is not None else float("nan")),
        })
        for each, quantity in quantities.items()
    ]  # fmt: skip
    keys = ["day", "app", "meter", "counts"] if daily else ["meter", "counts"]
    whole = pd.concat(pieces)
    used = whole[whole["quantity"] > 0].groupby(keys, sort=False, as_index=False)
    found = used[["quantity", "amount"]].sum(min_count=1)
    found = found.rename(columns={"amount": f"total_{_currency(frame)}"})
    found.attrs = dict(frame.attrs)
    return found


def _size_row(one: Metered) -> tuple[str, str, float, float, float, str]:
    charged = 0.0 if one.dedicated else 1.0
    gib = one.size.memory_bytes / GIB
    return (
        one.app, one.revision, one.size.cpu_cores * charged, gib * charged, one.size.gpus * charged, one.size.gpu
    )  # fmt: skip


def rows_of(found: pd.DataFrame, most: int = 50) -> tuple[CostRow, ...]:
    """Return a grouped table's lines as values, for a card; each has what its table has."""
    currency = _currency(found)
    rows = []
    for name, line in found.head(most).iterrows():
        parts = {part: float(line.get(f"{part}_{currency}", 0.0) or 0.0) for part in PARTS}
        rows.append(CostRow(
            str(line.get("call", line.get("meter", name))), float(line[f"total_{currency}"]), parts,
            float(line.get(f"idle_{currency}", 0.0)), float(line.get("replica_seconds", line.get("seconds", 0.0))),
            float(line.get("requests", line.get("quantity", 0.0))), str(line.get("function", "")),
        ))  # fmt: skip
    return tuple(rows)


def _currency(frame: pd.DataFrame) -> str:
    return str(frame.attrs["currency"]).lower()
