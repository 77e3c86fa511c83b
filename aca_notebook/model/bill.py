"""What was billed beside what was estimated, meter by meter, and why they differ. Pure."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from aca_notebook.model import meter
from aca_notebook.model.meter import find_meter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Cost Management is this far behind (facts §10.1).
LAG_HOURS = (8, 24)
#: Below this share of the greater one, two sums are the same.
_SAME = 0.01


@dataclass(frozen=True, slots=True)
class Spent:
    """So much money for a meter on a day (UTC): what a bill, or an estimate, has a row for."""

    day: date
    meter: str
    amount: float
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One meter. `lag` is the estimate of the time that no bill has reached; `why` explains the difference."""

    meter: str
    estimated: float
    billed: float
    lag: float
    why: str
    currency: str = "USD"

    @property
    def difference(self) -> float:
        """Billed less estimated."""
        return self.billed - self.estimated


def reconcile(estimated: Sequence[Spent], billed: Sequence[Spent], today: date) -> tuple[Reconciled, ...]:
    """Put both side by side, the dearest meter first; both are in one currency, `today` is a day of UTC.

    A bill reaches as far as its latest day, and while that is today or yesterday not all of it is there: what is
    estimated beyond is not missing, it is late.
    """
    reached = max((row.day for row in billed), default=date.min)
    names = list(dict.fromkeys(_folded(row.meter) for row in (*estimated, *billed)))
    found = []
    for name in names:
        ours = [row for row in estimated if _folded(row.meter) == name]
        theirs = [row for row in billed if _folded(row.meter) == name]
        late = _sum(row for row in ours if row.day > reached)
        if reached >= today - timedelta(days=1):
            late += max(0.0, _sum_of(ours, reached) - _sum_of(theirs, reached))
        found.append((name, _sum(ours), _sum(theirs), late))
    why = functools.partial(_why, turned=_turned_idle(found), open_=reached >= today)
    currency = next((row.currency for row in (*billed, *estimated)), "USD")
    rows = [
        Reconciled(_shown(name), whole, theirs, late, why(name, whole - late, theirs, late), currency)
        for name, whole, theirs, late in found
    ]  # fmt: skip
    return tuple(sorted(rows, key=lambda row: -max(row.estimated, row.billed)))


def _turned_idle(found: Sequence[tuple[str, float, float, float]]) -> bool:
    """Whether less was billed as active and more as idle: the metrics did not show all the waiting."""
    less = any(name == _folded(meter.VCPU_ACTIVE.name) and theirs < whole - late for name, whole, theirs, late in found)
    more = any(name == _folded(meter.VCPU_IDLE.name) and theirs > whole - late for name, whole, theirs, late in found)
    return less and more


def _why(name: str, due: float, billed: float, late: float, *, turned: bool, open_: bool) -> str:
    """Say what explains the difference: `due` is the estimate of the days that the bill has reached."""
    said = [f"bills are {LAG_HOURS[0]} to {LAG_HOURS[1]} hours late"] if late else []
    known = find_meter(name)
    if math.isclose(due, billed, rel_tol=_SAME, abs_tol=1e-9):
        said += [] if late else ["the same"]
    elif known is None:
        said.append("not a meter of replicas or requests: nothing here estimates it")
    elif turned and known.part in {"vcpu", "memory"}:
        said.append("some waiting was billed as idle that metrics did not show")
    elif billed < due and known.counts in meter.FREE_A_MONTH:
        said.append("the free grant, a discount, or waiting that metrics did not show")
    elif billed > due and open_:
        said.append("counted a moment later, and each stay in whole seconds")
    elif billed < due:
        said.append("a discount, or a lower price than the list's")
    else:
        said.append("a higher price than the list's, or apps that are gone")
    return "; ".join(said)


def _sum(rows: Iterable[Spent]) -> float:
    return math.fsum(row.amount for row in rows)


def _sum_of(rows: Iterable[Spent], day: date) -> float:
    return _sum(row for row in rows if row.day == day)


def _folded(name: str) -> str:
    return name.strip().lower()


def _shown(name: str) -> str:
    known = find_meter(name)
    return known.name if known else name
