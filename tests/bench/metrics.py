"""What metrics cost: a month of a hundred apps, a million points drawn, and one look of a board."""

from __future__ import annotations

import asyncio
import json
import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from azure.monitor.querymetrics.aio import MetricsClient

from aca_notebook.api.watching import Look
from aca_notebook.azure.metrics import Metrics
from aca_notebook.display import charts
from aca_notebook.display.chart import Mark
from aca_notebook.emulator.arm.store import Store
from aca_notebook.emulator.journal.database import Database
from aca_notebook.emulator.telemetry import SCHEMA
from aca_notebook.emulator.telemetry.metrics import Buckets, aggregate, minute_of
from aca_notebook.emulator.telemetry.series import Series
from aca_notebook.emulator.telemetry.service import Telemetry
from aca_notebook.magics.dashboard import Dashboard
from aca_notebook.model import metric
from aca_notebook.model.ids import app_id
from aca_notebook.widgets.dashboard import message
from tests.bench.figures import Figure
from tests.emulator.telemetry.serving import Loop, NoCredentialAsync, NoToken, serving
from tests.fakes.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aca_notebook.model.ids import ResourceId

APPS = 100
DAYS = 30
POINTS = 1_000_000
NOW = datetime(2026, 5, 31, tzinfo=UTC)
_MINUTES = DAYS * 1440
_FIRST = minute_of(NOW - timedelta(days=DAYS))


def metric_costs(home: Path, rounds: int = 5) -> list[Figure]:
    """A month of a hundred apps in hours, against SQL's own sum over the minutes; a million points; one look."""
    return [*_month(home, rounds), *_drawn(rounds), *_looks(rounds)]


def _month(home: Path, rounds: int) -> list[Figure]:
    database = Database(home / "state.db", schema=SCHEMA)
    try:
        _fill(database)
        series = Series(database, ManualClock(NOW))
        taken, peer = [], []
        for _ in range(rounds):
            taken.append(_timed(lambda: asyncio.run(_ask_all(series))))
            peer.append(_timed(lambda: _sum_minutes(database)))
        asked = _over_http(database, rounds)
    finally:
        database.close()
    name = f"metrics: {DAYS} days in hours of {APPS} apps"
    return [
        Figure(f"{name}, read and put together", "s", tuple(taken), 1.0, "SQL over the minutes", tuple(peer)),
        Figure(f"{name}, by our client in two requests", "s", asked, note=f"{APPS * DAYS * 24:,} points"),
    ]


def _over_http(database: Database, rounds: int) -> tuple[float, ...]:
    """The same by the way a user's question takes: the SDK's client, two batches, JSON, points."""
    loop, clock = Loop(), ManualClock(NOW)
    store = Store(database)
    for app in _apps():
        loop.run(store.put(app, {"id": str(app), "location": "eastus"}))
    telemetry = Telemetry(database=database, controller=FakeRuns(), store=store, clock=clock)  # type: ignore[arg-type]  # no replicas
    try:
        with serving(telemetry.routes, loop=loop) as url:
            return tuple(_timed(lambda: asyncio.run(_ask_by_client(url))) for _ in range(rounds))
    finally:
        loop.close()


async def _ask_by_client(url: str) -> None:
    class Connection:
        metrics = MetricsClient(url, NoCredentialAsync(), audience=url, authentication_policy=NoToken())

    async with Connection.metrics:
        asked = Metrics(Connection())  # type: ignore[arg-type]  # as much of one as is needed
        found = await asked.read_many(_apps(), (metric.CPU,), (NOW - timedelta(days=DAYS), NOW), grain="PT1H")
    points = [point for answer in found.values() for point in answer[metric.CPU]]
    assert len(points) == APPS * DAYS * 24
    assert all(point.value is not None for point in points)


def _apps() -> list[ResourceId]:
    return [app_id("00000000-0000-0000-0000-000000000001", "local", f"app{number}") for number in range(APPS)]


