"""Resources that are kept as they are written and answered again: a kind says how its own differ, no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body, merge_patch, system_data, without_nulls
from aca_notebook.emulator.arm.faults import invalid, parent_not_found, resource_not_found
from aca_notebook.emulator.arm.locations import check_place
from aca_notebook.emulator.arm.values import member, text
from aca_notebook.emulator.wire import AzureError, Check, Door, Offer, Route
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.scope import Scope
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.identity.secrets import Secrets

Document = dict[str, Any]
#: Reads one value of a body, given its path for a refusal.
Reader = Callable[[Any, str], Any]


@dataclass(frozen=True, slots=True)
class Write:
    """One write: what is asked for, without nulls, what stood there, when and by whom."""

    id: ResourceId
    asked: Document
    before: Document | None
    now: datetime
    claims: Mapping[str, Any] = field(repr=False)

    @property
    def properties(self) -> Document:
        """What is asked for under `properties`."""
        return member(self.asked.get("properties"), "properties")

    @property
    def kept(self) -> Document:
        """The properties that stood there."""
        return dict((self.before or {}).get("properties") or {})


def _as_stored(_: Keeping, document: Document) -> Document:
    return document


def _no_secrets(_: Write) -> dict[str, str | None]:
    return {}


@dataclass(frozen=True, slots=True)
class Kind:
    """What is special about a type. `path` ends in `{name}`; `operations` begins its operation ids.

    `settle` makes the properties that are stored and answered, without secret values; `secrets` returns those by name,
    None for one that is named but not given again. It raises `AzureError` for what Azure would refuse.
    """

    path: str
    operations: str
    type: str
    settle: Callable[[Write], Document]
    secrets: Callable[[Write], Mapping[str, str | None]] = _no_secrets
    missing: Callable[[ResourceId], AzureError] = resource_not_found
    orphaned: Callable[[ResourceId], AzureError] | None = None  #: the refusal when only its parent is missing
    written: Callable[[ResourceId], str] = str  #: how its id is answered
    shown: Callable[[Keeping, Document], Document] = _as_stored  #: how reading answers it, where writing does not
    location: Callable[[str], str] | None = None  #: how its own location is written, where it has one
    top: tuple[str, ...] = ()  #: members beside `properties` that are kept as they come
    empty_tags: bool = True  #: whether tags are answered where there are none
    etag: Callable[[ResourceId, datetime], str] | None = None
    system_data: bool = False
    patched: bool = False
    created_status: int = 200
    deleted_status: int = 204
    offer: Offer = Offer.STORED
    recorded: tuple[str, ...] = ()  #: those of its operations that recorded traffic checks
    read_by_sdk: tuple[str, ...] = ()  #: those that an unmodified SDK reads in a test
    described: tuple[str, ...] = ()  #: those held against the API's description


@dataclass(frozen=True, slots=True)
class Keeping:
    """What every kind is kept with."""

    scope: Scope
    store: Store
    secrets: Secrets
    clock: Clock

    def locate(
        self, request: Request, template: str, verb: str, orphaned: Callable[[ResourceId], AzureError] | None = None
    ) -> ResourceId:  # fmt: skip
        """Return the id that a request's path names; `verb` is for the refusal when its parent is not there.

        `orphaned` makes another one where the parent alone is missing, not what that is in.

        Raises `AzureError` 404 when subscription, group or parent is not there, 400 for a name that cannot be.
        """
        named = {key: str(value) for key, value in request.path_params.items()}
        named["subscription"] = self.scope.subscription(request)
        if "{group}" in template:
            named["group"] = self.scope.group(request).resource_group
        id_ = parse_id(template.format(**named))
        owner = id_.parent
        if owner.types and self.store.get(owner) is None:
            if "providers" in id_.types:
                raise resource_not_found(owner)
            whole = owner.parent
            alone = orphaned is not None and whole.types and self.store.get(whole) is not None
            raise orphaned(owner) if orphaned is not None and alone else parent_not_found(id_, verb)
        return id_


class Stored:
    """The operations of one kind. A noun with more of its own has one of these."""

    def __init__(self, kind: Kind, keeping: Keeping) -> None:
        self.kind = kind
        self.keeping = keeping
        self._collection = kind.path.rpartition("/")[0]

    def routes(self, *, listed: str = "List", without: tuple[str, ...] = ()) -> list[Route]:
        """PUT, GET, DELETE, list and, where the kind has it, PATCH; `without` leaves methods out."""
        found = [
            self.route("PUT", self.kind.path, "CreateOrUpdate", self.put),
            self.route("GET", self.kind.path, "Get", self.get),
            self.route("DELETE", self.kind.path, "Delete", self.delete),
            self.route("GET", self._collection, listed, self.list),
        ]
        if self.kind.patched:
            found.append(self.route("PATCH", self.kind.path, "Update", self.patch))
        return [each for each in found if each.method not in without]

    def route(self, method: str, template: str, name: str, handler: Callable[[Request], Any]) -> Route:
        """One operation of this kind."""
        kind = self.kind
        checked = Check.NONE
        for names, check in (
            (kind.recorded, Check.RECORDING), (kind.read_by_sdk, Check.SDK), (kind.described, Check.DESCRIPTION),
        ):  # fmt: skip
            checked |= check if name in names else Check.NONE
        return Route(method, template, Door.ARM, f"{kind.operations}_{name}", handler, kind.offer, checked)

    async def put(self, request: Request) -> Response:
        """Make it or write over it."""
        id_ = self.locate(request, "write")
        before = self.keeping.store.get(id_)
        document = await self.write(id_, await self.body(request), before, request)
        return JSONResponse(document, status_code=200 if before else self.kind.created_status)

    async def patch(self, request: Request) -> Response:
        """Change what the body names (RFC 7396)."""
        id_ = self.locate(request, "write")
        before = self.found(id_)
        asked = without_nulls(merge_patch(before, await json_body(request)))
        return JSONResponse(await self.write(id_, asked, before, request))

    async def get(self, request: Request) -> Response:
        """Answer it."""
        document = self.found(self.locate(request, "read"))
        return JSONResponse(self.kind.shown(self.keeping, document))

    async def list(self, request: Request) -> Response:
        """Answer all of one parent, or of a group."""
        some = self.keeping.locate(request, f"{self._collection}/-", "read", self.kind.orphaned)
        return self._listed(self.keeping.store.children(some.parent, some.type))

    async def list_all(self, request: Request) -> Response:
        """Answer all of the subscription."""
        return self._listed(self.keeping.store.list(self.kind.type, self.keeping.scope.subscription(request)))

    async def delete(self, request: Request) -> Response:
        """Remove it; what is not there is gone already."""
        id_ = self.locate(request, "delete")
        if self.keeping.store.get(id_) is None:
            return Response(status_code=204)
        await self.keeping.store.delete(id_)
        return Response(status_code=self.kind.deleted_status)

    async def body(self, request: Request) -> Document:
        """Return what a request asks for, without nulls; it can be read again."""
        return dict(without_nulls(await json_body(request)))

    def locate(self, request: Request, verb: str) -> ResourceId:
        """Return the id that a request's path names, as `Keeping.locate` does."""
        return self.keeping.locate(request, self.kind.path, verb, self.kind.orphaned)

    def found(self, id_: ResourceId) -> Document:
        """Return the document.

        Raises `AzureError` 404 in the kind's own words.
        """
        document = self.keeping.store.get(id_)
        if document is None:
            raise self.kind.missing(id_)
        return document

    async def write(self, id_: ResourceId, asked: Document, before: Document | None, request: Request) -> Document:
        """Store what a body asks for, its secret values first and apart; returns the document."""
        write = Write(id_, asked, before, self.keeping.clock.now(), request.state.claims)
        document = self._document(write)
        given = self.kind.secrets(write)
        if given or before:
            secrets = self.keeping.secrets
            held = {name: secrets.get(id_.key, name) for name in given if secrets.has(id_.key, name)}
            values = {name: held.get(name) if value is None else value for name, value in given.items()}
            kept = {name: value for name, value in values.items() if value is not None}
            async with secrets.replacing(id_.key, kept) as switch:
                await self.keeping.store.put(id_, document, switch)
        else:
            await self.keeping.store.put(id_, document)
        return document

    def _listed(self, found: Sequence[Document]) -> Response:
        return JSONResponse({"value": [self.kind.shown(self.keeping, each) for each in found]})

    def _document(self, write: Write) -> Document:
        kind, before, asked = self.kind, write.before or {}, write.asked
        document: Document = {
            "id": before.get("id", kind.written(write.id)),
            "name": before.get("name", write.id.name),
            "type": kind.type,
        }
        if kind.location is not None:
            wanted = text(asked.get("location") or before.get("location"), "location")
            document["location"] = kind.location(wanted)
            check_place(write.id, document["location"], write.before)
            tags = member(asked.get("tags"), "tags")
            document |= {"tags": tags} if tags or kind.empty_tags else {}
        if kind.etag is not None:
            document["etag"] = kind.etag(write.id, write.now)
        if kind.system_data:
            document["systemData"] = system_data(dict(write.claims), write.now, before.get("systemData"))
        document |= {name: asked[name] for name in kind.top if name in asked}
        document["properties"] = kind.settle(write)
        return document


def read(body: Mapping[str, Any], readers: Mapping[str, Reader], path: str = "properties") -> Document:
    """Return those members of a body that are there and known, each through its reader.

    Raises `AzureError` 400 for a value of another type.
    """
    return {
        name: reader(body[name], f"{path}.{name}") for name, reader in readers.items() if body.get(name) is not None
    }


@dataclass(frozen=True, slots=True)
class OneOf:
    """Reads one of some words, written in any case."""

    words: tuple[str, ...]

    def __call__(self, value: Any, path: str) -> str:
        """Return the word in Azure's case.

        Raises `AzureError` 400 for any other.
        """
        found = next((word for word in self.words if word.lower() == text(value, path).lower()), None)
        if found is None:
            raise invalid("InvalidParameterValue", f"The value of '{path}' must be one of {', '.join(self.words)}.")
        return found


def one_of(*allowed: str) -> OneOf:
    """Return a reader of one of these words, written in any case."""
    return OneOf(allowed)
