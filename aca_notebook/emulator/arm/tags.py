"""Tags of any resource, read and written by themselves: `az tag update` and the SDKs' `tags` operations."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.faults import app_busy, invalid, resource_not_found
from aca_notebook.emulator.arm.scope import GROUP, INNER_RESOURCE, RESOURCE
from aca_notebook.emulator.arm.values import member, text
from aca_notebook.emulator.wire import Check, Door, Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.operations import Operations
    from aca_notebook.emulator.arm.stored import Document, Keeping
    from aca_notebook.model.ids import ResourceId

_DEFAULT = "providers/Microsoft.Resources/tags/default"
_MOST_TAGS = 50


class Tags:
    """`Microsoft.Resources/tags/default` of a group or a resource: the tags of its own document."""

    def __init__(self, keeping: Keeping, operations: Operations) -> None:
        self._keeping = keeping
        self._operations = operations

    def routes(self) -> list[Route]:
        """Read, replace, change and remove."""
        checked = Check.SDK
        return [
            Route(
                method, f"{scope}/{_DEFAULT}", Door.ARM, f"Tags_{name}AtScope", partial(handler, scope), checked=checked
            )
            for scope in (GROUP, RESOURCE, INNER_RESOURCE)
            for method, name, handler in (
                ("GET", "Get", self._get),
                ("PUT", "CreateOrUpdate", self._put),
                ("PATCH", "Update", self._patch),
                ("DELETE", "Delete", self._delete),
            )
        ]

    async def _get(self, scope: str, request: Request) -> Response:
        id_, document = self._owner(scope, request)
        return _answer(id_, document.get("tags") or {})

    async def _put(self, scope: str, request: Request) -> Response:
        id_, document = self._owner(scope, request)
        return await self._write(id_, document, _tags(await json_body(request)))

    async def _patch(self, scope: str, request: Request) -> Response:
        id_, document = self._owner(scope, request)
        body = await json_body(request)
        given, before = _tags(body), dict(document.get("tags") or {})
        operation = text(body.get("operation"), "operation").lower()
        if operation == "delete":
            after = {name: value for name, value in before.items() if given.get(name) != value}
        elif operation in {"merge", "replace"}:
            after = (before if operation == "merge" else {}) | given
        else:
            raise invalid("InvalidTagsOperation", "The operation must be Merge, Replace or Delete.")
        return await self._write(id_, document, after)

    async def _delete(self, scope: str, request: Request) -> Response:
        id_, document = self._owner(scope, request)
        await self._write(id_, document, {})
        return Response(status_code=200)

    def _owner(self, scope: str, request: Request) -> tuple[ResourceId, Document]:
        id_ = self._keeping.locate(request, f"{scope}/{_DEFAULT}", "read").parent
        document = self._keeping.store.get(id_)
        if document is None:
            raise resource_not_found(id_)
        return id_, document

    async def _write(self, id_: ResourceId, document: Document, tags: Document) -> Response:
        running = self._operations.running(id_)
        if running is not None:
            raise app_busy(id_.name, running.name)
        await self._keeping.store.put(id_, document | {"tags": tags})
        return _answer(id_, tags)


def _tags(body: Document) -> dict[str, str]:
    tags = member(member(body.get("properties"), "properties").get("tags"), "properties.tags")
    if len(tags) > _MOST_TAGS:
        raise invalid("InvalidTagsCount", f"A resource may have {_MOST_TAGS} tags.")
    return {name: text(value, f"properties.tags.{name}") for name, value in tags.items()}


def _answer(id_: ResourceId, tags: Document) -> Response:
    return JSONResponse({
        "id": f"{id_}/{_DEFAULT}",
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": tags},
    })  # fmt: skip
