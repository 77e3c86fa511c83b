"""Deploys that fail, against the emulator over HTTPS and the SDKs: named, stopped by a limit, and costing nothing.

The emulator's clock and the client's are two, and a test moves both: nobody waits for a quarter of an hour.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from aca_notebook.api.access import Access
from aca_notebook.api.deploying import Deploying
from aca_notebook.api.diagnosing import diagnose
from aca_notebook.api.packing import Source
from aca_notebook.api.plan import DeployOptions
from aca_notebook.api.starting import GaveUp
from aca_notebook.api.turns import Turns
from aca_notebook.errors import DeploymentFailed, Unauthorized
from aca_notebook.model.deploy import DeployProgress, DeployState, PhaseName, PhaseState
from aca_notebook.model.hosting import Hosting
from tests.emulator.running import running_emulator
from tests.emulator.test_client_on_bad_days import target
from tests.emulator.test_faults import put_in_force
from tests.fakes.clock import ManualClock
from tests.fakes.gpus import FakeGpus
from tests.fakes.spawn import Behaviour, FakeSpawn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.emulator.running import Running

pytestmark = pytest.mark.anyio
GOOD, OTHER = "mcr.microsoft.com/k8se/quickstart:latest", "mcr.microsoft.com/azuredocs/containerapps-helloworld:latest"


@dataclass
class Person:
    """Deploys a finished image as `scorer`, on a clock that only moves while somebody waits."""

    emulator: Running
    spawn: FakeSpawn
    clock: ManualClock = field(default_factory=ManualClock)
    turns: Turns = field(default_factory=Turns)
    told: list[DeployProgress] = field(default_factory=list)
    together: bool = False  #: whether the emulator's clock moves along, ten seconds at a time

    def __post_init__(self) -> None:
        self.access = Access(target(self.emulator), self.clock)

    async def deploy(self, image: str = GOOD, *, hosting: Hosting | None = None, **options: Any) -> None:
        """Deploy, four seconds of ours for each answer of the emulator's."""
        wanted = hosting or Hosting(image=image, ingress="external", target_port=80)
        chosen = DeployOptions(hosting=wanted, public=True, **options)
        deploying = Deploying("scorer", chosen, self.access, self.turns, owner="me", clock=self.clock)
        running = asyncio.ensure_future(deploying.run(Source("", {}), self.told.append))
        while not running.done():
            await self.pass_seconds()
            if self.together:
                await asyncio.to_thread(self.emulator.advance, 10.0)
        await running

    async def pass_seconds(self) -> None:
        await self.clock.advance(10.0 if self.together else 4.0)
        await asyncio.to_thread(self.app)

    def app(self) -> dict[str, Any]:
        return self.emulator.ask("GET", self.emulator.app_path()).json()

    def revisions(self) -> dict[str, dict[str, Any]]:
        found = self.emulator.ask("GET", f"{self.emulator.app_path()}/revisions").json()["value"]
        return {each["name"]: each["properties"] for each in found}

    async def eventually(self, holds: Any) -> None:
        await asyncio.to_thread(self.emulator.eventually, holds)

    async def gone(self, revision: str) -> None:
        """Wait until a revision was deactivated and nothing of it runs; seconds pass meanwhile."""
        for _ in range(1000):
            if not self.revisions()[revision]["active"]:
                break
            await self.pass_seconds()
        assert not self.revisions()[revision]["active"]
        await self.eventually(lambda: self.revisions()[revision]["replicas"] == 0)

    def crash_with(self, exit_code: int, *lines: str) -> None:
        """Let every program from now on end at once."""
        self.spawn.behave = lambda _: Behaviour(exit_code=exit_code, lines=lines)

    @property
    def failed_in(self) -> PhaseName:
        return next(phase.name for phase in self.told[-1].phases if phase.state is PhaseState.FAILED)


@contextlib.asynccontextmanager
async def person(folder: Path, *faults: str) -> AsyncIterator[Person]:
    spawn = FakeSpawn()
    with running_emulator(folder, gpus=FakeGpus(1), spawn=spawn) as emulator:
        for fault in faults:
            put_in_force(emulator, fault)
        me = Person(emulator, spawn)
        try:
            yield me
        finally:
            await me.access.close()


