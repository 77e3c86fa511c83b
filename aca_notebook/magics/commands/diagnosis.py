"""Why things are as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import diagnosis as diagnosis_cards
from aca_notebook.display.values import Card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.shared import OneApp


def why(notebook: Notebook, given: OneApp) -> object:
    """Say why an app is as it is."""
    found = notebook.workspace.apps[given.name].why()
    return Card(found, diagnosis_cards.finding(given.name, found))


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {"why": why}
