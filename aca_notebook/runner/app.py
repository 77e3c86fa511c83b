"""The ASGI application: health, door, documents, calls. Pure ASGI: a call costs little more than its function."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import os
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from aca_notebook.runner import exchange, gpus, openapi, pages
from aca_notebook.runner.failures import CellLines, Refused, user_error
from aca_notebook.runner.metrics import CallMetrics

if TYPE_CHECKING:
    from aca_notebook.runner.door import Door
    from aca_notebook.runner.services import Service, Services

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = dict[bytes, bytes]

logger = logging.getLogger(__name__)

MAXIMUM_BODY_BYTES = 256 * 2**20
CLIENT_CLOSED = 499  # what proxies log for a caller that hung up; nobody reads the answer
_LOOK = "the replica's log holds the traceback: `%aca logs`"
HEALTH = frozenset({"/_aca/health/startup", "/_aca/health/live", "/_aca/health/ready"})


@dataclass(slots=True)
class Answer:
    """A whole response, and what the access log says of it."""

    status: int
    body: bytes
    content_type: str = exchange.JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    queue_seconds: float = 0.0
    run_seconds: float = 0.0


class RunnerApp:
    """Serves a bundle's services behind a door.

    Functions that are not `async` run in `threads` threads, so health is answered while they compute; `write_line`
    takes one line of the access log.
    """

    def __init__(  # a composition root in small: each argument is one part
        self,
        services: Services,
        lines: CellLines,
        door: Door,
        *,
        threads: int,
        title: str,
        write_line: Callable[[str], object] = sys.stdout.write,
    ) -> None:
        self._services = services
        self._lines = lines
        self._door = door
        self._title = title
        self._write_line = write_line
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="call")
        self._metrics = CallMetrics()
        self._gpus = gpus.Gpus(os.environ.get("CUDA_VISIBLE_DEVICES"))
        self.gpu_minutes = gpus.GpuMinutes(self._gpus)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif self._services.application is not None:  # lifespan: the user's application starts and stops with us
            await self._services.application(scope, receive, self._watching_startup(send))
        else:
            raise NotImplementedError("nothing here needs a lifespan")

    def _watching_startup(self, send: Send) -> Send:
        """Say on the log, as for an import that fails, that the user's application did not start."""

        async def watched(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                error = {"code": "StartupFailed", "message": str(message.get("message", "")).strip().split("\n")[-1]}
                self._write_line(msgspec.json.encode({"event": "import_failed", "error": error}).decode() + "\n")
            await send(message)

        return watched

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in HEALTH:
            await respond(send, Answer(200, b'{"status":"ok"}'))
            return
        headers: Headers = dict(scope["headers"])
        service = self._service(path) if scope["method"] == "POST" else None
        if service is not None:
            await self._answer_call(service, headers, receive, send)
        elif self._services.application is not None and not path.startswith("/_aca/"):
            await self._pass_through(self._services.application, scope, receive, send)
        else:
            try:
                answer = self._document(scope, path, headers)
            except Refused as refused:
                answer = refusal(refused, headers)
            await respond(send, answer)

    def _service(self, path: str) -> Service | None:
        name = path.strip("/") or self._services.entry
        return self._services.by_path.get(name)

    async def _answer_call(self, service: Service, headers: Headers, receive: Receive, send: Send) -> None:
        call_id = headers.get(b"x-call-id", b"").decode("latin-1") or uuid.uuid4().hex
        body = b""
        self._metrics.in_flight += 1
        try:
            self._door.admit(headers, "POST")
            body = await read_body(receive)
            answer = await self._call(service, headers, body)
        except Refused as refused:
            answer = refusal(refused, headers)
        except Exception:  # whatever it is, the caller gets JSON and the log its line
            logger.exception("call %s of %s failed in the runner", call_id, service.path)
            answer = refusal(Refused(500, "RunnerFailed", "the call failed in the runner itself", hint=_LOOK), headers)
        finally:
            self._metrics.in_flight -= 1
        answer.headers += ((b"x-call-id", call_id.encode("latin-1")),)
        try:
            await respond(send, answer)
        finally:
            self._log(call_id, service.path, answer, bytes_in=len(body))

    async def _call(self, service: Service, headers: Headers, body: bytes) -> Answer:
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        accept = headers.get(b"accept", b"").decode("latin-1")
        if service.is_async:
            return await self._call_async(service, content_type, accept, body)
        arrived = time.perf_counter()

        def in_thread() -> Answer:
            started = time.perf_counter()
            answer = call_now(service, content_type, accept, body, self._lines)
            answer.queue_seconds = started - arrived
            answer.run_seconds = time.perf_counter() - started
            return answer

        here = contextvars.copy_context()  # of which trace the call is
        return await asyncio.get_running_loop().run_in_executor(self._pool, here.run, in_thread)

    async def _call_async(self, service: Service, content_type: str, accept: str, body: bytes) -> Answer:
        started = time.perf_counter()
        positional, keywords = exchange.read_arguments(service.signature, content_type, body)
        try:
            result = service.call(*positional, **keywords)
            value = [each async for each in result] if inspect.isasyncgen(result) else await result
        except BaseException as error:
            if _ends_us(error):
                raise
            raise user_error(error, self._lines) from error
        answer_type, written = exchange.write_answer(value, accept)
        return Answer(200, written, answer_type, run_seconds=time.perf_counter() - started)

    def _document(self, scope: Scope, path: str, headers: Headers) -> Answer:
        """Answer what is no call: the link, metrics, the description, its page, and what is not there."""
        if path == "/_aca/open":
            return self._open(scope)
        self._door.admit(headers, scope["method"])
        if path in {"/_aca/metrics", "/_aca/gpus"}:
            return self._figures(scope, path)
        if path == "/openapi.json":
            return Answer(200, msgspec.json.encode(openapi.describe(self._services, self._title)))
        if path == "/docs":
            return Answer(200, pages.docs(self._services, self._title).encode(), "text/html; charset=utf-8")
        if path == "/" and b"text/html" in headers.get(b"accept", b""):
            return Answer(302, b"", headers=((b"location", b"docs"),))
        raise self._not_there(scope["method"], path)

    def _figures(self, scope: Scope, path: str) -> Answer:
        """Answer with figures: Prometheus' text of now, or what the GPUs did since `?since=` (minutes of the epoch)."""
        if path == "/_aca/metrics":
            written = self._metrics.text() + gpus.text(self._gpus.samples())
            return Answer(200, written.encode(), "text/plain; version=0.0.4; charset=utf-8")
        (since,) = parse_qs(scope["query_string"].decode("latin-1")).get("since", ["0"])[:1]
        document = self.gpu_minutes.document(
            revision=os.environ.get("CONTAINER_APP_REVISION", ""),
            replica=os.environ.get("CONTAINER_APP_REPLICA_NAME", ""),
            since_minute=int(since) if since.isdecimal() and len(since) < 16 else 0,
        )
        return Answer(200, msgspec.json.encode(document))

    def _open(self, scope: Scope) -> Answer:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        expires, signature = (query.get(name, [""])[0] for name in ("expires", "signature"))
        self._door.admit_link(expires, signature)
        headers = dict(scope["headers"])
        secure = headers.get(b"x-forwarded-proto", scope.get("scheme", "http").encode()) == b"https"
        target = b"/" if self._services.application is not None else b"/docs"
        cookie = self._door.cookie(secure=secure).encode("latin-1")
        return Answer(302, b"", headers=((b"location", target), (b"set-cookie", cookie)))

    def _not_there(self, method: str, path: str) -> Refused:
        names = sorted(f"/{name}" for name in self._services.by_path)
        if method != "POST" and self._service(path) is not None:
            return Refused(405, "MethodNotAllowed", f"{path} is called with POST", hint="GET /docs shows how")
        if path == "/":
            return Refused(404, "NotFound", "there is no entry function", functions=names, hint="call one by its name")
        return Refused(404, "NotFound", f"there is no function at {path}", functions=names, hint="GET /docs lists them")

    async def _pass_through(self, application: Any, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope["headers"])
        call_id = headers.get(b"x-call-id", b"").decode("latin-1") or uuid.uuid4().hex
        try:
            self._door.admit(headers, scope["method"])
        except Refused as refused:
            await respond(send, refusal(refused, headers))
            return
        seen = Answer(500, b"")
        sent_bytes = 0
        started = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal sent_bytes
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message = {
                    **message,
                    "headers": [*message.get("headers", ()), (b"x-call-id", call_id.encode("latin-1"))],
                }
            sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await application(scope, receive, noting)
        finally:
            seen.run_seconds = time.perf_counter() - started
            self._log(call_id, scope["path"].strip("/"), seen, bytes_in=_length(headers), bytes_out=sent_bytes)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._door.admit(dict(scope["headers"]), "WEBSOCKET")
        except Refused:
            await send({"type": "websocket.close", "code": 1008})
            return
        if self._services.application is None:
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._services.application(scope, receive, send)

    def _log(self, call_id: str, function: str, answer: Answer, *, bytes_in: int, bytes_out: int = -1) -> None:
        self._metrics.finished(
            function, answer.status, queue_seconds=answer.queue_seconds, run_seconds=answer.run_seconds
        )
        line = {
            "event": "call",
            "id": call_id,
            "function": function,
            "status": answer.status,
            "queue_seconds": round(answer.queue_seconds, 6),
            "run_seconds": round(answer.run_seconds, 6),
            "bytes_in": bytes_in,
            "bytes_out": len(answer.body) if bytes_out < 0 else bytes_out,
        }
        self._write_line(msgspec.json.encode(line).decode() + "\n")


def call_now(service: Service, content_type: str, accept: str, body: bytes, lines: CellLines) -> Answer:
    """Read the arguments, call, write the result: all in the calling thread."""
    try:
        positional, keywords = exchange.read_arguments(service.signature, content_type, body)
        try:
            value = service.call(*positional, **keywords)
            if inspect.isgenerator(value):
                value = list(value)
        except BaseException as error:  # a thread of ours: whatever ends the function ends this call and no more
            raise user_error(error, lines) from error
        answer_type, written = exchange.write_answer(value, accept)
    except Refused as refused:
        return Answer(refused.status, refused.body())
    return Answer(200, written, answer_type)


def _ends_us(error: BaseException) -> bool:
    """Whether the server ends this call, rather than the function: its task was cancelled, or is being closed."""
    task = asyncio.current_task()
    cancelled = isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
    return cancelled or isinstance(error, GeneratorExit)


def refusal(refused: Refused, headers: Headers) -> Answer:
    """Answer an error: a small page for a browser, JSON for everyone else."""
    extra: tuple[tuple[bytes, bytes], ...] = ()
    if refused.status == 401:
        extra = ((b"www-authenticate", b"Bearer"),)
    elif refused.status == 405:
        extra = ((b"allow", b"POST"),)
    if b"text/html" in headers.get(b"accept", b""):
        return Answer(refused.status, pages.error(refused).encode(), "text/html; charset=utf-8", extra)
    return Answer(refused.status, refused.body(), headers=extra)


async def read_body(receive: Receive) -> bytes:
    """Collect the body of a request.

    Raises `Refused`: 413 past 256 MiB, 499 when the caller hangs up before its end (half a body is no call).
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(CLIENT_CLOSED, "ClientClosedRequest", "the caller hung up before the end of its request")
        chunk: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            return b"".join((*chunks, chunk)) if chunks else chunk
        chunks.append(chunk)
        size += len(chunk)
        if size > MAXIMUM_BODY_BYTES:
            raise Refused(413, "PayloadTooLarge", f"a call takes at most {MAXIMUM_BODY_BYTES // 2**20} MiB")


async def respond(send: Send, answer: Answer) -> None:
    """Send a whole response."""
    headers = [
        (b"content-type", answer.content_type.encode("latin-1")),
        (b"content-length", str(len(answer.body)).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _length(headers: Headers) -> int:
    declared = headers.get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0
