"""Each scenario on the target that `ACA_TEST_TARGET` names: the emulator, `local`, unless it is `azure`.

On Azure the variables of `docs/how-to/first-deploy-on-your-own-subscription.md` say where, and the person's own sign-in
is used; the emulator, too, answers under those variables, which is how the last test knows that they are heard.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aca_notebook import launcher, settings
from aca_notebook.api.workspace import connect
from tests.contract.scenarios import SCENARIOS
from tests.real_emulator import RealEmulator

ROOT = Path(__file__).resolve().parents[2]

TARGET = os.environ.get("ACA_TEST_TARGET", "local")
#: A GPU's first place and an image's build take minutes there.
pytestmark = [pytest.mark.process, *(
    [pytest.mark.azure, pytest.mark.timeout(1800)] if TARGET == "azure" else [pytest.mark.timeout(120)]
)]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("scenarios")


@pytest.fixture(scope="module")
def _emulator(home):
    """One emulator for all scenarios: each leaves it as it found it."""
    folder = launcher.data_dir(home)
    launcher.ensure_emulator(folder)
    yield
    launcher.stop_emulator(folder)


@pytest.fixture
def workspace(home, request, monkeypatch):
    if TARGET == "local":
        request.getfixturevalue("_emulator")
    monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(home))
    assert settings.home() == home
    with connect(TARGET) as ws:
        yield ws


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_scenario(scenario, workspace):
    scenario(workspace)
    assert list(workspace.apps) == [], "it leaves nothing behind"


@pytest.mark.skipif(TARGET != "local", reason="it starts the others on a target that plays Azure")
def test_the_scenarios_run_where_the_variables_of_azure_lead(tmp_path):
    """As whoever has a subscription runs them; `SSL_CERT_FILE` is for an authority that is not the public one."""
    emulator = RealEmulator(tmp_path / "data")
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", __file__, "-q", "-p", "no:randomly", "-p", "no:cacheprovider",
             "-p", "no:xdist", "-k", "deploy_then_invoke or stop_and_start"],
            env={**os.environ, **emulator.environment, "ACA_TEST_TARGET": "azure", "AZURE_CONTAINER_REGISTRY": "local"},
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout[-4000:]
        assert "2 passed" in ran.stdout
    finally:
        emulator.stop()
