"""All apps of a target for somebody who looks again and again: one list each time, and of each app no more than needed.

What a list does not tell (replicas, what they do, whether a GPU is idle) costs requests for each app. So a look asks
that of apps that have changed and of those that were asked about longest ago, up to a limit.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aca_notebook.api.app import App
from aca_notebook.model.states import RevisionRunningState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_notebook.api.access import Access
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.model.app import AppState

#: So many apps a look asks about, and so many at a time.
MOST_A_LOOK = 48
AT_ONCE = 16
_MOVING = {RevisionRunningState.PROCESSING, RevisionRunningState.ACTIVATING, RevisionRunningState.DEPROVISIONING}


@dataclass(frozen=True, slots=True)
class Seen:
    """An app as the list had it, as it was when it was asked about, and when (a monotonic clock's)."""

    listed: AppState
    state: AppState
    at: float


def decide_questions(seen: Mapping[str, Seen], listed: Sequence[AppState], most: int) -> tuple[str, ...]:
    """Return whom to ask about: those that are new, that changed or that move, then the longest unasked."""

    def rank(state: AppState) -> tuple[int, float]:
        before = seen.get(state.name)
        if before is None or before.listed != state:
            return 0, 0.0
        moving = not state.settled or before.state.running_state in _MOVING
        return (1 if moving else 2), before.at

    return tuple(state.name for state in sorted(listed, key=rank)[:most])


def merged(listed: AppState, seen: Seen | None) -> AppState:
    """Return what a list says of an app with what was known beside it."""
    if seen is None:
        return listed
    known = seen.state
    return replace(
        listed, replicas=known.replicas, running_state=known.running_state or listed.running_state,
        gpu_note=known.gpu_note, idle_note=known.idle_note, hourly_usd=known.hourly_usd,
    )  # fmt: skip


class Overview:
    """Lives on the Workspace's loop; one look at a time."""

    def __init__(self, workspace: Workspace, access: Access, most: int = MOST_A_LOOK) -> None:
        self._workspace = workspace
        self._access = access
        self._most = most
        self._seen: dict[str, Seen] = {}
        self._looking = asyncio.Lock()

    def app(self, name: str) -> App | None:
        """Return an app as it was when it was last asked about; None for one that is not known."""
        seen = self._seen.get(name)
        return App(seen.state, self._workspace, self._access) if seen else None

    async def look(self) -> tuple[AppState, ...]:
        """Return every app by name. An app's count may be some looks old; whether it is there never is."""
        async with self._looking:
            documents, profiles = await asyncio.gather(
                self._access.ask(lambda services: services.apps.list()), self._workspace.known_profiles()
            )
            listed = [self._access.services.apps.read(document, profiles) for document in documents]
            by_name = {state.name: state for state in listed}
            turns = asyncio.Semaphore(AT_ONCE)

            async def ask(name: str) -> tuple[str, Seen]:
                async with turns:
                    state = await self._workspace.counted(by_name[name])
                return name, Seen(by_name[name], state, self._workspace.clock.monotonic())

            questions = decide_questions(self._seen, listed, self._most)
            answers = dict(await asyncio.gather(*(ask(name) for name in questions)))
            self._seen = {name: seen for name, seen in self._seen.items() if name in by_name} | answers
            return tuple(
                merged(state, self._seen.get(state.name)) for state in sorted(listed, key=lambda one: one.name)
            )
