"""Whether an app still runs what its cell would make of itself now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aca_notebook.api import packing
from aca_notebook.errors import AcaError
from aca_notebook.model.drift import said_of_cell

if TYPE_CHECKING:
    from aca_notebook.api.packing import Source
    from aca_notebook.model.app import AppState


async def drift_of(deployed: tuple[Source, str] | None, state: AppState) -> str:
    """Return how what runs differs from the cell; empty when it does not, and for what was not deployed from here."""
    if deployed is None:
        return ""
    source, digest = deployed
    try:
        here = (await asyncio.to_thread(packing.pack, source)).facts.digest
    except AcaError as broken:
        return f"its cell could not be deployed again as it is: {broken.message}"
    return said_of_cell(digest, state.tags.digest, here, state.tags)
