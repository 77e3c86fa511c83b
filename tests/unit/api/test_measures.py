"""Metrics as a table, and which buckets to ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from aca_notebook.api import measures
from aca_notebook.errors import UsageFailed
from aca_notebook.model.metric import CPU, GPU, REQUESTS, MetricPoint

NOW = datetime(2026, 1, 1, 12, 0, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "interval", "start", "grain"),
    [
        (timedelta(hours=1), None, datetime(2026, 1, 1, 11, 0, tzinfo=UTC), "PT1M"),
        (timedelta(hours=24), None, datetime(2025, 12, 31, 12, 0, tzinfo=UTC), "PT15M"),
        (timedelta(days=93), None, datetime(2025, 9, 30, 0, 0, tzinfo=UTC), "P1D"),
        (timedelta(hours=1), timedelta(minutes=5), datetime(2026, 1, 1, 11, 0, tzinfo=UTC), "PT5M"),
    ],
    ids=["an hour by the minute", "a day by the quarter", "three months by the day", "as asked"],
)
def test_the_span_starts_with_a_whole_bucket_and_ends_now(since, interval, start, grain):
    assert measures.buckets(since, interval, NOW) == ((start, NOW), grain)


def test_an_interval_azure_does_not_have_is_refused_with_the_nearest():
    with pytest.raises(UsageFailed, match="PT5M"):
        measures.buckets(timedelta(hours=1), timedelta(minutes=2), NOW)


def test_a_span_of_nothing_is_refused():
    with pytest.raises(UsageFailed):
        measures.buckets(timedelta(), None, NOW)


def test_metrics_stand_side_by_side_and_one_without_points_has_no_column():
    first, second = NOW.replace(second=0), NOW.replace(minute=1, second=0)
    frame = measures.table(
        {
            REQUESTS: (MetricPoint(first, 3.0), MetricPoint(second, None)),
            CPU: (MetricPoint(second, 0.5),),
            GPU: (),
        },
        "PT1M",
    )
    assert list(frame.columns) == ["requests", "cpu_cores"]
    assert frame.index.name == "at"
    assert list(frame.index) == [first, second]
    assert frame["requests"].tolist() == [3.0, 0.0], "a bucket in which nothing was counted counts as zero"
    assert pd.isna(frame["cpu_cores"].iloc[0]), "a bucket in which nothing was measured stays unknown"
    assert frame.attrs["units"]["cpu_cores"] == "cores"
    assert frame.attrs["grain"] == "PT1M"


def test_no_points_at_all_are_an_empty_table_with_a_time_index():
    frame = measures.table({REQUESTS: ()}, "PT1M")
    assert frame.empty
    assert str(frame.index.tz) == "UTC"


def test_buckets_of_which_nothing_is_known_are_left_out():
    points = tuple(MetricPoint(NOW.replace(minute=i), 1.0 if i == 30 else None) for i in range(60))
    assert len(measures.table({CPU: points, REQUESTS: ()}, "PT1M")) == 1


def test_a_gpu_that_is_not_measured_has_no_column():
    frame = measures.table({CPU: (MetricPoint(NOW, 1.0),), GPU: (MetricPoint(NOW, None),)}, "PT1M")
    assert list(frame.columns) == ["cpu_cores"]
