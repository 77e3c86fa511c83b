"""An app's revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import listings
from aca_notebook.model.traffic import LATEST, revision_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.revisions import Diff, Mode, Revision, Traffic


def revision(notebook: Notebook, given: Revision) -> object:
    """List an app's revisions, or change one and list them."""
    app = notebook.workspace.apps[given.name]
    if given.action != "list":
        named = revision_name(app.name, given.revision) if given.revision else app.revision
        getattr(app, f"{given.action}_revision")(named)
    return listings.revisions(app.name, app.revisions())


def mode(notebook: Notebook, given: Mode) -> object:
    """Change how many revisions may be active, and list them."""
    app = notebook.workspace.apps[given.name]
    app.set_revision_mode(given.mode)
    return listings.revisions(app.name, app.revisions())


def diff(notebook: Notebook, given: Diff) -> object:
    """List what differs between two revisions."""
    app = notebook.workspace.apps[given.name]
    after = revision_name(app.name, given.after) if given.after else ""
    return listings.changes(app.name, app.revision_diff(revision_name(app.name, given.before), after))


def traffic(notebook: Notebook, given: Traffic) -> object:
    """Show or change who gets the requests."""
    app = notebook.workspace.apps[given.name]
    return listings.shares(app.name, app.traffic(*given.shares))


def promote(notebook: Notebook, given: Revision) -> object:
    """Give a revision everything."""
    app = notebook.workspace.apps[given.name]
    return listings.shares(app.name, app.traffic(given.revision or LATEST))


def rollback(notebook: Notebook, given: Revision) -> object:
    """Go back, and list the revisions."""
    app = notebook.workspace.apps[given.name]
    app.rollback(revision_name(app.name, given.revision) if given.revision else "")
    return listings.revisions(app.name, app.revisions())


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    **{f"revision {action}": revision for action in ("list", "activate", "deactivate", "restart")},
    "revision mode": mode,
    "revision diff": diff,
    "traffic": traffic,
    "promote": promote,
    "rollback": rollback,
}
