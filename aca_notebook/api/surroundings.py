"""What stands around an app's metrics in a chart: its revisions, its scaling, its limits, its idle times. Pure."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from aca_notebook.display import amounts
from aca_notebook.display.chart import Limit, Mark
from aca_notebook.display.charts import Around
from aca_notebook.model.metric import CPU, MEMORY, RECEIVED, REPLICAS, REQUESTS, SENT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pandas as pd

    from aca_notebook.model.app import AppState
    from aca_notebook.model.revision import RevisionState

#: Below both, and with no request, Azure calls a replica idle (facts §10.5).
IDLE_CORES = 0.01
IDLE_BYTES_PER_SECOND = 1000.0


def around(state: AppState, revisions: Sequence[RevisionState], frame: pd.DataFrame, now: datetime) -> Around:
    """Return limits, marks and idle times, until now, for a table of metrics that is not split."""
    if not len(frame) or frame.attrs.get("by"):
        return Around()
    start = frame.index[0].to_pydatetime()
    end = frame.index[-1].to_pydatetime() + timedelta(seconds=frame.attrs["grain_seconds"])
    marks = (*revision_marks(revisions, (start, end)), *scaling_marks(frame))
    return Around(limits(state), tuple(sorted(marks, key=lambda mark: mark.at)), idle_times(frame, now))


def limits(state: AppState) -> dict[str, Limit]:
    """What a replica of the app may use; a bucket's average is that of a replica."""
    found = {}
    if state.cpu_cores:
        found[CPU.column] = Limit(state.cpu_cores, f"limit {state.cpu_cores:g} cores")
    if state.memory_bytes:
        found[MEMORY.column] = Limit(float(state.memory_bytes), f"limit {amounts.size(state.memory_bytes)}")
    return found


def revision_marks(revisions: Sequence[RevisionState], span: tuple[datetime, datetime]) -> list[Mark]:
    """A mark where a revision was made."""
    return [
        Mark(each.created_at, f"revision {each.name.rpartition('--')[2] or each.name}")
        for each in revisions
        if each.created_at is not None and span[0] <= each.created_at <= span[1]
    ]


def scaling_marks(frame: pd.DataFrame) -> list[Mark]:
    """A mark where the number of replicas went up or down: that of a bucket is the next whole number of its average."""
    if REPLICAS.column not in frame:
        return []
    marks: list[Mark] = []
    before: int | None = None
    for moment, average in frame[REPLICAS.column].items():
        if math.isnan(average):
            continue
        now = math.ceil(average - 1e-6)
        if before is not None and now != before:
            word = "up" if now > before else "down"
            marks.append(Mark(moment.to_pydatetime(), f"scaled {word} from {before} to {now}", "scaling", now - before))
        before = now
    return marks


def idle_times(frame: pd.DataFrame, now: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """The times in which replicas ran and did nothing, as Azure calls it; a bucket is idle as a whole or not."""
    needed = {REPLICAS.column, REQUESTS.column, CPU.column}
    if not needed <= set(frame.columns):
        return ()
    grain = timedelta(seconds=frame.attrs["grain_seconds"])
    idle = (frame[REPLICAS.column] > 0) & (frame[REQUESTS.column].fillna(0) == 0) & (frame[CPU.column] < IDLE_CORES)
    for column in (RECEIVED.column, SENT.column):
        if column in frame:
            idle &= frame[column].fillna(0) < IDLE_BYTES_PER_SECOND * grain.total_seconds()
    found: list[tuple[datetime, datetime]] = []
    for moment in frame.index[idle]:
        start = moment.to_pydatetime()
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], start + grain)
        else:
            found.append((start, start + grain))
    return tuple((start, min(end, now)) for start, end in found if start < now)
