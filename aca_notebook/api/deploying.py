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
from aca_notebook.api.deploy_secrets import DeploySecrets
from aca_notebook.api.gpus import GpuNotes
from aca_notebook.api.owner import made_beside
from aca_notebook.api.plan import Surroundings, check_hosting, check_name, plan_deployment
from aca_notebook.api.progress import ProgressBoard
from aca_notebook.api.pull_identity import pulled_by
from aca_notebook.api.pull_rights import let_app_pull
from aca_notebook.api.retiring import Retiring
from aca_notebook.api.secrets import SecretBox
from aca_notebook.api.starting import Starting
from aca_notebook.api.writing import Writing
from aca_notebook.azure import documents
from aca_notebook.errors import (
    AcaError,
    BuildFailed,
    Conflict,
    DeploymentFailed,
    Detached,
    Interrupted,
    NotFound,
    Superseded,
)
from aca_notebook.model.bring_up import STEPS
from aca_notebook.model.build_log import last_error
from aca_notebook.model.deploy import DeployState, PhaseName
from aca_notebook.model.drift import changed_elsewhere, said_of_changes, said_of_others
from aca_notebook.model.gpu import gpu_profile_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.access import Access
    from aca_notebook.api.packing import Packed, Source
    from aca_notebook.api.plan import DeployOptions
    from aca_notebook.api.turns import Turns
    from aca_notebook.azure.documents import Document
    from aca_notebook.clock import Clock
    from aca_notebook.model.app import AppState
    from aca_notebook.model.deploy import DeployPlan, DeployProgress
    from aca_notebook.model.gpu import WorkloadProfileType
    from aca_notebook.model.rate import PriceList

logger = logging.getLogger(__name__)

