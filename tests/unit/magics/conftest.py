"""An IPython shell with the magic loaded, and a workspace that remembers what it was asked.

The fakes accept what the library accepts: options and arguments are checked against the real signatures.
"""

from __future__ import annotations

import getpass
import inspect
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from aca_notebook.api.app import App
from aca_notebook.api.rehearsing import Rehearsing
from aca_notebook.api.workspace import _OPTIONS
from aca_notebook.display.chart import Mark
from aca_notebook.display.charts import Around
from aca_notebook.errors import DeploymentFailed, NotFound
from aca_notebook.magics import aca
from aca_notebook.model.app import Tags
from aca_notebook.model.deploy import DeployState
from aca_notebook.model.fault import FaultInForce
from aca_notebook.model.log import LogLine
from aca_notebook.model.revision import RevisionState
from tests.fakes.clock import ManualClock
from tests.unit.display.examples import plan, progress, state


class FakeStream:
    """Two lines, then the person presses Ctrl-C."""

    lines = (LogLine("one"), LogLine("two"))

    def __iter__(self):
        yield from self.lines
        raise KeyboardInterrupt

    def stop(self) -> None:
        pass

    def to_frame(self) -> pd.DataFrame:
        return pd.DataFrame({"text": [line.text for line in self.lines]})


class FakeApp:
    def __init__(self, name: str, workspace: FakeWorkspace) -> None:
        tags = Tags(digest="sha256:1", owner=getpass.getuser(), functions=("score",))
        self.name, self.state, self._workspace = name, state(name, tags=tags), workspace

    def _told(self, verb: str, *places, **named) -> None:
        self._workspace.asked.append((verb, self.name, places, named))

    def __getattr__(self, verb: str):
        if verb.startswith("_"):
            raise AttributeError(verb)

        method = inspect.getattr_static(App, verb)  # AttributeError when the library has no such method
        signature = inspect.signature(getattr(method, "__wrapped__", method))

        def answer(*places, **named):
            signature.bind(self, *places, **named)
            self._told(verb, *places, **named)
            return f"{verb} of {self.name}"

        return answer

    def logs(self, **asked):
        self._told("logs", **asked)
        return FakeStream()

    def down(self) -> None:
        self._told("down")
        del self._workspace.apps[self.name]

    def revisions(self):
        return [RevisionState(f"{self.name}--0000001", traffic_percent=100)]

    def metrics(self, **named) -> pd.DataFrame:
        self._told("metrics", **named)
        at = pd.DatetimeIndex([datetime(2026, 11, 23, 6, tzinfo=UTC)], name="at")
        return pd.DataFrame({"requests": [3.0], "replicas": [1.0]}, index=at)

    def surroundings(self, frame: pd.DataFrame) -> Around:
        return Around(marks=(Mark(frame.index[0].to_pydatetime(), "revision new"),))


class Apps(dict):
    def __missing__(self, name: str):
        raise NotFound(f"there is no app {name!r}", code="ResourceNotFound", hint="%aca ps")


@dataclass
class FakeControl:
    """Where a target is told to have a bad day."""

    in_force: list = field(default_factory=list)
    factor: float = 0.0

    def faults(self):
        return self.in_force

    def add_fault(self, fault):
        self.in_force.append(FaultInForce(str(len(self.in_force) + 1), fault))
        return self.in_force[-1]

    def clear_faults(self, id_=""):
        gone = [each for each in self.in_force if id_ in {"", each.id}]
        self.in_force = [each for each in self.in_force if each not in gone]
        return len(gone)

    def pace(self):
        return self.factor

    def set_pace(self, pace):
        self.factor = {"instant": 0.0, "realistic": 1.0}.get(pace) or float(pace)
        return self.factor


@dataclass
class FakeWorkspace:
    name: str = "local"
    fails: bool = False
    closed: bool = False
    asked: list = field(default_factory=list)
    drifts: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.target = SimpleNamespace(
            name=self.name, location="eastus", resource_group="local", environment="local", notice="",
            registry_server="local.azurecr.io", resource_manager="https://127.0.0.1:8321",
            subscription_id="0000", charges=False, environment_group="", registry="local",
            rehearsal=(lambda: self.control) if self.name == "local" else None,
        )  # fmt: skip
        self.control = FakeControl()
        self.rehearsal = Rehearsing(self.target, ManualClock())
        self.setup = SimpleNamespace(doomed=tuple)
        self.apps = Apps(scorer=FakeApp("scorer", self), ranker=FakeApp("ranker", self))

    def plan(self, name, source, namespace, **options):
        assert set(options) <= _OPTIONS
        self.asked.append(("plan", name, source, options))
        return plan(app=name)

    def deploy(self, name, source, namespace, *, on_progress, **options):
        assert set(options) <= _OPTIONS
        self.asked.append(("deploy", name, source, options))
        on_progress(progress(DeployState.RUNNING, plan=plan(app=name)))
        if self.fails:
            on_progress(progress(DeployState.FAILED, error=("it does not start",), traceback="In[1], line 1"))
            raise DeploymentFailed("it does not start", hint="mend it", traceback="In[1], line 1")
        done = progress(plan=plan(app=name))
        return SimpleNamespace(progress=done, handles={"score": f"handle of {name}"})

    def app_names(self):
        return tuple(self.apps)

    def drift(self, state):
        return self.drifts.get(state.name, "")

    def close(self) -> None:
        self.closed = True


class Driver:
    """Runs cells and keeps what they returned, showed and raised."""

    def __init__(self, shell, magics, workspaces: list[FakeWorkspace]) -> None:
        self.shell, self.magics, self.workspaces = shell, magics, workspaces

    @property
    def workspace(self) -> FakeWorkspace:
        return self.magics.notebook.workspace

    @property
    def names(self) -> dict:
        return self.shell.user_ns

    def run(self, cell: str):
        with capture_output() as captured:
            result = self.shell.run_cell(cell, store_history=True)
        self.out = captured.stdout + captured.stderr
        self.shown = captured.outputs
        self.error = result.error_in_exec or result.error_before_exec
        return result.result


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    workspaces: list[FakeWorkspace] = []

    def connect(target="", **settings):
        workspaces.append(FakeWorkspace(target or "local"))
        return workspaces[-1]

    magics = aca.AcaMagics(shell, connect)
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(aca.matcher(magics))
    yield Driver(shell, magics, workspaces)
    InteractiveShell.clear_instance()
