"""What resources cost, as Cost Management is asked and answers (facts §10.1): columns and rows, in pages.

The figures are `bills`' estimate. A question is read as Azure reads it; where nothing was used, the answer is 204.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bills import NOTE
from aca_notebook.emulator.arm.bodies import json_body, without_nulls
from aca_notebook.emulator.arm.cost_questions import read_question
from aca_notebook.emulator.arm.cost_rows import table
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION, Scope
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, origin, query
from aca_notebook.model.ids import ResourceId

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.bills import Bills

_TYPE = "Microsoft.CostManagement/query"
_QUERY = f"providers/{_TYPE}"
#: Rows of one answer (documented: up to 5,000 by `$top`, 1,000 without it).
_PAGE, _MOST = 1000, 5000
_TOKEN = "$skiptoken"  # noqa: S105  # a parameter's name


class CostQueries:
    """The question, of a subscription and of a group."""

    def __init__(self, scope: Scope, bills: Bills, clock: Clock) -> None:
        self._scope = scope
        self._bills = bills
        self._clock = clock

    def routes(self) -> list[Route]:
        """One operation at two scopes."""
        return [
            Route("POST", f"{scope}/{_QUERY}", Door.ARM, "CostQuery_Usage", self._query, checked=Check.SDK)
            for scope in (SUBSCRIPTION, GROUP)
        ]

    async def _query(self, request: Request) -> Response:
        if "group" in request.path_params:
            scope = self._scope.group(request)
        else:
            scope = ResourceId(self._scope.subscription(request))
        question = read_question(without_nulls(await json_body(request)), self._clock.now())
        until = min(question.until, self._bills.known_until)
        lines = await self._bills.lines(scope, question.since, until) if until > question.since else []
        columns, rows = table(question, lines)
        if not rows:
            return Response(status_code=204)
        start, size = _start(request), _size(request)
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope.key} {sorted(question.asked.items(), key=str)}"))
        later = start + size < len(rows)
        return JSONResponse(
            {
                "id": f"{str(scope)[1:]}/{_QUERY}/{name}",
                "name": name,
                "type": _TYPE,
                "location": None,
                "sku": None,
                "eTag": None,
                # The model has tags, and a figure without this would be taken for a bill.
                "tags": {"note": NOTE},
                "properties": {
                    "nextLink": _link(request, start + size) if later else None,
                    "columns": columns,
                    "rows": rows[start : start + size],
                },
            },
            headers={"x-aca-notebook-note": NOTE},
        )


def _size(request: Request) -> int:
    wanted = query(request, "$top")
    if not wanted:
        return _PAGE
    if not wanted.isdigit() or not 0 < int(wanted) <= _MOST:
        raise AzureError(400, "BadRequest", f"Invalid query definition: $top must be from 1 to {_MOST}.")
    return int(wanted)


def _start(request: Request) -> int:
    token = query(request, _TOKEN)
    try:
        start = int(base64.urlsafe_b64decode(token).decode("ascii")) if token else 0
    except (ValueError, binascii.Error):
        start = -1
    if start < 0:
        raise AzureError(400, "BadRequest", "Invalid query definition: the $skiptoken is not one of this service.")
    return start


def _link(request: Request, start: int) -> str:
    """Where the rest is asked for, by POST with the same body (documented: Query - Usage)."""
    kept = [(key, value) for key, value in request.query_params.multi_items() if key.lower() != _TOKEN]
    token = base64.urlsafe_b64encode(str(start).encode()).decode()
    return f"{origin(request)}{request.url.path}?{urlencode([*kept, (_TOKEN, token)])}"
