"""The exception tree: three lines, nothing lost."""

from __future__ import annotations

import inspect

import pytest

from aca_notebook import errors

TREE = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.AcaError)]


def test_an_error_has_three_lines_and_says_them_when_printed():
    error = errors.NotFound(
        "app 'x' does not exist",
        status=404,
        code="ResourceNotFound",
        detail="gone",
        hint="run `%aca ps`",
        request_id="r1",
    )  # fmt: skip
    assert error.lines() == ("app 'x' does not exist", "ResourceNotFound: gone (request r1)", "run `%aca ps`")
    assert str(error).split("\n") == list(error.lines())


def test_lines_that_are_empty_are_not_printed():
    assert str(errors.UsageFailed("no")) == "no"


def test_a_capture_failure_says_where():
    error = errors.CaptureFailed("a socket cannot travel", name="connection", cell="In[3]", line=7)
    assert error.lines()[1] == "CaptureFailed: In[3], line 7"
    assert (error.name, error.cell, error.line) == ("connection", "In[3]", 7)


def test_a_failed_deployment_shows_the_traceback_of_the_cell_before_its_lines():
    error = errors.DeploymentFailed("no", traceback="Traceback:\n  In[1], line 2", code="ImportFailed")
    assert error._render_traceback_() == ["Traceback:", "  In[1], line 2", "", "DeploymentFailed: no", "  ImportFailed"]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_is_drawn_in_the_docstring(kind):
    assert kind.__name__ in (errors.__doc__ or "")
