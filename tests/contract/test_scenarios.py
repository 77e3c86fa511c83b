"""Each scenario on each target: the emulator always, Azure when asked for (`ACA_TEST_TARGET=azure`)."""

from __future__ import annotations

import os

import pytest

from aca_notebook import launcher, settings
from aca_notebook.api.workspace import connect
from tests.contract.scenarios import SCENARIOS

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


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
    target = os.environ.get("ACA_TEST_TARGET", "local")
    if target == "local":
        request.getfixturevalue("_emulator")
    monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(home))
    assert settings.home() == home
    with connect(target) as ws:
        yield ws


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_scenario(scenario, workspace):
    scenario(workspace)
    assert list(workspace.apps) == [], "it leaves nothing behind"
