"""What stands around an app's metrics: revisions, scaling, limits, idle times."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pandas as pd

from aca_notebook.api import surroundings
from aca_notebook.model.app import AppState
from aca_notebook.model.ids import app_id
from aca_notebook.model.revision import RevisionState

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
APP = AppState(app_id("s", "g", "scorer"), cpu_cores=0.5, memory_bytes=2**30)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def frame(**columns: list[float]) -> pd.DataFrame:
    length = len(next(iter(columns.values())))
    index = pd.date_range(NOON, periods=length, freq="1min", name="at")
    table = pd.DataFrame({"replicas": 1.0, "requests": 0.0, "cpu_cores": 0.001} | columns, index=index)
    table.attrs = {"grain_seconds": 60, "by": ""}
    return table


def test_a_change_of_the_number_of_replicas_is_a_mark_and_a_part_of_a_replica_is_one():
    marks = surroundings.scaling_marks(frame(replicas=[0.0, 0.2, 1.0, math.nan, 2.6, 0.0]))
    assert [(mark.at, mark.label, mark.steps) for mark in marks] == [
        (at(1), "scaled up from 0 to 1", 1),
        (at(4), "scaled up from 1 to 3", 2),
        (at(5), "scaled down from 3 to 0", -3),
    ]  # fmt: skip


def test_revisions_made_in_the_time_shown_are_marks_among_the_others():
    revisions = (
        RevisionState("scorer--old", at(-5)), RevisionState("scorer--new", at(1.5)), RevisionState("scorer--dateless"),
    )  # fmt: skip
    seen = surroundings.around(APP, revisions, frame(replicas=[0.0, 1.0, 2.0]), at(3))
    assert [mark.label for mark in seen.marks] == ["scaled up from 0 to 1", "revision new", "scaled up from 1 to 2"]
    assert {column: limit.label for column, limit in seen.limits.items()} == {
        "cpu_cores": "limit 0.5 cores", "memory_bytes": "limit 1 GiB",
    }  # fmt: skip


def test_idle_is_what_azure_calls_idle_and_lasts_until_now():
    table = frame(
        replicas=[0, 1, 1, 1, 1, 1, 1], requests=[0, 0, 0, 2, 0, 0, 0],
        cpu_cores=[0, 0.001, 0.001, 0.001, 0.02, 0.001, 0.001], sent_bytes=[0, 0, 0, 0, 0, 70_000, 0],
    )  # fmt: skip
    assert surroundings.idle_times(table, at(6.5)) == ((at(1), at(3)), (at(6), at(6.5)))


def test_a_table_that_is_split_or_empty_has_nothing_around_it():
    table = frame(replicas=[1.0])
    table.attrs["by"] = "revision"
    assert surroundings.around(APP, (), table, at(1)).limits == {}
    assert surroundings.around(APP, (), frame(replicas=[1.0]).iloc[:0], at(1)).marks == ()
