"""A deployment step by step, on a platform in memory."""

from __future__ import annotations

import asyncio

import pytest

from aca_notebook.api.deploying import Deploying
from aca_notebook.api.packing import Source
from aca_notebook.api.plan import DeployOptions
from aca_notebook.api.turns import Turns
from aca_notebook.clock import SystemClock
from aca_notebook.errors import (
    BuildFailed,
    CaptureFailed,
    DeploymentFailed,
    Detached,
    Interrupted,
    NameRefused,
    ServiceFailed,
    Superseded,
)
from aca_notebook.model.deploy import DeployProgress, DeployState, PhaseName, PhaseState
from tests.fakes.services import FakeAccess, FakePlatform

CELL = "def score(x: float) -> float:\n    return 2.0 * x\n"
CANARY = "canary-key-of-the-app"


def source(text: str = CELL) -> Source:
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec(compile(text, "<cell>", "exec"), namespace)
    return Source(text, namespace, cell="In[1]")


class Deployer:
    """Runs deployments of one app on one platform, and keeps what was told."""

    def __init__(self, platform: FakePlatform) -> None:
        self.platform = platform
        self.turns = Turns()
        self.told: list[DeployProgress] = []

    def __call__(self, text: str = CELL, **options):
        access = FakeAccess(self.platform)
        deploying = Deploying("scorer", DeployOptions(**options), access, self.turns, owner="me", clock=SystemClock())
        return deploying.run(source(text), self.told.append)

    @property
    def states(self) -> dict[str, str]:
        return {phase.name: phase.state for phase in self.told[-1].phases}


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


@pytest.fixture
def deploy(platform) -> Deployer:
    return Deployer(platform)


pytestmark = pytest.mark.anyio


async def test_a_cell_is_uploaded_built_and_put_in_this_order(platform, deploy):
    outcome = await deploy()
    assert platform.done == ["upload", "schedule", "put"]
    assert outcome.packed.exports == (("score", "function"),)
    states = deploy.states
    assert states.pop(PhaseName.ROLE) is PhaseState.SKIPPED, "none is needed there"
    assert set(states.values()) == {PhaseState.DONE}
    assert deploy.told[-1].state is DeployState.SUCCEEDED
    assert deploy.told[-1].url == "http://127.0.0.1:1"


async def test_the_resource_says_who_deployed_what_until_when(platform, deploy):
    outcome = await deploy(cell="In[1]", notebook="quickstart.ipynb")
    tags = platform.apps["scorer"]["tags"]
    assert tags["aca-notebook-owner"] == "me"
    assert tags["aca-notebook-digest"] == outcome.plan.digest
    assert tags["aca-notebook-functions"] == "score"
    assert tags["aca-notebook-example"] == '{"x": 9.0}'
    assert tags["aca-notebook-expires"].endswith("Z")


async def test_the_same_cell_again_sends_nothing_but_a_new_expiry(platform, deploy):
    await deploy()
    platform.done.clear()
    outcome = await deploy()
    assert platform.done == ["patch"]
    assert outcome.plan.unchanged
    assert deploy.states[PhaseName.UPLOAD] is PhaseState.SKIPPED


async def test_other_settings_reuse_the_image(platform, deploy):
    await deploy()
    platform.done.clear()
    await deploy(max_replicas=2)
    assert platform.done == ["put"]


async def test_a_key_is_made_once_and_kept_over_deployments(platform, deploy):
    platform.key = CANARY
    await deploy()
    first = platform.apps["scorer"]["properties"]["configuration"]["secrets"]
    assert len(first[0]["value"]) > 40
    await deploy(CELL.replace("2.0", "3.0"))
    assert platform.apps["scorer"]["properties"]["configuration"]["secrets"][0]["value"] == CANARY
    assert CANARY not in repr(deploy.told)


async def test_a_gpu_the_environment_lacks_is_added_first(platform, deploy):
    await deploy(gpu="A100")
    assert platform.done == ["upload", "schedule", "profile Consumption-GPU-NC24-A100", "put"]


