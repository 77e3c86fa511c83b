"""Deployments that are disturbed: the emulator dies, the person presses Ctrl-C, at each phase. And no secret leaks."""

from __future__ import annotations

import os
import signal
import threading

import psutil
import pytest

from aca_notebook import launcher
from aca_notebook.api.workspace import connect
from aca_notebook.errors import Interrupted
from aca_notebook.model.deploy import DeployState, PhaseName, PhaseState
from tests.contract.scenarios import deployed, run_cell, soon

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One emulator for the module: the first deployment makes its base environment."""
    home = tmp_path_factory.mktemp("disturbed")
    yield home
    launcher.stop_emulator(launcher.data_dir(home))


@pytest.fixture
def workspace(home, monkeypatch):
    monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(home))
    with connect("local") as ws:
        yield ws
        for app in ws.apps.values():
            app.down()


def cell(phase: str) -> str:
    """Each phase has code of its own, so that nothing is reused."""
    return f"import time\ntime.sleep(0.5)\nPHASE = {str(phase)!r}\ndef answer() -> str:\n    return PHASE\n"


#: Where a deployment is disturbed. The platform's own phases count as one: which of them is seen is its affair.
DISTURBED = (PhaseName.CAPTURE, PhaseName.UPLOAD, PhaseName.BUILD, PhaseName.REVISION, PhaseName.PROBING)


def once_in(phase: PhaseName, act):
    """A progress listener that acts once, when `phase` runs, or a later one if that was too short to be seen."""
    acted = threading.Event()
    names = list(PhaseName)
    awaited = names[names.index(phase) :]

    def listen(progress):
        running = [each.name for each in progress.phases if each.state is PhaseState.RUNNING]
        if set(running) & set(awaited) and not acted.is_set():
            acted.set()
            act()

    listen.acted = acted
    return listen


@pytest.mark.parametrize("phase", DISTURBED)
def test_a_deployment_goes_on_when_the_emulator_is_killed(workspace, home, phase):
    endpoint = launcher.find_emulator(launcher.data_dir(home))
    listen = once_in(phase, lambda: os.kill(endpoint.pid, signal.SIGKILL))
    source = cell(phase)
    deployment = workspace.deploy("answer", source, run_cell(source), on_progress=listen)
    assert listen.acted.is_set()
    assert deployment.app.invoke() == phase
    assert launcher.find_emulator(launcher.data_dir(home)).pid != endpoint.pid


@pytest.mark.parametrize("phase", DISTURBED)
def test_an_interrupt_says_what_was_cancelled_and_leaves_no_app(workspace, home, phase):
    told = []
    act = once_in(phase, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))

    def listen(progress):
        told.append(progress)
        act(progress)

    source = cell(f"interrupted {phase}")
    with pytest.raises(Interrupted) as report:
        workspace.deploy("answer", source, run_cell(source), on_progress=listen)
    assert report.value.detail
    assert told[-1].state is DeployState.INTERRUPTED
    assert list(workspace.apps) == []
    emulator = psutil.Process(launcher.find_emulator(launcher.data_dir(home)).pid)
    assert emulator.children(recursive=True) == [], "nothing of it runs on"


def test_a_followed_log_goes_on_over_a_killed_emulator_without_loss_or_repetition(workspace, home):
    with deployed(workspace) as deployment:
        console, system = (deployment.app.logs(tail=50, follow=True, source=source) for source in ("console", "system"))
        texts = [f"scoring {float(value)}" for value in range(6)]

        def scored() -> list[str]:
            return [line.text for line in console.lines if line.text.startswith("scoring")]

        for value in range(3):
            deployment.app.invoke(float(value))
        soon(lambda: scored() == texts[:3], "the first three lines")
        os.kill(launcher.find_emulator(launcher.data_dir(home)).pid, signal.SIGKILL)
        soon(lambda: launcher.find_emulator(launcher.data_dir(home)), "one of the streams has brought it back")
        for value in range(3, 6):
            deployment.app.invoke(float(value))
        soon(lambda: scored() == texts, "all six lines")
        stamps = [(line.at, line.text) for line in system.lines]
        console.stop()
        system.stop()
    assert len(stamps) == len(set(stamps))


def test_an_apps_key_is_in_no_file_no_log_and_no_repr(workspace, home, capfd):
    with deployed(workspace) as deployment:
        app = deployment.app
        key = app.key()
        assert app.invoke(9.0) == 6.0
        with pytest.raises(ValueError, match="math domain"):
            app.invoke(-1.0)
        shown = [
            repr(app),
            str(app._repr_mimebundle_()),
            app.curl(),
            repr(deployment),
            str(deployment._repr_mimebundle_()),
        ]
        shown += [
            str(app.logs(tail=300)),
            str(app.logs(tail=300, source="system")),
            repr(vars(app)),
            repr(deployment.plan),
        ]
        shown += [*capfd.readouterr()]
        assert [text for text in shown if key in text] == []
        files = [path for path in home.rglob("*") if path.is_file()]
        assert len(files) > 10
        assert [str(path) for path in files if key.encode() in path.read_bytes()] == []
