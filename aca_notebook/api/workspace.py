"""A workspace: one target, one private loop, and the apps there."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from aca_notebook import settings
from aca_notebook.api import exporting, installation
from aca_notebook.api.access import Access
from aca_notebook.api.advising import Advisor
from aca_notebook.api.alerts import Alerts
from aca_notebook.api.app import App
from aca_notebook.api.budgets import Budgets
from aca_notebook.api.checkup import Checkup
from aca_notebook.api.costs import Costs
from aca_notebook.api.deploying import Deploying
from aca_notebook.api.deployment import Deployment
from aca_notebook.api.drifting import drift_of
from aca_notebook.api.function import Function, handle
from aca_notebook.api.gpus import GpuNotes
from aca_notebook.api.loop import PrivateLoop
from aca_notebook.api.overview import Overview
from aca_notebook.api.owner import owner
from aca_notebook.api.packing import Source, pack
from aca_notebook.api.plan import DeployOptions, is_name
from aca_notebook.api.rehearsing import Rehearsing
from aca_notebook.api.secrets import SecretBox
from aca_notebook.api.sessions_opening import Sessions
from aca_notebook.api.setting_up import SetUp
from aca_notebook.api.targets import resolve_target
from aca_notebook.api.template import TRACES_PACKAGES
from aca_notebook.api.turns import Turns
from aca_notebook.api.twin import blocking
from aca_notebook.api.usage import read_usage
from aca_notebook.api.warming import Warming
from aca_notebook.clock import SystemClock
from aca_notebook.errors import AcaError, NotFound, ServiceFailed, UsageFailed
from aca_notebook.model.lifecycle import decide_garbage

if TYPE_CHECKING:
    from collections.abc import Callable, ItemsView, Sequence, ValuesView
    from pathlib import Path

    import pandas as pd

    from aca_notebook.api.sessions import Session
    from aca_notebook.api.sessions_opening import SessionOptions
    from aca_notebook.api.sessions_pools import SessionPools
    from aca_notebook.api.signing_in import SignedIn
    from aca_notebook.api.tracing import CallTrace
    from aca_notebook.azure.documents import Document
    from aca_notebook.azure.sign_in import Signed
    from aca_notebook.azure.target import Target
    from aca_notebook.clock import Clock
    from aca_notebook.model.app import AppState
    from aca_notebook.model.checkup import Check
    from aca_notebook.model.deploy import DeployPlan, DeployProgress
    from aca_notebook.model.gpu import WorkloadProfileType
    from aca_notebook.model.hosting import Hosting
    from aca_notebook.model.lifecycle import Garbage
    from aca_notebook.model.redaction import Redactor
    from aca_notebook.model.session import SessionState
    from aca_notebook.model.usage import AppUsage

logger = logging.getLogger(__name__)

_SOURCE_OPTIONS = {"pip", "requirements"}
_OPTIONS = {entry.name for entry in fields(DeployOptions)} | _SOURCE_OPTIONS


class Options(TypedDict, total=False):
    """What `deploy` and `plan` may be told (see `DeployOptions` for meanings and defaults).

    `pip` are requirements beside the imports, `requirements` a file that pins them.
    """

    gpu: str
    min_replicas: int
    max_replicas: int
    cpu: float
    memory: str
    concurrency: int
    cooldown_seconds: float
    call_seconds: float
    entry: str
    public: bool
    traces: bool
    secrets: Mapping[str, str]
    keep: bool
    keep_failed: bool
    ttl: str
    env: Mapping[str, str]
    pip: Sequence[str]
    requirements: Path | None
    cell: str
    notebook: str
    gpu_count: int
    hosting: Hosting


def connect(
    target: str = "", *, propose: bool = False, signed_in: SignedIn | None = None,
    notebook: Mapping[str, str] | None = None, **overrides: str
) -> Workspace:  # fmt: skip
    """Return a workspace on a target: `local` starts or joins the emulator on this machine, `azure` is Azure.

    `overrides` are settings (`resource_group`, `environment`, `location`, `subscription_id`, `registry`). Without a
    name the settings decide, and without settings it is `local`. `propose` gives names to what nobody has named, for
    `Workspace.setup` to make; `signed_in` is what `login` returned, `notebook` the names that a notebook chose
    before. Raises `UsageFailed` and `TargetFailed`.
    """
    return Workspace(resolve_target(target, overrides, propose=propose, signed_in=signed_in, notebook=notebook))


class Workspace:
    """Deploys cells to a target and finds what is there. Close it, or use it in a `with`."""

    def __init__(self, target: Target, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.loop = PrivateLoop()
        self.apps = AppCollection(self)
        self._access = Access(target, self.clock)
        self._turns = Turns()
        self._sessions = Sessions(self, self._access)
        self.secrets = SecretBox(self._access.redactor)
        self._gpus = GpuNotes(self._access)
        self._warming = Warming(self.loop, self.clock)
        self.costs = Costs(self, self._access, settings.home() / "prices")
        self.budgets = Budgets(self, self._access)
        self.alerts = Alerts(self, self._access)
        self.advisor = Advisor(self, self._access)
        self.setup = SetUp(self, self._access, owner())
        self._profiles: dict[str, WorkloadProfileType] | None = None
        self._closing = weakref.finalize(self, _close, self.loop, self._access)
        if target.notice:
            logger.warning("%s", target.notice)
        self.loop.start(self._warm())

    @property
    def target(self) -> Target:
        """Where it deploys."""
        return self._access.target

    @property
    def redactor(self) -> Redactor:
        """Takes the secret values that came by here out of text."""
        return self._access.redactor

    @property
    def rehearsal(self) -> Rehearsing:
        """Where its target is told to have a bad day: faults and pace."""
        return Rehearsing(self.target, self.clock)

    @property
    def _loop(self) -> PrivateLoop:
        return self.loop

    @property
    def session_pools(self) -> SessionPools:
        """The pools of sandboxes in its resource group: `ws.session_pools["python"]`, `.create(…)`."""
        return self._sessions.pools

    def session(self, name: str = "", **options: Unpack[SessionOptions]) -> Session:
        """Return a session by name: an interpreter elsewhere that keeps its state between cells.

        Nothing is asked of the platform before the first cell, which makes what is not there yet.
        """
        return self._sessions.open(name, **options)

    @blocking
    async def sessions(self) -> tuple[SessionState, ...]:
        """Return every session that lives, in pools and in our agents."""
        return await self._sessions.list()

    @blocking
    async def deploy(
        self, /, name: str, source: str, namespace: Mapping[str, object], *,
        on_progress: Callable[[DeployProgress], None] | None = None, **options: Unpack[Options],
    ) -> Deployment:  # fmt: skip
        """Deploy a cell's source and return when its first replica is ready.

        `namespace` is the notebook's, after the cell ran in it. `options` are those of `plan`. `on_progress` is called
        on another thread, at each change and at most four times a second in between. Ctrl-C cancels what can be
        cancelled and raises `Interrupted`; a second one leaves that to go on by itself and raises `Detached`. A later
        deploy of the same name makes this one raise `Superseded`.
        """
        deploying, packed_source = self._deploying(name, source, namespace, options)
        outcome = await deploying.run(packed_source, on_progress)
        self._profiles = dict(outcome.profiles)
        state = self._access.services.apps.read(outcome.document, outcome.profiles)
        state = replace(state, gpu_note=outcome.progress.gpu_note)
        app = App(state, self, self._access)
        handles = {export: handle(app, export, kind, namespace[export]) for export, kind in outcome.packed.exports}
        for export, each in handles.items():
            if isinstance(each, Function) and each.signature is not None:
                app.endpoint.learn(export, each.signature, entry=export == outcome.plan.entry)
        self._warming.begin()
        return Deployment(app, handles, outcome.progress)

    @blocking
    async def plan(
        self, /, name: str, source: str, namespace: Mapping[str, object], **options: Unpack[Options]
    ) -> DeployPlan:
        """Return what `deploy` with the same arguments would do; nothing is sent.

        Options: `gpu` ("T4", "A100"), `min_replicas`, `max_replicas`, `cpu` (cores), `memory` ("1Gi"), `concurrency`,
        `cooldown_seconds`, `call_seconds` (how long a call takes, for its price), `entry`, `public`, `traces`, `keep`,
        `ttl` ("8h"), `env`, `secrets`, `pip`, `requirements`, `cell`, `notebook`, `gpu_count`, and `hosting` for the
        rest; with an image in that, `source` and `namespace` are of no account.
        """
        deploying, packed_source = self._deploying(name, source, namespace, options)
        planned, _, _ = await deploying.plan(packed_source)
        return planned

    @blocking
    async def export(
        self, /, name: str, source: str, namespace: Mapping[str, object], form: str, **options: Unpack[Options]
    ) -> dict[str, bytes]:  # fmt: skip
        """A cell as files to keep, by path: `dockerfile` (what its image is built from) or `py` (a plain module)."""
        _, packed_source = self._deploying(name, source, namespace, options)
        packed = await asyncio.to_thread(pack, packed_source)
        wanted = tuple(each.name for each in packed.facts.ships if each.kind == "package" and not each.note)
        return exporting.exported(name, packed.archive(), form, wanted, packed.facts.example)

    @blocking
    async def rehearse(
        self, /, name: str, source: str, namespace: Mapping[str, object], **options: Unpack[Options]
    ) -> None:  # fmt: skip
        """Ask the platform for what `deploy` would ask for; inside `api.showing.shown` nothing of it is sent."""
        deploying, packed_source = self._deploying(name, source, namespace, options)
        await deploying.rehearse(packed_source)

    @blocking
    async def garbage(self, *, everyone: bool = False) -> tuple[Garbage, ...]:
        """Which apps of mine, or of `everyone`, may go: expired ones, and those that never became ready."""
        states = [app.state for app in await self.read_apps()]
        return decide_garbage(states, self.clock.now(), "" if everyone else owner())

    @blocking
    async def checkup(self, *, gpu: str = "", fix: bool = False, app: str = "") -> tuple[Check, ...]:
        """Look at everything a deployment needs of the target and of this installation.

        `gpu` asks for what that GPU needs as well, `app` whether an app may be called so. `fix` mends what has no
        price: registers providers, makes the group, adds the GPU's profile, assigns AcrPull.
        """
        looking = Checkup(self._access, self.clock, gpu, app, owner())
        checks, own = await asyncio.gather(looking.examine(), asyncio.to_thread(installation.examine))
        return (*(await looking.mend(checks) if fix else checks), *own)

    @blocking
    async def lint(self, name: str, planned: Document | None = None) -> tuple[Check, ...]:
        """Hold an app against what guides recommend: as it is, or as a deploy that is only `planned` would make it."""
        from aca_notebook.api.linting import lint_app

        return await lint_app(self._access, name, planned)

    @blocking
    async def whoami(self) -> Signed:
        """Who is signed in to the target. Raises `Unauthorized` when nobody is."""
        return await self._access.ask(lambda services: services.sign_in.who())

    @blocking
    async def cost(self, since: timedelta = timedelta(hours=24)) -> pd.DataFrame:
        """What all apps cost, estimated (see `App.cost`); `costs` tells more."""
        return await self.costs.frame_of([app.state for app in await self.read_apps()], since)

    @blocking
    async def top(self, since: timedelta = timedelta(minutes=5)) -> tuple[AppUsage, ...]:
        """What each app does: replicas, CPU, memory, GPU, requests, failures, response time; the busiest first."""
        documents = await self._access.ask(lambda services: services.apps.list())
        now = self.clock.now()
        apps = {document["name"]: self.target.app_id(document["name"]) for document in documents}
        return await read_usage(self._access, apps, (now - since, now)) if apps else ()

    @blocking
    async def query(self, text: str, *, app: str = "", since: timedelta | None = None) -> pd.DataFrame:
        """Ask the history of logs, in KQL or by the name of a question (`errors`, `cold-starts`, `restarts` …).

        `app` restricts a named question; `since` reaches back from now, and None is all there is. Datetimes are UTC;
        `.attrs["kql"]` is what was asked. Log Analytics knows a line minutes after it was written. Raises `UsageFailed`
        for a name that is none, `NotFound` for an environment that keeps no logs, and `ServiceFailed` with Kusto's
        sentence and place for KQL that cannot be run.
        """
        from aca_notebook.api import querying  # pandas is for those who ask

        return await querying.query_now(self._access, text, app=app, since=since, clock=self.clock)

    @blocking
    async def trace(self, call: str = "", *, app: str = "") -> CallTrace:
        """One call from end to end: its wait, the start of its replica, import, load, run; or an app's last call.

        `call` is the id that an answer carries as `X-Call-Id`. The app must be deployed with `traces`. Raises
        `NotFound` while nothing of it has come in, which takes minutes on Azure.
        """
        from aca_notebook.api.tracing import trace_of

        return await trace_of(self._access, call=call, app=app)

    @blocking
    async def app_names(self) -> tuple[str, ...]:
        """The names of all apps, in one request: what completion asks for."""
        return tuple(document["name"] for document in await self._access.ask(lambda services: services.apps.list()))

    async def read_apps(self) -> list[App]:
        """Every app, with the replicas its latest revision has."""
        documents, profiles = await asyncio.gather(
            self._access.ask(lambda services: services.apps.list()), self.known_profiles()
        )
        states = [self._access.services.apps.read(document, profiles) for document in documents]
        counted = await asyncio.gather(*(self.counted(state) for state in states))
        return [App(state, self, self._access) for state in counted]

    def overview(self) -> Overview:
        """Return a reader of all apps for whoever looks again and again; it lives on this workspace's loop."""
        return Overview(self, self._access)

    async def read_state(self, name: str) -> AppState:
        """One app as it is now. Raises `NotFound`."""
        if not is_name(name):  # some of those would be the address of something else
            raise NotFound(
                f"there is no app {name!r}", status=404, code="ContainerAppInvalidName",
                detail="no app has such a name", hint="`%aca ps` lists them",
            )  # fmt: skip
        document, profiles = await asyncio.gather(
            self._access.ask(lambda services: services.apps.document(name)), self.known_profiles()
        )
        return await self.counted(self._access.services.apps.read(document, profiles))

    async def read_app(self, name: str) -> App:
        """One app. Raises `NotFound`."""
        return App(await self.read_state(name), self, self._access)

    @blocking
    async def drift(self, state: AppState) -> str:
        """How what an app runs differs from the cell it was last deployed from here; empty when it does not."""
        return await drift_of(self._turns.source(state.name), state)

    def forget(self, app: str) -> None:
        """Know that an app was taken down from here, so that its absence is no surprise."""
        self._turns.note_deployed(app, "")

    def close(self) -> None:
        """Let go of the connections and the loop; apps run on."""
        self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        target = self.target
        return f"<Workspace on {target.name}: group {target.resource_group!r}, environment {target.environment!r}>"

    def _deploying(
        self, name: str, source: str, namespace: Mapping[str, object], options: Options
    ) -> tuple[Deploying, Source]:  # fmt: skip
        unknown = sorted(set(options) - _OPTIONS)
        if unknown:
            raise UsageFailed(
                f"deploy has no option {unknown[0]!r}",
                code="UnknownOption",
                hint=f"it has {', '.join(sorted(_OPTIONS))}",
            )  # fmt: skip
        own: dict[str, Any] = {key: value for key, value in options.items() if key not in _SOURCE_OPTIONS}
        chosen = DeployOptions(**own)
        packed = Source(
            source, namespace, cell=chosen.cell, entry=chosen.entry,
            pip=(*options.get("pip", ()), *(TRACES_PACKAGES if chosen.traces else ())),
            requirements=options.get("requirements"),
        )  # fmt: skip
        return Deploying(
            name,
            chosen,
            self._access,
            self._turns,
            owner=owner(),
            clock=self.clock,
            box=self.secrets,
            prices=self.costs.prices,
        ), packed

    async def counted(self, state: AppState) -> AppState:
        """Add what only the revision knows: how many replicas, what they do, and whether they have their GPU."""
        if not state.latest_revision:
            return replace(state, replicas=0)
        try:
            revision, note = await asyncio.gather(
                self._access.ask(lambda services: services.apps.revision(state.name, state.latest_revision)),
                self._gpus.of(state),
            )
        except (NotFound, ServiceFailed):
            return state
        state = replace(state, replicas=revision.replicas, running_state=revision.running_state, gpu_note=note)
        return replace(state, idle_note=await self.costs.idle_note(state), hourly_usd=self.costs.hourly_usd(state))

    async def known_profiles(self) -> dict[str, WorkloadProfileType]:
        """The environment's profiles, read once: a profile's type never changes."""
        if self._profiles is None:
            self._profiles = await self._access.ask(lambda services: services.environments.profiles())
        return self._profiles

    async def _warm(self) -> None:
        """Import the SDKs and fetch a token while the person types the first cell."""
        try:
            await asyncio.to_thread(_import_sdks)
            await self.known_profiles()
        except AcaError as failed:
            logger.debug("warming up failed: %s", failed)


