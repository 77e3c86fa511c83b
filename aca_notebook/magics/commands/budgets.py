"""How much may be spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import guards
from aca_notebook.errors import UsageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.display.tables import Table
    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.budgets import Budget, OneBudget


def budget(notebook: Notebook, given: Budget) -> Table:
    """Make a budget, where one is given, and list all."""
    if not given.limit and (given.stop or given.app or given.email):
        raise UsageFailed("how much may be spent is missing", code="UsageError", hint="%aca budget 5USD/day --stop")
    if given.limit:
        notebook.workspace.budgets.create(given.limit, app=given.app, stop=given.stop, emails=given.email)
    return _listed(notebook)


def budgets(notebook: Notebook, given: OneBudget) -> Table:
    """List the budgets."""
    del given
    return _listed(notebook)


def delete(notebook: Notebook, given: OneBudget) -> Table:
    """Remove a budget and list those that are left."""
    notebook.workspace.budgets.delete(given.app)
    return _listed(notebook)


def _listed(notebook: Notebook) -> Table:
    workspace = notebook.workspace
    found = [(each.state, each.ends_at) for each in workspace.budgets.list()]
    target = workspace.target
    return guards.budgets(found, target=target.name, enforced=target.enforces_expiry, charged=target.charges)


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "budget": budget,
    "budget list": budgets,
    "budget delete": delete,
}
