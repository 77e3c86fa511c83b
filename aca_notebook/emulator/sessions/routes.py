"""The data plane of session pools, both generations and the calls of management (facts §5.2 to §5.6).

Each call is for a pool first: that of a custom container hands everything but management on to the container.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from aca_notebook.emulator.arm.faults import resource_not_found
from aca_notebook.emulator.sessions import calls, file_calls, mcp, replies
from aca_notebook.emulator.sessions.call import Call
from aca_notebook.emulator.sessions.calls import MOST_UPLOAD_BYTES
from aca_notebook.emulator.sessions.execution import Execution
from aca_notebook.emulator.sessions.hosting import NoSession, PoolFull
from aca_notebook.emulator.sessions.instances import NotHere, StartRefused
from aca_notebook.emulator.sessions.pool import Kind
from aca_notebook.emulator.sessions.replies import Answer, numbered
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, is_socket, origin
from aca_notebook.model.ids import ResourceId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    from aca_notebook.emulator.arm.scope import Scope
    from aca_notebook.emulator.identity.access import Access
    from aca_notebook.emulator.sessions.hosting import Hosting
    from aca_notebook.emulator.sessions.proxy import ContainerProxy
    from aca_notebook.emulator.sessions.session import Session

    Handler = Callable[["Call"], Awaitable[Response]]

logger = logging.getLogger(__name__)

POOL = "/subscriptions/{subscription}/resourceGroups/{group}/sessionPools/{name}"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_PAGE = 100
_SUPPORTED = {"api-supported-versions": ", ".join(replies.VERSIONS)}
_AGAIN = {"retry-after": "1"}


class SessionRoutes:
    """Answers calls into sessions. `proxy` hands those into custom containers on."""

    def __init__(
        self, *, hosting: Hosting, scope: Scope, access: Access, proxy: ContainerProxy
    ) -> None:  # fmt: skip
        self._hosting = hosting
        self._scope = scope
        self._access = access
        self._proxy = proxy

    def routes(self) -> list[Route]:
        """All of them; what a pool has no call for is a custom container's, or is refused."""
        recorded = Check.RECORDING
        coded = (
            ("POST", "code/execute", "Sessions_ExecuteCode", self._execute_old, recorded, 0),
            ("POST", "python/execute", "Sessions_ExecutePython", self._execute_old, Check.NONE, 0),
            ("POST", "executions", "Sessions_Execute", self._execute, recorded, 0),
            ("GET", "executions/{execution}", "Sessions_GetExecution", self._look_at_execution, Check.NONE, 0),
            ("POST", "executions/{execution}/cancel", "Sessions_CancelExecution", self._cancel, Check.NONE, 0),
            ("POST", "files/upload", "Sessions_UploadFile", file_calls.upload, recorded, MOST_UPLOAD_BYTES),
            ("POST", "files", "Sessions_CreateFile", file_calls.upload, recorded, MOST_UPLOAD_BYTES),
            ("GET", "files", "Sessions_ListFiles", file_calls.list_files, recorded, 0),
            ("GET", "files/{*file}", "Sessions_GetFile", file_calls.get_file, recorded, 0),
            ("DELETE", "files/{*file}", "Sessions_DeleteFile", file_calls.delete_file, recorded, 0),
            ("GET", "session", "Sessions_Get", self._get_session, Check.NONE, 0),
            ("DELETE", "session", "Sessions_Delete", self._delete_session, Check.NONE, 0),
            ("GET", "listSessions", "Sessions_List", self._list_sessions, Check.NONE, 0),
            ("GET", "metadata", "Sessions_Metadata", self._metadata, Check.NONE, 0),
        )
        managed = (
            ("getSession", "Sessions_ManagementGet", self._managed_session),
            ("listSessions", "Sessions_ManagementList", self._managed_sessions),
            ("stopSession", "Sessions_ManagementStop", self._stop_session),
        )
        return [
            *(
                Route(method, f"{POOL}/mcp", Door.POOL_KEY, f"SessionMcp_{method.title()}", self._speak_mcp)
                for method in ("POST", "GET", "DELETE")
            ),
            *(
                Route(method, f"{POOL}/{path}", Door.SESSIONS, name, self._for(handler), checked=checked,
                      body_bytes=most)
                for method, path, name, handler, checked, most in coded
            ),
            *(
                Route("POST", f"{POOL}/.management/{path}", Door.SESSIONS, name, self._for(handler, managed=True))
                for path, name, handler in managed
            ),
            *(
                Route(method, f"{POOL}/{{*rest}}", Door.SESSIONS, f"SessionContainer_{method.title()}",
                      self._for(self._refuse), body_bytes=MOST_UPLOAD_BYTES, passes_sockets=method == "GET")
                for method in _METHODS
            ),
        ]  # fmt: skip

    def _for(self, handler: Handler, *, managed: bool = False) -> Callable[[Request], Awaitable[Response]]:
        """Return what finds the pool, asks for the role, and answers; failures in the words of the service."""

        async def answer(request: Request) -> Response:
            call = self._call(request)
            if call.pool.rules.kind is Kind.CUSTOM and not managed:
                return await self._guarded(self._hand_on, call)
            response = await self._guarded(handler, call)
            response.headers.update(_SUPPORTED)
            return response

        return answer

    async def _speak_mcp(self, request: Request) -> Response:
        """Answer what a client of MCP says; in a pool of containers the path is the container's own."""
        key = request.state.claims.get("pool")
        pool = None if key is None else self._hosting.pool(key)
        if pool is None:
            call = self._call(request)
            if call.pool.rules.kind is not Kind.CUSTOM:
                raise AzureError(401, "Unauthorized", "The MCP server of a pool wants its key, as x-ms-apikey.")
            return await self._guarded(self._hand_on, call)
        if request.method != "POST":  # no stream to listen on, nothing to end (MCP 2025-03-26, Streamable HTTP)
            raise AzureError(405, "MethodNotAllowed", "This MCP server answers POST alone.", headers={"Allow": "POST"})
        return await mcp.respond(await request.body(), pool)

    def _call(self, request: Request) -> Call:
        group = self._scope.group(request)
        id_ = ResourceId(
            group.subscription, group.resource_group, "Microsoft.App", ("sessionPools",),
            (str(request.path_params["name"]),),
        )  # fmt: skip
        pool = self._hosting.pool(id_.key)
        verb = "read" if request.method in {"GET", "HEAD"} else "execute/action"
        if not self._access.allows_on_data(
            request.state.claims, f"Microsoft.App/sessionPools/interpreters/{verb}", id_
        ):
            raise AzureError(
                403, "Forbidden",
                "The caller may not use sessions of this pool: it needs the role 'Azure ContainerApps Session "
                f"Executor' on '{id_}'.",
            )  # fmt: skip
        if pool is None:
            raise resource_not_found(id_)
        return Call(request, pool)

    async def _guarded(self, handler: Handler, call: Call) -> Response:
        try:
            return await handler(call)
        except PoolFull:
            most = call.pool.rules.most_sessions
            raise AzureError(
                429, "SessionPoolMaxConcurrentSessionsReached",
                f"The pool has {most} sessions, its maxConcurrentSessions: stop one, or wait for one to end.",
                headers=_AGAIN,
            ) from None  # fmt: skip
        except NotHere as missing:
            raise AzureError(501, "SessionTypeNotSupported", f"No session can be started: {missing}.") from missing
        except StartRefused as refused:
            raise AzureError(
                503, "SessionNotAllocated", f"No session could be started: {refused}.", headers=_AGAIN
            ) from refused
        except NoSession as missing:
            raise no_session(call.identifier(), missing) from missing

    async def _execute_old(self, call: Call) -> Response:
        asked = calls.read_execution(await call.request.body(), call.pool.rules.kind, old=True)
        execution, session = await self._run(call, asked)
        return Answer(numbered(replies.executed_old(execution)), headers=_told(execution, session))

    async def _execute(self, call: Call) -> Response:
        asked = calls.read_execution(await call.request.body(), call.pool.rules.kind, old=False)
        if calls.wants_stream(call.request.headers.get("accept", "")):
            execution, session = await self._begin(call, asked)
            return StreamingResponse(_lines(execution), media_type=calls.STREAM, headers=_told(execution, session))
        if not asked.synchronous:
            execution, session = await self._begin(call, asked)
            location = f"{origin(call.request)}{call.request.url.path}/{execution.id}?{call.request.url.query}"
            headers = _told(execution, session) | {"operation-location": location}
            return Answer(numbered(replies.executed(execution)), status_code=202, headers=headers)
        execution, session = await self._run(call, asked)
        # 202 with the whole of it, though nothing is left to wait for (recorded: session_code_interpreter_e2e).
        return Answer(numbered(replies.executed(execution)), status_code=202, headers=_told(execution, session))

    async def _begin(self, call: Call, asked: calls.Asked) -> tuple[Execution, Session]:
        identifier = call.identifier(asked.identifier)
        session = await call.pool.session(identifier)
        shell = call.pool.rules.kind is Kind.SHELL
        execution = Execution(identifier, synchronous=asked.synchronous, shell=shell)
        session.begin(execution, asked.code)
        return execution, session

    async def _run(self, call: Call, asked: calls.Asked) -> tuple[Execution, Session]:
        execution, session = await self._begin(call, asked)
        await execution.ended()
        return execution, session

    async def _look_at_execution(self, call: Call) -> Response:
        session, execution = self._execution(call)
        if calls.wants_stream(call.request.headers.get("accept", "")):
            return StreamingResponse(_lines(execution), media_type=calls.STREAM, headers=_told(execution, session))
        return Answer(numbered(replies.executed(execution)), headers=_told(execution, session))

    async def _cancel(self, call: Call) -> Response:
        session, execution = self._execution(call)
        await session.cancel(execution)
        return Answer(numbered(replies.executed(execution)), status_code=202, headers=_told(execution, session))

    def _execution(self, call: Call) -> tuple[Session, Execution]:
        session = call.pool.find(call.identifier())
        id_ = str(call.request.path_params["execution"])
        execution = session.execution(id_)
        if execution is None:
            raise AzureError(404, "ExecutionNotFound", f"The session has no execution '{id_}'.")
        return session, execution

    async def _get_session(self, call: Call) -> Response:
        return Answer(numbered(self._described(call, call.pool.find(call.identifier()))))

    async def _delete_session(self, call: Call) -> Response:
        await call.pool.stop(call.identifier())
        return Response(status_code=204)

    async def _list_sessions(self, call: Call) -> Response:
        found, link = self._page(call)
        return Answer(numbered({"sessions": found, "nextLink": link}))

    async def _managed_session(self, call: Call) -> Response:
        return Answer(replies.managed(self._described(call, call.pool.find(call.identifier()))))

    async def _managed_sessions(self, call: Call) -> Response:
        found, link = self._page(call)
        return Answer({"value": [replies.managed(each) for each in found], "count": len(found), "nextLink": link})

    async def _stop_session(self, call: Call) -> Response:
        """Documented: 200, and a text; 404 for a session that is not there (clients §3)."""
        identifier = call.identifier()
        try:
            await call.pool.stop(identifier)
        except NoSession as missing:
            refusal = no_session(identifier, missing)
            raise AzureError(404, refusal.code, refusal.message) from missing
        name = call.request.path_params["name"]
        return Response(f"Session {identifier} in session pool {name} stopped.", media_type="text/plain")

    async def _metadata(self, call: Call) -> Response:
        about = await self._hosting.launcher.about(call.pool.rules)
        counts = {"ready": call.pool.ready, "pending": call.pool.pending, "allocated": len(call.pool.sessions)}
        return Answer(numbered(about | {"instances": counts, "trouble": call.pool.trouble}))

    async def _hand_on(self, call: Call) -> Response:
        session = await call.pool.session(call.identifier())
        with session.used():
            if is_socket(call.request):
                return await self._proxy.converse(call.request, session)
            return await self._proxy.answer(call.request, session)

    async def _refuse(self, call: Call) -> Response:
        raise AzureError(
            404, "SessionRequestNotSupported",
            f"A pool of {call.pool.rules.kind} has no operation {call.request.method} "
            f"'{call.request.path_params['rest']}'.",
        )  # fmt: skip

    def _described(self, call: Call, session: Session) -> dict[str, Any]:
        return replies.described(session, call.pool.ends_in(session), self._hosting.clock.now())

    def _page(self, call: Call) -> tuple[list[dict[str, Any]], str | None]:
        skip = calls.skipped(call.asked("skip"))
        all_ = [self._described(call, each) for each in call.pool.sessions]
        found, more = replies.page(all_, skip, _PAGE)
        url = call.request.url.include_query_params(skip=skip + _PAGE)
        return found, str(url) if more else None


