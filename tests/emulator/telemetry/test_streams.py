"""The log stream and the event stream over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import requests

from aca_notebook.clock import SystemClock
from aca_notebook.emulator.arm.store import Store
from aca_notebook.emulator.journal import events
from aca_notebook.emulator.journal.database import Database, append_event
from aca_notebook.emulator.telemetry import SCHEMA, Telemetry
from aca_notebook.model.ids import app_id, environment_id
from tests.emulator.telemetry.serving import Loop, serving

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
APP = app_id(SUBSCRIPTION, "local", "scorer")
OTHER = app_id(SUBSCRIPTION, "local", "other")
ENVIRONMENT = environment_id(SUBSCRIPTION, "local", "local")
REVISION, REPLICA = "scorer--1", "scorer--1-abc"
AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Named:
    name: str


@dataclass
class Observed:
    replicas: list[Named] = field(default_factory=list)


class FakeRuns:
    def __init__(self, folder) -> None:
        self.folder = folder
        self.observed = Observed([Named(REPLICA)])

    def running(self):
        return ()

    def observe(self, app_key):
        return self.observed

    def log_file(self, app_key, revision, replica, container):
        return self.folder / f"{replica}-{container}.log"


class Emulated:
    def __init__(self, loop: Loop, folder) -> None:
        self.loop = loop
        self.runs = FakeRuns(folder)
        self.database = Database(folder / "state.db", schema=SCHEMA)
        self.store = Store(self.database)
        self.telemetry = Telemetry(database=self.database, controller=self.runs, store=self.store, clock=SystemClock())
        self.log = folder / f"{REPLICA}-main.log"
        self.url = ""
        for app in (APP, OTHER):
            document = {"id": str(app), "properties": {"environmentId": str(ENVIRONMENT)}}
            loop.run(self.store.put(app, document))
        loop.run(self.store.put(ENVIRONMENT, {"id": str(ENVIRONMENT)}))

    def write(self, *texts: str) -> None:
        with self.log.open("a") as file:
            file.writelines(f"2026-01-01T00:00:00.123456789+00:00 stdout F {text}\n" for text in texts)

    def get(self, path: str, token: str = APP.key, *, stream: bool = False, **query):
        return requests.get(
            f"{self.url}/subscriptions/{SUBSCRIPTION}/resourceGroups/local/{path}",
            params=query, headers={"Authorization": f"Bearer {token}"}, stream=stream, timeout=10,
        )  # fmt: skip

    def console(self, *, replica: str = REPLICA, **query):
        path = f"containerApps/scorer/revisions/{REVISION}/replicas/{replica}/containers/main/logstream"
        return self.get(path, **query)

    def happened(self, *journal: events.Event) -> None:
        self.loop.run(self.database.write(*map(append_event, journal)))


def started(number: int, app=APP) -> events.Event:
    return events.ContainerStarted(
        at=AT + timedelta(seconds=number), app=app.key, revision=REVISION, replica=REPLICA, container=f"c{number}"
    )


@pytest.fixture
def loop():
    opened = Loop()
    yield opened
    opened.close()


@pytest.fixture
def emulated(loop, tmp_path):
    made = Emulated(loop, tmp_path)
    with serving(made.telemetry.routes, loop=loop) as made.url:
        yield made
        loop.run(made.telemetry.close())
    made.database.close()


def records(answer) -> list[dict]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_log_begins_with_two_lines_of_greeting_and_then_the_tail(emulated):
    emulated.write("one", "two", "three")

    first, second, *lines = records(emulated.console(tailLines=2, output="json"))

    assert first["Log"] == "Connecting to the container 'main'..."
    assert second["Log"].startswith("Successfully Connected to container: 'main' [Revision: 'scorer--1', Replica:")
    assert lines == [
        {"TimeStamp": "2026-01-01T00:00:00.1234567+00:00", "Log": "F two"},
        {"TimeStamp": "2026-01-01T00:00:00.1234567+00:00", "Log": "F three"},
    ]


def test_text_has_the_time_two_blanks_and_the_line(emulated):
    emulated.write("one")

    lines = emulated.console(output="text").text.splitlines()

    assert lines[-1] == "2026-01-01T00:00:00.1234567+00:00  F one"


def test_following_brings_lines_as_they_are_written_and_ends_with_the_replica(emulated):
    emulated.write("one")
    with emulated.console(follow="true", stream=True) as answer:
        lines = answer.iter_lines()
        assert [json.loads(next(lines))["Log"] for _ in range(3)][-1] == "F one"

        emulated.write("two")
        assert json.loads(next(lines))["Log"] == "F two"

        emulated.write("last words")
        emulated.runs.observed = Observed()
        assert [json.loads(line)["Log"] for line in lines] == ["F last words"]


def test_following_loses_no_line_when_the_log_is_rotated(emulated):
    emulated.write("0")
    with emulated.console(follow="true", stream=True, tailLines=0) as answer:
        lines = answer.iter_lines()
        next(lines), next(lines)
        emulated.write(*map(str, range(1, 2000)))
        emulated.log.replace(emulated.log.with_name(emulated.log.name + ".1"))
        emulated.write(*map(str, range(2000, 4000)))
        emulated.runs.observed = Observed()

        found = [int(json.loads(line)["Log"].removeprefix("F ")) for line in lines]

    assert found == list(range(1, 4000))


def test_the_log_of_a_replica_that_is_gone_can_be_read(emulated):
    emulated.write("one")
    emulated.runs.observed = Observed()

    assert records(emulated.console())[-1]["Log"] == "F one"


def test_an_open_stream_ends_when_the_emulator_stops(emulated):
    with emulated.console(follow="true", stream=True) as answer:
        lines = answer.iter_lines()
        next(lines)
        emulated.loop.run(emulated.telemetry.close())

        assert len(list(lines)) == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param({"tailLines": "301"}, 400, id="too many lines"),
        pytest.param({"tailLines": "-1"}, 400, id="a negative number"),
        pytest.param({"output": "xml"}, 400, id="another form"),
        pytest.param({"replica": "..%2F..%2Fsecret"}, 400, id="a path in place of a name"),
        pytest.param({"replica": "nobody"}, 404, id="a replica that never was"),
        pytest.param({"token": OTHER.key}, 403, id="the token of another app"),
    ],
)
def test_what_cannot_be_streamed_is_refused(emulated, query, status):
    assert emulated.console(**query).status_code == status


def test_the_event_stream_is_the_journal_in_azures_words(emulated):
    emulated.happened(*map(started, range(3)), started(9, OTHER))

    first, second, *lines = records(emulated.get("containerApps/scorer/eventstream", tailLines=2))

    assert [first["Reason"], second["Reason"]] == ["StartingGettingEvents", "ConnectedToEventsServer"]
    assert [line["Msg"] for line in lines] == ["Started container 'c1'", "Started container 'c2'"]
    assert lines[0]["ContainerAppName"] == "scorer"


def test_following_events_brings_what_is_appended_and_ends_with_the_app(emulated):
    emulated.happened(started(0))
    with emulated.get("containerApps/scorer/eventstream", stream=True, follow="true") as answer:
        lines = answer.iter_lines()
        assert [json.loads(next(lines))["Msg"] for _ in range(3)][-1] == "Started container 'c0'"

        emulated.happened(started(1))
        assert json.loads(next(lines))["Msg"] == "Started container 'c1'"

        emulated.loop.run(emulated.store.delete(APP))
        assert list(lines) == []


def test_an_app_made_again_does_not_show_what_happened_to_the_one_before(emulated):
    emulated.happened(started(0), events.AppWithdrawn(at=AT, app=APP.key), started(1))

    assert [line["Msg"] for line in records(emulated.get("containerApps/scorer/eventstream"))[2:]] == [
        "Started container 'c1'"
    ]


def test_the_environments_stream_has_the_events_of_all_its_apps(emulated):
    emulated.happened(started(0), started(1, OTHER))

    lines = records(emulated.get("managedEnvironments/local/eventstream", token=ENVIRONMENT.key))[2:]

    assert [line["ContainerAppName"] for line in lines] == ["scorer", "other", None]
    assert lines[-1]["Msg"] == "ColdStartEvents"


def test_an_environment_without_apps_has_a_stream_too(emulated):
    for app in (APP, OTHER):
        emulated.loop.run(emulated.store.delete(app))

    assert len(records(emulated.get("managedEnvironments/local/eventstream", token=ENVIRONMENT.key))) == 3


def test_an_app_that_is_not_there_has_no_stream(emulated):
    emulated.loop.run(emulated.store.delete(APP))

    assert emulated.get("containerApps/scorer/eventstream").status_code == 404
