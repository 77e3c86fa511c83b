"""Stands in for controller and ingress: remembers what it was told, proves revisions when a test says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.emulator.runtime.observed import ObservedApp

if TYPE_CHECKING:
    from aca_notebook.emulator.runtime.desired import App


@dataclass(frozen=True)
class FakeOutcome:
    ready: bool = True
    reason: str = ""
    message: str = ""


class FakeRuntime:
    """`hold` keeps revisions unproved until `settle` is called; `outcome` is what becomes of them."""

    def __init__(self, *, hold: bool = False) -> None:
        self.apps: dict[str, App] = {}
        self.published: dict[str, str] = {}
        self.named: dict[str, str] = {}
        self.restarted: list[tuple[str, str]] = []
        self.outcome = FakeOutcome()
        self._settled = asyncio.Event()
        if not hold:
            self._settled.set()

    def settle(self, outcome: FakeOutcome | None = None) -> None:
        self.outcome = outcome or self.outcome
        self._settled.set()

    async def declare(self, app: App) -> None:
        self.apps[app.key] = app

    async def withdraw(self, app_key: str) -> None:
        self.apps.pop(app_key, None)
        self.published.pop(app_key, None)

    async def restart_revision(self, app_key: str, revision: str) -> None:
        self.restarted.append((app_key, revision))

    async def revision_outcome(self, app_key: str, revision: str) -> FakeOutcome:
        await self._settled.wait()
        return self.outcome

    def observe(self, app_key: str) -> ObservedApp:
        return ObservedApp(app_key)

    async def address(self, app_key: str, name: str) -> str:
        return self.named.get(name, "")

    async def publish(self, app: App) -> str:
        if app.ingress is None:
            self.published.pop(app.key, None)
            return ""
        return self.published.setdefault(app.key, f"127.0.0.1:{9000 + len(self.published)}")
