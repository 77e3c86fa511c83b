"""One deployment, step by step: capture, upload, build, provision, start.

A cell travels the same road to the emulator and to Azure. Whoever deploys the same app later wins: a deployment that
finds itself overtaken says so and stops.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aca_notebook.api import packing, template
from aca_notebook.api.gpus import GpuNotes
from aca_notebook.api.plan import Surroundings, check_hosting, check_name, plan_deployment
from aca_notebook.api.progress import ProgressBoard
from aca_notebook.api.secrets import AppSecrets, SecretBox
from aca_notebook.api.starting import Starting
from aca_notebook.azure import documents
from aca_notebook.errors import (
    AcaError,
    BuildFailed,
    Conflict,
    Detached,
    Interrupted,
    NotFound,
    Superseded,
    UsageFailed,
)
from aca_notebook.model.deploy import DeployState, PhaseName
from aca_notebook.model.states import ProvisioningState, known

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aca_notebook.api.access import Access
    from aca_notebook.api.packing import Packed, Source
    from aca_notebook.api.plan import DeployOptions
    from aca_notebook.azure.apps import Operation
    from aca_notebook.azure.documents import Document
    from aca_notebook.clock import Clock
    from aca_notebook.model.app import AppState
    from aca_notebook.model.deploy import DeployPlan, DeployProgress
    from aca_notebook.model.gpu import WorkloadProfileType
    from aca_notebook.model.rate import PriceList

logger = logging.getLogger(__name__)

_BUSY_SECONDS = 0.1
_LOG_LINES = 12


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a deployment came to."""

    plan: DeployPlan
    packed: Packed
    document: Document
    profiles: Mapping[str, WorkloadProfileType]
    progress: DeployProgress


class Turns:
    """Who deployed each app last, in this Workspace."""

    def __init__(self) -> None:
        self._latest: dict[str, object] = {}

    def take(self, app: str, deployment: object) -> None:
        """Become the latest."""
        self._latest[app] = deployment

    def is_latest(self, app: str, deployment: object) -> bool:
        """Whether nobody came after."""
        return self._latest.get(app) is deployment


