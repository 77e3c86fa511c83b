"""Set-up against the emulator, by the SDKs over HTTPS: made once, resumed after anything, and taken down to nothing."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from aca_notebook.api.access import Access
from aca_notebook.api.setting_up import SettingUp
from aca_notebook.api.setup_making import role_mark
from aca_notebook.api.tearing_down import TearingDown
from aca_notebook.azure.documents import PULLER
from aca_notebook.clock import SystemClock
from aca_notebook.errors import AcaError, Interrupted, QuotaExceeded, ServiceFailed, Unauthorized
from aca_notebook.model.deploy import PhaseState
from aca_notebook.model.gpu import SERVERLESS_T4, find_profile_type
from aca_notebook.model.roles import ACR_PULL
from aca_notebook.model.setup import Part, Profile
from tests.emulator.test_client_on_bad_days import target
from tests.emulator.test_faults import put_in_force

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aca_notebook.model.setup import SetUpPlan, SetUpProgress
    from tests.emulator.running import Running

pytestmark = pytest.mark.anyio

T4 = Profile(SERVERLESS_T4)


class Set:
    """One person at one target that is not there yet."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.making = SettingUp(access, SystemClock(), "ada")
        self.ending = TearingDown(access, SystemClock(), "ada")
        self.heard: list[SetUpProgress] = []

    async def plan(self, *profiles: Profile, pool: str = "") -> SetUpPlan:
        return await self.making.plan(self.making.wanted(profiles, pool))

    async def run(self, *profiles: Profile, pool: str = "") -> SetUpProgress:
        return await self.making.run(await self.plan(*profiles, pool=pool), self.heard.append)

    async def names(self) -> list[str]:
        listed = await self.access.ask(lambda services: services.resources.listed())
        return sorted(each["name"] for each in listed)


@asynccontextmanager
async def set_up(emulator: Running, **changed: str) -> AsyncIterator[Set]:
    names = {"resource_group": "research", "environment": "gpu-env", "registry": "acaresearch"} | changed
    access = Access(replace(target(emulator), **names), SystemClock())
    try:
        yield Set(access)
    finally:
        await access.close()


async def test_everything_a_deploy_needs_is_made_and_then_nothing_is_left_to_do(emulator: Running) -> None:
    async with set_up(emulator) as one:
        planned = await one.plan(T4, pool="python")
        assert [step.part for step in planned.steps] == [
            Part.GROUP, Part.WORKSPACE, Part.REGISTRY, Part.IDENTITY, Part.PULL, Part.ENVIRONMENT, Part.PROFILE,
            Part.POOL, Part.SESSIONS,
        ]  # fmt: skip
        done = await one.run(T4, pool="python")
        assert done.finished
        assert {each.state for each in done.steps} == {PhaseState.DONE}
        assert (await one.plan(T4, pool="python")).steps == ()
        assert await one.names() == ["acaresearch", "gpu-env", "gpu-env-logs", "gpu-env-pull", "python"]


async def test_a_dedicated_profile_has_its_nodes_and_a_serverless_one_none(emulator: Running) -> None:
    a100 = find_profile_type("NC24-A100")
    assert a100 is not None
    async with set_up(emulator, location="westus3") as one:
        await one.run(T4, Profile(a100, (1, 2)))
        document = await one.access.ask(lambda services: services.environments.document())
        profiles = {each["name"]: each for each in document["properties"]["workloadProfiles"]}
        assert (profiles["nc24-a100"]["minimumCount"], profiles["nc24-a100"]["maximumCount"]) == (1, 2)
        assert profiles["gpu-t4"].get("minimumCount") is None


@pytest.mark.parametrize("part", ["workspaces", "registries", "userAssignedIdentities", "managedEnvironments"])
async def test_what_failed_half_way_is_told_and_another_run_makes_the_rest(emulator: Running, part: str) -> None:
    put_in_force(emulator, f"forbidden on=PUT {part}/* count=1")
    async with set_up(emulator) as one:
        with pytest.raises(Unauthorized) as raised:
            await one.run()
        assert "`%aca setup` goes on from there" in raised.value.hint
        assert one.heard[-1].error
        made = await one.names()
        await one.run()
        assert set(made) < set(await one.names())
        assert (await one.plan()).steps == ()