def no_session(identifier: str, missing: NoSession) -> AzureError:
    """There is no session of an identifier (seen: 400); what became of the last one is ours to say."""
    message = f"The session with identifier '{identifier}' was not found."
    if missing.gone is not None:
        gone = missing.gone
        age = (gone.ended_at - gone.created_at).total_seconds()
        message += f" It ended at {gone.ended_at:%Y-%m-%dT%H:%M:%SZ}, {age:.0f} s old: {gone.reason}."
    return AzureError(400, "SessionWithIdentifierNotFound", message)


async def _lines(execution: Execution) -> AsyncIterator[bytes]:
    """An execution as it happens: first its id, last the whole of it as it is answered without a stream."""
    yield replies.encoded({"event": "started", "id": execution.id}) + b"\n"
    async for event in execution.follow():
        yield replies.encoded(event) + b"\n"
    yield replies.encoded({"event": "finished", **replies.executed(execution)}) + b"\n"


def _told(execution: Execution, session: Session) -> dict[str, str]:
    """The headers that Azure's answers have (recorded: session_code_interpreter_e2e; documented: x-ms-session-guid)."""
    taken = str(execution.milliseconds)
    return {
        "operation-id": execution.id, "x-ms-session-guid": session.guid, "x-ms-container-execution-duration": taken,
        "x-ms-execution-request-time": taken, "x-ms-overall-execution-time": taken,
        "x-ms-allocation-time": "0", "x-ms-preparation-time": "0", "x-ms-execution-read-response-time": "0",
    }  # fmt: skip
