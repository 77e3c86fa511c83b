"""Who an app is: its own identity and those it was given, and what each may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What the app's own identity is called, by Azure too.
SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that an identity holds at a scope; `settles_seconds` is how long it may take to be in effect."""

    role: str
    scope: str
    settles_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class IdentityState:
    """One identity of an app: `system`, or a user-assigned one by its name; `id` is empty for the former."""

    name: str
    principal_id: str
    client_id: str = ""
    id: str = ""
    grants: tuple[Grant, ...] = ()


def read_identities(document: Mapping[str, Any]) -> tuple[IdentityState, ...]:
    """Read who a resource is, its own identity first (facts §3.3; recorded: identity_e2e, identity_user)."""
    given = document.get("identity") or {}
    found = []
    if given.get("principalId"):
        found.append(IdentityState(SYSTEM, str(given["principalId"])))
    users = given.get("userAssignedIdentities") or {}
    for id_, told in sorted(users.items(), key=lambda pair: pair[0].lower()):
        ids = told or {}
        found.append(
            IdentityState(
                parse_id(id_).name, str(ids.get("principalId") or ""), str(ids.get("clientId") or ""), str(id_)
            )
        )
    return tuple(found)


def with_identities(document: Mapping[str, Any], users: tuple[str, ...], *, system: bool) -> dict[str, Any] | None:
    """Return the identity to write so that a resource has these as well as its own, None when it has them all."""
    given = document.get("identity") or {}
    before = {id_.lower(): id_ for id_ in given.get("userAssignedIdentities") or {}}
    after = before | {id_.lower(): id_ for id_ in users if id_.lower() not in before}
    own = bool(given.get("principalId"))
    if len(after) == len(before) and own >= system:
        return None
    kinds = ["SystemAssigned"] * (own or system) + ["UserAssigned"] * bool(after)
    named: dict[str, Any] = {"userAssignedIdentities": {id_: {} for id_ in after.values()}} if after else {}
    return {"type": ",".join(kinds), **named}
