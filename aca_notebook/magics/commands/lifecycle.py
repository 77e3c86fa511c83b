"""How long apps last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import listings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.app import App
    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.lifecycle import Gc, Ttl
    from aca_notebook.magics.subcommands.shared import OneApp


def ttl(notebook: Notebook, given: Ttl) -> App:
    """Let an app expire, and return it."""
    app = notebook.workspace.apps[given.name]
    app.expire(given.span)
    return app


def keep(notebook: Notebook, given: OneApp) -> App:
    """Let an app never expire, and return it."""
    app = notebook.workspace.apps[given.name]
    app.keep()
    return app


def gc(notebook: Notebook, given: Gc) -> object:
    """List what may go, or delete it and list what was."""
    workspace = notebook.workspace
    found = workspace.garbage(everyone=given.everyone)
    doomed = [each for each in found if (given.expired and each.expired) or (given.orphans and not each.expired)]
    for each in doomed:
        workspace.apps[each.app.name].down()
    gone = given.expired or given.orphans
    return listings.garbage(doomed if gone else found, target=workspace.target.name, gone=gone)


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {"ttl": ttl, "keep": keep, "gc": gc}
