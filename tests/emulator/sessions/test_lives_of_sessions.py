"""When sessions begin and end: instances that wait, cooldown, age, exits, restarts, and what is said of those gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aca_notebook.emulator.sessions.instances import StartRefused
from tests.emulator.running import running_emulator
from tests.emulator.sessions.calling import Caller, refusal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulator.running import Running


@pytest.fixture
def pool(emulator: Running) -> Caller:
    return Caller(emulator)


def instances(pool: Caller) -> dict[str, int]:
    return pool.call("GET", "metadata", identifier=None).json()["instances"]


def waits(pool: Caller, ready: int) -> None:
    pool.emulator.eventually(lambda: instances(pool)["ready"] == ready)


def said_of(pool: Caller, identifier: str = "abcd") -> str:
    answer = pool.call("GET", "session", identifier=identifier)
    assert refusal(answer) == (400, "SessionWithIdentifierNotFound")
    return answer.json()["error"]["message"]


def test_an_instance_waits_and_is_handed_out_and_another_takes_its_place(pool: Caller) -> None:
    waits(pool, 1)
    first = pool.emulator.sessions.instances[0]
    pool.run("1")
    assert first.ran
    pool.emulator.advance(1)
    waits(pool, 1)
    assert len(pool.emulator.sessions.instances) == 2


def test_a_session_nobody_uses_ends_after_the_cooldown_and_says_how_old_it_was(pool: Caller) -> None:
    pool.run("1")
    pool.emulator.advance(200)
    pool.run("1")  # used again: the time begins anew
    pool.emulator.advance(299)
    assert pool.call("GET", "session").status_code == 200
    pool.emulator.advance(2)
    assert "500 s old: nobody had used it for 300 s" in said_of(pool)
    assert pool.emulator.sessions.instances[0].gone.done()


def test_a_session_that_runs_code_does_not_cool_down(pool: Caller) -> None:
    body = {"code": "wait", "timeoutInSeconds": 220, "executionType": "asynchronous"}
    other = Caller(pool.emulator, "short", dynamicPoolConfiguration={
        "lifecycleConfiguration": {"lifecycleType": "Timed", "cooldownPeriodInSeconds": 300},
    })  # fmt: skip
    id_ = other.call("POST", "executions", body).json()["id"]
    other.emulator.advance(215)
    assert other.call("GET", f"executions/{id_}").json()["status"] == "Running"
    other.emulator.advance(10)
    other.emulator.eventually(lambda: other.call("GET", f"executions/{id_}").json()["status"] == "Failed")
    other.emulator.advance(290)
    assert other.call("GET", "session").status_code == 200


def custom(emulator: Running, **lifecycle: Any) -> Caller:
    return Caller(
        emulator, kind="CustomContainer", environmentId=emulator.environment_id,
        scaleConfiguration={"maxConcurrentSessions": 5, "readySessionInstances": 2},
        dynamicPoolConfiguration={"lifecycleConfiguration": lifecycle},
        customContainerTemplate={"containers": [{"image": "i", "name": "c"}], "ingress": {"targetPort": 80}},
    )  # fmt: skip


def managed(pool: Caller, call: str, identifier: str = "abcd") -> Any:
    return pool.call("POST", f".management/{call}", identifier=identifier)


def test_a_session_lives_as_long_as_its_pool_lets_one_at_most(emulator: Running) -> None:
    pool = custom(emulator, lifecycleType="OnContainerExit", maxAlivePeriodInSeconds=1000)
    emulator.sessions.instances[0].address = ("127.0.0.1", 9)
    assert pool.call("GET", "anything").status_code == 502  # nobody listens there, and the session is allocated
    emulator.advance(999)
    assert managed(pool, "getSession").status_code == 200
    emulator.advance(2)
    answer = managed(pool, "getSession")
    assert "it had lived for 1000 s" in answer.json()["error"]["message"]


def test_a_session_ends_with_its_container(emulator: Running) -> None:
    pool = custom(emulator, lifecycleType="OnContainerExit")
    emulator.sessions.instances[0].address = ("127.0.0.1", 9)
    pool.call("GET", "anything")
    emulator.on_loop(lambda: emulator.sessions.instances[0].crash("its program ended with exit code 0"))
    emulator.eventually(lambda: managed(pool, "getSession").status_code == 400)
    assert "exit code 0" in managed(pool, "getSession").json()["error"]["message"]


def test_code_in_a_session_that_dies_is_answered_and_the_next_call_has_a_new_one(pool: Caller) -> None:
    id_ = pool.call("POST", "executions", {"code": "wait", "executionType": "asynchronous"})
    guid = id_.headers["x-ms-session-guid"]
    pool.emulator.on_loop(lambda: pool.emulator.sessions.instances[0].crash("its program was killed"))
    pool.emulator.eventually(lambda: pool.call("GET", "session").status_code == 400)
    assert "its program was killed" in said_of(pool)
    again = pool.call("POST", "executions", {"code": "1"})
    assert again.status_code == 202
    assert again.headers["x-ms-session-guid"] != guid


def test_a_synchronous_call_is_told_that_its_session_died(pool: Caller) -> None:
    async def die(instance: Any, _code: Any, _hear: Any) -> Any:
        instance.crash("its program was killed")
        await instance.interrupted.wait()

    pool.emulator.sessions.behave = die
    other = Caller(pool.emulator, "other")
    body = other.run("anything")
    assert body["status"] == "Failed"
    assert "The session has ended: its program was killed" in body["result"]["stderr"]


def test_a_waiting_instance_that_dies_is_replaced(pool: Caller) -> None:
    waits(pool, 1)
    pool.emulator.on_loop(pool.emulator.sessions.instances[0].crash)
    waits(pool, 0)
    pool.emulator.advance(2)
    waits(pool, 1)


def test_a_pool_tries_again_when_instances_cannot_be_started(emulator: Running) -> None:
    emulator.sessions.refusal = StartRefused("no memory")
    pool = Caller(emulator)
    emulator.eventually(lambda: pool.call("GET", "metadata", identifier=None).json()["trouble"] == "no memory")
    emulator.sessions.refusal = None
    emulator.advance(31)
    waits(pool, 1)


def test_a_deleted_pool_leaves_nothing_running(pool: Caller) -> None:
    waits(pool, 1)
    pool.run("1")
    assert pool.emulator.ask("DELETE", pool.path).status_code == 204
    assert pool.emulator.sessions.alive == []
    assert pool.call("POST", "executions", {"code": "1"}).status_code == 404


def test_a_pool_whose_egress_is_changed_gets_new_instances(pool: Caller) -> None:
    waits(pool, 1)
    changed = {"properties": {"sessionNetworkConfiguration": {"status": "EgressEnabled"}}}
    pool.emulator.follow(pool.emulator.ask("PATCH", pool.path, changed))
    waits(pool, 1)
    assert [each.rules.egress for each in pool.emulator.sessions.alive] == [True]


def test_more_instances_wait_when_more_are_asked_for(pool: Caller) -> None:
    changed = {"properties": {"scaleConfiguration": {"maxConcurrentSessions": 10, "readySessionInstances": 3}}}
    pool.emulator.follow(pool.emulator.ask("PATCH", pool.path, changed))
    waits(pool, 3)
    shown = pool.emulator.ask("GET", pool.path).json()["properties"]["scaleConfiguration"]
    assert shown == {"maxConcurrentSessions": 10}  # as recorded: the platform does not show it of its own containers
    none = {"properties": {"scaleConfiguration": {"maxConcurrentSessions": 10, "readySessionInstances": 0}}}
    pool.emulator.follow(pool.emulator.ask("PATCH", pool.path, none))
    waits(pool, 0)
    assert pool.emulator.sessions.alive == []


def test_sessions_of_an_emulator_that_ended_are_gone_and_said_to_be(data_dir: Path) -> None:
    with running_emulator(data_dir) as first:
        pool = Caller(first)
        pool.run("1")
        first.on_loop(lambda: setattr(first.emulator._sessions.hosting, "forget", _lose))  # as if killed
    with running_emulator(data_dir, elapsed_seconds=60) as second:
        again = Caller(second)
        assert "the emulator that ran it has ended" in said_of(again)
        assert "60 s old" in said_of(again)
        assert second.sessions.swept == 1
        assert again.run("1")["status"] == "Succeeded"


async def _lose(_key: str, _session: object) -> None:
    """Write nothing down, as one that is killed does."""


def test_management_calls_tell_list_and_stop(pool: Caller) -> None:
    for name in ("first", "second"):
        pool.run("1", identifier=name)
    one = managed(pool, "getSession", "first").json()
    assert set(one) == {"identifier", "etag", "createdAt", "lastAccessedAt", "expiresAt"}
    found = managed(pool, "listSessions").json()
    assert ([each["identifier"] for each in found["value"]], found["count"]) == (["first", "second"], 2)
    stopped = managed(pool, "stopSession", "first")
    assert (stopped.status_code, stopped.text) == (200, "Session first in session pool pool stopped.")
    assert refusal(managed(pool, "stopSession", "first")) == (404, "SessionWithIdentifierNotFound")
    listed = pool.call("GET", "listSessions", identifier=None).json()
    assert [each["identifier"] for each in listed["sessions"]] == ["second"]


def test_a_list_of_many_sessions_comes_in_pages(emulator: Running) -> None:
    pool = Caller(emulator, scaleConfiguration={"maxConcurrentSessions": 600})
    for number in range(105):
        pool.call("GET", "files", identifier=f"number-{number}")
    first = pool.call("GET", "listSessions", identifier=None).json()
    assert len(first["sessions"]) == 100
    headers = {"Authorization": f"Bearer {pool.token}"}
    rest = emulator.ask("GET", first["nextLink"], headers=headers).json()
    assert (len(rest["sessions"]), rest["nextLink"]) == (5, None)


def test_sessions_come_and_go_and_nothing_is_left(emulator: Running) -> None:
    pool = Caller(emulator, scaleConfiguration={"maxConcurrentSessions": 600})
    for _ in range(2):
        for number in range(60):
            pool.call("GET", "files", identifier=f"number-{number}")
        emulator.advance(301)
        emulator.eventually(lambda: instances(pool)["allocated"] == 0)
    emulator.advance(1)
    waits(pool, 1)
    assert len(emulator.sessions.alive) == 1
    hosting = emulator.emulator._sessions.hosting
    one = hosting.pool(pool.path.lower())
    emulator.eventually(lambda: emulator.on_loop(lambda: len(one._tasks) == 1))  # what looks after the one that waits
    assert (len(one._guards), len(one._allocating), len(hosting._tasks)) == (0, 0, 0)
    assert emulator.emulator._database.documents("session") == {}


def test_metrics_tell_how_many_instances_wait_and_are_in_use(pool: Caller) -> None:
    waits(pool, 1)
    pool.emulator.advance(60)
    pool.run("1")
    pool.emulator.advance(90)
    answer = pool.emulator.ask(
        "GET", f"{pool.path}/providers/Microsoft.Insights/metrics",
        params={
            "api-version": "2023-10-01", "metricnames": "PoolReadyPodCount,PoolExecutingPodCount", "timespan": "PT2M",
            "aggregation": "Average,Maximum", "$filter": "poolName eq '*'",
        },
    )  # fmt: skip
    ready, executing = answer.json()["value"]
    assert ready["timeseries"][0]["metadatavalues"][0]["value"] == "pool"
    assert [each.get("maximum") for each in ready["timeseries"][0]["data"]][-1] == 1
    assert [each.get("average") for each in executing["timeseries"][0]["data"]] == [0.0, 1.0, 1.0]
