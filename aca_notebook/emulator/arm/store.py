"""Resources as the JSON they were given: read from memory, written to disk first."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal.database import delete_document, put_document
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from aca_notebook.emulator.journal.database import Database, Statement

GROUP_TYPE = "Microsoft.Resources/resourceGroups"
_PREFIX = "arm:"
#: Told what has just been removed.
Deleted = Callable[[Collection[ResourceId]], Awaitable[None]]


class Store:
    """All resources of this emulator. What `get` and `list` return is the caller's own copy."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._documents: dict[str, dict[str, Any]] = {}  # by the id's key
        self._by_type: dict[str, dict[str, ResourceId]] = {}
        self._watchers: list[Deleted] = []
        rows = database.read_blocking("SELECT kind, key FROM documents WHERE substr(kind, 1, 4) = ?", (_PREFIX,))
        for kind in sorted({kind for kind, _ in rows}):
            for document in database.documents(kind).values():
                self._remember(_id_of(document), document)

    def get(self, id_: ResourceId) -> dict[str, Any] | None:
        """Return a resource's document, or None."""
        return copy.deepcopy(self._documents.get(id_.key))

    def children(self, parent: ResourceId, type_: str) -> list[dict[str, Any]]:
        """Return the documents of a type (`…/containerApps/revisions`) directly under `parent`, in id order."""
        found = self._by_type.get(type_.lower(), {})
        return [copy.deepcopy(self._documents[key]) for key, id_ in sorted(found.items()) if id_.parent == parent]

    def list(self, type_: str, subscription: str, resource_group: str = "") -> list[dict[str, Any]]:
        """Return the documents of a type (`Microsoft.App/containerApps`) in a subscription or a group, in id order."""
        found = self._by_type.get(type_.lower(), {})
        return [
            copy.deepcopy(self._documents[key])
            for key, id_ in sorted(found.items())
            if id_.subscription.lower() == subscription.lower()
            and (not resource_group or id_.resource_group.lower() == resource_group.lower())
        ]

    async def put(self, id_: ResourceId, document: dict[str, Any], *also: Statement) -> None:
        """Store a document over what was there, with further statements in the same transaction.

        Raises `AzureError` 507 when the disk is full, and then nothing has changed.
        """
        await self.put_all({id_: document}, *also)

    async def put_all(self, documents: dict[ResourceId, dict[str, Any]], *also: Statement) -> None:
        """`put` for several resources that must change together."""
        await self._write(*(put_document(_kind(id_), id_.key, body) for id_, body in documents.items()), *also)
        for id_, body in documents.items():
            self._remember(id_, copy.deepcopy(body))

    async def delete(self, id_: ResourceId, *also: Statement) -> None:
        """Remove a resource and all that lies under its id."""
        doomed = {
            key: found
            for kind in self._by_type.values()
            for key, found in kind.items()
            if key == id_.key or key.startswith(f"{id_.key}/")
        }
        await self._write(*(delete_document(_kind(found), key) for key, found in doomed.items()), *also)
        for key, found in doomed.items():
            self._documents.pop(key, None)
            self._by_type[_type(found)].pop(key, None)
        for watcher in self._watchers:
            await watcher(doomed.values())

    def when_deleted(self, watcher: Deleted) -> None:
        """Tell `watcher` of everything that is removed, by whichever way, once it is gone."""
        self._watchers.append(watcher)

    async def write(self, *statements: Statement) -> None:
        """Write what is no resource, with the same refusal when the disk is full."""
        await self._write(*statements)

    def _remember(self, id_: ResourceId, document: dict[str, Any]) -> None:
        self._documents[id_.key] = document
        self._by_type.setdefault(_type(id_), {})[id_.key] = id_

    async def _write(self, *statements: Statement) -> None:
        try:
            await self._database.write(*statements)
        except sqlite3.OperationalError as failure:
            raise AzureError(
                507, "InsufficientStorage", f"The emulator could not write to its data folder: {failure}."
            ) from failure


def _type(id_: ResourceId) -> str:
    return (id_.type or GROUP_TYPE).lower()


def _kind(id_: ResourceId) -> str:
    return _PREFIX + _type(id_)


def _id_of(document: dict[str, Any]) -> ResourceId:
    return parse_id(document["id"])