_LOG_LINES = 12
#: What stands for an uploaded context where nothing is uploaded.
SHOWN_CONTEXT = "CONTEXT"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a deployment came to."""

    plan: DeployPlan
    packed: Packed
    document: Document
    profiles: Mapping[str, WorkloadProfileType]
    progress: DeployProgress


class Deploying:
    """One run. `run` is called once."""

    def __init__(  # noqa: PLR0913  # what a workspace hands on
        self, app: str, options: DeployOptions, access: Access, turns: Turns, *, owner: str, clock: Clock,
        box: SecretBox | None = None, prices: Callable[[], PriceList] | None = None,
    ) -> None:  # fmt: skip
        check_name(app)
        check_hosting(options)
        self._app = app
        self._options = options
        self._prices = prices
        self._access = access
        self._turns = turns
        self._clock = clock
        self._mark = template.Mark(owner, deployment=secrets.token_hex(8))
        self._build_run = ""
        self._write = Writing(app, access, clock, self._stop_if_overtaken)
        self._secrets = DeploySecrets(app, options, access, box or SecretBox())
        self._leaving: asyncio.Future[str] | None = None
        self._existed = False

    async def plan(self, source: Source) -> tuple[DeployPlan, Packed, Surroundings]:
        """Capture the cell, look at what is there, and decide; nothing is sent."""
        image = self._options.hosting.image
        packing_up = asyncio.to_thread(packing.of_image, image) if image else asyncio.to_thread(packing.pack, source)
        packed, document, profiles, self._write.target = await asyncio.gather(
            packing_up, self._document(), self._profiles(), pulled_by(self._access)
        )
        current = self._read(document, profiles) if document else None
        prices = await asyncio.to_thread(self._prices) if self._prices else None
        around = Surroundings(profiles, current, self._clock.now(), prices)
        self._secrets.check(document)
        plan = plan_deployment(self._app, packed.facts, self._options, self._access.target, around)
        return self._noticing(plan, document, current), packed, around

    def _noticing(self, plan: DeployPlan, document: Document | None, current: AppState | None) -> DeployPlan:
        """Add what somebody else has done to the app since, which makes a deployment of what would be unchanged."""
        mark = (document.get("tags") or {}).get(documents.DEPLOYMENT, "") if document else None
        notes = [said_of_others(self._app, self._turns.deployed(self._app), mark, current.tags if current else None)]
        if plan.unchanged and document is not None:
            values = {template.TRACES_SECRET: ""} if plan.traces else {}
            ours = template.app_document(plan, self._options, self._access.target, values, {})
            found = changed_elsewhere(ours["properties"]["template"], document["properties"].get("template") or {})
            if found:
                notes.append(said_of_changes(found))
                plan = replace(plan, unchanged=False)
        return replace(plan, warnings=(*plan.warnings, *filter(None, notes)))

    async def rehearse(self, source: Source) -> None:
        """Ask for what a run asks for, where nothing that writes is sent (`azure.recording`); waits for nothing."""
        plan, packed, around = await self.plan(source)
        if plan.unchanged:
            return
        self._existed = around.current is not None
        self._mark = replace(self._mark, example=packed.facts.example)
        image = template.image_name(plan)
        built = self._options.hosting.image or (around.current and around.current.image.endswith(f"/{image}"))
        if not built:
            await self._access.ask(lambda services: services.registry.schedule(SHOWN_CONTEXT, image))
        if plan.adds_workload_profile:
            await self._access.ask(lambda services: services.environments.add_profile(gpu_profile_type(plan.gpu)))
        wanted = await self._wanted(plan, await self._document() if self._existed else None)
        await self._access.ask(lambda services: services.apps.put(self._app, wanted))

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
            error.rewrite(self._access.redactor.text)
            board.finish(DeployState.FAILED, error)
            raise
        except BaseException as error:
            board.finish(DeployState.FAILED, AcaError(f"{type(error).__name__}: {error}"))
            raise
        of_cell = None if self._options.hosting.image else source
        self._turns.note_deployed(self._app, self._mark.deployment, of_cell, outcome.plan.digest)
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
            document = await self._provision(plan, around, board)
        profiles = await self._profiles() if plan.adds_workload_profile else around.profiles
        state = self._read(document, profiles)
        note = await GpuNotes(self._access).of(state)
        board.update(url=state.url, revision=state.latest_revision, gpu_note=note)
        return Outcome(plan, packed, document, profiles, board.progress)

    async def _unchanged(self, plan: DeployPlan, board: ProgressBoard) -> Document:
        """The app runs this very bundle: only its expiry moves."""
        board.skip(PhaseName.UPLOAD, "unchanged, nothing sent")
        for name in (PhaseName.BUILD, PhaseName.ROLE, *STEPS[1:]):
            board.skip(name, "")
        async with board.phase(PhaseName.REVISION, "unchanged; expiry renewed"):
            document = await self._access.ask(lambda services: services.apps.document(self._app))
            kept = dict(document.get("tags") or {})
            wanted = {**kept, **template.deployment_tags(plan, self._options, self._mark)}
            gone: dict[str, None] = {}
            if plan.expires_at is None:
                wanted.pop(documents.EXPIRES, None)
                gone[documents.EXPIRES] = None  # null takes a tag away: JSON Merge Patch
            with suppress(Conflict):  # whoever writes now will say when it expires
                await self._access.ask(lambda services: services.apps.patch(self._app, {"tags": {**wanted, **gone}}))
            renewed = await self._secrets.renew(str(document["properties"].get("latestRevisionName") or ""))
            if renewed:
                board.note(PhaseName.REVISION, f"unchanged but for {', '.join(renewed)}; replicas replaced")
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
                detail=last_error(told), traceback="\n".join(told),
                hint="mend the cell or its packages, and deploy again",
            )  # fmt: skip
        board.note(PhaseName.BUILD, run.id)
        board.update(log_tail=())  # what fails from now on is not the build
        self._build_run = ""

    async def _provision(self, plan: DeployPlan, around: Surroundings, board: ProgressBoard) -> Document:
        await self._write.look_at_role(board)
        async with board.bring_up():
            if plan.adds_workload_profile:
                await self._add_profile(plan, board)
            before = await self._document() if self._existed else None
            wanted = await self._wanted(plan, before)
            if self._options.hosting.registry_identity == "system":
                board.note_rising("letting the app's identity pull")
                await let_app_pull(
                    self._access, wanted, before, lambda first: self._made(first, board),
                    lambda part: self._write.merge(part, board),
                )  # fmt: skip
            operation = await self._write.put(wanted, board)
            profiles = await self._profiles() if plan.adds_workload_profile else around.profiles
            state = self._read({"id": str(self._access.target.app_id(self._app)), **wanted}, profiles)
            starting = Starting(state, self._access, board, self._clock, updates=before is not None)
            try:
                return await starting.follow(operation, self._overtaken)
            except Superseded:
                raise
            except DeploymentFailed as failed:
                await self._end(starting.revision, before, failed)
                raise

    async def _made(self, document: Document, board: ProgressBoard) -> Document:
        return await (await self._write.put(document, board))()

    async def _wanted(self, plan: DeployPlan, before: Document | None) -> Document:
        kept = await self._secrets.present() if self._existed else {}
        values = {**self._secrets.key(kept), **await self._traces(plan), **self._secrets.given()}
        self._access.redactor.learn(*values.values(), *kept.values())
        marks = template.deployment_tags(plan, self._options, self._mark)
        wanted = template.app_document(plan, self._options, self._write.target, values, marks)
        return template.keeping(wanted, before, kept)

    async def _end(self, revision: str, before: Document | None, failed: DeploymentFailed) -> None:
        """Let a revision that did not come up cost nothing, and say so in the error, unless it is to be kept."""
        if self._options.keep_failed or not revision:
            return
        retiring = Retiring(
            self._app, revision, self._access, self._clock, before=before, deployment=self._mark.deployment
        )
        failed.hint += await retiring.begin(self._turns.keep)

    async def _add_profile(self, plan: DeployPlan, board: ProgressBoard) -> None:
        board.note(PhaseName.REVISION, f"adding the workload profile {plan.workload_profile}")
        await self._access.ask(lambda services: services.environments.add_profile(gpu_profile_type(plan.gpu)))

    async def _traces(self, plan: DeployPlan) -> dict[str, str]:
        """Where the app's traces go, as a secret; the component is made if it is not there."""
        if not plan.traces:
            return {}
        tags = made_beside(self._access.target.environment)
        sent = await self._access.ask(lambda services: services.traces.ensure(plan.traces, tags))
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
                hint=f"`%aca show {self._app}` follows it to its end" if self._write.putting or self._existed
                else "`%aca ps` shows what runs",
            )  # fmt: skip
        return Interrupted(
            f"the deployment of {self._app!r} was interrupted", code="Interrupted", detail=done,
            hint=f"`%aca show {self._app}` follows it" if self._write.accepted and self._existed
            else "`%aca ps` shows what runs",
        )  # fmt: skip

    async def _clean_up(self) -> str:
        """Cancel what can be cancelled, whatever was asked of the platform last; tell what was and what was not."""
        try:
            if self._write.putting is not None and not self._write.accepted:
                await self._write.putting  # nothing may be left that nobody knows of
                self._write.accepted = True
        except AcaError as refused:
            logger.debug("the app was not changed: %s", refused)
        try:
            if self._write.accepted and not self._existed:
                return await self._delete_unfinished()
            if self._write.accepted:
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
