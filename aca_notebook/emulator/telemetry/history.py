"""When each replica was metered, and when it restarted: a fold of the journal."""

from __future__ import annotations

import asyncio
import bisect
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aca_notebook.emulator.journal.events import (
    AppWithdrawn,
    ContainerEvent,
    ContainerExited,
    ContainerStarted,
    Event,
    ReplicaAssigned,
    ReplicaStopped,
)
from aca_notebook.emulator.telemetry.metrics import Span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.telemetry.lives import Lives

#: What a successor writes of the replicas of an emulator that was killed.
EMULATOR_STOPPED = "EmulatorStopped"

_Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Metered:
    """An app's replicas, past and present; `since` is its first event, None for an app nothing happened to.

    `assigned` are the events that began them, by revision and replica: they say how large each is.
    """

    since: datetime | None
    spans: tuple[Span, ...]
    assigned: Mapping[tuple[str, str], ReplicaAssigned] = field(default_factory=dict)


@dataclass(slots=True)
class History:
    """The fold: `apply` takes an app's events in order, each once.

    `lives` are when emulators began and were last known to live, in order.
    """

    lives: Sequence[tuple[datetime, datetime]] = ()
    since: datetime | None = None
    spans: dict[_Name, Span] = field(default_factory=dict)
    assigned: dict[_Name, ReplicaAssigned] = field(default_factory=dict)
    _started: set[tuple[str, str, str]] = field(default_factory=set)
    _seen: dict[_Name, datetime] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        """Take one event in; those that are about no replica only tell how old the app is."""
        if self.since is None:
            self.since = event.at
        match event:
            case AppWithdrawn():
                self.spans = {name: replace(span, end=span.end or event.at) for name, span in self.spans.items()}
            case ReplicaAssigned():
                name = (event.revision, event.replica)
                self.spans.setdefault(name, Span(*name, event.at))
                self.assigned.setdefault(name, event)
                self._seen[name] = event.at
            case ReplicaStopped() if (name := (event.revision, event.replica)) in self.spans:
                self.spans[name] = replace(self.spans[name], end=self._end(name, event))
            case ContainerEvent() if (event.revision, event.replica) in self.spans:
                self._note(event)
            case _:
                pass

    def metered(self) -> Metered:
        """The replicas as of the last event."""
        return Metered(self.since, tuple(self.spans.values()), dict(self.assigned))

    def _note(self, event: ContainerEvent) -> None:
        name = (event.revision, event.replica)
        if not isinstance(event, ContainerExited):
            self._seen[name] = event.at
        if isinstance(event, ContainerStarted):
            container = (*name, event.container)
            if container in self._started:
                span = self.spans[name]
                self.spans[name] = replace(span, restarts=(*span.restarts, event.at))
            self._started.add(container)

    def _end(self, name: _Name, event: ReplicaStopped) -> datetime:
        """When it ended: for one whose emulator was killed, when either was last known to live."""
        if event.reason != EMULATOR_STOPPED:
            return event.at
        # Written by an emulator before its own life is; the one that was killed is the last that began earlier.
        index = bisect.bisect_left(self.lives, event.at, key=lambda life: life[0])
        known = self.lives[index - 1][1] if index else event.at
        return max(self._seen[name], known)


class Histories:
    """Keeps each app's fold and brings it up to date with what was appended since."""

    def __init__(self, database: Database, lives: Lives) -> None:
        self._database = database
        self._lives = lives
        self._folds: dict[str, tuple[int, History]] = {}
        self._turn = asyncio.Lock()

    async def read(self, app: str) -> Metered:
        """Return an app's replicas as of now."""
        async with self._turn:
            after, history = self._folds.get(app, (0, History()))
            history.lives = await self._lives.read()
            for sequence, event in await asyncio.to_thread(self._after, app, after):
                history.apply(event)
                after = sequence
            self._folds[app] = (after, history)
            return history.metered()

    def _after(self, app: str, after: int) -> list[tuple[int, Event]]:
        return self._database.events(app, after=after)
