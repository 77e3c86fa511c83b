"""Traffic, promotion, going back, differences: our client against the emulator, by the SDK over HTTPS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aca_notebook.api.revising import Revising
from aca_notebook.errors import NotFound, UsageFailed
from aca_notebook.model.traffic import LATEST, Share
from tests.emulator.test_client_on_bad_days import client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.emulator.running import Running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def revising(emulator: Running) -> AsyncIterator[Revising]:
    async with client(emulator) as access:
        yield Revising(access, "scorer")


def version(emulator: Running, value: str, mode: str = "Single") -> dict[str, Any]:
    body = emulator.body(revisionSuffix=value)
    body["properties"]["template"]["containers"][0]["env"] = [{"name": "VALUE", "value": value}]
    body["properties"]["configuration"]["activeRevisionsMode"] = mode
    return body


async def test_traffic_is_split_where_several_revisions_are_active(emulator: Running, revising: Revising) -> None:
    for value in ("one", "two"):
        emulator.follow(emulator.ask("PUT", emulator.app_path(), version(emulator, value, "Multiple")))
    assert await revising.shares() == (Share(LATEST, 100),)
    wanted = (Share("scorer--one", 80), Share(LATEST, 20))
    assert await revising.set_shares(wanted) == wanted
    assert emulator.ask("GET", emulator.app_path()).json()["properties"]["configuration"]["ingress"]["traffic"] == [
        {"weight": 80, "revisionName": "scorer--one"},
        {"weight": 20, "latestRevision": True},
    ]


async def test_one_active_revision_gets_everything_and_says_so(emulator: Running, revising: Revising) -> None:
    emulator.deploy()
    with pytest.raises(UsageFailed, match="one active revision") as refused:
        await revising.set_shares((Share(LATEST, 100),))
    assert refused.value.hint == "%aca revision mode scorer multiple"
    await revising.set_mode("Multiple")
    assert await revising.mode() == "Multiple"
    assert await revising.set_shares((Share(LATEST, 100),)) == (Share(LATEST, 100),)


async def test_going_back_in_single_mode_makes_a_revision_of_the_old_template(
    emulator: Running, revising: Revising
) -> None:
    for value in ("one", "two"):
        emulator.follow(emulator.ask("PUT", emulator.app_path(), version(emulator, value)))
    serving = await revising.rollback()
    assert serving not in {"scorer--one", "scorer--two"}
    assert await revising.diff("scorer--one") == ()
    (change,) = await revising.diff("scorer--two")
    assert (change.where, change.before, change.after) == ("containers[main].env[VALUE].value", "two", "one")


async def test_going_back_in_multiple_mode_moves_the_traffic(emulator: Running, revising: Revising) -> None:
    for value in ("one", "two"):
        emulator.follow(emulator.ask("PUT", emulator.app_path(), version(emulator, value, "Multiple")))
    assert await revising.rollback() == "scorer--one"
    assert await revising.shares() == (Share("scorer--one", 100),)


async def test_there_must_be_something_to_go_back_to(emulator: Running, revising: Revising) -> None:
    emulator.deploy()
    with pytest.raises(NotFound, match="no revision to go back to"):
        await revising.rollback()
    with pytest.raises(NotFound, match="no revision 'scorer--never'"):
        await revising.rollback("scorer--never")
