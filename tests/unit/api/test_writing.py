"""A deployment's write: let in at once, after another, after a role came into effect, or refused for a cause."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from aca_notebook.api.progress import ProgressBoard
from aca_notebook.api.writing import Writing
from aca_notebook.errors import Conflict, DeploymentFailed, ServiceFailed
from aca_notebook.model.checkup import ACR_PULL
from aca_notebook.model.deploy import DeployProgress, PhaseName, PhaseState
from aca_notebook.model.trouble import REFUSED_TEMPLATE
from tests.fakes.clock import ManualClock
from tests.fakes.services import fake_target
from tests.unit.display.examples import plan

pytestmark = pytest.mark.anyio
DENIED = "Field 'template.containers.scorer.image' is invalid: 'GET https:…: UNAUTHORIZED: authentication required'"
UNREADABLE = "Field 'configuration.secrets' is invalid with details: 'Invalid value: \"hf-token\": Unable to get value'"


class Platform:
    """Refuses a PUT as often as a test says, and has an environment whose identity has AcrPull, or has it not."""

    def __init__(self, *refusals: ServiceFailed, has_role: bool = True, identity: str = "system-environment") -> None:
        self.refusals, self.has_role, self.puts = list(refusals), has_role, 0
        self.target = replace(fake_target(), registry_identity=identity)
        self.apps = self.environments = self.subscriptions = self

    async def ask(self, action: Any) -> Any:
        return await action(self)

    async def document(self, name: str = "") -> dict[str, Any]:
        return {"identity": {"principalId": "p"}, "properties": {"provisioningState": "Succeeded"}}

    async def registry(self) -> dict[str, Any]:
        return {"id": "/registries/r"}

    async def role_assignments(self, scope: str, principal: str) -> list[dict[str, Any]]:
        return [{"properties": {"roleDefinitionId": f"/x/{ACR_PULL}", "principalId": principal}}] * self.has_role

    async def patch(self, name: str, part: object) -> None:
        await self.put(name, part)

    async def put(self, name: str, wanted: object) -> Any:
        self.puts += 1
        if self.refusals:
            raise self.refusals.pop(0)
        return SimpleNamespace(result="the operation")


def refused(detail: str, code: str = REFUSED_TEMPLATE) -> ServiceFailed:
    return ServiceFailed("refused", status=400, code=code, detail=detail, request_id="r1")


class Writer:
    """Writes `scorer` on a clock that only the test moves."""

    def __init__(self, platform: Platform) -> None:
        self.clock = ManualClock()
        self.told: list[DeployProgress] = []
        access: Any = platform
        self.writing = Writing("scorer", access, self.clock, lambda: None)
        self.board = ProgressBoard(plan(), self.clock, self.told.append)

    async def write(self, seconds: float = 0.0) -> object:
        async def steps() -> object:
            await self.writing.look_at_role(self.board)
            async with self.board.bring_up():
                return await self.writing.put({}, self.board)

        running = asyncio.ensure_future(steps())
        await self.clock.advance(seconds)
        assert running.done(), "it waits longer"
        return await running

    def notes(self, name: PhaseName) -> set[str]:
        return {phase.note for progress in self.told for phase in progress.phases if phase.name is name}


async def test_a_role_that_is_not_in_effect_yet_is_waited_for_and_the_wait_is_named() -> None:
    platform = Platform(*[refused(DENIED)] * 3)
    writer = Writer(platform)
    assert await writer.write(seconds=16) == "the operation"
    assert platform.puts == 4
    assert any("AcrPull is not in effect yet; asked for 10 s" in note for note in writer.notes(PhaseName.ROLE))
    seen = {phase.state for progress in writer.told for phase in progress.phases if phase.name is PhaseName.ROLE}
    assert PhaseState.RUNNING in seen


async def test_a_role_that_never_comes_into_effect_is_given_up_after_ten_minutes() -> None:
    writer = Writer(Platform(*[refused(DENIED)] * 1000))
    with pytest.raises(DeploymentFailed) as given_up:
        await writer.write(seconds=610)
    what, said, hint = given_up.value.lines()
    assert "its image cannot be pulled" in what
    assert "UNAUTHORIZED" in said
    assert "(request r1)" in said
    assert "AcrPull" in hint


async def test_a_role_that_is_not_there_is_told_at_once_with_the_command_that_gives_it() -> None:
    platform = Platform(refused(DENIED), has_role=False)
    writer = Writer(platform)
    with pytest.raises(DeploymentFailed) as failed:
        await writer.write()
    assert platform.puts == 1
    assert "`%aca doctor --fix`" in failed.value.hint
    assert any("may not pull" in note for note in writer.notes(PhaseName.ROLE))


async def test_where_images_need_no_role_none_is_asked_about() -> None:
    writer = Writer(Platform(identity=""))
    assert await writer.write() == "the operation"
    [role] = [phase for phase in writer.told[-1].phases if phase.name is PhaseName.ROLE]
    assert role.state is PhaseState.SKIPPED


async def test_a_secret_that_cannot_be_read_is_named_and_not_waited_for() -> None:
    with pytest.raises(DeploymentFailed) as failed:
        await Writer(Platform(refused(UNREADABLE))).write()
    assert "the secret 'hf-token' cannot be read from its Key Vault" in failed.value.message
    assert "Key Vault Secrets User" in failed.value.hint


async def test_another_operation_is_waited_for_and_any_other_refusal_is_the_platforms_own() -> None:
    busy = Conflict("busy", status=409, code="ContainerAppOperationInProgress")
    assert await Writer(Platform(busy, busy)).write(seconds=1) == "the operation"
    with pytest.raises(ServiceFailed) as other:
        await Writer(Platform(refused("no such profile", code="WorkloadProfileNotFound"))).write()
    assert other.value.code == "WorkloadProfileNotFound"


async def test_a_part_is_merged_in_after_another_operation_and_the_app_is_returned() -> None:
    platform = Platform(Conflict("busy", status=409, code="ContainerAppOperationInProgress"))
    writer = Writer(platform)
    merging = asyncio.ensure_future(writer.writing.merge({"identity": {"type": "SystemAssigned"}}, writer.board))
    await writer.clock.advance(1)
    assert (await merging)["identity"] == {"principalId": "p"}
    assert platform.puts == 2