async def test_a_conflict_is_waited_for_and_then_the_put_is_repeated(platform, deploy):
    platform.busy = 2
    await deploy()
    assert platform.done == ["upload", "schedule", "put"]
    notes = {phase.note for progress in deploy.told for phase in progress.phases}
    assert any("waiting for another operation" in note for note in notes)


async def test_an_earlier_deployment_finds_itself_overtaken_before_it_puts(platform, deploy):
    platform.hold("build")
    earlier = asyncio.create_task(deploy())
    await platform.reached["build"].wait()
    gate = platform.gates.pop("build")
    later = Deployer(platform)
    later.turns = deploy.turns
    outcome = await later(CELL.replace("2.0", "3.0"))
    gate.set()
    with pytest.raises(Superseded):
        await earlier
    assert deploy.told[-1].state is DeployState.SUPERSEDED
    assert platform.apps["scorer"]["tags"]["aca-notebook-digest"] == outcome.plan.digest, "the latest wins"


async def test_a_deployment_overtaken_from_elsewhere_sees_it_on_the_resource(platform, deploy):
    platform.hold("operation")
    mine = asyncio.create_task(deploy())
    await platform.reached["operation"].wait()
    platform.apps["scorer"]["tags"] = {"aca-notebook-deployment": "someone else's"}
    platform.gates["operation"].set()
    with pytest.raises(Superseded):
        await mine


async def test_a_build_that_fails_says_so_with_the_end_of_its_log(platform, deploy):
    platform.build_status, platform.build_log = "Failed", "resolving\nno such package: nonesuch"
    with pytest.raises(BuildFailed) as failed:
        await deploy()
    assert failed.value.lines()[1] == "BuildFailed: no such package: nonesuch"
    assert deploy.states[PhaseName.BUILD] is PhaseState.FAILED
    assert platform.apps == {}


async def test_a_revision_that_does_not_become_ready_keeps_the_platforms_words(platform, deploy):
    platform.outcome = ServiceFailed(
        "x", code="ContainerAppOperationError", detail="Operation expired.", request_id="r"
    )
    with pytest.raises(DeploymentFailed) as failed:
        await deploy()
    assert failed.value.lines()[1] == "ContainerAppOperationError: Operation expired. (request r)"
    assert deploy.told[-1].state is DeployState.FAILED
    assert deploy.told[-1].error == failed.value.lines()


async def test_an_older_revision_is_said_to_serve_only_where_there_is_one(platform, deploy):
    platform.outcome = ServiceFailed("x", code="ContainerAppOperationError")
    with pytest.raises(DeploymentFailed) as first:
        await deploy()
    with pytest.raises(DeploymentFailed) as second:
        await deploy(max_replicas=2)
    assert ["older revision" in failed.value.hint for failed in (first, second)] == [False, True]


async def interrupted_at(gate: str, platform: FakePlatform, deploy: Deployer) -> Interrupted:
    platform.hold(gate)
    running = asyncio.create_task(deploy())
    await platform.reached[gate].wait()
    running.cancel()
    with pytest.raises(Interrupted) as report:
        await running
    assert deploy.told[-1].state is DeployState.INTERRUPTED
    return report.value


async def test_an_interrupt_while_uploading_has_changed_nothing(platform, deploy):
    report = await interrupted_at("upload", platform, deploy)
    assert "the app was not changed" in report.detail
    assert platform.done == []


async def test_an_interrupt_while_building_cancels_the_build(platform, deploy):
    report = await interrupted_at("build", platform, deploy)
    assert platform.done == ["upload", "schedule", "cancel run1"]
    assert "run1 was cancelled" in report.detail


async def test_an_interrupt_in_the_middle_of_the_put_sees_it_through_and_then_deletes_the_app(platform, deploy):
    platform.hold("put")
    running = asyncio.create_task(deploy())
    await platform.reached["put"].wait()
    running.cancel()
    await asyncio.sleep(0)
    platform.gates["put"].set()
    with pytest.raises(Interrupted):
        await running
    assert platform.done == ["upload", "schedule", "put", "delete"]


async def test_an_interrupt_while_a_new_app_starts_deletes_it(platform, deploy):
    report = await interrupted_at("operation", platform, deploy)
    assert platform.apps == {}
    assert "was deleted" in report.detail


