"""Roles that are given: which, to whom, where, since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The same in every tenant (recorded: registry_identity_system, sessionpool_e2e; documented: built-in roles).
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
SESSION_EXECUTOR = "0fb8eba5-a2bb-4abe-b1c1-49dfad359bb0"
#: How long an assignment may take to be in effect (documented: "up to 10 minutes").
PROPAGATION_SECONDS = 600.0
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One assignment: `role` is the role's GUID, `principal` the object id, both in lower case."""

    id: str
    role: str
    principal: str
    scope: str
    created_at: datetime | None = None
    description: str = ""

    def settles_in(self, now: datetime) -> float:
        """How many seconds it may still take to be in effect; 0 when its time is over or not known."""
        return 0.0 if self.created_at is None else settles_in(self.created_at, now)


def settles_in(made: datetime, now: datetime) -> float:
    """How many seconds an assignment that was `made` then may still take to be in effect."""
    return max(PROPAGATION_SECONDS - (now - made).total_seconds(), 0.0)


def held(assignments: Iterable[Assignment], role: str, principal: str) -> Assignment | None:
    """Return a principal's assignment of a role: the oldest, for that one is in effect first."""
    mine = [each for each in assignments if each.role == role.lower() and each.principal == principal.lower()]
    return min(mine, key=lambda each: each.created_at or _LONG_AGO, default=None)