def _fill(database: Database) -> None:
    """A month in which every app was measured each minute: CPU of one replica."""
    chance = random.Random(1)
    connection = database._connection
    with connection:
        for app, id_ in enumerate(_apps()):
            connection.execute(
                "INSERT INTO metric_series VALUES(?, ?, 'UsageNanoCores', 'r', 'p', 0, 5e8)", (app, id_.key)
            )
            connection.executemany(
                "INSERT INTO metric_minutes VALUES(?, ?, 12, ?, ?, ?)",
                ((app, _FIRST + minute, 12 * chance.random(), 0.0, 1.0) for minute in range(_MINUTES)),
            )
        connection.execute(
            "INSERT INTO metric_hours SELECT series, minute / 60, sum(count), sum(total), min(minimum), max(maximum) "
            "FROM metric_minutes GROUP BY 1, 2"
        )


async def _ask_all(series: Series) -> None:
    buckets = Buckets(NOW - timedelta(days=DAYS), NOW, timedelta(hours=1))
    for app in _apps():
        last = _FIRST + _MINUTES
        found = await series.read(app.key, "UsageNanoCores", _FIRST, last, grain=buckets.minutes)
        points = aggregate(found.values(), buckets)
        assert None not in points


def _sum_minutes(database: Database) -> None:
    rows = database.read_blocking(
        "SELECT series, minute / 60, sum(count), sum(total), min(minimum), max(maximum) "
        "FROM metric_minutes GROUP BY 1, 2"
    )
    assert len(rows) == APPS * DAYS * 24


def _drawn(rounds: int) -> list[Figure]:
    import numpy as np
    import pandas as pd

    index = pd.date_range(NOW, periods=POINTS, freq="1s", name="at")
    columns = ("requests", "replicas", "response_seconds", "cpu_cores", "memory_bytes", "gpu_percent")
    chance = np.random.default_rng(1)
    frame = pd.DataFrame({name: chance.normal(1, 0.3, POINTS).cumsum() for name in columns}, index=index)
    sizes: list[int] = []

    def draw() -> None:
        sizes.append(len(json.dumps(charts.metrics(frame, app="scorer")._repr_mimebundle_())))

    taken = tuple(_timed(draw) for _ in range(rounds))
    megabytes = tuple(size / 1e6 for size in sizes)
    return [
        Figure("a chart of 1,000,000 points in six panels: plotly, SVG and words", "s", taken, 1.0),
        Figure("the same chart, as it is saved", "MB", megabytes, 2.0),
    ]


def _looks(rounds: int) -> list[Figure]:
    """What a look costs the kernel once it has its table: the picture, and what a page is sent."""
    import numpy as np
    import pandas as pd

    index = pd.date_range(NOW, periods=180, freq="1min", name="at")
    columns = ("requests", "requests_2xx", "requests_5xx", "replicas", "response_seconds", "p50_seconds", "p95_seconds",
               "p99_seconds", "cpu_cores", "memory_bytes", "received_bytes", "sent_bytes")  # fmt: skip
    frame = pd.DataFrame({name: np.random.default_rng(1).random(180) for name in columns}, index=index)
    frame.attrs = {"grain_seconds": 60, "by": ""}
    marks = tuple(Mark(index[place].to_pydatetime(), "scaled up", "scaling", 1) for place in range(0, 180, 9))
    watch = _Watch(Look(frame, charts.Around(marks=marks), NOW))
    board = Dashboard(watch, lambda: None)  # type: ignore[arg-type,return-value]  # not shown here
    picture = tuple(1000 * _timed(board._bundle) for _ in range(rounds))
    sent: list[int] = []

    def send() -> None:
        sent.append(len(json.dumps(message(board.chart, board))))

    page = tuple(1000 * _timed(send) for _ in range(rounds))
    return [
        Figure("a board's picture of 180 minutes, drawn", "ms", picture, 100.0),
        Figure("a board's message to its page, made", "ms", page, 100.0, note=f"{max(sent) / 1000:.0f} kB a look"),
    ]


class FakeRuns:
    """Nothing runs."""

    def running(self) -> tuple[()]:
        return ()


class _Watch:
    """A watch of one look."""

    app, running, failure, trouble, period_seconds = "scorer", True, None, None, 2.0

    def __init__(self, latest: Look) -> None:
        self.latest = latest


def _timed(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started
