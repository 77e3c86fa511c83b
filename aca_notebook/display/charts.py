"""DataFrames become charts: what an app did, what it used, what it cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.display import amounts, axes, panels
from aca_notebook.display.chart import Chart, Limit, Mark, Panel, Series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_METERS = (("vcpu_usd", "vCPU"), ("memory_usd", "memory"), ("gpu_usd", "GPU"))
_BUCKETS = {60.0: "minute", 3600.0: "hour", 86400.0: "day"}


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the data: limits that a column may not pass, what happened, when replicas ran for nobody."""

    limits: Mapping[str, Limit] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    idle: tuple[tuple[datetime, datetime], ...] = ()


def metrics(frame: Any, *, app: str, note: str = "", around: Around | None = None) -> Chart:
    """Return requests, replicas and latency above CPU, memory, GPU and network, on one time axis.

    A table that is split gets a line for each part.
    """
    around = around or Around()
    by = f" by {frame.attrs['by']}" if frame.attrs.get("by") else ""
    drawn = panels.draw(frame, panels.EVERYTHING, around.limits)
    return _chart(f"{app}: requests and use{by}", drawn, note, around)


def activity(frame: Any, *, app: str, note: str = "") -> Chart:
    """Return requests, replicas and response time."""
    return _chart(f"{app}: replicas and requests", panels.draw(frame, panels.ACTIVITY), note)


def utilisation(frame: Any, *, app: str, note: str = "") -> Chart:
    """Return CPU, memory and, where it is measured, GPU."""
    return _chart(f"{app}: utilisation", panels.draw(frame, panels.UTILISATION), note)


def cost(frame: Any, *, app: str = "", note: str = "") -> Chart:
    """Return dollars a bucket, stacked by meter; buckets are summed to hours when there are more than 60."""
    times, columns = _read(frame, tuple(name for name, _ in _METERS))
    bucket = _bucket(frame, times)
    if len(times) > 60 and bucket < timedelta(hours=1):
        times, columns = _by_hour(times, columns)
        bucket = timedelta(hours=1)
    series = tuple(Series(label, columns[name]) for name, label in _METERS if _charged(columns.get(name)))
    totals = [sum(value or 0.0 for value in column) for column in zip(*(one.values for one in series), strict=True)]
    unit = axes.unit_for("USD", totals)
    title = f"{app}: cost (estimate)" if app else "Cost of all apps (estimate)"
    known = len(times) > 1 or "grain_seconds" in frame.attrs
    per = f" per {_BUCKETS.get(bucket.total_seconds(), amounts.span(bucket))}" if known else ""
    panel = Panel(f"Cost{per}, by meter", unit, series, kind="bars", stacked=True)
    return Chart(title, times if series else (), (panel,) if series else (), bucket, note)


def _chart(title: str, drawn: panels.Drawn, note: str, around: Around | None = None) -> Chart:
    few = f"drawn from {drawn.points:,} points: the least and the greatest of each part" if drawn.points else ""
    notes = "; ".join(filter(None, (drawn.left_out, few, note)))
    around = around or Around()
    return Chart(title, drawn.times, drawn.panels, drawn.bucket, notes, around.marks, around.idle)


def _bucket(frame: Any, times: Sequence[datetime]) -> timedelta:
    """Return how long a bucket is: as the table's `grain_seconds` says, or as its moments lie."""
    seconds = frame.attrs.get("grain_seconds")
    return timedelta(seconds=float(seconds)) if seconds else axes.bucket_width(times)


def _read(frame: Any, names: Sequence[str]) -> tuple[tuple[datetime, ...], dict[str, tuple[float | None, ...]]]:
    """Return the moments in order and the named columns that exist; rows of one moment are summed."""
    moments = frame["at"] if "at" in frame.columns else frame.index
    present = [name for name in names if name in frame.columns]
    rows: dict[datetime, dict[str, float]] = {}
    for moment, *values in zip(moments, *(frame[name] for name in present), strict=True):
        row = rows.setdefault(_utc(moment), {})
        for name, value in zip(present, values, strict=True):
            if value is not None and not math.isnan(value):
                row[name] = row.get(name, 0.0) + float(value)
    times = tuple(sorted(rows))
    return times, {name: tuple(rows[moment].get(name) for moment in times) for name in present}


def _utc(moment: Any) -> datetime:
    """Return a pandas timestamp, or a datetime, as a plain aware datetime."""
    plain: datetime = moment.to_pydatetime(warn=False) if hasattr(moment, "to_pydatetime") else moment
    return plain.replace(tzinfo=UTC) if plain.tzinfo is None else plain.astimezone(UTC)


def _by_hour(
    times: Sequence[datetime], columns: dict[str, tuple[float | None, ...]]
) -> tuple[tuple[datetime, ...], dict[str, tuple[float | None, ...]]]:  # fmt: skip
    hours = [moment.replace(minute=0, second=0, microsecond=0) for moment in times]
    sums: dict[str, dict[datetime, float]] = {name: {} for name in columns}
    for name, values in columns.items():
        for hour, value in zip(hours, values, strict=True):
            sums[name][hour] = sums[name].get(hour, 0.0) + (value or 0.0)
    kept = tuple(sorted(set(hours)))
    return kept, {name: tuple(by_hour.get(hour) for hour in kept) for name, by_hour in sums.items()}


def _charged(values: Sequence[float | None] | None) -> bool:
    return any(values or ())
