"""The last phase: the first replica imports the cell and passes its startup probe, or we find out why not."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aca_notebook.api.replies import format_frames
from aca_notebook.errors import AcaError, DeploymentFailed, ServiceFailed, Superseded
from aca_notebook.model.deploy import PhaseName
from aca_notebook.model.states import RevisionHealthState, RevisionProvisioningState, RevisionRunningState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_notebook.api.access import Access
    from aca_notebook.api.progress import ProgressBoard
    from aca_notebook.azure.documents import Document
    from aca_notebook.clock import Clock
    from aca_notebook.model.log import LogLine
    from aca_notebook.model.revision import ReplicaState

_LOOK_SECONDS = 0.25
_SETTLE_SECONDS = 2.0
_TAIL = 40


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
        """The operation's end; when its server went away meanwhile, the resource's own state says how it went."""
        try:
            return await operation()
        except AcaError as lost:
            if lost.code not in {"ConnectionRefused", "ConnectionLost"}:
                raise
        while True:
            document = await self._access.ask(lambda services: services.apps.document(self._app))
            state = document["properties"].get("provisioningState")
            if state == "Succeeded":
                return document
            if state in {"Failed", "Canceled"}:
                raise ServiceFailed(f"the platform could not provision {self._app!r}", code=str(state))
            await self._clock.sleep(_LOOK_SECONDS)

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
            state = await self._access.ask(lambda services: services.apps.revision(self._app, self._revision))
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
        waits = not replica.ready and replica.containers and replica.containers[0].running_state != "Running"
        self._board.note(PhaseName.START, (replica.details or replica.containers[0].details) if waits else "")

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
        return DeploymentFailed(
            f"the new revision of {self._app!r} did not become ready",
            code=failed.code if failed else "RevisionFailed",
            detail=failed.detail if failed else "",
            request_id=failed.request_id if failed else "",
            traceback="\n".join(line.text for line in tail[-15:]),
            hint=f"`%aca logs {self._app} --type system` tells what the platform did{self._meanwhile}",
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
                    lines += [line async for line in stream]
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
