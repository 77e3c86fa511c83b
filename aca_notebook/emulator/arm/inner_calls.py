"""Requests that the emulator makes of itself for a caller: the same routes, the same rules, no socket."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from starlette.requests import Request

from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from starlette.responses import Response

#: Answers a request of a caller who has passed a door; a refusal is an answer too.
Perform = Callable[[Request], Awaitable["Response"]]


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom, and by which address the caller came: links in answers begin with it."""

    claims: Mapping[str, Any] = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: Any = field(repr=False)

    def checked(self) -> Any:
        """Return the body of what went well.

        Raises `AzureError` for what did not.
        """
        if self.status < 400:
            return self.body
        error = self.body.get("error", {}) if isinstance(self.body, dict) else {}
        raise AzureError(
            self.status,
            str(error.get("code", "InternalServerError")),
            str(error.get("message", "")),
            details=error.get("details") or (),
        )


class InnerCalls:
    """Makes them. `perform` is the dispatcher's."""

    def __init__(self, perform: Perform) -> None:
        self._perform = perform

    async def __call__(self, method: str, path: str, api_version: str, caller: Caller, body: Any = None) -> Answer:
        """Ask, and return what is answered."""
        content = b"" if body is None else json.dumps(body).encode()
        response = await self._perform(_request(method, path, api_version, caller, content))
        raw = bytes(response.body)
        return Answer(response.status_code, json.loads(raw) if raw.strip() else None)


def _request(method: str, path: str, api_version: str, caller: Caller, content: bytes) -> Request:
    address = urlsplit(caller.origin)
    headers = [(b"host", address.netloc.encode()), (b"content-length", str(len(content)).encode())]
    if content:
        headers.append((b"content-type", b"application/json"))
    raw = quote(path, safe="/")

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    request = Request(
        {
            "type": "http", "http_version": "1.1", "method": method, "scheme": address.scheme, "path": path,
            "raw_path": raw.encode(), "query_string": urlencode({"api-version": api_version}).encode(),
            "root_path": "", "headers": headers, "server": None, "client": None, "state": {},
        },
        receive,
    )  # fmt: skip
    request.state.claims = dict(caller.claims)
    return request
