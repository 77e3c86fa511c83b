"""What a pool decides: how many instances wait, who is let in, when a session ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.sessions import pool
from aca_notebook.emulator.sessions.pool import Kind, Life, Lifecycle, Rules

COUNTS = st.integers(0, 20)
SECONDS = st.floats(0, 10_000)


def rules(**changed: object) -> Rules:
    given_ = {
        "kind": Kind.PYTHON, "most_sessions": 10, "ready": 1, "lifecycle": Lifecycle.TIMED, "cooldown_seconds": 300.0,
        "max_alive_seconds": float("inf"), "egress": False,
    }  # fmt: skip
    return Rules(**given_ | changed)


@given(COUNTS, COUNTS, COUNTS, st.integers(1, 20), COUNTS)
def test_what_waits_and_starts_is_never_more_than_could_be_allocated(
    ready: int, starting: int, allocated: int, most: int, wanted: int
) -> None:
    by = rules(most_sessions=most, ready=min(wanted, most))
    more = pool.missing(by, ready=ready, starting=starting, allocated=allocated)
    assert more >= 0
    if more:
        assert ready + starting + more + allocated <= most
        assert ready + starting + more == min(by.ready, most - allocated)


@given(COUNTS, COUNTS, st.integers(1, 20), COUNTS)
def test_nothing_is_both_missing_and_too_many(ready: int, allocated: int, most: int, wanted: int) -> None:
    by = rules(most_sessions=most, ready=min(wanted, most))
    too_many = pool.surplus(by, ready=ready, allocated=allocated)
    assert too_many <= ready
    assert not (too_many and pool.missing(by, ready=ready, starting=0, allocated=allocated))


@given(SECONDS, SECONDS, st.integers(0, 3), st.floats(300, 3600), st.floats(1, 10_000))
def test_a_session_ends_by_its_age_at_the_latest_and_never_while_it_cools_less_than_it_should(
    created: float, since: float, calls: int, cooldown: float, alive: float
) -> None:
    life = Life(created, created + since, calls)
    by = rules(cooldown_seconds=cooldown, max_alive_seconds=alive)
    assert pool.ends_at(by, life) <= created + alive
    if calls:
        assert pool.ends_at(by, life) == created + alive
    else:
        assert pool.ends_at(by, life) == min(created + alive, life.used + cooldown)


def test_a_container_that_ends_by_itself_does_not_cool_down() -> None:
    by = rules(lifecycle=Lifecycle.ON_EXIT, max_alive_seconds=5000.0)
    assert pool.ends_at(by, Life(0, 10)) == 5000


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("abcd", True), ("abc", False), ("x" * 128, True), ("x" * 129, False), ("a b c", False), ("näme", False),
        ("""|}{[]:";'<>?/.,@#$%^&*()_-+=!~`""", True), ("abcd\n", False), ("", False),
    ],
)  # fmt: skip
def test_an_identifier_is_what_azure_takes_for_one(text: str, *, fits: bool) -> None:
    assert pool.is_identifier(text) is fits


def document(kind: str, **scale: int) -> dict[str, object]:
    return {
        "properties": {
            "containerType": kind, "scaleConfiguration": {"maxConcurrentSessions": 10, **scale},
            "dynamicPoolConfiguration": {"lifecycleConfiguration": {"lifecycleType": "Timed"}},
            "sessionNetworkConfiguration": {"status": "EgressDisabled"}, "customContainerTemplate": {"a": 1},
        }
    }  # fmt: skip


def test_rules_are_read_from_a_document() -> None:
    found = pool.read_rules(document("PythonLTS"))
    assert (found.kind, found.ready, found.cooldown_seconds, found.egress) == (Kind.PYTHON, 1, 300, False)
    assert pool.read_rules(document("PythonLTS", readySessionInstances=5)).ready == 3
    assert pool.read_rules(document("PythonLTS", readySessionInstances=0)).ready == 0
    assert pool.read_rules(document("CustomContainer", readySessionInstances=5)).ready == 5


def test_instances_of_another_template_do_not_serve() -> None:
    one = pool.read_rules(document("CustomContainer"))
    other = document("CustomContainer")
    other["properties"]["customContainerTemplate"] = {"a": 2}
    assert not one.makes_as(pool.read_rules(other))
    assert one.makes_as(pool.read_rules(document("CustomContainer", readySessionInstances=7)))
