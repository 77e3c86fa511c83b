"""DataFrames become charts: what an app did, what it used, what it cost."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from aca_notebook.display import amounts, axes
from aca_notebook.display.chart import Chart, Panel, Series
from aca_notebook.model import metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Kind = Literal["line", "area", "step", "bars"]

_KINDS: dict[str, Kind] = {"requests": "bars", "restarts": "bars", "replicas": "step", "memory_bytes": "area"}
_METERS = (("vcpu_usd", "vCPU"), ("memory_usd", "memory"), ("gpu_usd", "GPU"))

#: Below this many buckets, averages are drawn as what they are: level over their bucket.
_FEW = 8
_BUCKETS = {60.0: "minute", 3600.0: "hour", 86400.0: "day"}

ACTIVITY = (metric.REQUESTS, metric.REPLICAS, metric.RESPONSE_TIME)
UTILISATION = (metric.CPU, metric.MEMORY, metric.GPU)


def metrics(frame: Any, *, app: str, note: str = "") -> Chart:
    """Return requests, replicas and response time above CPU, memory and GPU, on one time axis."""
    return _chart(f"{app}: requests and use", frame, (*ACTIVITY, *UTILISATION), note)


def activity(frame: Any, *, app: str, note: str = "") -> Chart:
    """Return requests, replicas and response time."""
    return _chart(f"{app}: replicas and requests", frame, ACTIVITY, note)


def utilisation(frame: Any, *, app: str, note: str = "") -> Chart:
    """Return CPU, memory and, where it is measured, GPU."""
    return _chart(f"{app}: utilisation", frame, UTILISATION, note)


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


def _chart(title: str, frame: Any, wanted: Iterable[metric.Metric], note: str) -> Chart:
    wanted = tuple(wanted)
    times, columns = _read(frame, tuple(one.column for one in wanted))
    times, columns = _with_gaps(times, columns, _bucket(frame, times))
    panels: list[Panel] = []
    for one in wanted:
        values = columns.get(one.column, ())
        if any(value is not None for value in values):
            series = (Series(one.label, values),)
            unit = axes.unit_for(one.unit, values)
            kind = _KINDS.get(one.column, "line")
            kind = "step" if kind in {"line", "area"} and len(times) < _FEW else kind
            panels.append(Panel(one.label, unit, series, kind=kind, colour=len(panels)))
    return Chart(title, times if panels else (), tuple(panels), _bucket(frame, times), note)


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


def _with_gaps(
    times: Sequence[datetime], columns: dict[str, tuple[float | None, ...]], bucket: timedelta
) -> tuple[tuple[datetime, ...], dict[str, tuple[float | None, ...]]]:  # fmt: skip
    """Put one empty bucket where buckets are missing, so that no line is drawn over a time nobody measured."""
    kept: list[datetime] = []
    sources: list[int | None] = []
    for place, moment in enumerate(times):
        if kept and moment - kept[-1] > 1.5 * bucket:
            kept.append(kept[-1] + bucket)
            sources.append(None)
        kept.append(moment)
        sources.append(place)
    filled = {
        name: tuple(None if place is None else values[place] for place in sources) for name, values in columns.items()
    }
    return tuple(kept), filled


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