@pytest.mark.parametrize("fault", [
    "throttle retry_after=0 on=PUT managedEnvironments/* count=1",
    "outage status=503 on=PUT registries/* count=1",
    "drop-connection when=after on=PUT managedEnvironments/* count=1",
    "expired-token on=PUT workspaces/* count=1",
])  # fmt: skip
async def test_what_passes_is_waited_for(emulator: Running, fault: str) -> None:
    put_in_force(emulator, fault)
    async with set_up(emulator) as one:
        await one.run()
        assert (await one.plan()).steps == ()


async def test_an_interrupt_says_what_was_made_and_the_next_run_goes_on(emulator: Running) -> None:
    put_in_force(emulator, "stuck-operation on=managedEnvironments/gpu-env count=1")
    async with set_up(emulator) as one:
        waiting = asyncio.Event()
        loop = asyncio.get_running_loop()

        def on_progress(progress: SetUpProgress) -> None:
            states = {each.step.part: each.state for each in progress.steps}
            if states[Part.ENVIRONMENT] is PhaseState.RUNNING and states[Part.PULL] is PhaseState.DONE:
                loop.call_soon(waiting.set)

        running = asyncio.ensure_future(one.making.run(await one.plan(), on_progress))
        await waiting.wait()
        running.cancel()
        with pytest.raises(Interrupted) as raised:
            await running
        assert "registry acaresearch" in raised.value.detail
        left = await one.plan()
        assert {step.part for step in left.steps} <= {Part.ENVIRONMENT, Part.SESSIONS}


async def test_a_quota_of_nothing_is_told_before_anything_is_made(emulator: Running) -> None:
    put_in_force(emulator, "quota name=T4 limit=0")
    async with set_up(emulator) as one:
        planned = await one.plan(T4)
        assert "quota of eastus for T4 is 0" in planned.blocked
        with pytest.raises(ServiceFailed):
            await one.making.run(planned)
        assert await one.names() == []


async def test_a_registry_name_that_somebody_has_is_told_before_anything_is_made(emulator: Running) -> None:
    async with set_up(emulator, registry="local") as one:
        assert "the registry cannot be called 'local'" in (await one.plan()).blocked


async def test_taking_down_leaves_nothing_and_no_role(emulator: Running) -> None:
    async with set_up(emulator) as one:
        before = await one.access.ask(lambda services: services.roles.at(str(services.resources.group_id.parent)))
        await one.run(T4, pool="python")
        await one.ending.run(await one.ending.doomed())
        assert await one.access.ask(lambda services: services.resources.group()) is None
        after = await one.access.ask(lambda services: services.roles.at(str(services.resources.group_id.parent)))
        assert [each.id for each in after] == [each.id for each in before]
        assert await one.ending.doomed() == ()


async def test_what_is_not_ours_stays_and_so_does_its_group(emulator: Running) -> None:
    async with set_up(emulator) as one:
        await one.run()
        group = f"{emulator.group.removesuffix('local')}research"
        path = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/theirs"
        version = {"params": {"api-version": "2023-01-31"}}
        await asyncio.to_thread(emulator.ask, "PUT", path, {"location": "eastus"}, **version)
        doomed = await one.ending.doomed()
        kinds = [each.kind for each in doomed]
        assert kinds == ["environment", "registry", "identity", "log workspace", "resource group"]
        assert [each.note for each in doomed] == ["", "", "", "", "identity theirs stays in it"]
        await one.ending.run(doomed)
        assert await one.names() == ["theirs"]


async def test_what_another_person_made_is_not_taken_down(emulator: Running) -> None:
    async with set_up(emulator) as one:
        await one.run()
        assert await TearingDown(one.access, SystemClock(), "grace").doomed() == ()


async def test_an_environment_with_an_identity_of_its_own_is_let_pull(emulator: Running) -> None:
    async with set_up(emulator, resource_group="local", environment="local", registry="acaresearch") as one:
        planned = await one.plan()
        assert {step.part for step in planned.steps} == {Part.REGISTRY, Part.PULL, Part.SESSIONS}
        await one.making.run(planned)
        assert (await one.plan()).steps == ()
        assert [each.name for each in await one.ending.doomed()] == ["acaresearch"]