class AppCollection(Mapping[str, App]):
    """The apps of the target's resource group, read anew each time they are asked for."""

    def __init__(self, workspace: Workspace) -> None:
        self._of = weakref.ref(workspace)

    def __getitem__(self, name: str) -> App:
        workspace = self._workspace
        return workspace.loop.run(workspace.read_app(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._workspace.app_names())

    def __len__(self) -> int:
        return len(self._all())

    def __contains__(self, name: object) -> bool:
        return any(app.name == name for app in self._all())

    def get(self, name: str, default: Any = None) -> Any:
        """Return an app, or `default` when there is none."""
        try:
            return self[name]
        except NotFound:
            return default

    def values(self) -> ValuesView[App]:
        """Every app, in one reading."""
        return self._snapshot().values()

    def items(self) -> ItemsView[str, App]:
        """Every app by name, in one reading."""
        return self._snapshot().items()

    def _snapshot(self) -> dict[str, App]:
        return {app.name: app for app in self._all()}

    def _all(self) -> list[App]:
        workspace = self._workspace
        return workspace.loop.run(workspace.read_apps())

    @property
    def _workspace(self) -> Workspace:
        workspace = self._of()
        if workspace is None:
            raise UsageFailed("the workspace of these apps is gone", code="Closed", hint="connect again")
        return workspace

    def __repr__(self) -> str:
        return f"<apps: {', '.join(self) or 'none'}>"


def _close(loop: PrivateLoop, access: Access) -> None:
    if loop.closed:
        return
    try:
        loop.run(access.close())
    finally:
        loop.close()


def _import_sdks() -> None:
    import azure.identity.aio
    import azure.mgmt.appcontainers.aio
    import azure.mgmt.containerregistrytasks.aio  # noqa: F401  # importing is the purpose
