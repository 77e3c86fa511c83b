"""What apps do, side by side."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from aca_notebook.api.usage import REPLICAS, read_usage, usage
from aca_notebook.display import listings
from aca_notebook.model import metric
from aca_notebook.model.ids import app_id
from aca_notebook.model.metric import MetricPoint
from aca_notebook.model.usage import AppUsage

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SPAN = (NOON, NOON + timedelta(minutes=5))


def points(*values):
    return tuple(MetricPoint(NOON + timedelta(minutes=number), value) for number, value in enumerate(values))


def test_a_level_is_the_latest_that_is_known_and_a_count_is_a_rate():
    found = usage(
        "scorer", {metric.CPU: points(0.5, 0.25, None), metric.REQUESTS: points(10, None, 5)}, points(1, 0, 0),
        timedelta(minutes=5),
    )  # fmt: skip
    assert found == AppUsage("scorer", cpu_cores=0.25, requests_per_minute=3.0, failed_per_minute=0.2)


class Platform:
    def __init__(self, answers):
        self.answers = answers
        self.asked = []
        self.metrics = self

    async def ask(self, question):
        return await question(self)

    async def read_many(self, ids, metrics, span, only=""):
        self.asked.append((len(ids), only))
        return {} if only else self.answers


def test_the_busiest_app_comes_first_and_one_without_points_is_there_all_the_same():
    ids = {name: app_id("s", "g", name) for name in ("idle", "busy", "new")}
    platform = Platform(
        {
            ids["idle"].key: {metric.CPU: points(0.01), REPLICAS: points(1)},
            ids["busy"].key: {metric.CPU: points(0.5), REPLICAS: points(3)},
        }
    )
    found = asyncio.run(read_usage(platform, ids, SPAN))
    assert [each.app for each in found] == ["busy", "idle", "new"]
    assert platform.asked == [(3, ""), (3, "statusCodeCategory eq '5xx'")]


def test_the_list_reads_without_units_to_guess():
    table = listings.usage(
        [AppUsage("scorer", 2, 0.25, 2**29, None, 120, 1.5, 0.012, 0)], target="local", minutes=5
    )  # fmt: skip
    text = repr(table)
    for said in ("1 app on local", "0.25 cores", "512 MiB", "12.0 ms", "1.5", "the past 5 minutes"):
        assert said in text, text
    assert table.frame["requests_per_minute"][0] == 120
