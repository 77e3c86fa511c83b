"""A table of metrics, folded into what advice goes by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from aca_notebook.api.advising import CPU_PEAK, MEMORY_PEAK, MOST_REPLICAS, observe
from aca_notebook.model import metric

START = datetime(2026, 1, 1, tzinfo=UTC)
#: Half an hour in buckets of five minutes, the last one a minute old.
SPAN = (START, START + timedelta(minutes=26))


def table(**columns: list[float | None]) -> pd.DataFrame:
    index = pd.DatetimeIndex([START + timedelta(minutes=5 * step) for step in range(6)])
    return pd.DataFrame(columns, index=index, dtype="float64")


def test_time_is_weighed_by_replicas_and_the_open_bucket_by_what_has_passed() -> None:
    frame = table(**{
        metric.REPLICAS.column: [0, 1, 2, 1, 1, 1], metric.REQUESTS.column: [0, 10, 20, 0, 0, 5],
        MOST_REPLICAS.column: [0, 1, 2, 1, 1, 1], CPU_PEAK.column: [None, 0.2, 0.9, 0.1, 0.1, 0.1],
        MEMORY_PEAK.column: [None, 1e8, 3e8, 2e8, 2e8, 2e8],
    })  # fmt: skip
    seen = observe(frame, 300, SPAN, max_replicas=2)
    assert seen.replica_seconds == 300 + 600 + 300 + 300 + 60
    assert seen.busy_seconds == 300 + 600 + 60
    assert (seen.requests, seen.replicas_peak, seen.pauses) == (35, 2, 1)
    assert seen.at_limit_share == pytest.approx(1 / 5)
    assert seen.memory_peak_bytes == 3e8
    assert seen.cpu_peak_cores == pytest.approx(0.9, rel=0.05)


def test_what_nobody_measured_is_unknown_and_not_zero() -> None:
    seen = observe(table(**{metric.REPLICAS.column: [1] * 6}), 300, SPAN, max_replicas=10)
    assert (seen.cpu_peak_cores, seen.memory_peak_bytes, seen.gpu_peak_percent) == (None, None, None)
    assert (seen.requests, seen.busy_seconds, seen.pauses) == (0, 0, 0)


def test_an_app_that_never_ran_has_seen_nothing() -> None:
    seen = observe(pd.DataFrame(index=pd.DatetimeIndex([], tz="UTC")), 300, SPAN, max_replicas=10)
    assert (seen.replica_seconds, seen.replicas_peak, seen.at_limit_share, seen.idle_share) == (0, 0, 0, 0)
