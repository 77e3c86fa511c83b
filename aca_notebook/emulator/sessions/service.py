"""Dynamic sessions, wired: pools as they are written, what they start, and the calls into them.

A part of the composition root, which is long enough without it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.runtime.process import owner_mark
from aca_notebook.emulator.sessions.containers import PoolContainers
from aca_notebook.emulator.sessions.hosting import Hosting
from aca_notebook.emulator.sessions.launching import ISOLATION, SandboxLauncher
from aca_notebook.emulator.sessions.packages import Packages
from aca_notebook.emulator.sessions.pool import read_rules
from aca_notebook.emulator.sessions.proxy import ContainerProxy
from aca_notebook.emulator.sessions.routes import SessionRoutes
from aca_notebook.emulator.telemetry.metrics import Cell
from aca_notebook.model.states import ProvisioningState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from pathlib import Path

    from aca_notebook.emulator.arm.stored import Keeping
    from aca_notebook.emulator.identity.access import Access
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.runtime.container import ImageTable
    from aca_notebook.emulator.runtime.process import Spawn
    from aca_notebook.emulator.sessions.containers import Console, Platform
    from aca_notebook.emulator.sessions.hosting import Counts
    from aca_notebook.emulator.sessions.instances import Launcher
    from aca_notebook.emulator.wire import Route
    from aca_notebook.model.ids import ResourceId

_TYPE = "Microsoft.App/sessionPools"


class Sessions:
    """All of it. `launcher` takes the place of sandboxes where a test brings its own."""

    def __init__(  # noqa: PLR0913  # it is a part of the composition root
        self, *, folder: Path, keeping: Keeping, database: Database, access: Access, images: ImageTable, spawn: Spawn,
        console: Console, platform: Platform, uv: str, environment: Mapping[str, str], launcher: Launcher | None,
    ) -> None:  # fmt: skip
        owner = owner_mark(folder)
        self._store = keeping.store
        containers = PoolContainers(
            store=keeping.store, images=images, secrets=keeping.secrets, spawn=spawn, clock=keeping.clock, owner=owner,
            folder=folder / "sessions", console=console, platform=platform,
        )  # fmt: skip
        packages = Packages(folder / "session-packages", uv=uv, environment=environment)
        self.hosting = Hosting(
            launcher=launcher or SandboxLauncher(
                clock=keeping.clock, spawn=spawn, owner=owner, folder=folder / "sessions", packages=packages,
                containers=containers, isolation=environment.get(ISOLATION, ""),
            ),
            database=database, clock=keeping.clock,
        )  # fmt: skip
        self._proxy = ContainerProxy()
        self._routes = SessionRoutes(hosting=self.hosting, scope=keeping.scope, access=access, proxy=self._proxy)

    def routes(self) -> list[Route]:
        """The calls into sessions."""
        return self._routes.routes()

    def counts(self, key: str) -> Counts:
        """Return how many instances a pool has."""
        return self.hosting.counts(key)

    def level(self, key: str, metric: str, begin: datetime, end: datetime, now: datetime) -> Cell | None:
        """Return what a metric of a pool was between two moments, as far as that has passed; None if unknown."""
        there = self.hosting.pool(key)
        found = there.levels.over(metric, begin, end, now) if there is not None else None
        if found is None:
            return None
        minutes = max(1, math.ceil((min(end, now) - begin).total_seconds() / 60))
        return Cell(minutes, found.average * minutes, found.least, found.most)

    @property
    def busy(self) -> bool:
        """Whether a session is allocated."""
        return self.hosting.sessions > 0

    async def start(self, subscription: str) -> None:
        """Host the pools there are, and follow what becomes of them."""
        pools = [each for each in self._store.list(_TYPE, subscription) if _settled(each)]
        await self.hosting.start({str(each["id"]).lower(): read_rules(each) for each in pools})
        self._store.when_written(self._written)
        self._store.when_deleted(self._deleted)

    async def close(self) -> None:
        """End every session."""
        await self.hosting.close()
        await self._proxy.close()

    async def settle(self, key: str, document: dict[str, Any]) -> None:
        """Bring a pool to what it is to be; return when its instances wait, or cannot be started."""
        await self.hosting.declare(key, read_rules(document)).filled()

    def _written(self, id_: ResourceId, document: dict[str, Any]) -> None:
        if id_.type.lower() == _TYPE.lower() and _settled(document):
            self.hosting.declare(id_.key, read_rules(document))

    async def _deleted(self, ids: Collection[ResourceId]) -> None:
        for id_ in ids:
            await self.hosting.withdraw(id_.key)


def _settled(document: Mapping[str, Any]) -> bool:
    state = document["properties"].get("provisioningState")
    return bool(state == ProvisioningState.SUCCEEDED)
