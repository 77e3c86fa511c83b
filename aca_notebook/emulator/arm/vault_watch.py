"""Looks every half hour whether secrets that come from vaults have changed, and restarts the revisions that use them.

Documented: the newest version is retrieved within 30 minutes, and active revisions that refer to it are restarted.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.app_lifecycle import APP_TYPE, REVISION_TYPE
from aca_notebook.emulator.arm.executions import JOB_TYPE
from aca_notebook.emulator.rounds import Rounds
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Collection

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.seams import Runs
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.arm.vault_references import VaultReferences

logger = logging.getLogger(__name__)

Document = dict[str, Any]
LOOK_SECONDS = 1800.0


def uses_secret(template: Document, names: Collection[str]) -> bool:
    """Tell whether a template has some of these secrets in a variable or a volume; a volume of all has each."""
    containers = [*(template.get("containers") or ()), *(template.get("initContainers") or ())]
    in_variables = any(
        variable.get("secretRef") in names for container in containers for variable in container.get("env") or ()
    )
    volumes = [each for each in template.get("volumes") or () if each.get("storageType") == "Secret"]
    in_volumes = any(
        not each.get("secrets") or any(item.get("secretRef") in names for item in each["secrets"]) for each in volumes
    )
    return in_variables or in_volumes


class VaultWatch:
    """One task, from `start` to `close`, at this emulator's clock."""

    def __init__(
        self, *, store: Store, references: VaultReferences, runs: Runs, clock: Clock, subscription: str
    ) -> None:  # fmt: skip
        self._store = store
        self._references = references
        self._runs = runs
        self._subscription = subscription
        self._rounds = Rounds("secrets of vaults", self.once, pause=lambda: LOOK_SECONDS, clock=clock)

    def start(self) -> None:
        """Look for the first time after half an hour: what starts now has the values of its last write."""
        self._rounds.start()

    async def close(self) -> None:
        """Look no more."""
        await self._rounds.close()

    async def once(self) -> None:
        """Look at every app and job now."""
        for document in self._store.list(JOB_TYPE, self._subscription):
            await self._references.refresh(parse_id(document["id"]))
        for document in self._store.list(APP_TYPE, self._subscription):
            id_ = parse_id(document["id"])
            changed = await self._references.refresh(id_)
            for revision in self._store.children(id_, REVISION_TYPE) if changed else ():
                properties = revision["properties"]
                if properties["active"] and uses_secret(properties["template"], changed):
                    logger.info("%s is restarted: its secrets have changed", revision["name"])
                    await self._runs.restart_revision(id_.key, revision["name"])
