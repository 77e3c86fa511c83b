"""The session agent: an ASGI application that speaks the data plane of sessions (facts §5.4), and streams.

Deployed as an app like any other, it gives sessions what pools do not have: the GPU of its replica. It is no sandbox:
its sessions share one container, and it says so. The runner's door stands before it.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from aca_notebook.runner.exchange import read_file
from aca_notebook.runner.failures import Refused
from aca_notebook.runner.session_files import Folder
from aca_notebook.runner.session_process import SessionProcess, stamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

STREAMED = b"application/x-ndjson"
MOST_SESSIONS = 20
LONGEST_SECONDS = 220
LARGEST_UPLOAD_BYTES = 128 * 2**20
ISOLATION = {
    "isolated": False,
    "level": "container",
    "note": "sessions of one agent share its container, its GPU and its network",
}


class SessionAgent:
    """The application. Sessions are processes of it, made by the first call and ended with it."""

    title = "session agent"

    def __init__(self, folder: str = "") -> None:
        self._folder = folder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._sessions: dict[str, SessionProcess] = {}
        self._ended: dict[str, str] = {}
        self._making = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def close(self) -> None:
        """End every session."""
        await asyncio.gather(*(each.close() for each in self._sessions.values()))
        for task in self._tasks:
            task.cancel()
        if self._temporary is not None:
            self._temporary.cleanup()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, await _body(receive))
        try:
            answer = await self._route(request)
        except Refused as refused:
            answer = Answer(refused.status, {"error": {"code": refused.code, "message": str(refused)}})
        if answer.stream is not None:
            await _stream(send, answer.stream)
        else:
            await _whole(send, answer)

    async def _route(self, request: Request) -> Answer:
        first, *rest = request.path or [""]
        key = (request.method, first)
        if first == ".management":
            return await self._manage(request, rest)
        handler = {
            ("POST", "executions"): self._execute, ("GET", "executions"): self._execution,
            ("GET", "files"): self._read, ("POST", "files"): self._upload, ("DELETE", "files"): self._remove,
            ("GET", "session"): self._show, ("DELETE", "session"): self._stop,
            ("GET", "listSessions"): self._list, ("GET", "metadata"): self._metadata,
        }.get(key)  # fmt: skip
        if handler is None:
            raise Refused(404, "NotFound", f"there is nothing at /{'/'.join(request.path)}")
        return await handler(request, rest)

    async def _manage(self, request: Request, rest: list[str]) -> Answer:
        verbs = {"getSession": self._show, "listSessions": self._list, "stopSession": self._stop,
                 "forkSession": self._fork}  # fmt: skip
        if request.method != "POST" or len(rest) != 1 or rest[0] not in verbs:
            raise Refused(404, "NotFound", "there is no such management call")
        return await verbs[rest[0]](request, [])

    # -- code ------------------------------------------------------------------------------------------------------

    async def _execute(self, request: Request, rest: list[str]) -> Answer:
        del rest
        asked = request.json()
        code, seconds = asked.get("code"), asked.get("timeoutInSeconds", 60)
        if not isinstance(code, str) or not isinstance(seconds, int | float):
            raise Refused(400, "SessionRequestValidationFailed", "an execution needs `code` and may have a number of "
                          "`timeoutInSeconds`")  # fmt: skip
        session = await self._session(request)
        execution = session.begin(code, min(float(seconds), LONGEST_SECONDS))
        self._keep(asyncio.ensure_future(execution.done))
        if str(asked.get("executionType", "")).lower() == "asynchronous":
            return Answer(202, execution.document(), headers={"operation-id": execution.id})
        if STREAMED in request.header(b"accept"):
            return Answer(200, stream=execution.lines())
        await asyncio.shield(execution.done)  # whoever hangs up leaves it to go on
        return Answer(200, execution.document())

    async def _execution(self, request: Request, rest: list[str]) -> Answer:
        execution = (await self._existing(request)).executions.get(rest[0] if rest else "")
        if execution is None:
            raise Refused(404, "ExecutionNotFound", "there is no such execution")
        return Answer(200, execution.document())

    # -- files -----------------------------------------------------------------------------------------------------

    async def _read(self, request: Request, rest: list[str]) -> Answer:
        folder = (await self._session(request)).files
        within = request.query.get("path", "")
        if not rest:
            return Answer(200, {"value": await asyncio.to_thread(folder.list, within)})
        if len(rest) == 2 and rest[1] == "content":
            return Answer(200, raw=await asyncio.to_thread(folder.read, within, rest[0]))
        return Answer(200, await asyncio.to_thread(folder.describe, within, rest[0]))

    async def _upload(self, request: Request, rest: list[str]) -> Answer:
        del rest
        name, content = read_file(request.header(b"content-type").decode("latin-1"), request.body)
        if len(content) > LARGEST_UPLOAD_BYTES:
            raise Refused(413, "FileTooLarge", "a session takes files of at most 128 MB")
        folder = (await self._session(request)).files
        return Answer(200, await asyncio.to_thread(folder.write, request.query.get("path", ""), name, content))

    async def _remove(self, request: Request, rest: list[str]) -> Answer:
        folder = (await self._session(request)).files
        await asyncio.to_thread(folder.remove, request.query.get("path", ""), rest[0] if rest else "")
        return Answer(204)

    # -- sessions --------------------------------------------------------------------------------------------------

    async def _show(self, request: Request, rest: list[str]) -> Answer:
        del rest
        return Answer(200, (await self._existing(request)).document())

    async def _list(self, request: Request, rest: list[str]) -> Answer:
        del rest, request
        return Answer(200, {"sessions": [each.document() for each in self._living().values()], "nextLink": None})

    async def _stop(self, request: Request, rest: list[str]) -> Answer:
        del rest
        session = await self._existing(request)
        del self._sessions[session.identifier]
        self._ended[session.identifier] = f"Somebody stopped it at {stamp()}"
        await session.close()
        return Answer(204)

    async def _fork(self, request: Request, rest: list[str]) -> Answer:
        del rest
        source, copy = await self._existing(request), request.query.get("copy", "")
        if not copy or copy in self._living():
            raise Refused(400, "SessionRequestValidationFailed", "a fork needs the name of a session that is not there")
        self._make_room()
        self._sessions[copy] = await source.fork(copy, self._place(copy))
        return Answer(200, self._sessions[copy].document())

    async def _metadata(self, request: Request, rest: list[str]) -> Answer:
        del rest, request
        return Answer(200, {"isolation": ISOLATION, "streams": True, "createdAt": stamp()})

    def _living(self) -> dict[str, SessionProcess]:
        for identifier, session in list(self._sessions.items()):
            if not session.alive:
                self._ended[identifier] = "Its interpreter ended"
                self._keep(asyncio.ensure_future(self._sessions.pop(identifier).close()))
        return self._sessions

    async def _existing(self, request: Request) -> SessionProcess:
        identifier = request.identifier
        session = self._living().get(identifier)
        if session is None:
            why = self._ended.get(identifier, "")
            raise Refused(404, "SessionWithIdentifierNotFound", f"Session '{identifier}' was not found. {why}".strip())
        return session

    async def _session(self, request: Request) -> SessionProcess:
        identifier = request.identifier
        async with self._making:
            session = self._living().get(identifier)
            if session is None:
                self._make_room()
                session = self._sessions[identifier] = await SessionProcess.start(identifier, self._place(identifier))
        return session

    def _make_room(self) -> None:
        if len(self._living()) >= MOST_SESSIONS:
            raise Refused(429, "TooManySessions", f"this agent has {MOST_SESSIONS} sessions already")

    def _place(self, identifier: str) -> Folder:
        if not self._folder:
            self._temporary = tempfile.TemporaryDirectory(prefix="aca-sessions-")
            self._folder = self._temporary.name
        del identifier  # a name of its own: an identifier may hold anything
        return Folder(Path(tempfile.mkdtemp(dir=self._folder)))

    def _keep(self, task: asyncio.Future[Any]) -> None:
        self._tasks.add(task)  # type: ignore[arg-type]  # futures of ours are tasks
        task.add_done_callback(self._tasks.discard)


class Request:
    """One request, read."""

    def __init__(self, scope: Scope, body: bytes) -> None:
        self.method: str = scope["method"]
        raw = (scope.get("raw_path") or scope["path"].encode()).split(b"?")[0].decode("latin-1")
        self.path = [unquote(each) for each in raw.strip("/").split("/")]
        self.query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        self.body = body
        self._headers: dict[bytes, bytes] = dict(scope["headers"])

    def header(self, name: bytes) -> bytes:
        """Return a header; an empty value when it is not there."""
        return self._headers.get(name, b"")

    @property
    def identifier(self) -> str:
        """The session that is meant. Raises `Refused` (400) when none is."""
        found: str = self.query.get("identifier", "")
        if not 4 <= len(found) <= 128:
            raise Refused(400, "SessionRequestValidationFailed", "the query needs an `identifier` of 4 to 128 letters")
        return found

    def json(self) -> dict[str, Any]:
        """Return the body. Raises `Refused` (400) for anything but an object."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Refused(400, "SessionRequestValidationFailed", "the body is no JSON object")
        return found


class Answer:
    """What is answered: a document, bytes, or lines as they come."""

    def __init__(
        self, status: int, document: Any = None, *, raw: bytes | None = None,
        stream: AsyncIterator[bytes] | None = None, headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.status = status
        self.stream = stream
        self.content_type = "application/json" if raw is None else "application/octet-stream"
        self.body = raw if raw is not None else b"" if document is None else json.dumps(document).encode()
        self.headers = headers or {}


async def _body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return b"".join(chunks)


async def _whole(send: Send, answer: Answer) -> None:
    headers = [(b"content-type", answer.content_type.encode()), (b"content-length", str(len(answer.body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _stream(send: Send, lines: AsyncIterator[bytes]) -> None:
    headers = [(b"content-type", STREAMED), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for line in lines:
        await send({"type": "http.response.body", "body": line, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
