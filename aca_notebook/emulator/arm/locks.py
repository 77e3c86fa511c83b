"""`Microsoft.Authorization/locks`: what may not be deleted, and what may not be changed, at any scope.

Answers are as recorded (azure-cli's test_cannotdelete_resource_lock); the refusal is the one that users of Azure report
(azure-cli's issue 20232, apiops' issue 606).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body, without_nulls
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.scope import GROUP, INNER_RESOURCE, RESOURCE, SUBSCRIPTION
from aca_notebook.emulator.arm.stored import one_of
from aca_notebook.emulator.arm.values import member, text
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, query
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.stored import Document, Keeping
    from aca_notebook.emulator.wire import Handler

TYPE = "Microsoft.Authorization/locks"
_LEVEL = one_of("CanNotDelete", "ReadOnly")
_LONGEST_NOTES = 512
_READS = frozenset({"GET", "HEAD"})
#: What only asks, though it is a POST; a read-only lock still lets nobody list keys (documented: lock considerations).
_ASKS = ("/validate", "/whatif", "/exporttemplate", "/checknameavailability")


class Locks:
    """The routes, and the guard that every other route of Resource Manager passes."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self._store = keeping.store

    def routes(self) -> list[Route]:
        """The same under each scope."""
        made = []
        for scope, level in (
            (SUBSCRIPTION, "Subscription"), (GROUP, "ResourceGroup"), (RESOURCE, "Resource"),
            (INNER_RESOURCE, "Resource"),
        ):  # fmt: skip
            listed = f"{scope}/providers/{TYPE}"
            one = f"{listed}/{{name}}"
            for method, path, name, handler in (
                ("PUT", one, f"CreateOrUpdateAt{level}Level", self._put), ("GET", one, f"GetAt{level}Level", self._get),
                ("DELETE", one, f"DeleteAt{level}Level", self._delete),
                ("GET", listed, f"ListAt{level}Level", self._list),
            ):  # fmt: skip
                handle = partial(handler, scope)
                made.append(Route(method, path, Door.ARM, f"ManagementLocks_{name}", handle, checked=Check.SDK))
        return made

    def guarded(self, route: Route) -> Route:
        """Return a route that refuses what a lock forbids; reading passes."""
        if route.door is not Door.ARM or route.method in _READS or f"/{TYPE}/" in route.template:
            return route
        return replace(route, handler=partial(self._answer, route.handler))

    async def _answer(self, handler: Handler, request: Request) -> Response:
        locks = self._store.list(TYPE, self._keeping.scope.subscription_id)
        if locks:
            raw = request.scope.get("raw_path", request.url.path.encode()).decode("ascii", "replace")
            path = "/" + "/".join(unquote(part) for part in raw.split("/") if part)
            held = _holding(locks, request.method, path)
            if held:
                raise _locked(path, "delete" if request.method == "DELETE" else "write", held)
        return await handler(request)

    async def _put(self, at: str, request: Request) -> Response:
        id_ = self._id(at, request)
        asked = member(without_nulls(await json_body(request)).get("properties"), "properties")
        properties: Document = {"level": _LEVEL(asked.get("level", ""), "properties.level")}
        notes = text(asked.get("notes"), "properties.notes")
        if len(notes) > _LONGEST_NOTES:
            raise invalid("InvalidLockNotes", f"The notes of a lock may have at most {_LONGEST_NOTES} characters.")
        properties |= {"notes": notes} if notes else {}
        properties |= {"owners": asked["owners"]} if isinstance(asked.get("owners"), list) else {}
        before = self._store.get(id_)
        document = {"properties": properties, "id": str(id_), "type": TYPE, "name": id_.name}
        await self._store.put(id_, document)
        return JSONResponse(document, 200 if before else 201)

    async def _get(self, at: str, request: Request) -> Response:
        id_ = self._id(at, request)
        document = self._store.get(id_)
        if document is None:
            raise AzureError(404, "LockNotFound", f"The lock '{id_.name}' could not be found.")
        return JSONResponse(document)

    async def _delete(self, at: str, request: Request) -> Response:
        id_ = self._id(at, request)
        if self._store.get(id_) is None:
            return Response(status_code=204)
        await self._store.delete(id_)
        return Response(status_code=200)

    async def _list(self, at: str, request: Request) -> Response:
        """Those at the scope and, unless `atScope()` says otherwise, below it."""
        scope = self._keeping.locate(request, f"{at}/providers/{TYPE}/-", "read").parent
        only = "atscope" in query(request, "$filter").lower()
        found = self._store.list(TYPE, scope.subscription)
        return JSONResponse({"value": [
            each for each in found
            if _scope_of(each) == scope.key or (not only and _scope_of(each).startswith(f"{scope.key}/"))
        ]})  # fmt: skip

    def _id(self, at: str, request: Request) -> ResourceId:
        return self._keeping.locate(request, f"{at}/providers/{TYPE}/{{name}}", "write")


def _holding(locks: list[Document], method: str, path: str) -> list[str]:
    """Return the scopes of the locks that forbid a request: on what it is about, around that, and for DELETE in it."""
    wanted = f"{path.lower()}/"
    held = []
    for lock in locks:
        scope = _scope_of(lock)
        around = wanted.startswith(f"{scope}/")
        if method == "DELETE":
            forbidden = around or scope.startswith(wanted)
        else:
            asks = method == "POST" and path.lower().endswith(_ASKS)
            forbidden = around and not asks and lock["properties"]["level"] == "ReadOnly"
        if forbidden:
            held.append(str(parse_id(lock["id"]).parent))
    return held


def _scope_of(lock: Document) -> str:
    return parse_id(lock["id"]).parent.key


def _locked(path: str, doing: str, scopes: list[str]) -> AzureError:
    listed = ", ".join(f"'{each}'" for each in sorted(set(scopes)))
    return AzureError(
        409,
        "ScopeLocked",
        f"The scope '{path}' cannot perform {doing} operation because following scope(s) are locked: {listed}. Please "
        "remove the lock and try again.",
    )