class Deploying:
    """One run. `run` is called once."""

    def __init__(  # noqa: PLR0913  # what a workspace hands on
        self, app: str, options: DeployOptions, access: Access, turns: Turns, *, owner: str, clock: Clock,
        box: SecretBox | None = None, prices: Callable[[], PriceList] | None = None,
    ) -> None:  # fmt: skip
        check_name(app)
        self._app = app
        self._options = options
        self._box = box or SecretBox()
        self._prices = prices
        self._access = access
        self._turns = turns
        self._clock = clock
        self._mark = template.Mark(owner, deployment=secrets.token_hex(8))
        self._build_run = ""
        self._accepted = False
        self._putting: asyncio.Future[Operation] | None = None
        self._leaving: asyncio.Future[str] | None = None
        self._existed = False

    async def plan(self, source: Source) -> tuple[DeployPlan, Packed, Surroundings]:
        """Capture the cell, look at what is there, and decide; nothing is sent."""
        check_hosting(self._options)
        image = self._options.hosting.image
        packing_up = asyncio.to_thread(packing.of_image, image) if image else asyncio.to_thread(packing.pack, source)
        packed, document, profiles = await asyncio.gather(packing_up, self._document(), self._profiles())
        current = self._read(document, profiles) if document else None
        prices = await asyncio.to_thread(self._prices) if self._prices else None
        around = Surroundings(profiles, current, self._clock.now(), prices)
        self._check_secrets(document)
        plan = plan_deployment(self._app, packed.facts, self._options, self._access.target, around)
        return plan, packed, around

    async def run(self, source: Source, on_progress: Callable[[DeployProgress], None] | None) -> Outcome:
        """Do it. Raises the tree's errors; what `on_progress` heard last is how it ended."""
        self._turns.take(self._app, self)
        draft = template.draft(self._app, self._options, self._access.target)
        board = ProgressBoard(draft, self._clock, on_progress)
        try:
            outcome = await self._steps(source, board)
        except asyncio.CancelledError:
            report = await self._interrupted()
            detached = isinstance(report, Detached)
            board.finish(DeployState.DETACHED if detached else DeployState.INTERRUPTED, report)
            raise report from None
        except Superseded as overtaken:
            board.finish(DeployState.SUPERSEDED, overtaken)
            raise
        except AcaError as error:
            board.finish(DeployState.FAILED, error)
            raise
        except BaseException as error:
            board.finish(DeployState.FAILED, AcaError(f"{type(error).__name__}: {error}"))
            raise
        board.finish(DeployState.SUCCEEDED)
        return replace(outcome, progress=board.progress)

    async def _steps(self, source: Source, board: ProgressBoard) -> Outcome:
        async with board.phase(PhaseName.CAPTURE):
            plan, packed, around = await self.plan(source)
            self._existed = around.current is not None
            self._mark = replace(self._mark, example=packed.facts.example)
            board.update(plan=plan)
            board.note(PhaseName.CAPTURE, _shipping(plan))
        if plan.unchanged:
            document = await self._unchanged(plan, board)
        else:
            await self._image(plan, packed, around.current, board)
            document = await self._provision(plan, board)
        profiles = await self._profiles() if plan.adds_workload_profile else around.profiles
        state = self._read(document, profiles)
        note = await GpuNotes(self._access).of(state)
        board.update(url=state.url, revision=state.latest_revision, gpu_note=note)
        return Outcome(plan, packed, document, profiles, board.progress)

    async def _unchanged(self, plan: DeployPlan, board: ProgressBoard) -> Document:
        """The app runs this very bundle: only its expiry moves."""
        for name in (PhaseName.UPLOAD, PhaseName.BUILD, PhaseName.START):
            board.skip(name, "unchanged, nothing sent")
        async with board.phase(PhaseName.PROVISION, "unchanged; expiry renewed"):
            document = await self._access.ask(lambda services: services.apps.document(self._app))
            kept = dict(document.get("tags") or {})
            wanted = {**kept, **template.deployment_tags(plan, self._options, self._mark)}
            gone: dict[str, None] = {}
            if plan.expires_at is None:
                wanted.pop(documents.EXPIRES, None)
                gone[documents.EXPIRES] = None  # null takes a tag away: JSON Merge Patch
            with suppress(Conflict):  # whoever writes now will say when it expires
                await self._access.ask(lambda services: services.apps.patch(self._app, {"tags": {**wanted, **gone}}))
            await self._renew_secrets(str(document["properties"].get("latestRevisionName") or ""), board)
            return {**document, "tags": wanted}

    async def _image(
        self, plan: DeployPlan, packed: Packed, current: AppState | None, board: ProgressBoard
    ) -> None:  # fmt: skip
        if self._options.hosting.image:
            board.skip(PhaseName.UPLOAD, "a finished image")
            board.skip(PhaseName.BUILD, self._options.hosting.image)
            return
        image = template.image_name(plan)
        if current is not None and current.image.endswith(f"/{image}"):
            board.skip(PhaseName.UPLOAD, "the registry has this bundle")
            board.skip(PhaseName.BUILD, "the image exists")
            return
        async with board.phase(PhaseName.UPLOAD):
            archive = await asyncio.to_thread(packed.archive)
            board.note(PhaseName.UPLOAD, f"{_size(len(archive))} compressed")
            location = await self._access.ask(lambda services: services.registry.upload(archive))
        async with board.phase(PhaseName.BUILD):
            await self._build(location, image, board)

    async def _build(self, location: str, image: str, board: ProgressBoard) -> None:
        self._stop_if_overtaken()
        self._build_run = await self._access.ask(lambda services: services.registry.schedule(location, image))

        def show(log: str) -> None:
            board.update(log_tail=tuple(self._access.redactor.text(log).splitlines()[-_LOG_LINES:]))

        run = await self._access.ask(lambda services: services.registry.follow(self._build_run, show))
        show(run.log)
        if not run.succeeded:
            said = self._access.redactor.text(run.log)
            told = [line for line in said.splitlines() if line.strip()][-_LOG_LINES:]
            raise BuildFailed(
                f"the image of {self._app!r} could not be built", code=f"Build{run.status}",
                detail=told[-1] if told else "", traceback="\n".join(told),
                hint="mend the cell or its packages, and deploy again",
            )  # fmt: skip
        board.note(PhaseName.BUILD, run.id)
        self._build_run = ""

    async def _provision(self, plan: DeployPlan, board: ProgressBoard) -> Document:
        async with board.phase(PhaseName.PROVISION):
            if plan.adds_workload_profile:
                await self._add_profile(plan, board)
            kept = await self._secrets()
            values = {**self._key(kept), **await self._traces(plan), **self._given()}
            self._access.redactor.learn(*values.values(), *kept.values())
            marks = template.deployment_tags(plan, self._options, self._mark)
            wanted = template.app_document(plan, self._options, self._access.target, values, marks)
            wanted = template.keeping(wanted, await self._document() if self._existed else None, kept)
            operation = await self._put(wanted, board)
        async with board.phase(PhaseName.START):
            starting = Starting(self._app, self._access, board, self._clock, updates=self._existed)
            return await starting.follow(operation, self._overtaken)

    async def _put(self, wanted: Document, board: ProgressBoard) -> Callable[[], Awaitable[Document]]:
        """PUT; while the platform is busy with another write, wait for that one and PUT again: the latest wins."""
        while True:
            self._stop_if_overtaken()
            try:
                begun = await self._accepted_put(wanted)
            except Conflict as busy:
                board.note(PhaseName.PROVISION, f"waiting for another operation ({busy.code})")
                await self._settled()
            else:
                return begun.result

    async def _accepted_put(self, wanted: Document) -> Operation:
        """PUT; an interrupt in the middle leaves it under way, for the cleaning up to see through."""
        self._putting = asyncio.ensure_future(self._access.ask(lambda services: services.apps.put(self._app, wanted)))
        begun = await asyncio.shield(self._putting)
        self._accepted = True
        return begun

    async def _settled(self) -> None:
        """Return when no write is in progress any more."""
        while True:
            await self._clock.sleep(_BUSY_SECONDS)
            document = await self._document()
            state = known(ProvisioningState, ((document or {}).get("properties") or {}).get("provisioningState"))
            if document is None or not isinstance(state, ProvisioningState) or state.terminal:
                return

    async def _add_profile(self, plan: DeployPlan, board: ProgressBoard) -> None:
        from aca_notebook.model.gpu import gpu_profile_type

        board.note(PhaseName.PROVISION, f"adding the workload profile {plan.workload_profile}")
        await self._access.ask(lambda services: services.environments.add_profile(gpu_profile_type(plan.gpu)))

    def _key(self, kept: Mapping[str, str]) -> dict[str, str]:
        """The key of a cell's door, that which it has or a new one; a foreign image has no such door."""
        if self._options.hosting.image:
            return {}
        return {template.KEY_SECRET: kept.get(template.KEY_SECRET) or secrets.token_urlsafe(32)}

    def _given(self) -> dict[str, str]:
        """The values of the secrets this deployment names, as far as this process has them."""
        found = {name: self._box.get(name) for name in self._options.secret_names}
        return {name: value for name, value in found.items() if value is not None}

    def _check_secrets(self, document: Document | None) -> None:
        """Raise `UsageFailed` for a secret that neither this process nor the app has, before anything is sent."""
        properties = (document or {}).get("properties") or {}
        there = {each["name"] for each in (properties.get("configuration") or {}).get("secrets") or ()}
        missing = sorted(set(self._options.secret_names) - there - self._given().keys())
        if missing:
            raise UsageFailed(
                f"nobody has given the secret {missing[0]!r}",
                code="SecretNotFound",
                hint=f"%aca secret set {missing[0]}",
            )

    async def _renew_secrets(self, revision: str, board: ProgressBoard) -> None:
        """Give an app that is otherwise unchanged the values that are new, and replace what runs with the old ones."""
        given = self._given()
        present = await self._secrets() if given else {}
        changed = {name: value for name, value in given.items() if present.get(name) != value}
        for name, value in changed.items():
            await AppSecrets(self._access, self._app).set(name, value)
        if changed and revision:
            restart = self._access.services.apps.revision_action
            await self._access.ask(lambda _: restart(self._app, revision, "restart"))
            board.note(PhaseName.PROVISION, f"unchanged but for {', '.join(sorted(changed))}; replicas replaced")

    async def _secrets(self) -> dict[str, str]:
        """The values of the secrets the app has: its key among them, so that callers need not learn another."""
        if not self._existed:
            return {}
        try:
            return await self._access.ask(lambda services: services.apps.secrets(self._app))
        except NotFound:
            return {}

    async def _traces(self, plan: DeployPlan) -> dict[str, str]:
        """Where the app's traces go, as a secret; the component is made if it is not there."""
        if not plan.traces:
            return {}
        sent = await self._access.ask(lambda services: services.traces.ensure(plan.traces))
        return {template.TRACES_SECRET: sent.connection_string}

    def _overtaken(self, document: Document) -> bool:
        """Whether the app now is another deployment's."""
        return bool((document.get("tags") or {}).get(documents.DEPLOYMENT) not in {None, self._mark.deployment})

    def _stop_if_overtaken(self) -> None:
        if not self._turns.is_latest(self._app, self):
            raise Superseded(
                f"a later deploy of {self._app!r} took over", code="Superseded",
                detail="this one was stopped before it changed the app",
                hint=f"`%aca show {self._app}` shows the later one",
            )  # fmt: skip

    async def _interrupted(self) -> Interrupted:
        """Cancel what can be cancelled, and say what was; a second interrupt lets that go on by itself."""
        self._leaving = asyncio.ensure_future(self._clean_up())  # kept: the loop alone does not hold a task
        try:
            done = "" if _interrupted_again() else await asyncio.shield(self._leaving)
        except asyncio.CancelledError:
            done = ""
        if not done:
            return Detached(
                f"detached from the deployment of {self._app!r}", code="Detached",
                detail="what it had begun goes on being cancelled",
                hint=f"`%aca show {self._app}` follows it to its end" if self._putting or self._existed
                else "`%aca ps` shows what runs",
            )  # fmt: skip
        return Interrupted(
            f"the deployment of {self._app!r} was interrupted", code="Interrupted", detail=done,
            hint=f"`%aca show {self._app}` follows it" if self._accepted and self._existed
            else "`%aca ps` shows what runs",
        )  # fmt: skip

    async def _clean_up(self) -> str:
        """Cancel what can be cancelled, whatever was asked of the platform last; tell what was and what was not."""
        try:
            if self._putting is not None and not self._accepted:
                await self._putting  # nothing may be left that nobody knows of
                self._accepted = True
        except AcaError as refused:
            logger.debug("the app was not changed: %s", refused)
        try:
            if self._accepted and not self._existed:
                return await self._delete_unfinished()
            if self._accepted:
                return f"the platform finishes the new revision of {self._app!r} by itself"
            if self._build_run:
                run = self._build_run
                await self._access.ask(lambda services: services.registry.cancel(run))
                return f"the build {run} was cancelled; the app was not changed"
        except AcaError as failed:
            logger.warning("cleaning up after an interrupt failed: %s", failed)
            return "cleaning up was not finished"
        return "the app was not changed"

    async def _delete_unfinished(self) -> str:
        """Delete the app that this deployment made, unless a later one has made it its own meanwhile."""
        document = await self._document()
        if document is None:
            return f"the unfinished app {self._app!r} is gone already"
        tag = (document.get("tags") or {}).get(documents.DEPLOYMENT)
        if tag != self._mark.deployment or not self._turns.is_latest(self._app, self):
            return f"a later deploy of {self._app!r} took over, so the app was left to it"
        await self._access.ask(lambda services: services.apps.delete(self._app))
        return f"the unfinished app {self._app!r} was deleted"

    async def _document(self) -> Document | None:
        try:
            return await self._access.ask(lambda services: services.apps.document(self._app))
        except NotFound:
            return None

    async def _profiles(self) -> Mapping[str, WorkloadProfileType]:
        return await self._access.ask(lambda services: services.environments.profiles())

    def _read(self, document: Document, profiles: Mapping[str, WorkloadProfileType]) -> AppState:
        return documents.read_app(document, self._access.target, profiles)


def _interrupted_again() -> bool:
    """Whether this task was cancelled twice before it could say anything."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 1


def _shipping(plan: DeployPlan) -> str:
    return f"{len(plan.ships)} items, {_size(plan.size_bytes)}" if plan.ships else ""


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1024:.0f} KiB" if size_bytes < 2**20 else f"{size_bytes / 2**20:.1f} MiB"
