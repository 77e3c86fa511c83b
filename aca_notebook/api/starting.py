"""The last phase: the first replica imports the cell and passes its startup probe, or we find out why not."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from aca_notebook.api.access import outlast
from aca_notebook.api.logs import redacted
from aca_notebook.api.replies import format_frames
from aca_notebook.errors import AcaError, DeploymentFailed, QuotaExceeded, ServiceFailed, Superseded
from aca_notebook.model.deploy import PhaseName
from aca_notebook.model.states import RevisionHealthState, RevisionProvisioningState, RevisionRunningState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_notebook.api.access import Access
    from aca_notebook.api.progress import ProgressBoard
    from aca_notebook.azure.documents import Document
    from aca_notebook.azure.services import Services
    from aca_notebook.clock import Clock
    from aca_notebook.model.log import LogLine
    from aca_notebook.model.revision import ReplicaState

_LOOK_SECONDS = 0.25
_SETTLE_SECONDS = 2.0
_TAIL = 40
#: How the details of a replica begin that no node has taken.
_UNPLACED = "AssigningReplica"
T = TypeVar("T")


class Starting:
    """Waits for the platform, and meanwhile looks at the replicas: a cell that cannot be imported is known at once."""

    def __init__(self, app: str, access: Access, board: ProgressBoard, clock: Clock, *, updates: bool) -> None:
        self._app = app
        self._meanwhile = "; the older revision keeps serving" if updates else ""
        self._access = access
        self._board = board
        self._clock = clock
        self._seen: dict[str, str] = {}
        self._revision = ""
        self._unplaced = ""

    async def follow(
        self, operation: Callable[[], Awaitable[Document]], overtaken: Callable[[Document], bool]
    ) -> Document:
        """Return the app once its new revision is ready.

        Raises `DeploymentFailed`, with the cell's traceback when its import failed, and `Superseded`.
        """
        watching = asyncio.create_task(self._watch())
        provisioned = asyncio.ensure_future(self._provisioned(operation))
        try:
            await asyncio.wait({watching, provisioned}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done() and (reason := watching.result()) is not None:
                await self._let_settle(provisioned)
                raise reason
            document = await self._outcome(provisioned, overtaken)
            await self._ready(document)
        finally:
            for task in (watching, provisioned):
                task.cancel()
            await asyncio.gather(watching, provisioned, return_exceptions=True)
        if overtaken(document):
            raise self._superseded()
        return document

    async def _let_settle(self, provisioned: asyncio.Future[Document]) -> None:
        """Give the platform a moment to see the failure too, so that whoever looks next is not told InProgress."""
        patience = asyncio.ensure_future(self._clock.sleep(_SETTLE_SECONDS))
        either: set[asyncio.Future[Any]] = {provisioned, patience}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            patience.cancel()

    async def _provisioned(self, operation: Callable[[], Awaitable[Document]]) -> Document:
        """The operation's end; when nobody would tell that, the resource's own state says how it went."""
        try:
            return await operation()
        except AcaError as lost:
            if not lost.passing:
                raise
        while True:
            document = await self._outlast(lambda services: services.apps.document(self._app))
            state = document["properties"].get("provisioningState")
            if state == "Succeeded":
                return document
            if state in {"Failed", "Canceled"}:
                raise ServiceFailed(
                    f"the platform could not provision {self._app!r}", code=str(state),
                    detail=str(document["properties"].get("deploymentErrors") or ""),
                )  # fmt: skip
            await self._clock.sleep(_LOOK_SECONDS)

    async def _outlast(self, action: Callable[[Services], Awaitable[T]]) -> T:
        """Ask over an outage: what was accepted goes on without us."""
        return await outlast(self._access, self._clock, action, lambda why: self._board.note(PhaseName.START, why))

    async def _outcome(
        self, provisioned: asyncio.Future[Document], overtaken: Callable[[Document], bool]
    ) -> Document:  # fmt: skip
        try:
            return await provisioned
        except ServiceFailed as failed:
            with suppress(AcaError):
                if overtaken(await self._access.ask(lambda services: services.apps.document(self._app))):
                    raise self._superseded() from failed
            raise await self._why(failed) from failed

    async def _ready(self, document: Document) -> None:
        """Wait for the revision's own word: on Azure the operation may end before the first replica is ready."""
        self._revision = document["properties"].get("latestRevisionName") or ""
        while self._revision:
            state = await self._outlast(lambda services: services.apps.revision(self._app, self._revision))
            if state.provisioning_state == RevisionProvisioningState.FAILED or state.running_state in {
                RevisionRunningState.FAILED,
                RevisionRunningState.ACTIVATION_FAILED,
            }:
                raise await self._why(None)
            if state.health_state == RevisionHealthState.HEALTHY or (
                state.provisioning_state == RevisionProvisioningState.PROVISIONED
            ):
                return
            self._board.note(PhaseName.START, state.running_state or state.provisioning_state)
            await self._clock.sleep(_LOOK_SECONDS)

    async def _watch(self) -> DeploymentFailed | None:
        """Look at the new revision's replicas for as long as it takes; returns a reason to give up."""
        while True:
            await self._clock.sleep(_LOOK_SECONDS)
            with suppress(AcaError):
                for replica in await self._replicas():
                    self._note(replica)
                    for container in replica.containers:
                        self._seen[replica.name] = container.log_stream_endpoint
                        if container.restart_count and (reason := await self._import_failure()) is not None:
                            return reason

    async def _replicas(self) -> tuple[ReplicaState, ...]:
        """The new revision's, once the platform names one that is not ready yet."""
        if not self._revision:
            document = await self._access.ask(lambda services: services.apps.document(self._app))
            latest, ready = (document["properties"].get(f"latest{kind}RevisionName") or "" for kind in ("", "Ready"))
            self._revision = latest if latest != ready else ""
        if not self._revision:
            return ()
        return await self._access.ask(lambda services: services.apps.replicas(self._app, self._revision))

    def _note(self, replica: ReplicaState) -> None:
        """Say what a replica waits for; one that runs or is ready has nothing to say that its phase does not."""
        unplaced = not replica.containers and replica.details.startswith(_UNPLACED)
        self._unplaced = replica.details if unplaced else ""
        waits = not replica.ready and replica.containers and replica.containers[0].running_state != "Running"
        details = (replica.details or replica.containers[0].details) if waits else ""
        self._board.note(PhaseName.START, f"{replica.details}; waiting for a place to run" if unplaced else details)

    async def _why(self, failed: ServiceFailed | None) -> DeploymentFailed:
        """Find the reason in the logs of the replicas, or say what the platform said."""
        with suppress(ServiceFailed):
            for replica in await self._replicas():
                for container in replica.containers:
                    self._seen[replica.name] = container.log_stream_endpoint
        reason = await self._import_failure()
        if reason is not None:
            return reason
        tail = await self._console()
        message, hint = self._explained(failed)
        return DeploymentFailed(
            message,
            code=failed.code if failed else "RevisionFailed",
            detail=failed.detail if failed else "",
            request_id=failed.request_id if failed else "",
            traceback="\n".join(line.text for line in tail[-15:]),
            hint=f"{hint}{self._meanwhile}",
        )

    def _explained(self, failed: ServiceFailed | None) -> tuple[str, str]:
        """Say what happened and what to do: narrower than that it was not ready, where something narrower is known."""
        if self._unplaced:
            return (
                f"no replica of {self._app!r} got a place to run: {self._unplaced}",
                "the region may have no GPU free: try later, another region, or another GPU of `%aca gpu`",
            )
        if isinstance(failed, QuotaExceeded):
            return failed.message, failed.hint
        return (
            f"the new revision of {self._app!r} did not become ready",
            f"`%aca why {self._app}` says what is known of it",
        )

    async def _import_failure(self) -> DeploymentFailed | None:
        for line in reversed(await self._console()):
            event = _event(line.text)
            if event is not None and event.get("event") == "import_failed":
                return import_failure(self._app, event.get("error") or {}, self._meanwhile)
        return None

    async def _console(self) -> list[LogLine]:
        """The end of what the replicas seen so far have written."""
        lines: list[LogLine] = []
        with suppress(AcaError):
            token = await self._access.ask(lambda services: services.apps.auth_token(self._app))
            for replica, endpoint in self._seen.items():
                if not endpoint:
                    continue
                opened = self._access.services.logs.console(endpoint, token, tail=_TAIL, follow=False, replica=replica)
                async with opened as stream:
                    lines += redacted([line async for line in stream], self._access.redactor)
        return lines

    def _superseded(self) -> Superseded:
        return Superseded(
            f"a later deploy of {self._app!r} took over", code="Superseded", detail="the app runs the later one",
            hint=f"`%aca show {self._app}` shows it",
        )  # fmt: skip


def import_failure(app: str, error: dict[str, Any], meanwhile: str = "") -> DeploymentFailed:
    """The runner's own account of a cell that could not be imported, as our error; `meanwhile` ends its hint."""
    name = str(error.get("type") or error.get("code") or "ImportFailed")
    message = str(error.get("message") or "")
    frames = format_frames(error.get("traceback") or ())
    return DeploymentFailed(
        f"the cell of {app!r} could not be imported there: {name}: {message}".rstrip(": "),
        code=str(error.get("code") or "ImportFailed"),
        traceback=f"Traceback in app {app!r}:\n{frames}\n{name}: {message}" if frames else "",
        hint=str(error.get("hint") or "mend the cell and deploy again") + meanwhile,
    )


def _event(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        parsed = json.loads(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None
