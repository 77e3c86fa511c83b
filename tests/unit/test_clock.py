from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook import clock
from tests.fakes.clock import ManualClock

# `%Y` writes no leading zeros on Linux; no platform clock is that old.
MOMENTS = st.datetimes(timezones=st.just(UTC)).filter(lambda moment: moment.year >= 1970)


@pytest.mark.parametrize(
    "text",
    [
        "2025-05-24 17:22:29.4269018 +0000 UTC",
        "2025-05-24T17:22:29.4269018",
        "2025-05-24T17:22:29.4269018Z",
        "2025-05-24T19:22:29.426901+02:00",
    ],
)
def test_every_moment_azure_writes_is_read_as_utc(text):
    assert clock.parse_instant(text) == datetime(2025, 5, 24, 17, 22, 29, 426901, tzinfo=UTC)


@given(MOMENTS)
def test_a_moment_survives_being_written_and_read(moment):
    assert clock.parse_instant(clock.format_instant(moment)) == moment
    assert clock.parse_instant(clock.format_seconds(moment)) == moment.replace(microsecond=0)


@given(MOMENTS, st.sampled_from([60, 300, 3600, 86400]))
def test_a_bucket_holds_its_moment(moment, seconds):
    grain = timedelta(seconds=seconds)
    start = clock.truncate(moment, grain)
    assert start <= moment < start + grain
    assert clock.truncate(start, grain) == start


@pytest.fixture(params=["system", "manual"])
def any_clock(request):
    return clock.SystemClock() if request.param == "system" else ManualClock()


def test_both_clocks_go_forward_and_agree_on_how_far(any_clock):
    async def elapsed() -> tuple[float, float]:
        before, started = any_clock.now(), any_clock.monotonic()
        sleeping = asyncio.ensure_future(any_clock.sleep(0.02))
        if isinstance(any_clock, ManualClock):
            await any_clock.advance(0.02)
        await sleeping
        return (any_clock.now() - before).total_seconds(), any_clock.monotonic() - started

    by_wall, by_monotonic = asyncio.run(elapsed())
    assert by_wall >= 0.019
    assert by_monotonic == pytest.approx(by_wall, abs=0.05)


def test_sleepers_of_a_manual_clock_wake_in_order_and_see_their_own_time():
    async def scenario() -> list[tuple[str, float]]:
        manual, seen = ManualClock(), []

        async def sleeper(name: str, seconds: float) -> None:
            await manual.sleep(seconds)
            seen.append((name, manual.monotonic()))

        async with asyncio.TaskGroup() as group:
            group.create_task(sleeper("late", 30))
            group.create_task(sleeper("early", 10))
            await manual.advance(60)
        return seen

    assert asyncio.run(scenario()) == [("early", 10.0), ("late", 30.0)]
