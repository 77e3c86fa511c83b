"""The resource's tags are the record: what one machine deployed, another finds; what another changed, one is told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from aca_notebook.api.workspace import Workspace
from aca_notebook.clock import SystemClock
from aca_notebook.errors import NotFound
from aca_notebook.model.hosting import Hosting
from tests.emulator.running import running_emulator
from tests.emulator.test_client_on_bad_days import target
from tests.fakes.clock import ManualClock
from tests.fakes.gpus import FakeGpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aca_notebook.api.deployment import Deployment
    from tests.emulator.running import Running

IMAGE = Hosting(image="mcr.microsoft.com/k8se/quickstart:latest", ingress="external", target_port=80)


@pytest.fixture
def emulator(data_dir: Path) -> Iterator[Running]:
    with running_emulator(data_dir, gpus=FakeGpus()) as running:
        yield running


@pytest.fixture
def machine(emulator: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Workspace]]:
    """Makes workspaces, each with a home of its own that has nothing in it."""
    made: list[Workspace] = []

    def make(clock: ManualClock | None = None) -> Workspace:
        monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(tmp_path / f"home-{len(made)}"))
        made.append(Workspace(target(emulator), clock))
        return made[-1]

    yield make
    for workspace in made:
        workspace.close()


def deploy(workspace: Workspace, **options) -> Deployment:
    return workspace.deploy("scorer", "", {}, hosting=IMAGE, public=True, **options)


def test_an_app_is_listed_kept_and_taken_down_from_a_machine_that_knows_nothing_of_it(machine) -> None:
    deploy(machine(), ttl="8h", cell="In[3]", notebook="model.ipynb")
    there = machine()
    [app] = there.apps.values()
    assert (app.state.tags.cell, app.state.tags.notebook) == ("In[3]", "model.ipynb")
    app.expire("1h")
    assert app.state.expires_at < SystemClock().now() + timedelta(hours=2)
    app.keep()
    assert there.apps["scorer"].state.expires_at is None
    app.down()
    assert list(there.apps) == []


def test_what_has_expired_is_found_and_cleared_away_from_anywhere(machine) -> None:
    deploy(machine(), ttl="8h")
    nine_hours_later = machine(ManualClock(SystemClock().now() + timedelta(hours=9)))
    [garbage] = nine_hours_later.garbage()
    assert garbage.expired
    nine_hours_later.apps[garbage.app.name].down()
    assert nine_hours_later.garbage() == ()


def test_a_template_that_was_changed_elsewhere_is_told_and_set_right(machine, emulator: Running) -> None:
    here = machine()
    deploy(here, max_replicas=4)
    assert deploy(here, max_replicas=4).plan.unchanged
    template = emulator.ask("GET", emulator.app_path()).json()["properties"]["template"]
    template["scale"]["maxReplicas"] = 7
    template["containers"][0]["env"] = [{"name": "DEBUG", "value": "1"}]
    emulator.follow(emulator.ask("PATCH", emulator.app_path(), {"properties": {"template": template}}))

    deployment = deploy(here, max_replicas=4)
    [said] = deployment.plan.warnings
    assert said.startswith("changed since it was deployed: ")
    assert "scale.maxReplicas was made 7 and becomes 4" in said
    assert "DEBUG" in said
    assert f"note: {said}" in deployment._repr_mimebundle_()["text/plain"], "the card says it"
    assert deployment.app.state.max_replicas == 4
    assert deploy(here, max_replicas=4).plan.warnings == ()


def test_a_deploy_of_somebody_else_and_an_end_elsewhere_are_told_and_ones_own_are_not(machine) -> None:
    here, there = machine(), machine()
    deploy(here)
    deploy(there, max_replicas=3, cell="In[7]", notebook="other.ipynb")
    [said] = deploy(here).plan.warnings
    assert "'scorer' was deployed elsewhere since" in said
    assert "from In[7] of other.ipynb" in said
    assert deploy(here).plan.warnings == ()

    there.apps["scorer"].down()
    with pytest.raises(NotFound):
        here.apps["scorer"].refresh()
    [gone] = deploy(here).plan.warnings
    assert "was taken down elsewhere since it was deployed from here" in gone
    here.apps["scorer"].down()
    assert deploy(here).plan.warnings == ()
