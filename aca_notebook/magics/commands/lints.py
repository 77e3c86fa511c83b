"""What guides recommend, held against an app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.utils.capture import capture_output

from aca_notebook.display import checkup
from aca_notebook.display.values import Card
from aca_notebook.magics.commands import apps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.lints import Lint


def lint(notebook: Notebook, given: Lint) -> Card:
    """Judge an app as it runs, or an `--image` as it would run."""
    return (
        lint_cell(notebook, given, None)
        if given.image
        else _card(notebook, given.name, notebook.workspace.lint(given.name))
    )


def lint_cell(notebook: Notebook, given: Lint, source: str | None) -> Card:
    """Run the cell here and judge the app that deploying it would make; nothing is deployed."""
    from aca_notebook.api.showing import held, wanted_app  # with the API, when it is needed

    with held() as notes, capture_output(display=True):
        apps.rehearse(notebook, given, source)
    return _card(notebook, given.name, notebook.workspace.lint(given.name, planned=wanted_app(notes, given.name)))


def _card(notebook: Notebook, name: str, checks: Any) -> Card:
    return Card(checks, checkup.practices(checks, name, notebook.workspace.target.name))


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {"lint": lint}
CELL: Mapping[str, Callable[[Notebook, Any, str], object]] = {"lint": lint_cell}
