"""Whether an app that asked for a GPU has one: the platform's own word, asked over the wire of any target.

A replica's details say so while it runs. Of an app at zero replicas, the system log tells how its last one fared. Azure
has no replica without its GPU, and says nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aca_notebook.errors import AcaError
from aca_notebook.model.gpu import cpu_note

if TYPE_CHECKING:
    from aca_notebook.api.access import Access
    from aca_notebook.model.app import AppState

logger = logging.getLogger(__name__)

_TAIL = 300


class GpuNotes:
    """Asks, and remembers of each revision what was said last: at zero replicas it cannot have changed."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._known: dict[tuple[str, str], str] = {}

    async def of(self, state: AppState) -> str:
        """Return the sentence that says that the app's replicas run without their GPU; empty when none need say so.

        Never raises: a note that cannot be had must not take the app's state with it.
        """
        revision = (state.name, state.latest_revision)
        if not state.gpu or not state.latest_revision:
            return ""
        try:
            said = await self._replicas(*revision)
            if said is None and revision not in self._known:
                said = await self._system_log(state.name)
        except AcaError as unknown:
            logger.debug("nobody says whether %s has its GPU: %s", state.name, unknown)
            said = None
        if said is not None:
            self._known[revision] = said
        return self._known.get(revision, "")

    async def _replicas(self, app: str, revision: str) -> str | None:
        """What the replicas say; None when there is none with a place to run."""
        replicas = await self._access.ask(lambda services: services.apps.replicas(app, revision))
        placed = [replica for replica in replicas if replica.containers]
        if not placed:
            return None
        return next(filter(None, (cpu_note(replica.details) for replica in placed)), "")

    async def _system_log(self, app: str) -> str | None:
        """What was said when the last replica got its place; None when that is not in the log."""
        document = await self._access.ask(lambda services: services.apps.document(app))
        endpoint = document["properties"].get("eventStreamEndpoint") or ""
        if not endpoint:
            return None
        token = await self._access.ask(lambda services: services.apps.auth_token(app))
        said = None
        async with self._access.services.logs.system(endpoint, token, tail=_TAIL, follow=False) as lines:
            async for line in lines:
                if line.reason == "AssigningReplica":
                    said = cpu_note(line.text)
        return said
