"""`/subscriptions/{id}/operationresults`: where clients wait for a group's deletion and for predictions."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.clock import format_instant, parse_instant
from aca_notebook.emulator.arm.scope import SUBSCRIPTION
from aca_notebook.emulator.journal.database import delete_document, put_document
from aca_notebook.emulator.wire import Check, Door, Route, origin, query

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.operations import Operations
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.journal.database import Database

_KIND = "operation-result"
_KEPT = timedelta(days=1)


class OperationResults:
    """Results that are there when they are promised, and operations that have none but their end."""

    def __init__(self, store: Store, database: Database, operations: Operations, clock: Clock) -> None:
        self._store = store
        self._operations = operations
        self._clock = clock
        self._kept: dict[str, dict[str, Any]] = database.documents(_KIND)

    def routes(self) -> list[Route]:
        """One for all."""
        path = f"{SUBSCRIPTION}/operationresults/{{operation}}"
        return [Route("GET", path, Door.ARM, "OperationResults_Get", self._get, checked=Check.SDK)]

    async def keep(self, result: Any) -> str:
        """Store a result, None for one without a body; returns its name. Those of yesterday are forgotten."""
        name, now = str(uuid.uuid4()), self._clock.now()
        old = [each for each, body in self._kept.items() if parse_instant(body["at"]) < now - _KEPT]
        body = {"at": format_instant(now), "result": result}
        await self._store.write(put_document(_KIND, name, body), *(delete_document(_KIND, each) for each in old))
        for each in old:
            del self._kept[each]
        self._kept[name] = body
        return name

    async def _get(self, request: Request) -> Response:
        name = str(request.path_params["operation"])
        kept = self._kept.get(name)
        if kept is not None:
            return Response(status_code=204) if kept["result"] is None else JSONResponse(kept["result"])
        operation = self._operations.find(name)
        if operation.running:
            headers = result_headers(request, operation.id.subscription, operation.name)
            return Response(status_code=202, headers=headers)
        return Response(status_code=200)


def result_headers(request: Request, subscription: str, name: str) -> dict[str, str]:
    """The headers that send a client to a result."""
    version = query(request, "api-version")
    location = f"{origin(request)}/subscriptions/{subscription}/operationresults/{name}?api-version={version}"
    return {"Location": location, "retry-after-ms": "50"}
