"""When each replica was metered, and when it restarted: a fold of the journal."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aca_notebook.emulator.journal.events import (
    AppWithdrawn,
    ContainerStarted,
    Event,
    ReplicaAssigned,
    ReplicaStopped,
)
from aca_notebook.emulator.telemetry.metrics import Span

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from aca_notebook.emulator.journal.database import Database


@dataclass(slots=True)
class History:
    """One app's replicas, past and present; `apply` takes its events in order, each once."""

    since: datetime | None = None  #: the app's first event
    spans: dict[tuple[str, str], Span] = field(default_factory=dict)
    _started: set[tuple[str, str, str]] = field(default_factory=set)

    def apply(self, event: Event) -> None:
        """Take one event in; those that are about no replica only tell how old the app is."""
        if self.since is None:
            self.since = event.at
        match event:
            case AppWithdrawn():
                self.spans = {key: replace(span, end=span.end or event.at) for key, span in self.spans.items()}
            case ReplicaAssigned():
                self.spans.setdefault((event.revision, event.replica), Span(event.revision, event.replica, event.at))
            case ReplicaStopped() | ContainerStarted() if (event.revision, event.replica) in self.spans:
                self._change(event)
            case _:
                pass

    def _change(self, event: ReplicaStopped | ContainerStarted) -> None:
        key = (event.revision, event.replica)
        span = self.spans[key]
        if isinstance(event, ReplicaStopped):
            self.spans[key] = replace(span, end=event.at)
            return
        container = (*key, event.container)
        if container in self._started:
            self.spans[key] = replace(span, restarts=(*span.restarts, event.at))
        self._started.add(container)


class Histories:
    """Keeps each app's fold and brings it up to date with what was appended since."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._folds: dict[str, tuple[int, History]] = {}
        self._turn = asyncio.Lock()

    async def read(self, app: str) -> History:
        """Return an app's history as of now."""
        async with self._turn:
            after, history = self._folds.get(app, (0, History()))
            for sequence, event in await asyncio.to_thread(self._after, app, after):
                history.apply(event)
                after = sequence
            self._folds[app] = (after, history)
            return history

    def _after(self, app: str, after: int) -> Iterable[tuple[int, Event]]:
        return self._database.events(app, after=after)
