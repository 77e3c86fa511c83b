"""Hands calls on to a session's container: any method and path, bodies as streams (facts §5.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse

from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    import aiohttp
    from starlette.requests import Request
    from starlette.responses import Response

    from aca_notebook.emulator.sessions.session import Session

_CONNECT_SECONDS = 10.0
#: As long as Azure's own front waits for an answer.
_ANSWER_SECONDS = 240.0
#: Of one connection alone (RFC 9110 §7.6.1), and the caller's key to the pool, which is none of the container's.
_OWN = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
    "upgrade", "host", "authorization", "content-length",
})  # fmt: skip
_BLOCK_BYTES = 64 * 1024


class ContainerProxy:
    """Owns the connections to containers; made when there is the first call."""

    def __init__(self) -> None:
        self._client: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.close()

    async def answer(self, request: Request, session: Session) -> Response:
        """Return the container's answer. Raises `AzureError` 502 or 504 when it gives none."""
        import aiohttp
        import yarl

        address = session.instance.address
        if address is None:
            raise AzureError(404, "SessionRequestNotSupported", "The sessions of this pool have no such operation.")
        url = yarl.URL(f"http://{address[0]}:{address[1]}{tail(request)}", encoded=True)
        try:
            answer = await self._connected().request(
                request.method, url, headers=_with_length(request.headers), data=_body(request),
                allow_redirects=False,
            )  # fmt: skip
        except TimeoutError as late:
            raise AzureError(504, "GatewayTimeout", "The session's container did not answer in time.") from late
        except aiohttp.ClientError as failure:
            raise AzureError(502, "BadGateway", f"The session's container did not answer: {failure}.") from failure
        headers = _with_length(answer.headers)
        response = StreamingResponse(_blocks(answer, session), status_code=answer.status)
        response.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        response.headers["x-ms-session-guid"] = session.guid
        return response

    def _connected(self) -> aiohttp.ClientSession:
        if self._client is None:
            import aiohttp

            timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_ANSWER_SECONDS)
            self._client = aiohttp.ClientSession(
                timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
            )  # fmt: skip
        return self._client


def tail(request: Request) -> str:
    """Return the path below the pool, and the query, as they were written."""
    raw = request.scope.get("raw_path", request.url.path.encode()).decode("ascii", "replace").partition("?")[0]
    parts = raw.split("/")
    at = next(index for index, part in enumerate(parts) if part.lower() == "sessionpools")
    path = "/" + "/".join(parts[at + 2 :])
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def passed(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those headers that go on to the other side."""
    return [(name, value) for name, value in headers if name.lower() not in _OWN]


def _with_length(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what goes on of headers, and how long the body is, where that was said."""
    length = headers.get("content-length")
    return passed(headers.items()) + ([] if length is None else [("content-length", length)])


def _body(request: Request) -> AsyncIterator[bytes] | None:
    sent = request.headers
    return request.stream() if "transfer-encoding" in sent or sent.get("content-length", "0") != "0" else None


async def _blocks(answer: aiohttp.ClientResponse, session: Session) -> AsyncIterator[bytes]:
    with session.used():
        try:
            async for block in answer.content.iter_chunked(_BLOCK_BYTES):
                yield block
        finally:
            answer.close()
