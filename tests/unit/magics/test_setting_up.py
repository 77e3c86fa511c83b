"""Set-up, sign-in and taking down from the notebook: shown first, asked for, and done only on consent."""

from __future__ import annotations

import builtins
from types import SimpleNamespace

import pytest

from aca_notebook.api.tearing_down import Doomed
from aca_notebook.errors import UsageFailed
from aca_notebook.model.deploy import PhaseState
from aca_notebook.model.gpu import SERVERLESS_T4
from aca_notebook.model.ids import app_id, environment_id, registry_id
from aca_notebook.model.price import price_list
from aca_notebook.model.setup import Found, Profile, SetUpPlan, SetUpProgress, StepProgress, Wanted, plan_setup
from tests.unit.magics.conftest import FakeWorkspace


class FakeSetUp:
    """Plans for an empty subscription, and remembers what it was told to do."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.there = False
        self.mine: tuple[Doomed, ...] = ()

    def plan(self, *, profiles: tuple[Profile, ...], pool: str) -> SetUpPlan:
        wanted = Wanted("s", "research", "eastus", "gpu-env", "reg", tuple(profiles), pool)
        planned = plan_setup(Found({}), wanted, price_list("eastus"), target="azure")
        return SetUpPlan(wanted, "azure") if self.there else planned

    def run(self, planned: SetUpPlan, on_progress) -> SetUpProgress:
        self.done.append(planned)
        steps = tuple(StepProgress(step, PhaseState.DONE, 1.0) for step in planned.steps)
        on_progress(SetUpProgress(planned, steps))
        return SetUpProgress(planned, steps, 12.0, finished=True)

    def doomed(self) -> tuple[Doomed, ...]:
        return (
            self.mine
            or (Doomed(environment_id("s", "research", "gpu-env"), "environment", foundation=True),) * self.there
        )

    def take_down(self, doomed, on_step) -> tuple[str, ...]:
        for each in doomed:
            on_step(each)
        self.done.append(doomed)
        return ("roles may be left",)


@pytest.fixture
def asked(notebook, monkeypatch):
    """The questions that were asked, and what the person says: `answers` is empty where nobody can be asked."""
    told = SimpleNamespace(questions=[], answer="")

    def ask(question: str = "") -> str:
        told.questions.append(question)
        if not told.answer:
            raise EOFError
        return told.answer

    monkeypatch.setattr(builtins, "input", ask)
    notebook.workspace.setup = FakeSetUp()
    return told


def shown(notebook) -> str:
    return "\n".join(output.data.get("text/plain", "") for output in notebook.shown)


def test_a_plan_without_a_name_makes_nothing_and_asks_nothing(notebook, asked) -> None:
    card = notebook.run("%aca plan --gpu T4")
    assert [step.name for step in card.steps if step.part == "workload profile"] == ["gpu-t4"]
    assert (asked.questions, notebook.workspace.setup.done) == ([], [])


@pytest.mark.parametrize(("answer", "made"), [("y", 1), ("Yes", 1), ("n", 0), ("maybe", 0)])
def test_a_set_up_is_shown_and_made_on_consent_alone(notebook, asked, answer: str, made: int) -> None:
    asked.answer = answer
    notebook.run("%aca setup --gpu T4")
    assert notebook.error is None
    assert (len(asked.questions), len(notebook.workspace.setup.done)) == (1, made)
    assert "create registry reg" in shown(notebook)
    assert ("gpu-env: set up in 12.0 s" in shown(notebook)) == bool(made)


def test_where_nobody_can_be_asked_the_flag_is_named(notebook, asked) -> None:
    notebook.run("%aca setup")
    assert isinstance(notebook.error, UsageFailed)
    assert "--yes" in notebook.error.hint
    notebook.run("%aca setup --yes")
    assert len(notebook.workspace.setup.done) == len(asked.questions) == 1


def test_nothing_to_do_is_said_and_not_asked(notebook, asked) -> None:
    notebook.workspace.setup.there = True
    assert "nothing to do" in repr(notebook.run("%aca setup"))
    assert asked.questions == []


@pytest.mark.parametrize(
    ("line", "sentence"),
    [("--min-nodes 2", "only a dedicated profile has nodes"),
     ("--workload-profile Consumption-GPU-NC8as-T4", "is not among"),
     ("--workload-profile D4 --min-nodes 3 --max-nodes 2", "3 to 2 nodes cannot be")],
)  # fmt: skip
def test_nodes_that_cannot_be_are_refused(notebook, asked, line: str, sentence: str) -> None:
    notebook.run(f"%aca setup {line}")
    assert isinstance(notebook.error, UsageFailed)
    assert sentence in str(notebook.error) or "workload-profile" in str(notebook.error)
    assert asked.questions == []


def test_profiles_are_as_they_were_asked_for(notebook, asked) -> None:
    card = notebook.run("%aca setup --gpu T4 --workload-profile D4 --max-nodes 3 --dry-run")
    serverless, dedicated = card.wanted.profiles
    assert (serverless.type, serverless.nodes) == (SERVERLESS_T4, None)
    assert (dedicated.name, dedicated.nodes) == ("d4", (1, 3))
    assert asked.questions == []


@pytest.mark.parametrize(("answer", "gone"), [("y", 1), ("n", 0)])
def test_what_a_set_up_made_is_taken_down_on_consent(notebook, asked, answer: str, gone: int) -> None:
    notebook.workspace.setup.there = True
    asked.answer = answer
    notebook.run("%aca down --all")
    assert (len(asked.questions), len(notebook.workspace.setup.done)) == (1, gone)
    assert "environment  gpu-env" in shown(notebook) or not gone


def test_down_all_with_apps_alone_asks_nothing(notebook, asked) -> None:
    assert len(notebook.run("%aca down --all")) == 0
    assert asked.questions == []


APP = Doomed(app_id("s", "research", "scorer"), "app", foundation=False)
KEPT = Doomed(registry_id("s", "research", "acareg"), "registry", foundation=True, note="environment bobs may use it")


@pytest.mark.parametrize(("charges", "asks"), [(True, 1), (False, 0)])
def test_apps_alone_are_asked_about_where_they_are_charged(notebook, asked, *, charges: bool, asks: int) -> None:
    notebook.workspace.target.charges = charges
    notebook.workspace.setup.mine, asked.answer = (APP,), "n"
    notebook.run("%aca down --all")
    assert len(asked.questions) == asks
    assert notebook.workspace.setup.done == []


def test_what_is_kept_is_named_with_why_and_so_is_what_may_be_left(notebook, asked) -> None:
    notebook.workspace.setup.mine = (APP, KEPT)
    notebook.run("%aca down --all")
    assert asked.questions == [], "nothing of a set-up goes, and nothing is charged"
    assert "registry  acareg  kept: environment bobs may use it" in shown(notebook)
    assert "roles may be left" in shown(notebook)
    assert "1 thing taken down" in shown(notebook)


def test_a_person_of_whom_all_is_kept_is_told(notebook, asked) -> None:
    notebook.workspace.setup.mine = (KEPT,)
    notebook.run("%aca down --all")
    assert "nothing of yours on" in shown(notebook)
    assert notebook.workspace.setup.done == asked.questions == []


def test_a_notebook_remembers_names_of_a_target_that_charges(notebook, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/work/scores.ipynb")
    monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(tmp_path))
    told = []

    def connect(target="", *, notebook=None, **settings):
        told.append(dict(notebook or {}))
        workspace = FakeWorkspace(target)
        workspace.target.charges, workspace.target.resource_group = target == "azure", settings.get("resource_group")
        return workspace

    notebook.magics.notebook._connect = connect
    notebook.run("%aca target azure -g research")
    notebook.run("%aca target azure")
    notebook.run("%aca target local -g other")
    notebook.run("%aca target local")
    assert [each.get("resource_group") for each in told] == [None, "research", None, None]


@pytest.fixture
def planning(asked, monkeypatch, tmp_path):
    """Every workspace plans for an empty subscription; the notebook has a path, so what it chooses is remembered."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/work/scores.ipynb")
    monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(tmp_path))
    start = FakeWorkspace.__post_init__

    def with_set_up(workspace: FakeWorkspace) -> None:
        start(workspace)
        workspace.setup = FakeSetUp()
        workspace.target.charges = workspace.name == "azure"

    monkeypatch.setattr(FakeWorkspace, "__post_init__", with_set_up)
    return asked


