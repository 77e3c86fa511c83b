"""Axes: which unit suits a range of values, and where ticks go on values and on time."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BYTES = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "bytes"))
_SECONDS = ((1.0, "seconds"), (1e-3, "milliseconds"), (1e-6, "microseconds"))
_DOLLARS = ((1.0, "USD"), (1e-3, "thousandths of a USD"), (1e-6, "millionths of a USD"))
_CORES = ((1.0, "cores"), (1e-3, "thousandths of a core"))
_FAMILIES: dict[str, tuple[tuple[float, str], ...]] = {
    "bytes": _BYTES, "seconds": _SECONDS, "USD": _DOLLARS, "cores": _CORES,
}  # fmt: skip

_STEPS_SECONDS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """How values are shown: divided by `divisor`, labelled `label`."""

    label: str
    divisor: float = 1.0


def unit_for(unit: str, values: Iterable[float | None]) -> Unit:
    """Return the largest unit of the family in which the greatest value is at least 1.

    `unit` may carry a suffix (`bytes per minute`), which is kept; a family we do not know is shown as it is.
    """
    family, _, rest = unit.partition(" ")
    scales = _FAMILIES.get(family)
    if scales is None:
        return Unit(unit)
    greatest = max((abs(value) for value in values if value is not None), default=0.0)
    divisor, label = next((scale for scale in scales if greatest >= scale[0]), scales[-1] if greatest else scales[0])
    if not greatest and family == "bytes":
        divisor, label = 1, "bytes"
    return Unit(f"{label} {rest}".strip(), divisor)


def value_ticks(greatest: float, count: int = 4) -> tuple[float, ...]:
    """Return round numbers from 0 to at least `greatest`: about `count` steps of 1, 2, 2.5 or 5 times 10**n."""
    if greatest <= 0 or not math.isfinite(greatest):
        return (0.0, 1.0)
    rough = greatest / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
    steps = math.ceil(greatest / step - 1e-9)
    return tuple(round(index * step, 12) for index in range(steps + 1))


def tick_label(value: float) -> str:
    """Write a tick's number shortly: no needless zeros, thousands grouped."""
    return f"{value:,.0f}" if value == int(value) else f"{value:.10g}"


def time_ticks(start: datetime, end: datetime, count: int = 6) -> tuple[datetime, ...]:
    """Return round moments within [start, end], at most `count` of them, in UTC."""
    span_seconds = max((end - start).total_seconds(), 1.0)
    step_seconds = next((step for step in _STEPS_SECONDS if span_seconds / step <= count - 0.5), _STEPS_SECONDS[-1])
    first = math.ceil(start.timestamp() / step_seconds) * step_seconds
    moments = range(int(first), math.floor(end.timestamp()) + 1, step_seconds)
    return tuple(datetime.fromtimestamp(moment, UTC) for moment in moments)


def time_label(moment: datetime, span: timedelta) -> str:
    """Write a moment as finely as the whole axis needs, in UTC."""
    moment = moment.astimezone(UTC)
    if span <= timedelta(minutes=3):
        return f"{moment:%H:%M:%S}"
    return f"{moment:%H:%M}" if span <= timedelta(hours=26) else f"{moment.day} {moment:%b %H:%M}"


def bucket_width(times: Sequence[datetime]) -> timedelta:
    """Return the usual distance between neighbours: a minute when there is one moment only."""
    gaps = sorted(after - before for before, after in itertools.pairwise(times) if after > before)
    return gaps[len(gaps) // 2] if gaps else timedelta(minutes=1)
