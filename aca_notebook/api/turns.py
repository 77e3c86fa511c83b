"""Who deploys what in a Workspace: the latest deployment of each app, and what earlier ones have left to be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from aca_notebook.api.packing import Source


class Turns:
    """Who deployed each app last, in this Workspace, and what their deployments left to be done."""

    def __init__(self) -> None:
        self._latest: dict[str, object] = {}
        self._kept: set[asyncio.Task[None]] = set()
        self._deployed: dict[str, str] = {}
        self._sources: dict[str, tuple[Source, str]] = {}

    def take(self, app: str, deployment: object) -> None:
        """Become the latest."""
        self._latest[app] = deployment

    def keep(self, task: asyncio.Task[None]) -> None:
        """Own what goes on behind a deployment that has ended, until it is over or the loop closes."""
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    def deployed(self, app: str) -> str:
        """Return the mark of the last deployment of an app that came to a good end here; empty when none did."""
        return self._deployed.get(app, "")

    def note_deployed(self, app: str, mark: str, source: Source | None = None, digest: str = "") -> None:
        """Remember one, and what its bundle was made of; without a mark the app was taken down from here."""
        self._deployed[app] = mark
        self._sources.pop(app, None)
        if source is not None:
            self._sources[app] = source, digest

    def source(self, app: str) -> tuple[Source, str] | None:
        """Return what the last deployment from here was made of, and the digest of the bundle that was made."""
        return self._sources.get(app)

    def is_latest(self, app: str, deployment: object) -> bool:
        """Whether nobody came after."""
        return self._latest.get(app) is deployment
