"""What Container Apps offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import listings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.shared import Listing


def gpu(notebook: Notebook, given: Listing) -> object:
    """List the GPUs there are, at the present target's prices."""
    del given
    return listings.gpus(notebook.workspace.target.location) if notebook.connected else listings.gpus()


def limits(notebook: Notebook, given: Listing) -> object:
    """List the platform's limits."""
    del notebook, given
    return listings.limits()


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "gpu": gpu,
    "limits": limits,
}
