"""Resources as the JSON they were given: read from memory, written to disk first."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
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
#: Shown what has just been written.
Written = Callable[[ResourceId, dict[str, Any]], None]


class Tried(BaseException):
    """Ends a handler at its first write while a trial is on: nothing of it was done. No `except Exception` takes it."""


class Trial:
    """What handlers would have written: seen by those who try, and stored nowhere."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self._ids: dict[str, ResourceId] = {}
        self._below: dict[tuple[str, str], set[str]] = {}  # by an ancestor's key and a type

    def note(self, id_: ResourceId, document: dict[str, Any]) -> None:
        """Let this document be seen."""
        self.documents[id_.key] = document
        self._ids[id_.key] = id_
        for ancestor in _ancestors(id_):
            self._below.setdefault((ancestor.key, _type(id_)), set()).add(id_.key)

    def keys(self, type_: str, ancestor: ResourceId) -> set[str]:
        """Return the keys of a type in something."""
        return self._below.get((ancestor.key, type_.lower()), set())

    def parent(self, key: str) -> str | None:
        """Return the key of what a document lies in, None for one that is not of this trial."""
        return self._ids[key].parent.key if key in self._ids else None


class Store:
    """All resources of this emulator. What `get` and `list` return is the caller's own copy."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._documents: dict[str, dict[str, Any]] = {}  # by the id's key, as the next two
        self._ids: dict[str, ResourceId] = {}
        self._parents: dict[str, str] = {}
        self._below: dict[str, dict[str, set[str]]] = {}  # by the key of any ancestor, then by type
        self._watchers: list[Deleted] = []
        self._readers: list[Written] = []
        self._trial: ContextVar[Trial | None] = ContextVar("trial", default=None)
        rows = database.read_blocking("SELECT kind, key FROM documents WHERE substr(kind, 1, 4) = ?", (_PREFIX,))
        for kind in sorted({kind for kind, _ in rows}):
            for document in database.documents(kind).values():
                self._remember(_id_of(document), document)

    def get(self, id_: ResourceId) -> dict[str, Any] | None:
        """Return a resource's document, or None."""
        found = self._found(id_.key)
        return None if found is None else _copy(found)

    def children(self, parent: ResourceId, type_: str) -> list[dict[str, Any]]:
        """Return the documents of a type (`…/containerApps/revisions`) directly under `parent`, in id order."""
        return [_copy(self._found(key)) for key in self._of(type_, parent) if self._parent(key) == parent.key]

    def list(self, type_: str, subscription: str, resource_group: str = "") -> list[dict[str, Any]]:
        """Return the documents of a type (`Microsoft.App/containerApps`) in a subscription or a group, in id order."""
        return [_copy(self._found(key)) for key in self._of(type_, ResourceId(subscription, resource_group))]

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """Within the block and this task, let writes be seen and not done: each raises `Tried`."""
        trial = Trial()
        before = self._trial.set(trial)
        try:
            yield trial
        finally:
            self._trial.reset(before)

    async def put(self, id_: ResourceId, document: dict[str, Any], *also: Statement) -> None:
        """Store a document over what was there, with further statements in the same transaction.

        Raises `AzureError` 507 when the disk is full, and then nothing has changed.
        """
        await self.put_all({id_: document}, *also)

    async def put_all(self, documents: dict[ResourceId, dict[str, Any]], *also: Statement) -> None:
        """`put` for several resources that must change together."""
        trial = self._trial.get()
        if trial is not None:
            for id_, body in documents.items():
                trial.note(id_, _copy(body))
        await self._write(*(put_document(_kind(id_), id_.key, body) for id_, body in documents.items()), *also)
        for id_, body in documents.items():
            self._remember(id_, _copy(body))
            for reader in self._readers:
                reader(id_, body)

    async def delete(self, id_: ResourceId, *also: Statement) -> None:
        """Remove a resource and all that lies under its id."""
        below = (key for keys in self._below.get(id_.key, {}).values() for key in keys)
        doomed = {key: self._ids[key] for key in (id_.key, *below) if key in self._ids}
        await self._write(*(delete_document(_kind(found), key) for key, found in doomed.items()), *also)
        for found in doomed.values():
            self._forget(found)
        for watcher in self._watchers:
            await watcher(doomed.values())

    def when_written(self, reader: Written) -> None:
        """Show `reader` everything that is written, once it is; it must not change it."""
        self._readers.append(reader)

    def all(self) -> Iterator[dict[str, Any]]:
        """Give every document, to be read and not kept."""
        yield from self._documents.values()

    def when_deleted(self, watcher: Deleted) -> None:
        """Tell `watcher` of everything that is removed, by whichever way, once it is gone."""
        self._watchers.append(watcher)

    async def write(self, *statements: Statement) -> None:
        """Write what is no resource, with the same refusal when the disk is full."""
        await self._write(*statements)

    def _of(self, type_: str, ancestor: ResourceId) -> Sequence[str]:
        known = self._below.get(ancestor.key, {}).get(type_.lower(), ())
        trial = self._trial.get()
        return sorted(known if trial is None else {*known, *trial.keys(type_, ancestor)})

    def _found(self, key: str) -> dict[str, Any] | None:
        trial = self._trial.get()
        tried = None if trial is None else trial.documents.get(key)
        return self._documents.get(key) if tried is None else tried

    def _parent(self, key: str) -> str:
        trial = self._trial.get()
        tried = None if trial is None else trial.parent(key)
        return self._parents[key] if tried is None else tried

    def _remember(self, id_: ResourceId, document: dict[str, Any]) -> None:
        self._documents[id_.key] = document
        if id_.key in self._ids:
            return
        self._ids[id_.key] = id_
        self._parents[id_.key] = id_.parent.key
        for ancestor in _ancestors(id_):
            self._below.setdefault(ancestor.key, {}).setdefault(_type(id_), set()).add(id_.key)

    def _forget(self, id_: ResourceId) -> None:
        for kept in (self._documents, self._ids, self._parents, self._below):
            kept.pop(id_.key, None)
        for ancestor in _ancestors(id_):
            if ancestor.key in self._below:
                self._below[ancestor.key][_type(id_)].discard(id_.key)

    async def _write(self, *statements: Statement) -> None:
        if self._trial.get() is not None:
            raise Tried
        try:
            await self._database.write(*statements)
        except sqlite3.OperationalError as failure:
            raise AzureError(
                507, "InsufficientStorage", f"The emulator could not write to its data folder: {failure}."
            ) from failure


def _copy(value: Any) -> Any:
    """Return a copy of what JSON can say: five times as fast as `copy.deepcopy`, which also looks for cycles."""
    if isinstance(value, dict):
        return {name: _copy(each) for name, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value


def _ancestors(id_: ResourceId) -> Iterator[ResourceId]:
    """Yield what an id lies in, up to its subscription."""
    while id_.types or id_.resource_group:
        id_ = id_.parent
        yield id_


def _type(id_: ResourceId) -> str:
    return (id_.type or GROUP_TYPE).lower()


def _kind(id_: ResourceId) -> str:
    return _PREFIX + _type(id_)


def _id_of(document: dict[str, Any]) -> ResourceId:
    return parse_id(document["id"])