async def test_the_platforms_own_words_for_no_room_are_kept(emulator: Running) -> None:
    async with set_up(emulator) as one:
        planned = await one.plan()
        put_in_force(emulator, "quota name=ManagedEnvironmentCount limit=0")
        with pytest.raises(AcaError) as raised:
            await one.making.run(planned)
        assert isinstance(raised.value, QuotaExceeded)


async def test_a_subscription_that_has_registered_nothing_is_made_to(emulator: Running) -> None:
    for namespace in ("Microsoft.App", "Microsoft.ManagedIdentity"):
        path = f"{emulator.group.partition('/resourceGroups')[0]}/providers/{namespace}/unregister"
        await asyncio.to_thread(emulator.ask, "POST", path, params={"api-version": "2025-04-01"})
    async with set_up(emulator) as one:
        first = [step.name for step in (await one.plan()).steps if step.part is Part.PROVIDER]
        assert first == ["Microsoft.App", "Microsoft.ManagedIdentity"]
        await one.run()
        assert (await one.plan()).steps == ()


async def test_what_somebody_elses_environment_needs_stays_and_says_so(emulator: Running) -> None:
    async with set_up(emulator) as ann, set_up(emulator, environment="bobs") as bob:
        bob.making, bob.ending = (each(bob.access, SystemClock(), "bob") for each in (SettingUp, TearingDown))
        await ann.run()
        await bob.run()
        doomed = await ann.ending.doomed()
        notes = {each.name: each.note for each in doomed if each.note}
        assert notes["acaresearch"] == "environment bobs may use it"
        assert "environment bobs" in notes["research"]
        await ann.ending.run(doomed)
        assert await ann.names() == ["acaresearch", "bobs", "bobs-logs", "bobs-pull"]
        assert {step.part for step in (await bob.plan()).steps} <= {Part.SESSIONS}, "that role is of one account"


async def test_roles_of_another_persons_set_up_are_left_to_it(emulator: Running) -> None:
    async with set_up(emulator) as one:
        await one.run()
        group = str(one.making.wanted((), "").resource_group)
        scope = f"{emulator.group.removesuffix('local')}{group}"
        theirs = role_mark("bobs", "bob")
        await one.access.ask(
            lambda services: services.roles.assign(ACR_PULL, scope, "00000000-0000-0000-0000-00000000b0b0",
                                                   description=theirs)
        )  # fmt: skip
        doomed = await one.ending.doomed()
        await one.ending.run([each for each in doomed if each.id.types])
        left = await one.access.ask(lambda services: services.roles.at(scope))
        assert [each.description for each in left if "set-up" in each.description] == [theirs]


async def test_roles_that_may_not_be_removed_are_told_and_stop_nothing(emulator: Running) -> None:
    async with set_up(emulator) as one:
        await one.run()
        put_in_force(emulator, "forbidden on=DELETE roleAssignments/*")
        notes = await one.ending.run(await one.ending.doomed())
        assert await one.access.ask(lambda services: services.resources.group()) is None
        assert any("this account may not remove them" in note for note in notes)


@pytest.mark.parametrize("group", ["", "local"])
async def test_an_environment_of_others_no_longer_names_an_identity_that_is_gone(emulator: Running, group: str) -> None:
    await asyncio.to_thread(_without_identity, emulator)
    places = {"environment_group": group} if group else {"resource_group": "local"}
    async with set_up(emulator, environment="local", **places) as one:
        await one.run()
        tags = (await one.access.ask(lambda services: services.environments.document()))["tags"]
        assert tags[PULLER] == "local-pull"
        await one.ending.run(await one.ending.doomed())
        after = await one.access.ask(lambda services: services.environments.document())
        assert PULLER not in (after.get("tags") or {})
        assert (await one.plan()).steps != ()


def _without_identity(emulator: Running) -> None:
    """Leave the environment that is there as it may be of somebody's making: nobody pulls for it."""
    emulator.follow(emulator.ask("PATCH", emulator.environment_id, {"identity": {"type": "None"}}))
