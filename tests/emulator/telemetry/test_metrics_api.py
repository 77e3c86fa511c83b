"""Metrics over HTTP, asked for with Microsoft's own client."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.monitor.aio import MonitorManagementClient as AsyncMonitorClient
from azure.monitor.querymetrics import MetricsClient

from aca_notebook.azure.metrics import Metrics
from aca_notebook.emulator.arm.store import Store
from aca_notebook.emulator.journal import events
from aca_notebook.emulator.journal.database import Database, append_event
from aca_notebook.emulator.runtime.observed import ObservedApp
from aca_notebook.emulator.telemetry import SCHEMA, Telemetry
from aca_notebook.emulator.telemetry.sampler import Reading
from aca_notebook.model import metric
from aca_notebook.model.fault_kinds import MissingMetric, Seam
from aca_notebook.model.ids import app_id
from tests.emulator.telemetry.serving import Loop, NoCredential, NoCredentialAsync, NoToken, serving
from tests.fakes.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.emulator.scaling.load import ReplicaUsage

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
APP = app_id(SUBSCRIPTION, "local", "scorer")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CORE = 1_000_000_000


@dataclass
class Replica:
    replica: str
    revision: str = "scorer--1"
    app_key: str = APP.key
    pids: dict[str, int] = field(default_factory=lambda: {"main": 1})
    cpu_cores: float = 0.5
    memory_bytes: int = 2**30
    gpus: tuple[str, ...] = ()
    memory_limits: dict[str, int] = field(default_factory=lambda: {"main": 2**30})


@dataclass
class FakeRuns:
    """Replicas as a test says, their processes as a test says."""

    replicas: list[Replica] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    gpu_load: float | None = None
    held: int = 0
    used: list[ReplicaUsage] = field(default_factory=list)

    looks: int = 0
    looked: threading.Event = field(default_factory=threading.Event)
    observed: ObservedApp = field(default_factory=lambda: ObservedApp(APP.key))
    listener: Callable[[str], None] = lambda _: None

    def running(self):
        return tuple(self.replicas)

    def subscribe(self, listener):
        self.listener = listener

    def observe(self, app_key):
        return self.observed

    def read(self, groups):
        assert len(groups) == len(self.readings)
        self.looks += 1
        self.looked.set()
        return self.readings

    def held_bytes(self, pids):
        return self.held

    def replica_used(self, usage):
        self.used.append(usage)

    def utilization(self, uuid):
        return self.gpu_load


@dataclass
class FakeFaults:
    """The metric that is missing, if any."""

    missing: str = ""

    def at(self, seam):
        return (self.missing,) if self.missing and seam is Seam.METRIC else ()

    def lasting(self, subject, kind):
        return [kind(self.missing)] if kind is MissingMetric else []


class Emulated:
    def __init__(self, loop: Loop, path) -> None:
        self.loop = loop
        self.clock = ManualClock(NOON)
        self.runs = FakeRuns()
        self.faults = FakeFaults()
        self.path = path
        self.url = ""
        self.open()
        document = {"id": str(APP), "location": "East US"}
        loop.run(self.store.put(APP, document))

    def open(self) -> None:
        """Start from what is on disk, as after a restart."""
        self.database = Database(self.path, schema=SCHEMA)
        self.store = Store(self.database)
        self.telemetry = Telemetry(
            database=self.database, controller=self.runs, store=self.store, clock=self.clock,  # type: ignore[arg-type]  # a fake
            usage=self.runs, processes=self.runs, gpus=self.runs, faults=self.faults,  # type: ignore[arg-type]  # a fake
        )  # fmt: skip

    def restart(self, *, killed: bool) -> None:
        if killed:
            self.loop.run(_abandon(self.telemetry))
        else:
            self.loop.run(self.telemetry.close())
        self.database.close()
        self.open()

    def advance(self, seconds: float) -> None:
        self.loop.run(self.clock.advance(seconds))

    def sample(self, **readings: tuple[float, int]) -> None:
        """Take one sample: for each replica its CPU seconds so far and its resident bytes; then they are gone."""
        self.runs.replicas = [Replica(name, gpus=("GPU-1",)) for name in readings]
        self.runs.readings = [Reading({(1, 0.0): cpu}, resident) for cpu, resident in readings.values()]
        self.loop.run(self.telemetry.sample())
        self.runs.replicas = []

    def journal(self, *happened: events.Event) -> None:
        self.loop.run(self.database.write(*map(append_event, happened)))

    def ask(self, names: str, span: str = f"{NOON:%Y-%m-%dT%H:%M:%SZ}/PT5M", **asked):
        with MonitorManagementClient(
            NoCredential(), SUBSCRIPTION, base_url=self.url, authentication_policy=NoToken(), retry_total=0
        ) as client:
            return client.metrics.list(str(APP), timespan=span, metricnames=names, **asked)

    def points(self, name: str, aggregation: str = "average", **asked) -> list[float | None]:
        (metric,) = self.ask(name, aggregation=aggregation, **asked).value
        (series,) = metric.timeseries
        return [getattr(point, aggregation) for point in series.data]


async def _abandon(telemetry: Telemetry) -> None:
    """What kill -9 leaves of it: nothing more is written."""
    for task in telemetry._tasks:
        task.cancel()
    await asyncio.gather(*telemetry._tasks, return_exceptions=True)


@pytest.fixture
def loop():
    opened = Loop()
    yield opened
    opened.close()


@pytest.fixture
def emulated(loop, tmp_path):
    made = Emulated(loop, tmp_path / "state.db")
    with serving(lambda: _live(made), loop=loop) as made.url:
        yield made
    made.loop.run(made.telemetry.close())
    made.database.close()


def _live(emulated: Emulated):
    """Routes that reach whichever telemetry there is after a restart."""
    from dataclasses import replace

    def through(index):
        async def handler(request):
            return await emulated.telemetry.routes()[index].handler(request)

        return handler

    return [replace(route, handler=through(index)) for index, route in enumerate(emulated.telemetry.routes())]


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_cpu_and_memory_of_a_replica_are_averaged_over_each_minute(emulated):
    emulated.sample(a=(1.0, 100))
    emulated.advance(10)
    emulated.sample(a=(6.0, 300))
    emulated.advance(60)

    assert emulated.points("UsageNanoCores") == [0.35 * CORE, None, None, None, None]  # 1 s in 5 s, 5 s in 10 s
    assert emulated.points("UsageNanoCores", "maximum")[0] == 0.5 * CORE
    assert emulated.points("CpuPercentage")[0] == pytest.approx(70)
    assert emulated.points("WorkingSetBytes")[0] == 200
    assert emulated.points("MemoryPercentage", "maximum")[0] == pytest.approx(100 * 300 / 2**30)


def test_the_open_minute_can_be_asked_for(emulated):
    emulated.sample(a=(1.0, 100))

    assert emulated.points("WorkingSetBytes")[0] == 100


def test_a_wildcard_splits_by_replica(emulated):
    emulated.sample(a=(1.0, 100), b=(1.0, 300))

    (metric,) = emulated.ask("WorkingSetBytes", filter="podName eq '*'").value

    found = {
        (series.metadatavalues[0].name.value, series.metadatavalues[0].value): series.data[0].average
        for series in metric.timeseries
    }
    assert found == {("podname", "a"): 100, ("podname", "b"): 300}


def test_only_the_aggregations_asked_for_come_back_and_the_primary_one_when_none_is(emulated):
    emulated.sample(a=(1.0, 100))

    (metric,) = emulated.ask("WorkingSetBytes", aggregation="Minimum,Count").value
    point = metric.timeseries[0].data[0]
    (plain,) = emulated.ask("WorkingSetBytes").value

    assert (point.minimum, point.count) == (100, 1)
    assert point.average is point.total is point.maximum is None
    assert plain.timeseries[0].data[0].average == 100


def test_requests_are_counted_by_status_and_timed(emulated):
    for status, seconds in ((200, 0.010), (200, 0.030), (500, 0.002)):
        emulated.loop.run(_finished(emulated, status, seconds))

    assert emulated.points("Requests", "total")[0] == 3
    assert emulated.points("Requests", "total", filter="statusCodeCategory eq '2xx'")[0] == 2
    assert emulated.points("ResponseTime", filter="statusCode eq '200'")[0] == pytest.approx(20)
    assert emulated.points("RxBytes", "total")[0] == 30


async def _finished(emulated: Emulated, status: int, seconds: float) -> None:
    emulated.telemetry.request_finished(APP.key, "scorer--1", "a", status, seconds, 10, 20)


def test_replicas_are_weighted_by_time_and_restarts_counted_from_the_journal(emulated):
    one = {"app": APP.key, "revision": "scorer--1", "replica": "a"}
    emulated.journal(
        events.ReplicaAssigned(at=at(0), **one),
        events.ContainerStarted(at=at(1), **one, container="main"),
        events.ContainerStarted(at=at(70), **one, container="main"),
        events.ReplicaStopped(at=at(90), **one, reason="Scaled"),
    )
    emulated.advance(150)

    assert emulated.points("Replicas") == [1, 0.5, 0, None, None]
    assert emulated.points("Replicas", "maximum") == [1, 1, 0, None, None]
    assert emulated.points("RestartCount", "maximum") == [0, 1, None, None, None]
    assert emulated.points("Replicas", interval="PT5M") == [0.6]  # 90 of the 150 seconds that have passed


def test_a_replica_whose_emulator_was_killed_is_metered_until_it_was_last_known_to_live(emulated):
    one = {"app": APP.key, "revision": "scorer--1", "replica": "a"}
    emulated.loop.run(emulated.telemetry.start())
    emulated.journal(events.ReplicaAssigned(at=at(0), **one))
    emulated.advance(60)
    emulated.sample(a=(1.0, 100))
    emulated.restart(killed=True)
    emulated.advance(125)
    emulated.journal(events.ReplicaStopped(at=at(185), **one, reason="EmulatorStopped"))
    emulated.loop.run(emulated.telemetry.start())
    emulated.advance(115)

    assert emulated.points("Replicas") == [1, 0, 0, 0, 0]


def run_one(emulated, cpu_seconds: float) -> None:
    emulated.runs.replicas = [Replica("a")]
    emulated.runs.readings = [Reading({(1, 0.0): cpu_seconds}, 2**20)]


def test_whoever_asks_for_use_gets_a_fresh_sample_and_one_a_second_at_most(emulated):
    run_one(emulated, 1.0)
    assert emulated.points("WorkingSetBytes")[0] == 2**20
    emulated.points("UsageNanoCores")
    emulated.advance(0.9)
    emulated.points("CpuPercentage")
    assert emulated.runs.looks == 1
    emulated.advance(0.2)
    emulated.points("UsageNanoCores")
    assert emulated.runs.looks == 2


def test_who_asks_at_once_shares_one_look(emulated):
    run_one(emulated, 1.0)
    emulated.ask("UsageNanoCores,WorkingSetBytes,CpuPercentage", aggregation="average")

    async def many() -> None:
        await asyncio.gather(*(emulated.telemetry.look() for _ in range(8)))

    emulated.advance(2)
    emulated.loop.run(many())
    assert emulated.runs.looks == 2


def test_who_asks_right_after_a_replica_has_started_waits_for_the_next_look(emulated):
    run_one(emulated, 1.0)
    emulated.points("UsageNanoCores")
    emulated.runs.replicas += [Replica("b")]
    emulated.runs.readings *= 2
    asked = asyncio.run_coroutine_threadsafe(emulated.telemetry.look(), emulated.loop._loop)
    emulated.advance(0.5)
    assert emulated.runs.looks == 1
    emulated.advance(0.6)
    asked.result(10)
    assert emulated.runs.looks == 2


@pytest.mark.parametrize("name", ["Replicas", "Requests", "ResponseTime", "RxBytes", "RestartCount"])
def test_what_is_counted_needs_no_look_at_processes(emulated, name):
    run_one(emulated, 1.0)
    emulated.points(name)
    assert emulated.runs.looks == 0


def test_a_replica_is_looked_at_when_it_becomes_ready(emulated):
    run_one(emulated, 1.0)
    emulated.loop.run(emulated.telemetry.start())
    one = {"app": APP.key, "revision": "scorer--1", "replica": "a"}

    async def happen(event: events.Event) -> None:
        emulated.runs.observed.apply(event)
        emulated.runs.listener(APP.key)

    emulated.loop.run(happen(events.ReplicaAssigned(at=at(0), **one)))
    emulated.loop.run(happen(events.ContainerStarted(at=at(0), **one, container="main")))
    emulated.advance(0)
    assert emulated.runs.looks == 0
    emulated.loop.run(happen(events.ContainerReady(at=at(0), **one, container="main")))
    assert emulated.runs.looked.wait(10)
    emulated.loop.run(happen(events.ContainerReady(at=at(0), **one, container="main")))
    emulated.advance(2)
    assert emulated.runs.looks == 1
    emulated.restart(killed=False)


def test_a_gpu_without_a_device_has_no_sample_and_with_one_it_has(emulated):
    emulated.sample(a=(1.0, 100))
    assert emulated.points("GpuUtilizationPercentage") == [None] * 5

    emulated.runs.gpu_load = 40.0
    emulated.sample(a=(1.0, 100))

    assert emulated.points("GpuUtilizationPercentage")[0] == 40


def test_an_orderly_restart_loses_nothing_and_kill_at_most_the_open_minute(emulated):
    emulated.sample(a=(1.0, 100))
    emulated.restart(killed=False)
    emulated.sample(a=(2.0, 300))
    assert emulated.points("WorkingSetBytes")[0] == 200

    emulated.advance(60)
    emulated.sample(a=(3.0, 500))
    emulated.restart(killed=True)

    assert emulated.points("WorkingSetBytes")[:2] == [200, None]


def test_minutes_are_dropped_when_they_are_too_old(emulated):
    emulated.sample(a=(1.0, 100))
    emulated.advance(32 * 24 * 3600)
    emulated.sample()  # writes the minute
    emulated.restart(killed=True)
    emulated.sample()

    assert emulated.loop.run(emulated.database.read("SELECT count(*) FROM metric_minutes")) == [(0,)]
    assert emulated.loop.run(emulated.database.read("SELECT count(*) FROM metric_series")) == [(0,)]


def test_a_dimension_with_no_series_gives_an_empty_list_and_no_filter_gives_empty_points(emulated):
    (split,) = emulated.ask("Requests", filter="revisionName eq '*'").value
    (whole,) = emulated.ask("Requests").value

    assert split.timeseries == []
    assert len(whole.timeseries[0].data) == 5


def test_the_answer_is_framed_as_azures(emulated):
    answer = emulated.ask("Requests,UsageNanoCores", interval="PT1M")

    assert (answer.namespace, answer.resourceregion) == ("Microsoft.App/containerapps", "eastus")
    assert answer.timespan == "2026-01-01T12:00:00Z/2026-01-01T12:05:00Z"
    assert [metric.name.value for metric in answer.value] == ["Requests", "UsageNanoCores"]
    assert {metric.error_code for metric in answer.value} == {"Success"}


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        pytest.param({"names": "Nope"}, "Failed to find metric configuration", id="metric"),
        pytest.param({"names": "CpuPercentage", "filter": "revisionName eq '*'"}, "no dimension", id="dimension"),
        pytest.param({"names": "Requests", "metricnamespace": "Microsoft.Web/sites"}, "namespace", id="namespace"),
    ],
)
def test_what_azure_refuses_is_refused_with_400(emulated, asked, complaint):
    with pytest.raises(HttpResponseError, match=complaint) as refusal:
        emulated.ask(asked.pop("names"), **asked)

    assert refusal.value.status_code == 400


def test_a_time_span_that_az_encoded_twice_is_understood(emulated):
    span = "2026-01-01T12%253A00%253A00%252F2026-01-01T12%253A05%253A00"
    path = f"{emulated.url}{APP}/providers/Microsoft.Insights/metrics?api-version=2018-01-01&metricnames=Requests"

    answer = requests.get(f"{path}&timespan={span}&top=10", timeout=10)

    assert answer.json()["timespan"] == "2026-01-01T12:00:00Z/2026-01-01T12:05:00Z"


def test_definitions_name_every_metric_with_its_dimensions(emulated):
    with MonitorManagementClient(
        NoCredential(), SUBSCRIPTION, base_url=emulated.url, authentication_policy=NoToken(), retry_total=0
    ) as client:
        found = {each.name.value: each for each in client.metric_definitions.list(str(APP))}

    assert [each.value for each in found["Requests"].dimensions] == [
        "revisionName", "podName", "statusCodeCategory", "statusCode",
    ]  # fmt: skip
    assert found["GpuUtilizationPercentage"].category == "Gpu"
    assert found["UsageNanoCores"].metric_availabilities[0].time_grain == timedelta(minutes=1)


def test_the_aio_client_reads_the_same(emulated):
    async def scenario():
        async with AsyncMonitorClient(
            NoCredentialAsync(), SUBSCRIPTION, base_url=emulated.url, authentication_policy=NoToken(), retry_total=0
        ) as client:
            answer = await client.metrics.list(str(APP), metricnames="WorkingSetBytes", timespan="PT1H")
            return answer.value[0].timeseries[0].data[-1].average

    emulated.sample(a=(1.0, 100))
    emulated.advance(30)

    assert asyncio.run(scenario()) == 100


def test_each_sample_is_told_as_percent_of_the_replicas_share(emulated):
    emulated.sample(one=(1.0, 2**29))
    emulated.advance(5)
    emulated.sample(one=(2.25, 2**28))
    usage = emulated.runs.used[-1]
    assert (usage.replica, usage.cpu_percent, usage.memory_percent) == ("one", 50.0, 25.0)
    assert usage.container_bytes == {"main": 2**28}


def test_a_container_that_seems_too_large_is_looked_at_closely(emulated):
    emulated.runs.held = 5
    emulated.sample(one=(1.0, 2**30 + 1))
    assert emulated.runs.used[-1].container_bytes == {"main": 5}


def test_one_question_about_several_apps_is_one_request(emulated):
    other = app_id(SUBSCRIPTION, "local", "other")
    emulated.loop.run(emulated.store.put(other, {"id": str(other), "location": "East US"}))
    emulated.sample(a=(1.0, 100))

    with MetricsClient(
        emulated.url, NoCredential(), audience=emulated.url, authentication_policy=NoToken(), retry_total=0
    ) as client:
        answers = client.query_resources(
            resource_ids=[str(APP), str(other).lower()], metric_namespace="Microsoft.App/containerapps",
            metric_names=["WorkingSetBytes"], timespan=(NOON, timedelta(minutes=5)), aggregations=["average"],
            granularity=timedelta(minutes=1),
        )  # fmt: skip
        with pytest.raises(HttpResponseError) as unknown:
            client.query_resources(
                resource_ids=[str(app_id(SUBSCRIPTION, "local", "nobody"))],
                metric_namespace="Microsoft.App/containerapps", metric_names=["Requests"],
            )  # fmt: skip

    values = [[point.average for point in answer.metrics[0].timeseries[0].data] for answer in answers]
    assert values == [[100, None, None, None, None], [None] * 5]
    assert answers[0].granularity == timedelta(minutes=1)
    assert unknown.value.status_code == 404


@pytest.mark.parametrize("named", [None, [], ["x"] * 51, ["nobody"], [{}]])
def test_a_batch_names_one_to_fifty_resources_by_their_ids(emulated, named):
    answer = requests.post(
        f"{emulated.url}/subscriptions/{SUBSCRIPTION}/metrics:getBatch", json={"resourceids": named},
        params={"api-version": "2024-02-01", "metricnamespace": "Microsoft.App/containerapps"}, timeout=10,
    )  # fmt: skip
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


def test_values_of_a_dimension_can_be_rolled_up(emulated):
    for status in (200, 404, 500):
        emulated.loop.run(_finished(emulated, status, 0.01))
    some = {"filter": "statusCode eq '200' or statusCode eq '500'", "aggregation": "total"}

    (split,) = emulated.ask("Requests", **some).value
    (rolled,) = emulated.ask("Requests", rollupby="statusCode", **some).value

    assert [series.data[0].total for series in split.timeseries] == [1, 1]
    assert [(series.metadatavalues, series.data[0].total) for series in rolled.timeseries] == [([], 2)]


def test_metadata_alone_tells_the_values_of_a_dimension(emulated):
    emulated.sample(a=(1.0, 100), b=(1.0, 300))
    (metric,) = emulated.ask("WorkingSetBytes", filter="podName eq '*'", result_type="Metadata").value
    assert [series.metadatavalues[0].value for series in metric.timeseries] == ["a", "b"]
    assert [series.data for series in metric.timeseries] == [[], []]


def test_a_grain_that_there_is_not_is_the_nearest_when_asked_for(emulated):
    with pytest.raises(HttpResponseError, match="invalid time grain") as refusal:
        emulated.ask("Requests", interval="PT2M")
    answer = emulated.ask("Requests", interval="PT2M", auto_adjust_timegrain=True)
    assert refusal.value.status_code == 400
    assert answer.interval == "PT1M"


def test_a_filter_that_does_not_fit_can_be_let_pass(emulated):
    emulated.sample(a=(1.0, 100))
    (metric,) = emulated.ask("CpuPercentage", filter="revisionName eq '*'", validate_dimensions=False).value
    assert metric.timeseries[0].data[0].average == pytest.approx(40)


def test_an_end_before_the_retention_is_refused_in_azures_words_and_a_start_before_it_is_not(emulated):
    long_ago = "2025-11-01T00:00:00Z"
    with pytest.raises(HttpResponseError) as refusal:
        emulated.ask("Requests", span=f"{long_ago}/PT1H")
    said = "Query endTime: 11/1/2025 1:00:00 AM is out of the Max metrics retention period: 31.00:00:00"
    assert (refusal.value.status_code, refusal.value.error.message) == (400, said)
    assert emulated.points("Requests", "total", span=f"{long_ago}/2026-01-01T12:00:00Z", interval="P1D")[-1] is None


def test_thirty_days_in_hours_are_what_the_minutes_were(emulated):
    for _ in range(3):
        emulated.sample(a=(0.0, 100))
        emulated.advance(40 * 60)
        emulated.sample(a=(0.0, 300))
        emulated.advance(20 * 60)
    span = "2025-12-02T00:00:00Z/2026-01-01T15:00:00Z"
    hours = emulated.points("WorkingSetBytes", "total", span=span, interval="PT1H")
    beside = emulated.points("WorkingSetBytes", "total", span="2025-12-31T23:30:00Z/PT16H", interval="PT1H")
    days = emulated.points("WorkingSetBytes", "maximum", span=span, interval="P1D")
    assert (len(hours), hours[-4:]) == (30 * 24 + 15, [None, 400, 400, 400])
    assert beside[-4:] == [100, 400, 400, 300], "half an hour beside the hours: made of the minutes"
    assert days == [*[None] * 30, 300]


def test_where_azure_has_no_such_metric_the_rest_is_answered_all_the_same(emulated):
    """Facts §9.4: the GPU's metric comes and goes; a fault takes it away, for one app or for all."""
    emulated.runs.gpu_load = 40.0
    emulated.sample(a=(1.0, 100))
    emulated.faults.missing = "GpuUtilizationPercentage"

    with pytest.raises(HttpResponseError, match="Failed to find metric configuration") as refusal:
        emulated.ask("GpuUtilizationPercentage")
    found = asyncio.run(_as_our_client_asks(emulated.url))

    assert refusal.value.status_code == 400
    assert {metric.column: [point.value for point in points][:1] for metric, points in found.items()} == {
        "memory_bytes": [100.0], "gpu_percent": [],
    }  # fmt: skip
    emulated.faults.missing = ""
    assert emulated.points("GpuUtilizationPercentage")[0] == 40


async def _as_our_client_asks(url: str):
    class Connection:
        """What our client asks with."""

        monitor = AsyncMonitorClient(
            NoCredentialAsync(), SUBSCRIPTION, base_url=url, authentication_policy=NoToken(), retry_total=0
        )

    async with Connection.monitor:
        span = (NOON, NOON + timedelta(minutes=5))
        return await Metrics(Connection()).read_all(APP, (metric.MEMORY, metric.GPU), span, "PT1M")  # type: ignore[arg-type]  # a fake
