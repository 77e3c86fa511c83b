"""DataFrames become charts: what an app did, what it used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aca_notebook.display import panels
from aca_notebook.display.chart import Chart, Limit, Mark

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


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


def _chart(title: str, drawn: panels.Drawn, note: str, around: Around | None = None) -> Chart:
    few = f"drawn from {drawn.points:,} points: the least and the greatest of each part" if drawn.points else ""
    notes = "; ".join(filter(None, (drawn.left_out, few, note)))
    around = around or Around()
    return Chart(title, drawn.times, drawn.panels, drawn.bucket, notes, around.marks, around.idle)
