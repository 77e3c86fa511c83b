"""A meter that ticks: once a second, from metrics every quarter of a minute, and not longer than anybody wants it."""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from aca_notebook.api.cost_meter import READ_SECONDS, CostMeter
from aca_notebook.api.costs import Begun, Lately
from aca_notebook.api.loop import PrivateLoop
from aca_notebook.errors import NotFound, ServiceFailed
from aca_notebook.model.price import price_list
from tests.fakes.clock import ManualClock, settled


class Told:
    """Says what today has cost; a test sets `amount`, `hourly` and `failure`, and `readings` counts who asked."""

    def __init__(self) -> None:
        self.amount, self.hourly, self.alarms = 1.0, 3.6, ()
        self.failure: Exception | None = None
        self.readings = 0

    async def lately(self, app, prices, begun=None):
        self.readings += 1
        if self.failure is not None:
            raise self.failure
        return Lately(self.amount, self.hourly, self.alarms, self.amount - 0.75 if begun else self.amount)


class Bench:
    """A meter on a loop of its own, and the clock that a test moves."""

    def __init__(self, start: datetime) -> None:
        self.loop, self.clock, self.told = PrivateLoop(), ManualClock(start), Told()

    def meter(self, begun: Begun | None = None, read_seconds: float = READ_SECONDS) -> CostMeter:
        workspace = SimpleNamespace(loop=self.loop, clock=self.clock, target=SimpleNamespace(charges=False))
        made = CostMeter(self.told, workspace, "scorer", price_list("eastus"), begun, read_seconds=read_seconds)
        self.loop.run(settled())
        return made

    def advance(self, seconds: float) -> None:
        self.loop.run(self.clock.advance(seconds))


@pytest.fixture
def bench():
    made = Bench(datetime(2026, 9, 3, 12, tzinfo=UTC))
    yield made
    made.loop.close()


def test_it_shows_figures_at_once_and_carries_them_on_at_the_rate_of_what_runs(bench):
    meter = bench.meter()
    assert (meter.now.amount, meter.now.hourly, meter.now.charged) == (1.0, 3.6, False)
    bench.advance(10)
    assert meter.now.amount == pytest.approx(1.010)
    assert bench.told.readings == 1


def test_it_reads_again_every_quarter_of_a_minute_and_never_goes_back(bench):
    meter = bench.meter()
    bench.told.amount, bench.told.hourly = 1.002, 0.0  # Azure Monitor is behind, and it has been scaled to zero
    bench.advance(16)
    assert bench.told.readings == 2
    assert meter.now.amount == pytest.approx(1.014)
    assert meter.now.hourly == 0.0
    bench.told.amount = 1.5
    bench.advance(16)
    assert meter.now.amount == 1.5


def test_what_came_since_a_deployment_is_told_beside_what_today_has_cost(bench):
    meter = bench.meter(Begun(datetime(2026, 9, 3, 11, tzinfo=UTC), "scorer--2"))
    assert (meter.now.amount, meter.now.spent) == (1.0, 0.25)
    bench.advance(10)
    assert meter.now.spent == pytest.approx(0.260)
    assert meter.now.at == datetime(2026, 9, 3, 12, tzinfo=UTC)
    bench.told.amount, bench.told.hourly = 0.5, 0.0
    bench.advance(6)
    assert meter.now.spent == pytest.approx(0.264), "it never goes back"


def test_a_meter_of_a_deployment_begins_before_anybody_has_told_its_figures(bench):
    bench.told.failure = ServiceFailed("the platform failed", status=503)
    meter = bench.meter(Begun(datetime(2026, 9, 3, 11, tzinfo=UTC)))
    assert (meter.running, meter.now.read) == (True, False)
    bench.told.failure = None
    bench.advance(2)
    assert meter.now.read


def test_a_target_whose_metrics_come_late_is_asked_less_often(bench):
    meter = bench.meter(read_seconds=30.0)
    bench.advance(29)
    assert bench.told.readings == 1
    bench.advance(2)
    assert bench.told.readings == 2
    assert meter.running


def test_at_midnight_a_new_day_begins():
    bench = Bench(datetime(2026, 9, 3, 23, 59, 55, tzinfo=UTC))
    try:
        meter = bench.meter()
        bench.told.amount = 0.001
        bench.advance(6)
        assert meter.now.amount < 0.1
    finally:
        bench.loop.close()


def test_it_ticks_once_a_second_and_tells_who_listens(bench):
    meter = bench.meter()
    ticks = []
    meter.listen(ticks.append)
    bench.advance(5)
    assert len(ticks) == 5
    meter.stop()
    assert (ticks[-1].ended, meter.running) == ("stopped", False)
    bench.advance(5)
    assert len(ticks) == 6, "nothing comes after the end"
    assert meter.wait() == ticks[-1]


def test_an_app_that_is_not_there_is_said_before_there_is_a_meter(bench):
    bench.told.failure = NotFound("app 'scorer' does not exist", status=404)
    with pytest.raises(NotFound):
        bench.meter()


def test_an_app_that_goes_ends_its_meter_and_a_bad_moment_does_not(bench):
    meter = bench.meter()
    bench.told.failure = ServiceFailed("the platform failed", status=503)
    bench.advance(20)
    assert meter.running
    bench.told.failure = NotFound("app 'scorer' does not exist", status=404)
    bench.advance(20)
    assert meter.now.ended == "app 'scorer' does not exist"
    assert "the meter has ended: app 'scorer' does not exist" in repr(meter)


def test_a_meter_that_nobody_holds_ends(bench):
    meter = bench.meter()
    done = meter._done
    del meter
    gc.collect()
    bench.advance(2)
    assert done.result(10) is None


def test_a_workspace_that_closes_ends_its_meters(bench):
    meter = bench.meter()
    bench.loop.close()
    assert meter.now.ended == "its workspace was closed"
