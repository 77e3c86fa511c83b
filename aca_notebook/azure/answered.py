"""A response that was made here, in azure-core's shape."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from azure.core.rest import AsyncHttpResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, MutableMapping
    from types import TracebackType

    from azure.core.rest import HttpRequest


class Answered(AsyncHttpResponse):
    """JSON with a status, read already."""

    def __init__(self, request: HttpRequest, status: int, document: Any) -> None:
        self._request = request
        self._status = status
        self._content = b"" if status == 204 else json.dumps(document).encode()
        self._headers: MutableMapping[str, str] = {"Content-Type": "application/json"}

    @property
    def request(self) -> HttpRequest:
        """What was asked."""
        return self._request

    @property
    def status_code(self) -> int:
        """The status."""
        return self._status

    @property
    def headers(self) -> MutableMapping[str, str]:
        """The headers."""
        return self._headers

    @property
    def reason(self) -> str:
        """The status in words."""
        return HTTPStatus(self._status).phrase

    @property
    def content_type(self) -> str:
        """JSON."""
        return "application/json"

    @property
    def is_closed(self) -> bool:
        """There is nothing to close."""
        return True

    @property
    def is_stream_consumed(self) -> bool:
        """It is read."""
        return True

    @property
    def encoding(self) -> str | None:
        """UTF-8."""
        return "utf-8"

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        """It stays UTF-8."""

    @property
    def url(self) -> str:
        """Where it was asked."""
        return self._request.url

    @property
    def content(self) -> bytes:
        """The bytes."""
        return self._content

    def body(self) -> bytes:
        """The bytes, by the name that SDKs of the older generator ask for."""
        return self._content

    def text(self, encoding: str | None = None) -> str:
        """The text."""
        return self._content.decode(encoding or "utf-8")

    def json(self) -> Any:
        """The document."""
        return json.loads(self._content)

    def raise_for_status(self) -> None:
        """Nobody here asks: the SDKs look at the status."""

    async def read(self) -> bytes:
        """The bytes."""
        return self._content

    async def iter_raw(self, **_: Any) -> AsyncIterator[bytes]:
        """The bytes, in one piece."""
        yield self._content

    async def iter_bytes(self, **_: Any) -> AsyncIterator[bytes]:
        """The bytes, in one piece."""
        yield self._content

    async def close(self) -> None:
        """There is nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None = None, value: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:  # fmt: skip
        del kind, value, trace
