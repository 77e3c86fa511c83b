"""Apps end when their tag says so: the promise on every card, kept while this emulator runs and when it starts again.

Azure has no such tag of its own; there it is nothing but a record (docs/reference/tags.md).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.clock import parse_instant
from aca_notebook.emulator.arm.app_lifecycle import APP_TYPE
from aca_notebook.emulator.journal.database import append_event
from aca_notebook.emulator.journal.events import AppExpired
from aca_notebook.emulator.rounds import Rounds
from aca_notebook.model.ids import ResourceId, parse_id
from aca_notebook.model.states import ProvisioningState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.operations import Operation
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.journal.database import Statement

logger = logging.getLogger(__name__)

Document = dict[str, Any]
#: The tag a client writes: a moment as ISO 8601, in UTC unless it says otherwise.
EXPIRES_TAG = "aca-notebook-expires"
LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Expired:
    """An app whose time is over; `until` is its tag."""

    id: ResourceId
    until: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which apps are to go, and which have a tag that nobody can read."""

    expired: tuple[Expired, ...] = ()
    unreadable: tuple[Expired, ...] = ()


def decide_expired(documents: Iterable[Document], now: datetime) -> Verdict:
    """Return the apps whose tag lies at `now` or before; those without a tag, or on their way out, are left alone."""
    expired, unreadable = [], []
    for document in documents:
        until = _tag(document)
        if not until or document["properties"]["provisioningState"] == ProvisioningState.DELETING:
            continue
        found = Expired(parse_id(document["id"]), until)
        try:
            over = parse_instant(until) <= now
        except ValueError:
            unreadable.append(found)
            continue
        if over:
            expired.append(found)
    return Verdict(tuple(expired), tuple(unreadable))


class Deletes(Protocol):
    """The way an app is deleted when somebody asks for it."""

    async def delete(self, id_: ResourceId, *also: Statement) -> Operation | None:
        """Begin, with further statements in the same transaction; None when there is no such app."""
        ...


class Expiry:
    """Looks once at the start and then every few seconds, at this emulator's clock."""

    def __init__(self, *, store: Store, apps: Deletes, clock: Clock, subscription: str) -> None:
        self._store = store
        self._apps = apps
        self._clock = clock
        self._subscription = subscription
        self._told: set[Expired] = set()
        self._rounds = Rounds("expiry", self.once, pause=lambda: LOOK_SECONDS, clock=clock)

    async def start(self) -> None:
        """Let go what expired while no emulator ran, then go on looking. To be called when operations can begin."""
        await self._rounds.once()
        self._rounds.start()

    async def close(self) -> None:
        """Look no more; deletions that have begun are operations like any other."""
        await self._rounds.close()

    async def once(self) -> None:
        """Begin to delete what is due now. Raises `AzureError` when the disk is full."""
        now = self._clock.now()
        verdict = decide_expired(self._store.list(APP_TYPE, self._subscription), now)
        for strange in set(verdict.unreadable) - self._told:
            logger.warning("%s never expires: its tag %s is no moment: %r", strange.id, EXPIRES_TAG, strange.until)
        self._told = set(verdict.unreadable)
        for due in verdict.expired:
            logger.info("%s expired at %s", due.id, due.until)
            await self._apps.delete(due.id, append_event(AppExpired(at=now, app=due.id.key, until=due.until)))


def _tag(document: Document) -> str:
    """The tag's value; names of tags do not mind their case."""
    tags = document.get("tags") or {}
    return next((str(value) for name, value in tags.items() if name.lower() == EXPIRES_TAG), "")