async def test_a_gpu_that_never_comes_is_given_up_after_five_minutes_and_then_costs_nothing(data_dir: Path) -> None:
    async with person(data_dir, "stuck-gpu") as me:
        with pytest.raises(GaveUp) as given_up:
            await me.deploy(gpu="T4", min_replicas=1)
        what, said, hint = given_up.value.lines()
        assert "'scorer' did not start" in what
        assert "has no place to run" in what
        assert said.startswith("AssigningReplica: ")
        assert "no node has a free GPU (T4); `%aca gpu`" in hint
        assert "is deactivated as soon as the platform lets go of it" in hint
        assert 300 <= me.clock.monotonic() < 600
        assert me.failed_in is PhaseName.ASSIGNING
        [name] = me.revisions()
        assert me.revisions()[name]["active"], "the platform is still at it"

        me.emulator.advance(900)  # and gives up, too
        await me.eventually(lambda: me.app()["properties"]["provisioningState"] == "Failed")
        await me.gone(name)


@pytest.mark.parametrize(
    ("exit_code", "says", "cause"),
    [
        (3, "ends with exit code 3", "what it wrote last stands below"),
        (137, "needed more than its 1 GiB of memory", "--memory 2Gi"),
        (127, "ends with exit code 127", "its command is not in the image"),
    ],
)
async def test_a_program_that_does_not_stay_is_named_by_its_exit_code(
    data_dir: Path, exit_code: int, says: str, cause: str
) -> None:
    async with person(data_dir) as me:
        me.crash_with(exit_code, "loading the model", "Segfault in libmodel.so")
        with pytest.raises(DeploymentFailed) as failed:
            await me.deploy()
        what, said, hint = failed.value.lines()
        assert says in what
        assert said.startswith("ContainerTerminated: Container ")
        assert cause in hint
        assert failed.value.traceback.splitlines()[-1] == "Segfault in libmodel.so", "the last lines are told"
        assert me.failed_in is PhaseName.PROBING
        [name] = me.revisions()
        assert f"{name} was deactivated" in hint or f"{name} is deactivated as soon as" in hint
        await me.gone(name)
        profiles = await me.access.ask(lambda services: services.environments.profiles())
        found = await diagnose(me.access, me.access.services.apps.read(me.app(), profiles))
        assert found.code == "ContainerTerminated", "why still knows, when nothing of it is left to be asked"


@pytest.mark.parametrize(
    ("fault", "says", "code", "phase"),
    [
        ("image-pull-failure", "its image cannot be pulled", "ImagePullBackOff", PhaseName.PULLING),
        ("fail-operation", "did not become ready", "InternalServerError", None),
    ],
)
async def test_what_the_platform_gives_up_itself_is_told_by_its_cause(
    data_dir: Path, fault: str, says: str, code: str, phase: PhaseName | None
) -> None:
    async with person(data_dir, fault) as me:
        with pytest.raises(DeploymentFailed) as failed:
            await me.deploy()
        what, said, _ = failed.value.lines()
        assert says in what
        assert said.startswith(code)
        assert phase is None or me.failed_in is phase
        assert me.told[-1].state is DeployState.FAILED
        for name in me.revisions():
            await me.gone(name)


async def test_a_program_that_never_passes_its_probe_is_told_with_the_probes_words(data_dir: Path) -> None:
    async with person(data_dir, "probe-failure") as me:
        me.together = True
        with pytest.raises(DeploymentFailed) as failed:
            await me.deploy()
        what, said, hint = failed.value.lines()
        assert "its program runs and does not pass its probe" in what
        assert said.startswith("ProbeFailed: Probe of Startup failed")
        assert "deactivated" in hint


async def test_an_operation_that_expires_is_told_as_such(data_dir: Path) -> None:
    async with person(data_dir, "stuck-operation") as me:
        running = asyncio.ensure_future(me.deploy())
        await me.eventually(lambda: "properties" in me.app())
        me.emulator.advance(900)
        with pytest.raises(DeploymentFailed) as failed:
            await running
        assert failed.value.lines()[1].startswith("ContainerAppOperationError: ")
        assert "Operation expired." in failed.value.lines()[1]


