"""What is written is kept: each line once, in order, over rotations, kills and writes that fail."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.journal.database import Database, append_event
from aca_notebook.emulator.telemetry.logs.collector import Collector
from aca_notebook.emulator.telemetry.logs.lines import Destination
from aca_notebook.emulator.telemetry.logs.store import LogStore, Question
from tests.fakes.clock import ManualClock

APP = "/subscriptions/s/resourcegroups/g/providers/microsoft.app/containerapps/scorer"
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
WORKSPACE = "11111111-2222-3333-4444-555555555555"


@dataclass
class World:
    """An app whose replicas write to files, as the shim does; the platform that knows them."""

    folder: object
    living: set[str] = field(default_factory=set)
    written: dict[str, list[str]] = field(default_factory=dict)
    destination: Destination | None = field(
        default_factory=lambda: Destination(WORKSPACE, "custom", "happyhill", "eastus", dynamic_json=True)
    )

    def log_file(self, app, revision, replica, container):
        return self.folder / revision / replica / f"{container}.log"

    def desired(self, app):
        return None

    def subscribe(self, listener):
        self.listener = listener

    def observe(self, app):
        return SimpleNamespace(replicas=[SimpleNamespace(name=name) for name in self.living])

    def of(self, key):
        return self.destination

    def write(self, replica, texts, *, torn=False):
        path = self.log_file(APP, "scorer--1", replica, "main")
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"2026-05-01T12:00:00.123456789+00:00 stdout F {text}" for text in texts]
        with path.open("a") as file:
            file.write("\n".join(lines) + ("" if torn else "\n"))
        self.written.setdefault(replica, []).extend(texts)

    def rotate(self, replica):
        path = self.log_file(APP, "scorer--1", replica, "main")
        path.replace(path.with_name(path.name + ".1"))
        path.touch()


def collector(folder, world, database):
    return Collector(
        path=folder / "logs.duckdb", database=database, controller=world, destinations=world, clock=ManualClock(),
        subscription="s",
    )  # fmt: skip


def ask(folder, query):
    store = LogStore(folder / "logs.duckdb")
    try:
        asked = Question(
            query=query, workspaces=(WORKSPACE,), resource="", first=datetime(1970, 1, 1, tzinfo=UTC),
            end=datetime(9999, 1, 1, tzinfo=UTC), until=datetime(9999, 1, 1, tzinfo=UTC), now=AT, most_rows=10**6,
        )  # fmt: skip
        return store.ask(asked, [].append).rows
    finally:
        store.close()


def kept(folder, replica):
    query = f'ContainerAppConsoleLogs_CL | where ContainerGroupName_s == "{replica}" | order by TimeGenerated asc'
    return [row[0] for row in ask(folder, f"{query} | project Log_s")]


def started(replica):
    return events.ContainerStarted(at=AT, app=APP, revision="scorer--1", replica=replica, container="main", pid=1)


def stopped(replica):
    return events.ReplicaStopped(at=AT, app=APP, revision="scorer--1", replica=replica, reason="scaled in")


class Life:
    """What happens to the world and to who collects from it, one step at a time."""

    def __init__(self, folder):
        self.folder = folder
        self.world = World(folder / "replicas")
        self.database = Database(folder / "state.db")
        self.collector = collector(folder, self.world, self.database)
        self.number = 0

    async def begin(self):
        for replica in "ab":
            self.world.living.add(replica)
            self.world.write(replica, [])
            await self.database.write(append_event(started(replica)))

    async def write(self, replica, count):
        self.world.write(replica, [f"line {self.number + each}" for each in range(count)])
        self.number += count

    async def rotate(self, replica, _):
        await self.collector.collect()  # at most one rotation between two looks
        self.world.rotate(replica)

    async def stop(self, replica, _):
        self.world.write(replica, ["the last words"], torn=True)
        self.world.living.discard(replica)
        await self.database.write(append_event(stopped(replica)))

    async def kill(self, _, __):
        await self.collector.collect()
        await self.collector.close()
        self.collector = collector(self.folder, self.world, self.database)

    async def fail(self, _, __):
        await _fail_once(self.collector)

    async def close(self):
        await self.collector.close()
        self.database.close()


steps = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "write", "rotate", "stop", "kill", "fail"]),
        st.sampled_from("ab"),
        st.integers(1, 40),
    ),
    max_size=14,
)


@settings(max_examples=20, deadline=None)
@example([("rotate", "b", 1), ("rotate", "b", 1), ("kill", "a", 1), ("write", "b", 1)])  # the disk uses an inode again
@given(steps)
def test_every_line_of_every_replica_is_kept_once_and_in_order(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("logs")
    written = asyncio.run(_live(Life(folder), steps))
    for replica, texts in written.items():
        assert kept(folder, replica) == texts, replica


async def _live(life, steps):
    try:
        await life.begin()
        for action, replica, count in steps:
            if replica in life.world.living or action in {"kill", "fail"}:
                await getattr(life, action)(replica, count)
        await life.collector.collect()
        await life.collector.collect()
    finally:
        await life.close()
    return life.world.written


async def _fail_once(running):
    """Let the next write fail half-way, as a full disk would."""
    store = await running.store()

    def fail(reading, raw, received):
        store.add_output = real
        raise duckdb.IOException("no space left on device")

    real, store.add_output = store.add_output, fail
    with contextlib.suppress(duckdb.IOException):
        await running.collect()
    store.add_output = real


def test_members_of_json_lines_become_columns(tmp_path):
    async def live():
        world, database = World(tmp_path / "replicas"), Database(tmp_path / "state.db")
        running = collector(tmp_path, world, database)
        world.living.add("a")
        world.write("a", ['{"level": "error", "seconds": 1.5, "ok": false, "deep": {"x": 1}}', "plain", "{no json"])
        await database.write(append_event(started("a")))
        await running.collect()
        await running.close()
        database.close()

    asyncio.run(live())
    query = "ContainerAppConsoleLogs_CL | where isnotempty(level_s) | project level_s, seconds_d, ok_b, deep_s"
    assert ask(tmp_path, query) == [("error", 1.5, False, '{"x":1}')]
    assert ask(tmp_path, "ContainerAppConsoleLogs_CL | count") == [(3,)]


def test_the_system_log_is_in_its_table_and_an_environment_without_a_destination_keeps_nothing(tmp_path):
    async def live(world, name):
        folder = tmp_path / name
        folder.mkdir()
        database = Database(folder / "state.db")
        running = collector(folder, world, database)
        await database.write(append_event(started("a")))
        await database.write(append_event(stopped("a")))
        await running.collect()
        await running.collect()
        await running.close()
        database.close()
        columns = "Reason_s, ReplicaName_s, EnvironmentName_s"
        return ask(folder, f"ContainerAppSystemLogs_CL | order by Reason_s asc | project {columns}")

    silent = World(tmp_path / "replicas", destination=None)
    assert asyncio.run(live(silent, "silent")) == []
    assert asyncio.run(live(World(tmp_path / "replicas"), "telling")) == [
        ("ContainerStarted", "a", "happyhill"),
        ("ReplicaStopped", "a", "happyhill"),
    ]


def test_logs_that_cannot_be_read_are_put_aside_and_not_lost(tmp_path, caplog):
    path = tmp_path / "logs.duckdb"
    path.write_bytes(b"no database at all, but somebody's logs" * 1000)
    LogStore(path).close()
    assert (tmp_path / "logs.duckdb.damaged").read_bytes().startswith(b"no database")
    assert "cannot be read" in caplog.text


def test_old_lines_are_forgotten(tmp_path):
    world = World(tmp_path / "replicas")

    async def live():
        database = Database(tmp_path / "state.db")
        running = collector(tmp_path, world, database)
        world.living.add("a")
        world.write("a", ["of May"])
        await database.write(append_event(started("a")))
        await running.collect()
        (await running.store()).forget(datetime(2026, 5, 20, tzinfo=UTC))
        assert len((await running.store()).readings()) == 1
        (await running.store()).forget(datetime(2026, 6, 20, tzinfo=UTC))
        await running.close()
        database.close()

    asyncio.run(live())
    assert kept(tmp_path, "a") == []


def test_the_collector_rests_while_nobody_writes_and_wakes_when_something_happens(tmp_path):
    async def live():
        world, database = World(tmp_path / "replicas"), Database(tmp_path / "state.db")
        running = collector(tmp_path, world, database)
        looks = []
        running.collect = lambda: _look(looks)
        running.start()
        await running._clock.advance(3600)
        rested = len(looks)
        world.listener(APP)
        await running._clock.advance(3600)
        await running.close()
        database.close()
        return rested, len(looks)

    assert asyncio.run(live()) == (1, 3)  # at the start; once woken; at the end


async def _look(looks):
    looks.append(1)
