"""Minutes and hours of samples on the disk: what is read back, how long it is kept, what it takes."""

from __future__ import annotations

import asyncio
import math
import random
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.emulator.journal.database import Database
from aca_notebook.emulator.telemetry import SCHEMA
from aca_notebook.emulator.telemetry.catalogue import GRAINS, RETENTION_DAYS
from aca_notebook.emulator.telemetry.metrics import Buckets, aggregate, minute_of
from aca_notebook.emulator.telemetry.series import BYTES_AN_APP_DAY, Key, Series
from tests.fakes.clock import ManualClock

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE, DAY = 60, 86400
APP = "/subscriptions/0/resourcegroups/local/providers/microsoft.app/containerapps/scorer"


@contextmanager
def opened(path):
    database = Database(path, schema=SCHEMA)
    try:
        yield database
    finally:
        database.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One database for all examples of a property, each with an app of its own."""
    with opened(tmp_path_factory.mktemp("series") / "state.db") as database:
        yield database, iter(range(10**9))


gauge = st.floats(0, 1e12, allow_nan=False)
#: Seconds since the new year, over five hours; a series; a value; whether the minute is written down after it.
taken = st.lists(st.tuples(st.integers(0, 5 * 3600 - 1), st.integers(0, 1), gauge, st.booleans()), max_size=25)


@pytest.mark.timeout(300)
@settings(max_examples=300)
@given(taken, st.sampled_from(sorted(GRAINS.values())), st.integers(0, 130), st.integers(1, 300))
def test_what_is_asked_for_equals_what_the_samples_themselves_say(shared, samples, grain, first, minutes):
    """Over minutes and hours on the disk and in memory, whatever the grain and wherever the question begins."""
    database, numbers = shared
    app = f"{APP}{next(numbers)}"
    start = NEW_YEAR + timedelta(minutes=first)
    buckets = Buckets(start, start + timedelta(minutes=minutes), timedelta(minutes=grain))

    found = asyncio.run(_take_and_ask(database, app, sorted(samples), buckets))

    points = aggregate(found.values(), buckets)
    for index, point in enumerate(points):
        begin, end = buckets.bounds(index)
        inside = [value for second, _, value, _ in samples if begin <= NEW_YEAR + timedelta(seconds=second) < end]
        if not inside:
            assert point is None
            continue
        assert point is not None
        assert (point.count, point.minimum, point.maximum) == (len(inside), min(inside), max(inside))
        assert math.isclose(point.total, math.fsum(inside), rel_tol=1e-9)


async def _take_and_ask(database, app, samples, buckets):
    clock = ManualClock(NEW_YEAR)
    series = Series(database, clock)
    for second, replica, value, written in samples:
        await clock.advance(second - clock.monotonic())
        series.minute().sample(Key(app, "UsageNanoCores", "scorer--1", f"r{replica}", capacity=1e9), value)
        if written:
            await series.write_all()
    last = minute_of(buckets.start + len(buckets) * buckets.grain)
    return await series.read(app, "UsageNanoCores", minute_of(buckets.start), last, grain=buckets.minutes)


def _live_a_day(series: Series, clock: ManualClock, chance: random.Random, minutes: int = 1440) -> None:
    """What a busy app with one replica does: sampled each five seconds, called twelve times a minute."""

    async def live() -> None:
        where = ("scorer--1", "scorer--1-abcdef1234-xyz12")
        for minute in range(minutes):
            open_minute = series.minute()
            for _ in range(12):
                open_minute.sample(Key(APP, "UsageNanoCores", *where, capacity=5e8), chance.random() * 5e8)
                open_minute.sample(Key(APP, "WorkingSetBytes", *where, capacity=2**30), chance.randrange(2**30))
                open_minute.count(Key(APP, "Requests", *where, 200))
                open_minute.sample(Key(APP, "ResponseTime", status=200), chance.random() * 20)
                open_minute.count(Key(APP, "RxBytes", *where), 300)
                open_minute.count(Key(APP, "TxBytes", *where), 5000)
            await clock.advance(MINUTE)
            if minute % 60 == 59:
                await series.write_closed()

    asyncio.run(live())


def test_a_day_of_a_busy_app_takes_no_more_than_is_said(tmp_path):
    clock = ManualClock(NEW_YEAR)
    with opened(tmp_path / "state.db") as database:
        pages = "SELECT (SELECT * FROM pragma_page_count) * (SELECT * FROM pragma_page_size)"
        ((before,),) = database.read_blocking(pages)
        _live_a_day(Series(database, clock), clock, random.Random(1))
        ((after,),) = database.read_blocking(pages)
    assert 100_000 < after - before <= BYTES_AN_APP_DAY


def test_thirty_days_can_be_asked_for_and_what_is_older_than_the_retention_is_gone(tmp_path):
    clock = ManualClock(NEW_YEAR)
    key = Key(APP, "Requests", "scorer--1", "a", 200)

    async def live(series: Series) -> None:
        for _ in range(RETENTION_DAYS + 10):
            series.minute().count(key)
            await clock.advance(DAY)
            await series.write_closed()

    async def months(series: Series, grain: int) -> dict[Key, dict[int, object]]:
        return await series.read(APP, "Requests", 0, minute_of(clock.now()) // 1440 * 1440 + 1440, grain=grain)

    assert RETENTION_DAYS >= 30
    with opened(tmp_path / "state.db") as database:
        series = Series(database, clock)
        asyncio.run(live(series))
        for grain in (1, 60):
            (days,) = asyncio.run(months(series, grain)).values()
            kept = [minute // 1440 - minute_of(NEW_YEAR) // 1440 for minute in days]
            assert kept == list(range(10, RETENTION_DAYS + 10)), f"in buckets of {grain} minutes"


def test_hours_are_made_of_the_minutes_of_an_older_store(tmp_path):
    path, clock = tmp_path / "state.db", ManualClock(NEW_YEAR)
    with opened(path) as database:
        _live_a_day(Series(database, clock), clock, random.Random(2), minutes=120)
        hours = database.read_blocking("SELECT * FROM metric_hours ORDER BY 1, 2")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE metric_hours")
    connection.close()
    with opened(path) as database:
        made = database.read_blocking(
            "SELECT series, hour, count, total, minimum, maximum FROM metric_hours ORDER BY 1, 2"
        )
    assert len(made) == len(hours) == 12
    for (series, hour, count, total, *_), (old_series, old_hour, old_count, old_total, *_) in zip(
        made, hours, strict=True
    ):
        assert (series, hour, count) == (old_series, old_hour, old_count)
        assert math.isclose(total, old_total)
