"""What watching costs: a hundred alert rules looked at, and a month of a replica metered."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.alert_watch import AlertWatch
from aca_notebook.emulator.arm.alerts import ALERT
from aca_notebook.emulator.arm.notices import Notices
from aca_notebook.emulator.arm.store import Store
from aca_notebook.emulator.journal.database import Database, append_event
from aca_notebook.emulator.journal.events import ReplicaAssigned
from aca_notebook.emulator.telemetry import SCHEMA
from aca_notebook.emulator.telemetry.history import Histories
from aca_notebook.emulator.telemetry.lives import Lives
from aca_notebook.emulator.telemetry.meters import Meters
from aca_notebook.emulator.telemetry.metrics import minute_of
from aca_notebook.emulator.telemetry.monitor import Monitor
from aca_notebook.emulator.telemetry.series import Series
from aca_notebook.model.ids import app_id, parse_id
from aca_notebook.model.quantities import GIB
from tests.bench.figures import Figure
from tests.fakes.clock import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

    from aca_notebook.model.ids import ResourceId

RULES = 100
DAYS = 30
NOW = datetime(2026, 5, 31, tzinfo=UTC)
_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
_MINUTES = DAYS * 1440
_FIRST = minute_of(NOW - timedelta(days=DAYS))
_METRICS = ("Requests", "UsageNanoCores", "RxBytes", "TxBytes")


def watching(home: Path, rounds: int = 7) -> list[Figure]:
    """A hundred rules on a hundred apps, each over five minutes; a month of an app that keeps one replica."""
    return [*_alerts(home, rounds), *_metering(home, rounds)]


def _alerts(home: Path, rounds: int) -> list[Figure]:
    database = Database(home / "alerts.db", schema=SCHEMA)
    try:
        return asyncio.run(_evaluated(database, rounds))
    finally:
        database.close()


async def _evaluated(database: Database, rounds: int) -> list[Figure]:
    clock = ManualClock(NOW)
    apps = [app_id(_SUBSCRIPTION, "local", f"app{index}") for index in range(RULES)]
    _fill(database, [each.key for each in apps], minutes=60)
    store = Store(database)
    for app in apps:
        await store.put(app, {"id": str(app), "name": app.name, "type": app.type, "location": "eastus"})
        rule = _rule(app)
        await store.put(parse_id(rule["id"]), rule)
    series = Series(database, clock)
    monitor = Monitor(
        series=series, histories=Histories(database, Lives(database)), store=store, clock=clock, fresh=_nothing
    )
    watch = AlertWatch(
        store=store, database=database, metrics=monitor, clock=clock, subscription=_SUBSCRIPTION,
        notices=Notices(store=store, database=database, clock=clock, own_ports=frozenset),
    )  # fmt: skip
    await watch.once(_FIRST + _MINUTES)  # the first one writes down that all is well
    taken, peer = [], []
    for _ in range(rounds):
        begun = time.perf_counter()
        await watch.once(_FIRST + _MINUTES)
        taken.append(1000 * (time.perf_counter() - begun))
        begun = time.perf_counter()
        for app in apps:
            await series.read(app.key, "Requests", _FIRST + _MINUTES - 5, _FIRST + _MINUTES)
        peer.append(1000 * (time.perf_counter() - begun))
    assert all(each["properties"]["status"] == "Healthy" for app in apps for each in watch.statuses(_id(app)))
    await series.write_all()
    return [Figure(
        f"alerts: {RULES} rules evaluated", "ms", tuple(taken), 6.0, "reading their minutes alone", tuple(peer),
        note="each rule on an app of its own, total over five minutes; once a minute",
    )]  # fmt: skip


def _metering(home: Path, rounds: int) -> list[Figure]:
    database = Database(home / "meters.db", schema=SCHEMA)
    try:
        return asyncio.run(_metered(database, rounds))
    finally:
        database.close()


async def _metered(database: Database, rounds: int) -> list[Figure]:
    clock, key = ManualClock(NOW), "/app"
    _fill(database, [key], minutes=_MINUTES)
    began = ReplicaAssigned(
        at=NOW - timedelta(days=DAYS),
        app=key,
        revision="r",
        replica="p",
        cpu_cores=0.5,
        memory_bytes=GIB,
        min_replicas=1,
    )
    await database.write(append_event(began))
    series, histories = Series(database, clock), Histories(database, Lives(database))
    taken, peer, again = [], [], []
    for _ in range(rounds):
        meters = Meters(database=database, series=series, histories=histories, clock=clock)
        begun = time.perf_counter()
        found = await meters.read(key, NOW - timedelta(days=DAYS), NOW)
        taken.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        await meters.read(key, NOW - timedelta(days=DAYS), NOW)
        again.append(1000 * (time.perf_counter() - begun))
        begun = time.perf_counter()
        for metric in _METRICS:
            await series.read(key, metric, _FIRST, _FIRST + _MINUTES)
        peer.append(time.perf_counter() - begun)
    seconds = sum(each.quantity for each in found if each.meter.part == "vcpu") / 0.5
    assert round(seconds) == DAYS * 86400
    name = f"metering: a month of a replica, {_MINUTES:,} minutes of {len(_METRICS)} metrics"
    return [
        Figure(name, "s", tuple(taken), 3.0, "reading them alone", tuple(peer)),
        Figure(f"{name}, once more", "ms", tuple(again), 50.0, note="closed hours are counted once"),
    ]


def _fill(database: Database, apps: list[str], *, minutes: int) -> None:
    chance, connection = random.Random(1), database._connection
    with connection:
        for index, (app, metric) in enumerate((app, metric) for app in apps for metric in _METRICS):
            connection.execute(
                "INSERT INTO metric_series VALUES(?, ?, ?, 'r', 'p', 0, 5e8)", (index, app, metric)
            )  # fmt: skip
            connection.executemany(
                "INSERT INTO metric_minutes VALUES(?, ?, 1, ?, NULL, NULL)",
                ((index, _FIRST + _MINUTES - minutes + minute, chance.choice((0.0, 3.0))) for minute in range(minutes)),
            )


def _rule(app: ResourceId) -> dict[str, Any]:
    criterion = {
        "name": "busy", "metricName": "Requests", "operator": "GreaterThan", "threshold": 1e6,
        "timeAggregation": "Total", "dimensions": [],
    }  # fmt: skip
    properties = {
        "severity": 3, "enabled": True, "scopes": [str(app)], "evaluationFrequency": "PT1M", "windowSize": "PT5M",
        "criteria": {"allOf": [criterion]}, "autoMitigate": True, "actions": [],
    }  # fmt: skip
    return {"id": str(_id(app)), "name": app.name, "type": ALERT, "location": "global", "properties": properties}


def _id(app: ResourceId) -> ResourceId:
    return parse_id(f"/subscriptions/{_SUBSCRIPTION}/resourceGroups/local/providers/{ALERT}/{app.name}")


async def _nothing() -> None:
    """What runs was looked at."""
