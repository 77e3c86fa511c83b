"""Hands calls on to a session's container: any method and path, bodies as streams, WebSockets (facts §5.6)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    import aiohttp
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

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
_MOST_MESSAGE_BYTES = 16 * 2**20
#: Codes that stand for how a socket ended and are never sent (RFC 6455 §7.4.1), and what is sent in their place.
_NEVER_SENT = {1005: 1000, 1006: 1011, 1015: 1011}


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

    async def converse(self, request: Request, session: Session) -> Response:
        """Return what carries a WebSocket to the container's. Raises `AzureError` where that takes none."""
        import aiohttp
        import yarl

        address = session.instance.address
        if address is None:
            raise AzureError(404, "SessionRequestNotSupported", "The sessions of this pool have no such operation.")
        url = yarl.URL(f"http://{address[0]}:{address[1]}{tail(request)}", encoded=True)
        spoken = [each.strip() for each in request.headers.get("sec-websocket-protocol", "").split(",")]
        headers = [each for each in passed(request.headers.items()) if not each[0].lower().startswith("sec-websocket")]
        try:
            other = await self._connected().ws_connect(
                url, headers=headers, protocols=[each for each in spoken if each], max_msg_size=_MOST_MESSAGE_BYTES,
                compress=0,
            )  # fmt: skip
        except aiohttp.WSServerHandshakeError as refused:
            raise AzureError(
                refused.status if refused.status >= 400 else 502,
                "WebSocketRefused",
                f"The session's container answered {refused.status}.",
            ) from refused
        except TimeoutError as late:
            raise AzureError(504, "GatewayTimeout", "The session's container did not answer in time.") from late
        except aiohttp.ClientError as failure:
            raise AzureError(502, "BadGateway", f"The session's container did not answer: {failure}.") from failure
        return _Conversation(other, session)

    def _connected(self) -> aiohttp.ClientSession:
        if self._client is None:
            import aiohttp

            timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_ANSWER_SECONDS)
            self._client = aiohttp.ClientSession(
                timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
            )  # fmt: skip
        return self._client


class _Conversation(Response):
    """A response that takes a caller's socket over and carries messages both ways until either side has gone."""

    def __init__(self, other: aiohttp.ClientWebSocketResponse, session: Session) -> None:
        super().__init__()
        self._other = other
        self._session = session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Converse; the container's socket is closed when this returns."""
        socket = WebSocket(scope, receive, send)
        try:
            with self._session.used():
                await socket.accept(subprotocol=self._other.protocol, headers=self.raw_headers)
                await self._carry(socket)
        finally:
            await self._other.close()

    async def _carry(self, socket: WebSocket) -> None:
        ways = [asyncio.ensure_future(self._up(socket)), asyncio.ensure_future(self._down(socket))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _up(self, socket: WebSocket) -> None:
        """Hand on what the caller sends, until it has gone."""
        while True:
            message = await socket.receive()
            if message["type"] != "websocket.receive":
                code = message.get("code") or 1000
                await self._other.close(code=_NEVER_SENT.get(code, code))
                return
            if message.get("bytes") is not None:
                await self._other.send_bytes(message["bytes"])
            else:
                await self._other.send_str(message.get("text") or "")

    async def _down(self, socket: WebSocket) -> None:
        """Hand on what the container sends, until it hangs up."""
        import aiohttp

        async for message in self._other:
            if message.type is aiohttp.WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            elif message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_text(message.data)
        code = self._other.close_code or 1006
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await socket.close(_NEVER_SENT.get(code, code))


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
