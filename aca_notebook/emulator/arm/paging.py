"""Long lists in pages: as many as a caller asks for, and a link to the rest (facts §0.10).

Without a wish all is one page, as in every recorded list. `$top` is Resource Manager's, `pageSize` what newer `az`
sends for the executions of a job.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.values import whole
from aca_notebook.emulator.wire import origin, query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

_SIZES = ("$top", "pageSize")
_NEXT = "$skipToken"


def paged(request: Request, found: Sequence[Any]) -> Response:
    """Answer the part of a list that a request asks for.

    Raises `AzureError` 400 for a size that is no number or a token that this emulator did not give.
    """
    size = next((whole(given, name) or 0 for name in _SIZES if (given := query(request, name))), 0)
    if size < 0:
        raise invalid("InvalidTopParameter", "The number of items in a page must not be negative.")
    start = _start(query(request, _NEXT))
    shown = list(found[start : start + size] if size else found[start:])
    body: dict[str, Any] = {"value": shown}
    if start + len(shown) < len(found):
        body["nextLink"] = _link(request, start + len(shown))
    return JSONResponse(body)


def _start(token: str) -> int:
    if not token:
        return 0
    try:
        start = int(base64.urlsafe_b64decode(token).decode("ascii"))
    except (ValueError, binascii.Error):
        start = -1
    if start < 0:
        raise invalid("InvalidSkipToken", f"The {_NEXT} in the request is invalid.")
    return start


def _link(request: Request, start: int) -> str:
    kept = [(key, value) for key, value in request.query_params.multi_items() if key.lower() != _NEXT.lower()]
    token = base64.urlsafe_b64encode(str(start).encode()).decode()
    return f"{origin(request)}{request.url.path}?{urlencode([*kept, (_NEXT, token)])}"
