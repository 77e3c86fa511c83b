"""The exec socket of a container: what `az containerapp exec` speaks (facts §3.11, the CLI's `_ssh_utils`).

A frame's first byte is 0 for the session, 1 for a line of information, 2 for an error. In a frame of the session the
second is 0 for input, 1 for output, 4 for the screen's size. The CLI sends text frames and reads binary ones.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from aca_notebook.emulator.arm.app_tokens import check_token_is_for
from aca_notebook.emulator.arm.faults import invalid, replica_not_found, resource_not_found
from aca_notebook.emulator.runtime.exec_session import NotRunning
from aca_notebook.emulator.runtime.terminal import NothingRead
from aca_notebook.emulator.wire import Door, Route
from aca_notebook.model.ids import ResourceId, app_id

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.runtime.exec_session import ExecSession
    from aca_notebook.emulator.runtime.observed import ObservedApp

logger = logging.getLogger(__name__)

_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_TAIL = "replicas/{replica}/containers/{container}/exec"
_SESSION, _INFORMATION, _ERROR = 0, 1, 2
_INPUT, _OUTPUT, _SIZE = 0, 1, 4
_DEFAULT_COMMAND = "sh"  # the CLI's


class Typed(bytes):
    """Input for the program."""


class Size(NamedTuple):
    """Of the screen, in cells."""

    columns: int
    rows: int


class Containers(Protocol):
    """Where containers run."""

    def observe(self, app_key: str) -> ObservedApp:
        """Return what runs of an app or a job."""
        ...

    async def exec(self, app_key: str, replica: str, container: str, argv: tuple[str, ...]) -> ExecSession:
        """Start a program at a terminal. Raises `NotRunning`, `OSError`, `KeyError`."""
        ...


class Exec:
    """The sockets. Each ends with its program, its container, its client or the emulator, whichever is first."""

    def __init__(self, store: Store, containers: Containers) -> None:
        self._store = store
        self._containers = containers

    def routes(self) -> list[Route]:
        """One for apps, which jobs share (recorded: job_logstream), and one that is like the job's log stream."""
        app = f"{_GROUP}/containerApps/{{app}}/revisions/{{revision}}/{_TAIL}"
        job = f"{_GROUP}/jobs/{{app}}/executions/{{revision}}/{_TAIL}"
        return [
            Route("GET", app, Door.DATA_PLANE, "Exec", self._of_app, upgrades=True),
            Route("GET", job, Door.DATA_PLANE, "JobExec", self._of_job, upgrades=True),
        ]

    async def _of_app(self, request: Request) -> Response:
        names = request.path_params
        app = app_id(names["subscription"], names["group"], names["app"])
        if self._store.get(app) is None and self._store.get(_job(request)) is not None:
            return await self._of_job(request)
        return self._admitted(request, app, "Revision")

    async def _of_job(self, request: Request) -> Response:
        return self._admitted(request, _job(request), "Execution")

    def _admitted(self, request: Request, owner: ResourceId, whole: str) -> Response:
        """Return the conversation with a container. What Azure answers when there is none is unconfirmed."""
        check_token_is_for(request, owner)
        if self._store.get(owner) is None:
            raise resource_not_found(owner)
        names = request.path_params
        found = self._containers.observe(owner.key).revisions.get(names["revision"])
        replica = found.replicas.get(names["replica"]) if found else None
        if replica is None or names["container"] not in replica.containers:
            raise replica_not_found(names["replica"])
        argv = command_of(request.query_params.get("command", _DEFAULT_COMMAND))
        where = Where(owner.key, whole, names["revision"], names["replica"], names["container"])
        return Conversation(where, argv, self._containers)


class Where(NamedTuple):
    """A container; `whole` is what its replica is one of: Revision or Execution."""

    app_key: str
    whole: str
    revision: str
    replica: str
    container: str


