"""Who is told when a metric is out of bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import guards
from aca_notebook.errors import UsageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.display.tables import Table
    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.alerts import NewAlert, OneAlert


def create(notebook: Notebook, given: NewAlert) -> Table:
    """Make a rule and show it."""
    if not given.condition:
        raise UsageFailed(
            "--condition is missing", code="UsageError",
            hint=f'%aca alert create {given.name} --app APP --condition "total Requests > 100"',
        )  # fmt: skip
    workspace = notebook.workspace
    made = workspace.alerts.create(
        given.name, given.app or given.name, given.condition, window=given.window_size,
        frequency=given.evaluation_frequency, severity=given.severity, webhooks=given.webhook, emails=given.email,
        action_groups=given.action, description=given.description,
    )  # fmt: skip
    return guards.alerts([made], target=workspace.target.name, note="%aca alert list tells what it has found")


def alerts(notebook: Notebook, given: OneAlert) -> Table:
    """List the rules."""
    del given
    workspace = notebook.workspace
    return guards.alerts(workspace.alerts.list(), target=workspace.target.name)


def delete(notebook: Notebook, given: OneAlert) -> Table:
    """Remove a rule and list those that are left."""
    notebook.workspace.alerts.delete(given.name)
    return alerts(notebook, given)


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "alert create": create,
    "alert list": alerts,
    "alert delete": delete,
}
