"""Who an app is, and what it may do elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import identities as listing
from aca_notebook.errors import UsageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.display.tables import Table
    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.identities import Assign
    from aca_notebook.magics.subcommands.shared import OneApp


def assign(notebook: Notebook, given: Assign) -> Table:
    """Give an app identities and a role, and list what it has then."""
    if bool(given.role) != bool(given.scope):
        missing = "--scope" if given.role else "--role"
        raise UsageFailed(
            f"{missing} is missing: a role is held on something", code="UsageError",
            hint=f"%aca identity assign {given.name} --role 'Key Vault Secrets User' --scope my-vault",
        )  # fmt: skip
    if given.role and len(given.user) > 1:
        raise UsageFailed("one identity at a time can be given a role", code="UsageError", hint="name one with --user")
    app = notebook.workspace.apps[given.name]
    app.identities.assign(system=given.system or not given.user, users=given.user)
    if given.role:
        app.identities.let(given.role, given.scope, given.user[0] if given.user else "")
    return listing.identities(given.name, app.identities.states())


def show(notebook: Notebook, given: OneApp) -> Table:
    """List an app's identities."""
    return listing.identities(given.name, notebook.workspace.apps[given.name].identities.states())


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {"identity assign": assign, "identity show": show}