class Conversation(Response):
    """A response that takes the socket over: greets, starts the program, and carries until either side ends."""

    def __init__(self, where: Where, argv: tuple[str, ...], containers: Containers) -> None:
        super().__init__()
        self._where = where
        self._argv = argv
        self._containers = containers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Converse; returns when nothing of the program is left."""
        socket = WebSocket(scope, receive, send)
        try:
            await socket.accept(headers=self.raw_headers)
            await self._converse(socket)
            await socket.close()
        except WebSocketDisconnect:
            logger.debug("the client of an exec session has gone")

    async def _converse(self, socket: WebSocket) -> None:
        # The CLI's users see these lines, and the refusal after them (github.com/Azure/azure-cli/issues/23387).
        where = self._where
        await socket.send_bytes(_line(_INFORMATION, f"Connecting to the container '{where.container}'..."))
        await socket.send_bytes(
            _line(
                _INFORMATION,
                f"Successfully connected to container: '{where.container}'. "
                f"[ {where.whole}: '{where.revision}', Replica: '{where.replica}']",
            )
        )
        try:
            session = await self._containers.exec(where.app_key, where.replica, where.container, self._argv)
        except NotRunning as stopped:
            text = f"Failed to establish WebSocket connection to container, error: {stopped}"
            await socket.send_bytes(_line(_ERROR, failure("ClusterExecEndpointWebSocketConnectionError", text)))
        except (OSError, KeyError) as trouble:
            await socket.send_bytes(_line(_ERROR, failure("ClusterExecFailure", _not_started(self._argv[0], trouble))))
        else:
            await self._carry(socket, session)

    async def _carry(self, socket: WebSocket, session: ExecSession) -> None:
        ways = [asyncio.ensure_future(way(socket, session)) for way in (_listen, _speak)]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            results = await asyncio.gather(*ways, return_exceptions=True)
            await session.close()
        for result in results:
            if isinstance(result, NothingRead):
                await socket.send_bytes(_line(_ERROR, failure("ClusterExecFailure", str(result))))
            elif isinstance(result, Exception):
                raise result


async def _listen(socket: WebSocket, session: ExecSession) -> None:
    """Hand on what the client types, until it has gone. A program that does not read keeps it waiting."""
    while True:
        message = await socket.receive()
        if message["type"] != "websocket.receive":
            return
        said = read_frame(message.get("bytes") or (message.get("text") or "").encode())
        if isinstance(said, Size):
            session.terminal.resize(*said)
        elif said:
            await session.terminal.write(said)


async def _speak(socket: WebSocket, session: ExecSession) -> None:
    """Hand on what the program writes, until it is over. A client that does not read keeps the program waiting."""
    rest = b""
    while written := await session.terminal.read():
        whole, rest = whole_characters(rest + written)
        if whole:
            await socket.send_bytes(bytes((_SESSION, _OUTPUT)) + whole)
        await asyncio.sleep(0)  # others have their turn while a program writes faster than anybody reads
    if rest:
        await socket.send_bytes(bytes((_SESSION, _OUTPUT)) + rest)


def command_of(text: str) -> tuple[str, ...]:
    """Return the program and its arguments: cut at blanks, without a shell and without quotes (reported by users).

    Raises `AzureError` 400 when there is none.
    """
    argv = tuple(text.split())
    if not argv:
        raise invalid("InvalidParameter", "The query parameter 'command' names no program.")
    return argv


def read_frame(frame: bytes) -> Typed | Size:
    """Return what a client's frame says; what nobody understands is no input at all."""
    if frame[:2] == bytes((_SESSION, _INPUT)):
        return Typed(frame[2:])
    if frame[:2] == bytes((_SESSION, _SIZE)):
        try:
            size = json.loads(frame[2:])
            return Size(max(0, int(size["Width"])), max(0, int(size["Height"])))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return Typed()
    return Typed()


def whole_characters(text: bytes) -> tuple[bytes, bytes]:
    """Cut before a UTF-8 character that has only begun: the CLI decodes each frame by itself."""
    for back in range(1, min(4, len(text) + 1)):
        byte = text[-back]
        if byte & 0xC0 != 0x80:
            length = 1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return (text[:-back], text[-back:]) if length > back else (text, b"")
    return text, b""


def failure(code: str, message: str) -> str:
    """Return what an error frame says, as Azure writes it."""
    error: dict[str, Any] = {"Code": code, "Message": message}
    error |= dict.fromkeys(("Details", "Target", "AdditionalInfo"))
    whole = json.dumps({"Error": error}, separators=(",", ":"))
    return whole.replace('\\"', "\\u0022").replace("'", "\\u0027")


def _not_started(program: str, trouble: Exception) -> str:
    missing = os.strerror(errno.ENOENT) in str(trouble)
    reason = "executable file not found in $PATH" if missing else trouble
    said = "Cluster exec API returns error: failed to exec in container"
    return f'{said}: unable to start container process: exec: "{program}": {reason}, code: 500.'


def _line(kind: int, text: str) -> bytes:
    return bytes((kind,)) + text.encode()


def _job(request: Request) -> ResourceId:
    names = request.path_params
    return ResourceId(names["subscription"], names["group"], "Microsoft.App", ("jobs",), (names["app"],))
