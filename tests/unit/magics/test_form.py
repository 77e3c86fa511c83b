"""`%aca` alone: help where nothing can be shown, else a form, which is a card of lines without a page."""

from __future__ import annotations

import pytest

import aca_notebook
from aca_notebook.errors import UsageFailed
from aca_notebook.magics.form import DeployForm
from aca_notebook.magics.grammar import Help
from aca_notebook.model.deploy_line import DeployChoice

FUNCTIONS = "def score(x: float) -> float:\n    return 2 * x\nclass SentenceModel: pass"


def form(notebook) -> DeployForm:
    return DeployForm(notebook.magics.notebook, lambda line: notebook.magics.aca(line.partition(" ")[2]))


def test_in_a_terminal_the_magic_alone_is_help(notebook):
    notebook.run("%aca")
    assert "%aca SUBCOMMAND --help" in notebook.out


def test_in_a_kernel_it_is_a_form_that_starts_nothing(notebook):
    notebook.shell.kernel = type("Kernel", (), {"get_parent": lambda *_: {}})()
    try:
        shown = notebook.magics.aca("")
    finally:
        del notebook.shell.kernel
    assert isinstance(shown, DeployForm)
    assert not isinstance(shown, Help)
    assert notebook.workspaces == []


def test_without_a_page_the_form_is_lines_to_copy(notebook):
    notebook.run(FUNCTIONS)
    said = repr(form(notebook))
    assert "%aca deploy score --entry score" in said
    assert "%aca deploy sentence-model --entry SentenceModel" in said
    assert notebook.workspaces == []


def test_a_notebook_without_functions_says_what_is_wanted(notebook):
    assert "run one that does" in repr(form(notebook))
    with pytest.raises(UsageFailed, match="no function"):
        form(notebook).fields  # noqa: B018  # reading it makes the widgets


def test_what_the_form_does_is_the_line_that_it_shows(notebook):
    notebook.run(FUNCTIONS)
    shown = form(notebook)
    choice = DeployChoice("score", "scorer", gpu="T4")
    assert "plan: would" in shown._plan(choice)
    assert shown._deploy(choice) == ""
    (planned, name, _, asked), (deployed, *_) = notebook.workspace.asked
    assert (planned, deployed, name) == ("plan", "deploy", "scorer")
    assert (asked["gpu"], asked["entry"]) == ("T4", "score")


def test_a_refusal_is_shown_in_the_form_in_three_lines(notebook):
    notebook.run(FUNCTIONS)
    said = form(notebook)._plan(DeployChoice("score", "scorer", gpu="H100"))
    assert "H100" in said
    assert "%aca plan --help" in said


def test_handles_of_what_was_deployed_are_offered_again(notebook):
    notebook.run(FUNCTIONS)

    class Handle:
        pass

    handle = Handle()
    handle.__aca_local__ = notebook.names["score"]
    notebook.names["score"] = handle
    assert notebook.magics.notebook.callables() == ["SentenceModel", "score"]


def test_outside_of_a_notebook_the_form_says_what_to_do(monkeypatch):
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: None)
    with pytest.raises(UsageFailed, match="needs a notebook"):
        aca_notebook.form()
