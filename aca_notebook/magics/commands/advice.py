"""What an app should ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display.advice import advice
from aca_notebook.display.values import Card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.advice import Advise


def advise(notebook: Notebook, given: Advise) -> Card:
    """Show what an app should ask for; with `--apply`, change it."""
    workspace = notebook.workspace
    ask = workspace.advisor.apply if given.apply else workspace.advisor.advise
    found = ask(given.name, since=given.since)
    charged = workspace.target.charges
    return Card(found, advice(given.name, found, since=given.since, charged=charged, applied=given.apply))


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {"advise": advise}