async def test_an_update_that_fails_leaves_the_app_as_it_was(data_dir: Path) -> None:
    async with person(data_dir) as me:
        await me.deploy(cell="In[1]")
        before = me.app()
        serving = before["properties"]["latestReadyRevisionName"]
        me.spawn.behave = lambda launch: (
            Behaviour() if launch.environment["CONTAINER_APP_REVISION"] != f"{serving.rpartition('--')[0]}--0000001"
            else Behaviour(exit_code=1)
        )  # fmt: skip
        other = Hosting(image=OTHER, ingress="external", target_port=8080)
        with pytest.raises(DeploymentFailed) as failed:
            await me.deploy(hosting=other, cell="In[2]", gpu="T4")
        assert "the older revision keeps serving, and the app goes back to it (`--keep-failed` leaves it)" in (
            failed.value.hint
        )
        await me.eventually(lambda: me.app()["properties"]["provisioningState"] == "Succeeded")
        after = me.app()
        assert after["properties"]["template"]["containers"][0]["image"] == GOOD
        assert after["tags"] == before["tags"], "the record is of what serves"
        assert after["properties"]["workloadProfileName"] == before["properties"]["workloadProfileName"], (
            "nor its price"
        )
        assert after["properties"]["configuration"] == before["properties"]["configuration"]
        active = [name for name, each in me.revisions().items() if each["active"]]
        assert active == [after["properties"]["latestReadyRevisionName"]]


async def test_a_failed_revision_is_left_when_it_is_to_be_looked_at(data_dir: Path) -> None:
    async with person(data_dir) as me:
        me.crash_with(1)
        with pytest.raises(DeploymentFailed) as failed:
            await me.deploy(keep_failed=True)
        assert "deactivated" not in failed.value.hint
        assert [each["active"] for each in me.revisions().values()] == [True]


async def test_a_deploy_that_comes_after_is_not_undone_by_the_cleaning_up_of_the_one_before(data_dir: Path) -> None:
    async with person(data_dir, "stuck-gpu") as me:
        with pytest.raises(GaveUp):
            await me.deploy(gpu="T4", min_replicas=1)
        me.emulator.advance(900)
        await me.eventually(lambda: me.app()["properties"]["provisioningState"] == "Failed")
        await me.deploy()  # without a GPU
        for _ in range(20):
            await me.pass_seconds()
        latest = me.app()["properties"]["latestReadyRevisionName"]
        assert me.revisions()[latest]["active"]


async def test_the_card_of_a_deploy_tells_the_platforms_phases_in_order(data_dir: Path) -> None:
    async with person(data_dir) as me:
        await me.deploy()
        seen = [
            next((phase.name for phase in each.phases if phase.state is PhaseState.RUNNING), None) for each in me.told
        ]
        order = [name for name in PhaseName if name in seen]
        assert list(dict.fromkeys(name for name in seen if name)) == order, "no phase comes twice"
        last = {phase.name: phase.state for phase in me.told[-1].phases}
        assert last.pop(PhaseName.ROLE) is PhaseState.SKIPPED
        assert {last.pop(name) for name in (PhaseName.UPLOAD, PhaseName.BUILD)} == {PhaseState.SKIPPED}
        assert set(last.values()) == {PhaseState.DONE}


async def test_an_app_that_serves_is_left_alone_when_its_identity_may_not_be_let_pull(data_dir: Path) -> None:
    async with person(data_dir, "forbidden on=PUT roleAssignments/*") as me:
        await me.deploy()
        before = me.app()
        pulls = Hosting(
            image="local.azurecr.io/web:1", ingress="external", target_port=80,
            registry_server="local.azurecr.io", registry_identity="system",
        )  # fmt: skip
        with pytest.raises(Unauthorized):
            await me.deploy(hosting=pulls)
        after = me.app()
        assert after["identity"]["type"] == "SystemAssigned"
        assert after["properties"]["configuration"] == before["properties"]["configuration"]
        assert after["properties"]["template"] == before["properties"]["template"]
        assert after["properties"]["latestRevisionName"] == before["properties"]["latestRevisionName"]
