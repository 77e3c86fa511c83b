"""The platform's part of a deployment: a revision comes up, or we find out why not and stop waiting for it.

Three things are watched: the operation, the new revision's replicas, and what is new in the app's system log. What
they show is folded into phases (`model.bring_up`) and judged by the table of causes that `%aca why` goes
by too (`model.trouble`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from aca_notebook.api.access import outlast
from aca_notebook.api.console_records import import_failure, import_record
from aca_notebook.api.log_query import MOST_TAIL
from aca_notebook.api.logs import redacted
from aca_notebook.errors import AcaError, DeploymentFailed, QuotaExceeded, ServiceFailed, Superseded
from aca_notebook.model.bring_up import Sighting, phase_of_line, phase_of_replica
from aca_notebook.model.deploy import PhaseName
from aca_notebook.model.evidence import Evidence
from aca_notebook.model.states import RevisionHealthState, RevisionProvisioningState, RevisionRunningState
from aca_notebook.model.trouble import TroubleKind, decide_giving_up, decide_trouble, operation_expired

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_notebook.api.access import Access
    from aca_notebook.api.progress import ProgressBoard
    from aca_notebook.azure.documents import Document
    from aca_notebook.azure.services import Services
    from aca_notebook.clock import Clock
    from aca_notebook.model.app import AppState
    from aca_notebook.model.log import LogLine
    from aca_notebook.model.revision import ReplicaState
    from aca_notebook.model.trouble import Trouble

T = TypeVar("T")

#: Replicas are looked at often at first, and less and less: Resource Manager counts reads.
_SOONEST_LOOK_SECONDS, _LATEST_LOOK_SECONDS, _LOOKS_PER_WAIT = 0.25, 3.0, 20
_SETTLE_SECONDS = 2.0
_TAIL = 40


class GaveUp(DeploymentFailed):
    """We stopped waiting: the platform would have gone on, and what it starts costs money."""


class Starting:
    """Waits for the platform, tells the phases, and gives up where waiting would not help."""

    def __init__(
        self, app: AppState, access: Access, board: ProgressBoard, clock: Clock, *, updates: bool
    ) -> None:  # fmt: skip
        self._state = app
        self._meanwhile = "; the older revision keeps serving" if updates else ""
        self._access = access
        self._board = board
        self._clock = clock
        self._began = clock.monotonic()
        self._endpoints: dict[str, str] = {}
        self._replicas_seen: tuple[ReplicaState, ...] = ()
        self._lines: tuple[LogLine, ...] = ()
        self._event_stream = ""
        self._trouble: Trouble | None = None
        self._trouble_since = 0.0
        self.revision = ""

    async def follow(
        self, operation: Callable[[], Awaitable[Document]], overtaken: Callable[[Document], bool]
    ) -> Document:
        """Return the app once its new revision is ready.

        Raises `DeploymentFailed`, with the cell's traceback when its import failed, `GaveUp` when waiting any longer
        would not help, and `Superseded`.
        """
        watching = asyncio.create_task(self._watch())
        provisioned = asyncio.ensure_future(self._provisioned(operation))
        try:
            await asyncio.wait({watching, provisioned}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done() and not provisioned.done():
                reason = watching.result()
                await self._let_settle(provisioned)
                raise reason
            document = await self._outcome(provisioned, overtaken)
            await self._ready(document)
            with suppress(AcaError):
                await self._read_log()  # which tells when phases began that were over before anybody looked
        finally:
            for task in (watching, provisioned):
                task.cancel()
            await asyncio.gather(watching, provisioned, return_exceptions=True)
        if overtaken(document):
            raise self._superseded()
        self._saw(PhaseName.READY)
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
            document = await self._outlast(lambda services: services.apps.document(self._state.name))
            state = document["properties"].get("provisioningState")
            if state == "Succeeded":
                return document
            if state in {"Failed", "Canceled"}:
                raise ServiceFailed(
                    f"the platform could not provision {self._state.name!r}", code=str(state),
                    detail=str(document["properties"].get("deploymentErrors") or ""),
                )  # fmt: skip
            await self._clock.sleep(_SOONEST_LOOK_SECONDS)

    async def _outlast(self, action: Callable[[Services], Awaitable[T]]) -> T:
        """Ask over an outage: what was accepted goes on without us."""
        return await outlast(self._access, self._clock, action, self._board.note_rising)

    async def _outcome(
        self, provisioned: asyncio.Future[Document], overtaken: Callable[[Document], bool]
    ) -> Document:  # fmt: skip
        try:
            return await provisioned
        except ServiceFailed as failed:
            with suppress(AcaError):
                if overtaken(await self._access.ask(lambda services: services.apps.document(self._state.name))):
                    raise self._superseded() from failed
            raise await self._why(failed) from failed

    async def _ready(self, document: Document) -> None:
        """Wait for the revision's own word: on Azure the operation may end before the first replica is ready."""
        self.revision = document["properties"].get("latestRevisionName") or ""
        while self.revision:
            state = await self._outlast(lambda services: services.apps.revision(self._state.name, self.revision))
            if state.provisioning_state == RevisionProvisioningState.FAILED or state.running_state in {
                RevisionRunningState.FAILED,
                RevisionRunningState.ACTIVATION_FAILED,
            }:
                raise await self._why(None)
            if state.health_state == RevisionHealthState.HEALTHY or (
                state.provisioning_state == RevisionProvisioningState.PROVISIONED
            ):
                return
            self._board.note_rising(state.running_state or state.provisioning_state)
            await self._clock.sleep(_SOONEST_LOOK_SECONDS)

    async def _watch(self) -> DeploymentFailed:
        """Look at the new revision's replicas for as long as it takes; returns a reason to give up."""
        while True:
            waited = self._clock.monotonic() - self._began
            await self._clock.sleep(min(max(waited / _LOOKS_PER_WAIT, _SOONEST_LOOK_SECONDS), _LATEST_LOOK_SECONDS))
            with suppress(AcaError):
                await self._look()
                await self._read_log()
                if any(container.restart_count for replica in self._replicas_seen for container in replica.containers):
                    failure = await self._import_failure()
                    if failure is not None:
                        return failure
            given_up = self._judge()
            if given_up is not None:
                return await self._given_up(given_up)

    async def _read_log(self) -> None:
        """Read the system log as far as it is written, and tell the phases that it speaks of."""
        if not self._event_stream:
            document = await self._access.ask(lambda services: services.apps.document(self._state.name))
            self._event_stream = str(document["properties"].get("eventStreamEndpoint") or "")
        if not self._event_stream:  # a new app has one when its operation is over, at the latest
            return
        token = await self._access.ask(lambda services: services.apps.auth_token(self._state.name))
        async with self._access.services.logs.system(self._event_stream, token, tail=MOST_TAIL, follow=False) as stream:
            self._lines = tuple(redacted([line async for line in stream], self._access.redactor))
        now = self._clock.monotonic()
        phases = [(phase_of_line(line), line.at) for line in self._mine]
        self._board.saw(Sighting(phase, now, at.timestamp() if at else None) for phase, at in phases if phase)

    @property
    def _mine(self) -> tuple[LogLine, ...]:
        return tuple(line for line in self._lines if self.revision and line.revision == self.revision)

    async def _look(self) -> None:
        """Find the new revision and its replicas, and tell what they show."""
        if not self.revision:
            document = await self._access.ask(lambda services: services.apps.document(self._state.name))
            latest, ready = (document["properties"].get(f"latest{kind}RevisionName") or "" for kind in ("", "Ready"))
            self.revision = latest if latest != ready else ""
            if not self.revision:
                return
            self._state = replace(self._state, latest_revision=latest, latest_ready_revision=ready)
            self._saw(PhaseName.ASSIGNING)
        found = await self._access.ask(lambda services: services.apps.replicas(self._state.name, self.revision))
        self._replicas_seen = found
        for replica in found:
            self._saw(phase_of_replica(replica))
            self._board.note_rising(_waits_for(replica))
            for container in replica.containers:
                self._endpoints[replica.name] = container.log_stream_endpoint

    def _saw(self, phase: PhaseName) -> None:
        self._board.saw([Sighting(phase, self._clock.monotonic())])

    def _judge(self) -> Trouble | None:
        """Return why to stop waiting, None as long as there is hope."""
        known, now = self._evidence(), self._clock.monotonic()
        trouble = decide_trouble(known)
        if trouble is None or self._trouble is None or trouble.kind is not self._trouble.kind:
            self._trouble_since = now
        self._trouble = trouble
        rising = self._board.rising
        return decide_giving_up(
            known, trouble, now - self._trouble_since, rising.phase, now - rising.begun_at()[rising.phase]
        )

    def _evidence(self, console: tuple[LogLine, ...] = ()) -> Evidence:
        return Evidence(self._state, (), self._replicas_seen, self._mine, console)

    async def _given_up(self, trouble: Trouble) -> GaveUp:
        console = await self._console()
        known = decide_trouble(self._evidence(tuple(console)))  # what the program wrote is part of the reason
        failure = self._explained(known if known is not None and known.kind is trouble.kind else trouble, console)
        return GaveUp(
            failure.message, traceback=failure.traceback, code=failure.code, detail=failure.detail, hint=failure.hint
        )

    async def _why(self, failed: ServiceFailed | None) -> DeploymentFailed:
        """Find the reason in what is known of the replicas, or say what the platform said."""
        with suppress(AcaError):
            await self._look()
            await self._read_log()
        reason = await self._import_failure()
        if reason is not None:
            return reason
        console = await self._console()
        name = self._state.name
        if isinstance(failed, QuotaExceeded):
            return DeploymentFailed(
                failed.message, code=failed.code, detail=failed.detail, hint=failed.hint + self._meanwhile,
                request_id=failed.request_id,
            )  # fmt: skip
        code, detail = (failed.code, failed.detail) if failed else ("RevisionFailed", "")
        trouble = (
            decide_trouble(self._evidence(tuple(console))) or self._trouble or operation_expired(name, code, detail)
        )
        if trouble is not None:
            told = self._explained(trouble, console)
            told.request_id = failed.request_id if failed else ""
            return told
        return DeploymentFailed(
            f"the new revision of {name!r} did not become ready", code=code, detail=detail,
            request_id=failed.request_id if failed else "",
            traceback=_tail(console), hint=f"`%aca why {name}` says what is known of it{self._meanwhile}",
        )  # fmt: skip

    def _explained(self, trouble: Trouble, console: list[LogLine]) -> DeploymentFailed:
        """The same words as `%aca why`'s."""
        commands = " or ".join(f"`{each}`" for each in trouble.commands[:2])
        shows = trouble.kind in {TroubleKind.CRASHING, TroubleKind.OUT_OF_MEMORY, TroubleKind.PROBE_FAILED}
        return DeploymentFailed(
            f"{self._state.name!r} did not start: {trouble.summary}", code=trouble.code, detail=trouble.detail,
            hint=f"{trouble.cause}; {commands}{self._meanwhile}", traceback=_tail(console) if shows else "",
        )  # fmt: skip

    async def _import_failure(self) -> DeploymentFailed | None:
        error = import_record(await self._console())
        return import_failure(self._state.name, error, self._meanwhile) if error is not None else None

    async def _console(self) -> list[LogLine]:
        """The end of what the replicas seen so far have written."""
        lines: list[LogLine] = []
        for replica, endpoint in self._endpoints.items():
            if not endpoint:
                continue
            with suppress(AcaError):  # a replica may have gone
                token = await self._access.ask(lambda services: services.apps.auth_token(self._state.name))
                opened = self._access.services.logs.console(endpoint, token, tail=_TAIL, follow=False, replica=replica)
                async with opened as stream:
                    lines += redacted([line async for line in stream], self._access.redactor)
        return lines

    def _superseded(self) -> Superseded:
        name = self._state.name
        return Superseded(
            f"a later deploy of {name!r} took over", code="Superseded", detail="the app runs the later one",
            hint=f"`%aca show {name}` shows it",
        )  # fmt: skip


def _waits_for(replica: ReplicaState) -> str:
    """Say what a replica waits for; one that runs or is ready has nothing to say that its phase does not."""
    if not replica.containers:
        return replica.details
    waits = not replica.ready and replica.containers[0].running_state != "Running"
    return (replica.details or replica.containers[0].details) if waits else ""


def _tail(console: list[LogLine]) -> str:
    return "\n".join(line.text for line in console[-15:])
