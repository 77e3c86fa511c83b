"""Long-running operations: durable, one at a time a resource, resumed after a restart (facts §0.5)."""

from __future__ import annotations

import asyncio
import base64
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.clock import format_instant, parse_instant
from aca_notebook.emulator.arm.faults import app_failed
from aca_notebook.emulator.arm.locations import location_name
from aca_notebook.emulator.arm.provisioning import failed
from aca_notebook.emulator.faults.board import NoFaults
from aca_notebook.emulator.journal.database import Statement, delete_document, put_document
from aca_notebook.emulator.wire import AzureError, Door, Route, origin, query
from aca_notebook.model.fault import Subject
from aca_notebook.model.fault_kinds import (
    EXPIRY_SECONDS,
    FailOperation,
    Seam,
    SlowOperation,
    StuckGpu,
    StuckOperation,
)
from aca_notebook.model.ids import ResourceId, parse_id
from aca_notebook.model.states import OperationStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.faults.board import Strikes
    from aca_notebook.emulator.journal.database import Database

logger = logging.getLogger(__name__)

_KIND = "operation"
_KINDS = ("containerapp", "containerappsjob", "managedEnvironment", "managedCertificate", "sessionPools")
_KEPT = timedelta(days=1)
_RETRY_SECONDS = 1.0
_HOLDING_UP: tuple[type[SlowOperation | StuckOperation], ...] = (SlowOperation, StuckOperation)
#: Both azure-core and `az` obey this one; `Retry-After: 0` would make azure-core sleep 30 s (clients §4.1).
_POLL_AGAIN = {"retry-after-ms": "50"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `kind` stands in its URLs (`containerapp`), `action` names what to do, `subject` what it is on.

    `argument` is the action's own, such as a revision's name.
    """

    name: str
    kind: str
    action: str
    subject: str
    location: str
    started_at: str
    status: str = OperationStatus.IN_PROGRESS
    argument: str = ""
    error_code: str = ""
    error_message: str = ""

    @property
    def id(self) -> ResourceId:
        """The resource it works on."""
        return parse_id(self.subject)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.status == OperationStatus.IN_PROGRESS

    def statement(self) -> Statement:
        """Store this state of it."""
        return put_document(_KIND, self.name, asdict(self))


#: Does an operation to its end. It must leave the resource settled and call `finish`; a second run after a crash must
#: do no harm. What it raises as `AzureError` fails operation and resource.
Action = Callable[[Operation], Awaitable[None]]
#: How a resource is shown to one caller: links to the emulator start with the origin the caller used.
Show = Callable[["Request", dict[str, Any]], dict[str, Any]]


#: Raises `AzureError` for a resource there is no room for.
Gate = Callable[[ResourceId, dict[str, Any]], None]
#: What else is stored when an operation failed, beside its resource: its documents by id.
Fail = Callable[[Operation], dict[ResourceId, dict[str, Any]]]


class Operations:
    """Keeps and runs them. The tasks are its own: `close` ends them, `start` takes up what a crash cut off."""

    def __init__(self, store: Store, database: Database, clock: Clock, faults: Strikes | None = None) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults or NoFaults()
        self._actions: dict[str, Action] = {}  # by kind and action
        self._shows: dict[str, Show] = {}
        self._fails: dict[str, Fail] = {}
        self._gate: Gate | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._known = {key: Operation(**body) for key, body in database.documents(_KIND).items()}
        self._running = {each.id.key: each.name for each in self._known.values() if each.running}

    def register(self, kind: str, actions: Mapping[str, Action], show: Show, *, fail: Fail | None = None) -> None:
        """Say how a kind's actions are done, its resources shown, what else changes when one fails; before `start`."""
        self._actions.update({f"{kind} {action}": do for action, do in actions.items()})
        self._shows[kind] = show
        if fail is not None:
            self._fails[kind] = fail

    async def start(self) -> None:
        """Forget old ones and resume those that were running."""
        limit = self._clock.now() - _KEPT
        old = [
            each.name for each in self._known.values() if parse_instant(each.started_at) < limit and not each.running
        ]
        if old:
            await self._store.write(*(delete_document(_KIND, name) for name in old))
        for name in old:
            del self._known[name]
        for operation in list(self._known.values()):
            if operation.running:
                self._run(operation)

    async def close(self) -> None:
        """Stop; what was running stays recorded as such."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def running(self, id_: ResourceId) -> Operation | None:
        """Return the operation in progress on a resource, if there is one."""
        name = self._running.get(id_.key)
        return self._known[name] if name else None

    def reserve(self, id_: ResourceId, kind: str, action: str, location: str, *, argument: str = "") -> Operation:
        """Take the resource: from now on `running` answers this operation. Follow with `launch` or `release`."""
        operation = Operation(
            name=_name(kind), kind=kind, action=action, subject=str(id_), location=location_name(location),
            started_at=format_instant(self._clock.now()), argument=argument,
        )  # fmt: skip
        self._known[operation.name] = operation
        self._running[id_.key] = operation.name
        return operation

    def release(self, operation: Operation) -> None:
        """Give back a reservation that came to nothing; one that was launched stays."""
        if operation.name in self._tasks:
            return
        self._known.pop(operation.name, None)
        if self._running.get(operation.id.key) == operation.name:
            del self._running[operation.id.key]

    def admit(self, gate: Gate) -> None:
        """Ask `gate` of every resource before an operation that writes it is launched."""
        self._gate = gate

    async def launch(
        self, operation: Operation, documents: Mapping[ResourceId, dict[str, Any]], *also: Statement
    ) -> None:  # fmt: skip
        """Store it with its resource in one transaction, then run it; a write that fails leaves the resource free."""
        try:
            if self._gate is not None and operation.action != "delete" and operation.id in documents:
                self._gate(operation.id, documents[operation.id])
            await self._store.put_all(dict(documents), operation.statement(), *also)
        except BaseException:
            self.release(operation)
            raise
        self._known[operation.name] = operation
        self._run(operation)

    async def finish(
        self, operation: Operation, documents: dict[ResourceId, dict[str, Any]] | None = None, *,
        error: AzureError | None = None, delete: bool = False,
    ) -> None:  # fmt: skip
        """End it, and store or delete its resource in the same transaction."""
        status = OperationStatus.SUCCEEDED if error is None else OperationStatus.FAILED
        ended = replace(
            operation, status=str(status), error_code=error.code if error else "",
            error_message=error.message if error else "",
        )  # fmt: skip
        if delete:
            await self._store.delete(operation.id, ended.statement())
        else:
            await self._store.put_all(documents or {}, ended.statement())
        self._end(ended)

    async def cancel(self, operation: Operation) -> None:
        """Stop one that runs; its resource stays as it is."""
        task = self._tasks.get(operation.name)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        current = self._known.get(operation.name, operation)
        if current.running:
            ended = replace(current, status=str(OperationStatus.CANCELED))
            await self._store.write(ended.statement())
            self._end(ended)

    def patience_seconds(self, id_: ResourceId) -> float:
        """Return how long a new revision may take: PT15M (recorded: app_failed_registry_msi), or as a fault has it."""
        stuck = self._faults.standing(Subject(str(id_)), StuckGpu) if self._faults.at(Seam.REPLICA) else None
        return EXPIRY_SECONDS if stuck is None else stuck.seconds

    async def settled(self, id_: ResourceId) -> None:
        """Return when nothing runs on the resource any more."""
        while (operation := self.running(id_)) and (task := self._tasks.get(operation.name)):
            await asyncio.gather(task, return_exceptions=True)

    def routes(self) -> list[Route]:
        """The polling URLs of all kinds."""
        location = "/subscriptions/{subscription}/providers/Microsoft.App/locations/{location}"
        routes = []
        for kind in _KINDS:
            one = f"{location}/{_segment(kind)}"
            routes += [
                Route("GET", f"{one}Statuses/{{operation}}", Door.ARM, f"{kind}_OperationStatus", self._status),
                Route("GET", f"{one}Results/{{operation}}", Door.ARM, f"{kind}_OperationResult", self._result),
            ]
        return routes

    def status_headers(self, request: Request, operation: Operation, *, timeout: str = "") -> dict[str, str]:
        """The headers that send a client to the status URL."""
        headers = {"Azure-AsyncOperation": self._url(request, operation, "Statuses"), **_POLL_AGAIN}
        return headers | ({"x-ms-async-operation-timeout": timeout} if timeout else {})

    def result_headers(self, request: Request, operation: Operation) -> dict[str, str]:
        """The headers that send a client to the result URL."""
        return {"Location": self._url(request, operation, "Results"), **_POLL_AGAIN}

    def status_body(self, operation: Operation) -> dict[str, Any]:
        """What the status URL answers (recorded: app_e2e)."""
        body: dict[str, Any] = {
            "id": _path(operation, "Statuses"),
            "name": operation.name,
            "status": operation.status,
            "startTime": operation.started_at.removesuffix("Z"),
        }
        if operation.error_code:
            body["error"] = {"code": operation.error_code, "message": operation.error_message}
        return body

    def find(self, name: str) -> Operation:
        """Return the operation.

        Raises `AzureError` 404 when there is none of that name.
        """
        operation = self._known.get(name)
        if operation is None:
            raise AzureError(404, "OperationNotFound", f"The operation '{name}' could not be found.")
        return operation

    async def _status(self, request: Request) -> Response:
        operation = self.find(request.path_params["operation"])
        return JSONResponse(self.status_body(operation), headers=_POLL_AGAIN)

    async def _result(self, request: Request) -> Response:
        operation = self.find(request.path_params["operation"])
        if operation.running:
            return Response(status_code=202, headers=self.result_headers(request, operation))
        if operation.error_code:
            return JSONResponse(self.status_body(operation))
        document = self._store.get(operation.id)
        if document is None:
            return Response(status_code=204)
        return JSONResponse(self._shows[operation.kind](request, document))

    def _url(self, request: Request, operation: Operation, what: str) -> str:
        tail = "&azureAsyncOperation=true" if what == "Statuses" and operation.kind != "registries" else ""
        return f"{origin(request)}{_path(operation, what)}?api-version={query(request, 'api-version')}{tail}"

    def _run(self, operation: Operation) -> None:
        task = asyncio.create_task(self._perform(operation), name=f"{operation.action} {operation.subject}")
        self._tasks[operation.name] = task
        task.add_done_callback(lambda _: self._tasks.pop(operation.name, None))

    async def _perform(self, operation: Operation) -> None:
        try:
            await self._disturb(operation)
            await self._actions[f"{operation.kind} {operation.action}"](operation)
        except AzureError as failure:
            await self._fail(operation, failure)
        except Exception as failure:
            # An operation that dies silently would poll for ever: it ends as failed, and the log has the traceback.
            logger.exception("%s on %s failed", operation.action, operation.subject)
            message = f"The emulator failed: {type(failure).__name__}; its log has the details."
            await self._fail(operation, AzureError(500, "InternalServerError", message))

    async def _disturb(self, operation: Operation) -> None:
        """Let a fault in force hold it up or fail it. Raises `AzureError`."""
        if not self._faults.at(Seam.OPERATION):
            return
        subject = Subject(operation.subject, "DELETE" if operation.action == "delete" else "PUT")
        slow = self._faults.strike(subject, *_HOLDING_UP)
        await self._clock.sleep(slow.seconds if slow is not None else 0.0)
        if isinstance(slow, StuckOperation):
            raise _expired(operation)
        failing = self._faults.strike(subject, FailOperation)
        if failing is not None:
            raise AzureError(500, failing.code, failing.message)

    async def _fail(self, operation: Operation, error: AzureError) -> None:
        """End it as failed; while the disk is full, again and again until that can be written down."""
        while True:
            document = self._store.get(operation.id)
            ended = {operation.id: failed(document, error.message)} if document else {}
            if document and operation.kind in self._fails:
                ended |= self._fails[operation.kind](operation)
            try:
                await self.finish(operation, ended, error=error)
            except AzureError as unwritten:
                logger.warning("the end of %s on %s is not written: %s", operation.action, operation.subject, unwritten)
                await self._clock.sleep(_RETRY_SECONDS)
            else:
                return

    def _end(self, ended: Operation) -> None:
        self._known[ended.name] = ended
        if self._running.get(ended.id.key) == ended.name:
            del self._running[ended.id.key]


def _expired(operation: Operation) -> AzureError:
    """What Azure ends an operation with that took too long (facts §13.2; of other kinds than apps unconfirmed)."""
    if operation.kind == "containerapp":
        return app_failed(operation.id.name, "Operation expired.")
    return AzureError(400, "OperationExpired", f"The operation on '{operation.id.name}' expired.")


def _path(operation: Operation, what: str) -> str:
    if operation.kind == "registries":
        return f"{operation.subject}/operationStatuses/registries-{operation.name}"
    provider = f"/subscriptions/{operation.id.subscription}/providers/Microsoft.App"
    return f"{provider}/locations/{operation.location}/{_segment(operation.kind)}{what}/{operation.name}"


def _segment(kind: str) -> str:
    """Return how the part of a polling URL that tells kinds apart begins."""
    return "operation" if kind == "sessionPools" else f"{kind}Operation"


def _name(kind: str) -> str:
    """Return a new operation's name; where its URL does not tell the kind, it does (recorded: sessionpool_e2e)."""
    guid = str(uuid.uuid4())
    return base64.b64encode(f"{kind}:{guid}".encode()).decode() if kind == "sessionPools" else guid
