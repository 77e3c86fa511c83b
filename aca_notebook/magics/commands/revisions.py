"""An app's revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import listings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.revisions import Revision


def revision(notebook: Notebook, given: Revision) -> object:
    """List an app's revisions, or change one and list them."""
    app = notebook.workspace.apps[given.name]
    if given.action != "list":
        name = given.revision if given.revision.startswith(f"{app.name}--") else f"{app.name}--{given.revision}"
        getattr(app, f"{given.action}_revision")(name)
    return listings.revisions(app.name, app.revisions())


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    f"revision {action}": revision for action in ("list", "activate", "deactivate", "restart")
}
