"""What each sub-command does: arguments in, a call of the library, a value out. Nothing here prints or speaks HTTP.

One module a noun, as in `subcommands`; each ends with the table of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.magics.commands import (
    advice,
    alerts,
    apps,
    budgets,
    checkup,
    cost,
    diagnosis,
    exports,
    faults,
    identities,
    lifecycle,
    lints,
    login,
    logs,
    metrics,
    platform,
    pools,
    revisions,
    secrets,
    sessions,
    setup,
    shows,
    targets,
    traces,
    updates,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook

_LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    **targets.LINE,
    **login.LINE,
    **setup.LINE,
    **checkup.LINE,
    **apps.LINE,
    **updates.LINE,
    **revisions.LINE,
    **sessions.LINE,
    **pools.LINE,
    **lifecycle.LINE,
    **secrets.LINE,
    **identities.LINE,
    **exports.LINE,
    **diagnosis.LINE,
    **logs.LINE,
    **traces.LINE,
    **metrics.LINE,
    **cost.LINE,
    **budgets.LINE,
    **advice.LINE,
    **lints.LINE,
    **alerts.LINE,
    **faults.LINE,
    **platform.LINE,
}
_CELL: Mapping[str, Callable[[Notebook, Any, str], object]] = {**apps.CELL, **lints.CELL, **logs.CELL, **sessions.CELL}


def show(notebook: Notebook, form: str, name: str, given: Any, cell: str | None) -> object:
    """Return what one sub-command would ask of the platform, and do nothing."""
    return shows.show(notebook, form, name, given, lambda: run(notebook, name, given, cell), cell)


def run(notebook: Notebook, name: str, given: Any, cell: str | None) -> object:
    """Run one sub-command and return what it is worth to the notebook."""
    if cell is not None:
        return _CELL[name](notebook, given, cell)
    return _LINE[name](notebook, given)
