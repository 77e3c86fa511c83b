"""Metrics as a table, and which buckets to ask for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from aca_notebook.api import measures
from aca_notebook.api.runner_gpus import GpuReport, RunnerGpus
from aca_notebook.azure.log_queries import LogWorkspace, QueryAnswer
from aca_notebook.azure.metrics import GRAINS
from aca_notebook.errors import NotFound, Unauthorized, UsageFailed
from aca_notebook.magics import readers
from aca_notebook.model.ids import app_id
from aca_notebook.model.metric import (
    CPU,
    GPU,
    GPU_MEMORY,
    GRAIN_WORDS,
    PERCENTILES,
    REQUESTS,
    MetricPoint,
    other,
)

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


class Monitored:
    """A platform that has some metrics; an access and its services in one."""

    def __init__(self, points=None, *, defined=(), statuses=()) -> None:
        self.points = points or {}
        self.defined = defined
        self.statuses = statuses
        self.asked = []
        self.metrics = self

    async def ask(self, question):
        return await question(self)

    async def read_all(self, resource, metrics, span, grain, *, by=""):
        self.asked.append(([metric.column for metric in metrics], by))
        return {metric: self.points.get(metric, ()) for metric in metrics}

    async def read(self, resource, metric, span, grain, *, by=""):
        return self.statuses

    async def definitions(self, resource):
        return self.defined


class Logged(Monitored):
    """One whose logs answer, or fail as a test says."""

    def __init__(self, points, answer) -> None:
        super().__init__(points)
        self.log_queries = LogQueries(answer)


class LogQueries:
    def __init__(self, answer) -> None:
        self.answer = answer
        self.kql = ""

    async def workspace(self):
        return LogWorkspace("11111111-2222-3333-4444-555555555555")

    async def ask(self, kql, span):
        self.kql = kql
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


APP = app_id("s", "g", "scorer")
MINUTES = (NOW.replace(second=0, minute=0), NOW.replace(second=0, minute=1))


def asked(*metrics, by="", split=False):
    return measures.Question((MINUTES[0], NOW), "PT1M", metrics, by, split)


def read(access, question, runner=None):
    return asyncio.run(measures.read_metrics(access, APP, question, runner))


def test_a_word_a_column_and_azures_own_name_stand_for_metrics():
    platform = Monitored(defined=(other("JvmGcCount", "JVM GC", "Count", "Total", ("revisionName",)),))
    found = asyncio.run(measures.find_metrics(platform, APP, ("network", "CPU_CORES", "usagenanocores", "jvmgccount")))
    assert [each.column for each in found] == ["received_bytes", "sent_bytes", "cpu_cores", "JvmGcCount"]
    assert (found[-1].aggregation, found[-1].dimensions) == ("total", ("revision",))


def test_a_metric_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(UsageFailed) as refused:
        asyncio.run(measures.find_metrics(Monitored(defined=(CPU,)), APP, ("cpu", "speed")))
    happened, said, hint = refused.value.lines()
    assert happened.startswith("'scorer' has no metric 'speed'; it has cpu, memory, requests, latency")
    assert (said, hint) == ("MetricNotFound", "%aca metrics scorer --metric cpu memory")


def test_a_split_that_no_metric_has_is_refused_and_one_that_some_have_leaves_the_others_out():
    with pytest.raises(UsageFailed, match="revision, replica, status"):
        measures.check_by("colour")
    with pytest.raises(UsageFailed, match="CPU cannot be split by status"):
        read(Monitored(), asked(CPU, by="status"))
    points = {REQUESTS: tuple(MetricPoint(MINUTES[0], 1.0, status=status) for status in ("5xx", "2xx"))}
    frame = read(Monitored(points), asked(CPU, REQUESTS, by="status"))
    assert frame.attrs["notes"] == ["CPU cannot be split by status"]
    assert frame[["status", "requests"]].values.tolist() == [["2xx", 1.0], ["5xx", 1.0]]


def test_a_span_before_azures_retention_is_refused():
    with pytest.raises(UsageFailed, match="93 days"):
        measures.buckets(timedelta(days=94), None, NOW)


def test_a_count_is_of_a_bucket_however_long_it_is():
    frame = measures.table({REQUESTS: (MetricPoint(MINUTES[0], 30.0),)}, "PT15M")
    assert frame.attrs["units"]["requests"] == "requests per 15 minutes"
    assert measures.table({}, "P1D").attrs["units"] == {}
    assert measures.table({REQUESTS: ()}, "PT1H").attrs["units"]["requests"] == "requests per hour"


def test_requests_by_status_stand_beside_their_sum():
    statuses = (
        MetricPoint(MINUTES[0], 8.0, status="2xx"), MetricPoint(MINUTES[1], 2.0, status="5xx"),
        MetricPoint(MINUTES[0], 0.0, status="3xx"),
    )  # fmt: skip
    points = {REQUESTS: tuple(MetricPoint(moment, 8.0) for moment in MINUTES)}
    frame = read(Monitored(points, statuses=statuses), asked(REQUESTS, split=True))
    assert frame.drop(columns="requests").to_dict("list") == {"requests_2xx": [8.0, 0.0], "requests_5xx": [0.0, 2.0]}


def told(value: float) -> RunnerGpus:
    return RunnerGpus((GpuReport("scorer--1", "a", ((MINUTES[0], 1, value, 2.0**30),)),), replicas=1, asked=1)


def test_the_runner_is_asked_for_the_gpu_where_azure_monitor_says_nothing_and_the_table_says_so():
    async def runner() -> RunnerGpus:
        return told(75.0)

    frame = read(Monitored({CPU: (MetricPoint(MINUTES[0], 1.0),)}), asked(CPU, GPU, GPU_MEMORY), runner)
    assert frame[["gpu_percent", "gpu_memory_bytes"]].values.tolist() == [[75.0, 2.0**30]]
    assert frame.attrs["sources"]["gpu_percent"] == "the runner's own figures (NVML)"
    assert frame.attrs["sources"]["cpu_cores"] == "Azure Monitor"
    assert frame.attrs["notes"] == ["GPU: the runner's own figures (NVML), because Azure Monitor has none"]


def test_azure_monitors_own_gpu_figure_stays_and_memory_comes_from_the_runner():
    async def runner() -> RunnerGpus:
        return told(75.0)

    frame = read(Monitored({GPU: (MetricPoint(MINUTES[0], 40.0),)}), asked(GPU, GPU_MEMORY), runner)
    assert frame[["gpu_percent", "gpu_memory_bytes"]].values.tolist() == [[40.0, 2.0**30]]
    assert frame.attrs["notes"] == ["GPU memory: the runner's own figures (NVML)"]
    assert frame.attrs["sources"] == {
        "gpu_percent": "Azure Monitor", "gpu_memory_bytes": "the runner's own figures (NVML)",
    }  # fmt: skip


def test_percentiles_come_from_the_log_of_calls():
    names = ("At", "Part", "p50_seconds", "p95_seconds", "p99_seconds")
    answer = QueryAnswer(tuple((name, "real") for name in names), ((MINUTES[0], "", 0.1, 0.2, 0.3),))
    platform = Logged({REQUESTS: (MetricPoint(MINUTES[0], 1.0),)}, answer)
    frame = read(platform, asked(REQUESTS, *PERCENTILES))
    assert frame[["p50_seconds", "p95_seconds", "p99_seconds"]].values.tolist() == [[0.1, 0.2, 0.3]]
    assert frame.attrs["sources"]["p99_seconds"] == "the app's log of calls"
    assert 'where App == "scorer"' in platform.log_queries.kql
    assert "bin(At, 60s)" in platform.log_queries.kql


@pytest.mark.parametrize(
    ("failure", "note"),
    [
        (NotFound("none", status=404), "the environment keeps no logs"),
        (Unauthorized("this account may not read the logs", status=403, code="Forbidden"), "may not read the logs"),
    ],
)
def test_logs_that_cannot_be_asked_leave_the_rest_and_a_word(failure, note):
    frame = read(Logged({CPU: (MetricPoint(MINUTES[0], 1.0),)}, failure), asked(CPU, *PERCENTILES))
    assert list(frame.columns) == ["cpu_cores"]
    assert note in frame.attrs["notes"][0]


def test_the_words_of_a_line_are_azures_grains():
    words = [measures.buckets(timedelta(hours=1), readers.duration(word), NOW)[1] for word in GRAIN_WORDS]
    assert words == [name for _, name in reversed(GRAINS)]