async def test_an_interrupt_leaves_an_app_that_a_later_deploy_has_taken_over(platform, deploy):
    """Someone else's: its PUT was accepted between our last look and the interrupt."""
    platform.hold("operation")
    running = asyncio.create_task(deploy())
    await platform.reached["operation"].wait()
    later = {**platform.apps["scorer"], "tags": {"aca-notebook-deployment": "someone else's"}}
    platform.apps["scorer"] = later
    running.cancel()
    with pytest.raises(Interrupted) as report:
        await running
    assert platform.apps == {"scorer": later}
    assert "left to it" in report.value.detail


async def test_cleaning_up_that_goes_on_leaves_the_app_to_the_next_deploy(platform, deploy):
    """The same cell, run again after a second Ctrl-C: it has not sent its PUT yet."""
    platform.hold("put")
    first = asyncio.create_task(deploy())
    await platform.reached["put"].wait()
    first.cancel()
    first.cancel()
    with pytest.raises(Detached):
        await first
    platform.hold("upload")
    second = asyncio.create_task(deploy(CELL.replace("2.0", "3.0")))
    await platform.reached["upload"].wait()
    platform.gates["put"].set()
    platform.gates["upload"].set()
    outcome = await second
    assert "delete" not in platform.done
    assert platform.apps["scorer"]["tags"]["aca-notebook-digest"] == outcome.plan.digest


async def test_an_interrupt_while_an_update_starts_leaves_it_to_the_platform_and_says_so(platform, deploy):
    await deploy()
    updating = Deployer(platform)
    platform.hold("operation")
    running = asyncio.create_task(updating(CELL.replace("2.0", "3.0")))
    await platform.reached["operation"].wait()
    running.cancel()
    with pytest.raises(Interrupted) as report:
        await running
    assert "by itself" in report.value.detail
    assert "scorer" in platform.apps


async def test_a_second_interrupt_detaches_and_the_cleaning_up_goes_on(platform, deploy):
    platform.hold("operation")
    platform.hold("delete")
    running = asyncio.create_task(deploy())
    await platform.reached["operation"].wait()
    running.cancel()
    await platform.reached["delete"].wait()
    running.cancel()
    with pytest.raises(Detached) as report:
        await running
    assert report.value.lines()[2] == "`%aca show scorer` follows it to its end"
    assert deploy.told[-1].state is DeployState.DETACHED
    assert "scorer" in platform.apps
    platform.gates["delete"].set()
    await asyncio.wait_for(platform.deleted.wait(), 5)
    assert platform.apps == {}


async def test_two_interrupts_at_once_detach_and_clean_up_all_the_same(platform, deploy):
    platform.hold("put")
    running = asyncio.create_task(deploy())
    await platform.reached["put"].wait()
    running.cancel()
    running.cancel()
    with pytest.raises(Detached):
        await running
    platform.gates["put"].set()
    await asyncio.wait_for(platform.deleted.wait(), 5)
    assert platform.done == ["upload", "schedule", "put", "delete"]


async def test_a_cell_that_cannot_travel_fails_before_anything_is_sent(platform, deploy):
    with pytest.raises(CaptureFailed):
        await deploy("import threading\nlock = threading.Lock()\ndef score(x: float):\n    return lock, missing_name\n")
    assert platform.done == []
    assert deploy.states[PhaseName.CAPTURE] is PhaseState.FAILED


async def test_a_name_azure_would_refuse_fails_at_once():
    with pytest.raises(NameRefused):
        Deploying("My_App", DeployOptions(), FakeAccess(FakePlatform()), Turns(), owner="", clock=SystemClock())


async def test_what_shows_the_progress_may_fail_without_failing_the_deployment(platform):
    def broken(_: DeployProgress) -> None:
        raise RuntimeError("the display is gone")

    deploying = Deploying(
        "scorer", DeployOptions(), FakeAccess(platform), Turns(), owner="", clock=SystemClock()
    )  # fmt: skip
    await deploying.run(source(), broken)
    assert "scorer" in platform.apps