@pytest.mark.parametrize(("line", "answer"), [("--dry-run", ""), ("", "n"), ("", "")])
def test_commands_go_where_they_went_until_somebody_consents(notebook, planning, tmp_path, line, answer) -> None:
    planning.answer = answer
    notebook.run("%aca target local")
    notebook.run(f"%aca setup azure -g research {line}")
    assert notebook.workspace.target.name == "local"
    assert [(each.name, each.closed) for each in notebook.workspaces[-2:]] == [("local", False), ("azure", True)]
    assert not (tmp_path / "notebooks.json").exists()


@pytest.mark.parametrize("line", ["", "--yes"])
def test_a_set_up_that_was_consented_to_is_where_commands_go(notebook, planning, tmp_path, line) -> None:
    planning.answer = "y"
    notebook.run("%aca target local")
    notebook.run(f"%aca setup azure -g research {line}")
    assert (notebook.workspace.target.name, notebook.workspace.closed) == ("azure", False)
    assert len(notebook.workspace.setup.done) == 1
    assert "azure" in (tmp_path / "notebooks.json").read_text()


def connections(notebook) -> list[tuple[str, dict[str, object]]]:
    """What every workspace from now on is made from."""
    told = []

    def connect(target="", **settings):
        told.append((target, settings))
        workspace = FakeWorkspace(target or "local")
        for name in ("resource_group", "environment", "location", "subscription_id", "registry"):
            setattr(workspace.target, name, settings.get(name) or getattr(workspace.target, name))
        return workspace

    notebook.magics.notebook._connect = connect
    return told


@pytest.mark.parametrize("line", ["%aca setup -l swedencentral --yes", "%aca target -l swedencentral"])
def test_without_a_targets_name_the_present_one_and_its_names_stay(notebook, planning, line) -> None:
    told = connections(notebook)
    notebook.run("%aca target azure -g research --environment gpu-env --registry reg")
    notebook.run(line)
    target, settings = told[-1]
    assert (target, notebook.workspace.target.name) == ("azure", "azure")
    assert {**settings, "propose": True}.items() >= {
        "resource_group": "research", "environment": "gpu-env", "registry": "reg", "location": "swedencentral",
    }.items()  # fmt: skip


def test_a_sign_in_counts_for_a_target_that_nobody_named(notebook) -> None:
    told = connections(notebook)
    notebook.magics.notebook.close()
    notebook.magics.notebook.signed_in = signed_in = SimpleNamespace()
    notebook.run("%aca ps")
    assert told == [("", {"signed_in": signed_in})]
