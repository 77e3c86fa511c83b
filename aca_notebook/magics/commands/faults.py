"""What goes wrong on the local target, to rehearse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import listings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.faults import Fault


def fault(notebook: Notebook, given: Fault) -> object:
    """Put a fault in force, or end some, and list those in force."""
    workspace = notebook.workspace
    rehearsal = workspace.rehearsal
    if given.action == "add":
        rehearsal.add(" ".join((given.kind, *given.parameters)))
    elif given.action == "clear":
        rehearsal.clear(given.id)
    return listings.faults(rehearsal.faults(), target=workspace.target.name)


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    f"fault {action}": fault for action in ("list", "add", "clear")
}
