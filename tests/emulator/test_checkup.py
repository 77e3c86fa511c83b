"""The doctor against the emulator, by the SDKs over HTTPS: what is missing is named, and what is free is mended."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from aca_notebook.api.access import Access
from aca_notebook.api.checkup import Checkup
from aca_notebook.api.pull_identity import puller_principal
from aca_notebook.azure import documents
from aca_notebook.clock import SystemClock
from aca_notebook.model.checkup import Check, Mend, Outcome
from tests.emulator.test_client_on_bad_days import target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from tests.emulator.running import Running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def doctor(emulator: Running) -> AsyncIterator[Callable[..., Checkup]]:
    made: list[Access] = []

    def make(gpu: str = "", **changed: str) -> Checkup:
        made.append(Access(replace(target(emulator), **changed), SystemClock()))
        return Checkup(made[-1], SystemClock(), gpu)

    yield make
    for access in made:
        await access.close()


def failing(checks: Sequence[Check]) -> list[str]:
    return [check.name for check in checks if check.outcome is Outcome.FAIL]


async def test_a_fresh_local_target_is_well_with_every_gpu(doctor: Callable[..., Checkup]) -> None:
    for gpu in ("", "T4", "A100"):
        assert [check.outcome for check in await doctor(gpu).examine()].count(Outcome.OK) >= 9


async def test_a_group_that_is_not_there_is_made(doctor: Callable[..., Checkup]) -> None:
    looking = doctor(resource_group="elsewhere")
    before = await looking.examine()
    assert failing(before) == ["resource group", "environment", "registry"]
    assert all(check.command for check in before if check.outcome is Outcome.FAIL)
    assert failing(await looking.mend(before)) == ["environment", "registry"]
    group = await looking._access.ask(lambda services: services.resources.group())
    assert documents.SETUP in group["tags"], "`down --all` takes it down with what is in it"


async def test_a_role_that_somebody_has_given_meanwhile_is_no_failure(doctor: Callable[..., Checkup]) -> None:
    looking = doctor()
    (check,) = [each for each in await looking.examine() if each.name == "AcrPull"]
    principal = await puller_principal(
        looking._access, await looking._access.ask(lambda services: services.environments.document())
    )
    assert check.outcome is Outcome.OK, "it has the role, under a name that is not the one we give"
    missing = Check("AcrPull", Outcome.FAIL, "as it was a moment ago", "", Mend.ROLE, principal)
    assert failing(await looking.mend([missing])) == []


async def test_a_role_that_is_not_there_is_assigned_once(emulator: Running, doctor: Callable[..., Checkup]) -> None:
    registry = f"{emulator.group}/providers/Microsoft.ContainerRegistry/registries/local"
    roles = f"{registry}/providers/Microsoft.Authorization/roleAssignments"
    version = {"params": {"api-version": "2022-04-01"}}
    ask = emulator.ask
    for each in (await asyncio.to_thread(ask, "GET", roles, **version)).json()["value"]:
        if each["properties"]["scope"] == registry:
            await asyncio.to_thread(ask, "DELETE", each["id"], **version)
    looking = doctor()
    before = await looking.examine()
    assert failing(before) == ["AcrPull"]
    for _ in range(2):
        assert failing(await looking.mend(before)) == []


async def test_a_token_that_stays_expired_is_a_check_that_fails(
    emulator: Running, doctor: Callable[..., Checkup]
) -> None:
    emulator.control("POST", "faults", {"fault": "expired-token"})
    (check,) = [each for each in await doctor().examine() if each.name == "environment"]
    assert check.outcome is Outcome.FAIL
    assert "our token has expired" in check.said


async def test_a_name_is_free_taken_or_impossible(emulator: Running, doctor: Callable[..., Checkup]) -> None:
    await asyncio.to_thread(emulator.deploy, "theirs")
    found = {}
    for name in ("scorer", "theirs", "Not_A_Name"):
        access = doctor()._access
        checks = await Checkup(access, SystemClock(), app=name).examine()
        found[name] = next(check.outcome for check in checks if check.name == "name")
    assert found == {"scorer": Outcome.OK, "theirs": Outcome.WARN, "Not_A_Name": Outcome.FAIL}


async def test_a_registry_that_takes_no_builds_is_told_in_azures_words(
    emulator: Running, doctor: Callable[..., Checkup]
) -> None:
    emulator.control("POST", "faults", {"fault": "forbidden on=Registries_GetBuildSourceUploadUrl"})
    (check,) = [each for each in await doctor().examine() if each.name == "builds"]
    assert check.outcome is Outcome.FAIL
    assert "AuthorizationFailed" in check.said
