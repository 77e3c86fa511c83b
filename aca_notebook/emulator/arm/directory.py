"""The managed identities that resources are and have, as principals of the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.identities import client_id, principal_id
from aca_notebook.emulator.arm.user_identities import TYPE as USER_IDENTITY
from aca_notebook.emulator.identity.principals import Principal
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.emulator.arm.store import Store

Document = dict[str, Any]
SYSTEM = "system"
_OF_ENVIRONMENT = "system-environment"
_WITH_SYSTEM_IDENTITY = (
    "Microsoft.App/containerApps", "Microsoft.App/managedEnvironments", "Microsoft.App/jobs",
    "Microsoft.App/sessionPools",
)  # fmt: skip
#: `identitySettings[].lifecycle`: which containers may use an identity; None is for the platform alone (documented).
_MAY_USE = {True: {"all", "init"}, False: {"all", "main"}}


class ManagedIdentities:
    """Reads them out of the resources' documents, so that they are there exactly as long as those are."""

    def __init__(self, store: Store, subscription: str) -> None:
        self._store = store
        self._subscription = subscription

    def user_assigned(self) -> list[Principal]:
        """Every user-assigned identity."""
        return [user_identity(each["id"], each["name"]) for each in self._store.list(USER_IDENTITY, self._subscription)]

    def system_assigned(self) -> list[Principal]:
        """The identity of every resource that has one of its own."""
        return [
            _system(each)
            for type_ in _WITH_SYSTEM_IDENTITY
            for each in self._store.list(type_, self._subscription)
            if (each.get("identity") or {}).get("principalId")
        ]

    def of(self, resource: str, *, starting: bool) -> Mapping[str, Principal]:
        """Return the identities that a resource's containers may use, by `system` or their own lower-case ids."""
        document = self._store.get(parse_id(resource))
        if document is None:
            return {}
        properties = document["properties"]
        of_pool = properties.get(
            "managedIdentitySettings"
        )  # where one that is not named is the platform's (documented)
        settings = of_pool or properties.get("configuration", {}).get("identitySettings") or ()
        unnamed = "all" if of_pool is None else "none"
        lifecycles = {
            _reference(each.get("identity")): str(each.get("lifecycle") or "All").lower() for each in settings
        }
        return {
            reference: principal
            for reference, principal in assigned(document).items()
            if lifecycles.get(reference, unnamed) in _MAY_USE[starting]
        }

    def named(self, document: Document, reference: Any) -> Principal | None:
        """Return the identity that a secret or a registry of an app or job names, None when it has no such.

        `system-environment` is that of its environment, which the platform may use for it (documented).
        """
        wanted = _reference(reference)
        if wanted != _OF_ENVIRONMENT:
            return assigned(document).get(wanted)
        environment = self._store.get(parse_id(document["properties"]["environmentId"]))
        return assigned(environment).get(SYSTEM) if environment else None


def assigned(document: Document) -> dict[str, Principal]:
    """Return all identities that a resource has, by `system` or their own lower-case ids."""
    identity = document.get("identity") or {}
    found = {
        id_.lower(): user_identity(id_, id_.rpartition("/")[2]) for id_ in identity.get("userAssignedIdentities") or ()
    }
    return ({SYSTEM: _system(document)} if identity.get("principalId") else {}) | found


def user_identity(id_: str, name: str) -> Principal:
    """Return the principal of a user-assigned identity."""
    return Principal(principal_id(id_), client_id(id_), name, id_.lower())


def _system(document: Document) -> Principal:
    id_ = document["id"]
    return Principal(document["identity"]["principalId"], client_id(id_), document["name"], id_.lower())


def _reference(value: Any) -> str:
    return str(value or "").strip().rstrip("/").lower()
