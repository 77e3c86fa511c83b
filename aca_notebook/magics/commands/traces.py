"""Where the time of a call went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.traces import Trace


def trace(notebook: Notebook, given: Trace) -> object:
    """Return a call as a waterfall, or its spans into a variable when one is named."""
    found = notebook.workspace.trace(given.call, app=given.app)
    if given.output:
        notebook.define({given.output: found.frame})
        return None
    return found


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {"trace": trace}
