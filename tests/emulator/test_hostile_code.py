"""Hostile code is held at every level that claims to hold it, and the page says what happens."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from aca_notebook.emulator.sandbox.levels import Level
from tests.emulator import hostile, isolation_page

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(900),
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="namespaces and Landlock are Linux's"),
]
BOUNDS = (
    "lay_links",
    "kill_own_keepers",
    "leave_a_daemon",
    "many_processes",
    "memory_bomb",
    "fill_data",
    "one_huge_file",
)


@pytest.mark.parametrize("level", [Level.BUBBLEWRAP, Level.LANDLOCK])
async def test_hostile_code_gets_nowhere(level: Level) -> None:
    seen = await hostile.outcomes(await asyncio.to_thread(hostile.found_at, level), str(hostile.interpreter_for(level)))

    escaped = {name: outcome.how for name, outcome in seen.items() if not outcome.held}
    assert escaped == {}
    assert set(seen) == {attack.name for attack in hostile.ATTACKS if level not in attack.harms}


async def test_a_plain_process_is_bounded_and_no_more() -> None:
    seen = await hostile.run_at(Level.PROCESS, (*BOUNDS, "read_secret", "reach_loopback", "read_neighbour"))

    escaped = {name for name, outcome in seen.items() if not outcome.held}
    assert escaped == {"read_secret", "reach_loopback", "read_neighbour"}


@pytest.mark.skipif(os.geteuid() != 0, reason="is an ordinary user already")
@pytest.mark.skipif(not hostile.PLAIN_PYTHON.exists(), reason="no interpreter that every user may read")
def test_hostile_code_gets_nowhere_when_the_emulator_is_an_ordinary_users() -> None:
    for level in (Level.BUBBLEWRAP, Level.LANDLOCK):
        hostile.found_at(level)
    quick = tuple(attack.name for attack in hostile.ATTACKS if not attack.alone)

    seen = hostile.outcomes_as_user(
        (Level.BUBBLEWRAP, Level.LANDLOCK), (*quick, "many_processes", "memory_by_many", "kill_own_keepers", "fill_run")
    )

    escaped = {level: {name for name, one in outcomes.items() if not one.held} for level, outcomes in seen.items()}
    assert escaped == {Level.BUBBLEWRAP: set(), Level.LANDLOCK: set()}


def test_the_page_lists_every_attack_and_claims_no_more_than_the_tests_hold() -> None:
    claims = isolation_page.claims()

    assert set(claims) == {attack.words for attack in hostile.ATTACKS}
    for attack in hostile.ATTACKS:
        for level, claim in claims[attack.words].items():
            allowed = {"held"} if level not in attack.open_at else {"held", "open", "not tried"}
            assert claim in allowed | ({"not tried"} if level in attack.harms else set()), (attack.words, level)
