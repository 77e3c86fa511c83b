"""The composition root: makes the parts, wires them, starts and stops them in order."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from typing import TYPE_CHECKING, Any

from uv import find_uv_bin

from aca_notebook import __version__
from aca_notebook.emulator.arm.activity import SCHEMA as ACTIVITY_SCHEMA
from aca_notebook.emulator.arm.activity import ActivityLog
from aca_notebook.emulator.arm.app_annexes import AppAnnexes
from aca_notebook.emulator.arm.app_insights import AppInsights
from aca_notebook.emulator.arm.app_lifecycle import APP_TYPE, AppLifecycle
from aca_notebook.emulator.arm.app_tokens import AppTokens
from aca_notebook.emulator.arm.apps import Apps
from aca_notebook.emulator.arm.auth_configs import AuthConfigs
from aca_notebook.emulator.arm.blobs import Blobs
from aca_notebook.emulator.arm.builds import Builds
from aca_notebook.emulator.arm.certificates import Certificates
from aca_notebook.emulator.arm.dapr_components import DaprComponents
from aca_notebook.emulator.arm.diagnostics import DiagnosticSettings
from aca_notebook.emulator.arm.environment_storages import EnvironmentStorages
from aca_notebook.emulator.arm.environments import TYPE as ENVIRONMENT_TYPE
from aca_notebook.emulator.arm.environments import Environments
from aca_notebook.emulator.arm.exec import Exec
from aca_notebook.emulator.arm.executions import JOB_TYPE, Executions
from aca_notebook.emulator.arm.expiry import Expiry
from aca_notebook.emulator.arm.groups import Groups
from aca_notebook.emulator.arm.host_names import HostNames
from aca_notebook.emulator.arm.http_routes import HttpRoutes
from aca_notebook.emulator.arm.jobs import Jobs
from aca_notebook.emulator.arm.maintenance import MaintenanceConfigurations
from aca_notebook.emulator.arm.managed_certificates import ManagedCertificates
from aca_notebook.emulator.arm.networks import Networks
from aca_notebook.emulator.arm.operations import Operations
from aca_notebook.emulator.arm.orphans import drop_orphans
from aca_notebook.emulator.arm.provider_operations import ProviderOperations
from aca_notebook.emulator.arm.quotas import Quotas
from aca_notebook.emulator.arm.refusals import Refusals
from aca_notebook.emulator.arm.regional_offers import RegionalOffers
from aca_notebook.emulator.arm.registries import TYPE as REGISTRY_TYPE
from aca_notebook.emulator.arm.registries import Registries
from aca_notebook.emulator.arm.resiliency import AppResiliency
from aca_notebook.emulator.arm.revisions import Revisions
from aca_notebook.emulator.arm.seams import Runtime
from aca_notebook.emulator.arm.secret_values import lost_values
from aca_notebook.emulator.arm.session_pools import SessionPools
from aca_notebook.emulator.arm.storage_accounts import StorageAccounts
from aca_notebook.emulator.arm.store import Store
from aca_notebook.emulator.arm.usages import Usages
from aca_notebook.emulator.arm.user_identities import UserIdentities
from aca_notebook.emulator.arm.vault_secrets import VAULT_TYPE
from aca_notebook.emulator.arm.vault_watch import VaultWatch
from aca_notebook.emulator.arm.workspaces import TYPE as WORKSPACE_TYPE
from aca_notebook.emulator.arm.workspaces import Workspaces
from aca_notebook.emulator.certificates import ensure_certificates
from aca_notebook.emulator.control import Control, client_environment
from aca_notebook.emulator.dispatch import Dispatcher
from aca_notebook.emulator.faults.board import Faults
from aca_notebook.emulator.guards import Guards
from aca_notebook.emulator.http_server import HttpServer
from aca_notebook.emulator.identity.client import CLIENT_KIND, load_client, load_token
from aca_notebook.emulator.identity.doors import Doors
from aca_notebook.emulator.identity.sas import Sas
from aca_notebook.emulator.identity.secrets import GENERATION, Secrets
from aca_notebook.emulator.identity.tokens import Issuer, load_signing_key
from aca_notebook.emulator.ingress.ports import IngressPorts
from aca_notebook.emulator.ingress.service import Ingress
from aca_notebook.emulator.ingress.shared import SharedAddresses
from aca_notebook.emulator.journal.database import Database, put_document
from aca_notebook.emulator.listener import Listener
from aca_notebook.emulator.occupancy import Endpoint, Occupancy, bind
from aca_notebook.emulator.rehearsing import Rehearsing, remembered_pace
from aca_notebook.emulator.resource_manager import ResourceManager
from aca_notebook.emulator.runtime.builder import Builder
from aca_notebook.emulator.runtime.controller import Controller
from aca_notebook.emulator.runtime.images import Images
from aca_notebook.emulator.runtime.interpreters import Interpreters
from aca_notebook.emulator.runtime.job_runner import JobRunner
from aca_notebook.emulator.runtime.process import MARK, new_mark, owner_mark, start_ticks
from aca_notebook.emulator.runtime.retention import Retention
from aca_notebook.emulator.seeds import Seeds
from aca_notebook.emulator.sessions.service import Sessions
from aca_notebook.emulator.spending import Spending
from aca_notebook.emulator.telemetry import SCHEMA as TELEMETRY_SCHEMA
from aca_notebook.emulator.telemetry.logs.collector import Collector
from aca_notebook.emulator.telemetry.logs.destinations import Destinations
from aca_notebook.emulator.telemetry.logs.service import LogQueries
from aca_notebook.emulator.telemetry.service import Telemetry
from aca_notebook.emulator.telemetry.traces.ingestion import Ingestion
from aca_notebook.emulator.wire import RouteTable

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.runtime.gpus import Gpus
    from aca_notebook.emulator.runtime.process import Spawn
    from aca_notebook.emulator.sessions.instances import Launcher
    from aca_notebook.emulator.settings import Settings
    from aca_notebook.emulator.wire import Route

logger = logging.getLogger(__name__)

_IDLE_LOOK_SECONDS = 5.0


def compose(  # what a test may bring
    settings: Settings, clock: Clock, spawn: Spawn, gpus: Gpus, runtime: Runtime | None = None,
    launcher: Launcher | None = None,
) -> Emulator:  # fmt: skip
    """Make an emulator that holds its data folder and is not yet started.

    `runtime` takes the place of controller and ingress where a test brings its own, `launcher` that of what sessions
    run in. Raises `AlreadyRunning` when
    another emulator holds the folder.
    """
    occupancy = Occupancy(settings)
    try:
        return Emulator(settings, clock, occupancy, spawn, gpus, runtime, launcher)
    except BaseException:
        occupancy.release()
        raise


class Emulator:
    """All parts, wired. `start` returns when requests are answered; `close` when nothing is left running."""

    def __init__(  # noqa: PLR0913, PLR0915, PLR0917  # the composition root makes every part
        self, settings: Settings, clock: Clock, occupancy: Occupancy, spawn: Spawn, gpus: Gpus,
        runtime: Runtime | None, launcher: Launcher | None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.control_token = load_token(settings.control_token_path)
        self.stop_requested = asyncio.Event()
        self.endpoint: Endpoint | None = None
        self._clock = clock
        self._occupancy = occupancy
        self._started_at = clock.now()
        self._dropped: tuple[str, ...] = ()
        self._certificates = ensure_certificates(settings.data_dir, clock.now())
        self._database = Database(settings.state_path, schema=(*TELEMETRY_SCHEMA, *ACTIVITY_SCHEMA))
        self.client = load_client(settings.client_path, self._database.documents(CLIENT_KIND).get(""))
        self._secrets = Secrets(settings.secrets_path, settings.secret_key_path, self._database.documents(GENERATION))
        self._faults = Faults(self._database, clock)
        self._pace = remembered_pace(self._database, settings.pace)
        self._store = Store(self._database)
        self._store.when_deleted(self._secrets.forget)
        self._issuer = Issuer(load_signing_key(settings.signing_key_path), self.client.tenant_id, clock, self._faults)
        self._sas = Sas(hashlib.sha256(b"sas" + settings.signing_key_path.read_bytes()).digest(), clock)
        ports = IngressPorts(self._database)
        self._guards = Guards(
            settings=settings, client=self.client, issuer=self._issuer, database=self._database, store=self._store,
            secrets=self._secrets, certificates=self._certificates, ports=ports, clock=clock,
            faults=self._faults,
        )  # fmt: skip
        self._images = Images(self._database)
        self._interpreters = Interpreters(self._database)
        self._controller = Controller(
            database=self._database, clock=clock, spawn=spawn, images=self._images, gpus=gpus, secrets=self._secrets,
            folder=settings.data_dir / "replicas", owner=owner_mark(settings.data_dir), pace=self._pace,
            faults=self._faults, platform=self._guards.grants,
        )  # fmt: skip
        self._runner = JobRunner(database=self._database, controller=self._controller, clock=clock, pace=self._pace)
        self._retention = Retention(
            database=self._database, controller=self._controller, clock=clock, folder=settings.data_dir / "replicas"
        )
        self._telemetry = Telemetry(
            database=self._database, controller=self._controller, store=self._store, clock=clock,
            usage=self._controller, faults=self._faults,
        )  # fmt: skip
        self._collector = Collector(
            path=settings.data_dir / "logs.duckdb", database=self._database, controller=self._controller,
            destinations=Destinations(self._store), clock=clock, subscription=self.client.subscription_id,
        )  # fmt: skip
        self._ingress = Ingress(
            controller=self._controller, ports=ports, tls=self._certificates.context(),
            tls_http2=self._certificates.context("h2", "http/1.1"),
            clock=clock, observer=self._telemetry, faults=self._faults,
        )  # fmt: skip
        self._shared = SharedAddresses(
            sites=self._ingress, programs=self._controller, ports=ports, tls=self._certificates.context(), clock=clock
        )
        self._runtime = runtime or Runtime(self._controller, self._ingress)
        self._operations = Operations(self._store, self._database, clock, self._faults)
        self._lifecycle = AppLifecycle(
            self._store, self._operations, self._runtime, self._secrets, clock, pace=self._pace
        )
        self._vault_watch = VaultWatch(
            store=self._store, references=self._guards.references, runs=self._runtime.runs, clock=clock,
            subscription=self.client.subscription_id,
        )  # fmt: skip
        self._blobs = Blobs(settings.data_dir / "blobs", self._sas, clock)
        self._builder = Builder(
            folder=settings.data_dir, images=self._images, interpreters=self._interpreters, uv=find_uv_bin(),
            environment=os.environ | {MARK: new_mark(owner_mark(settings.data_dir))},
        )  # fmt: skip
        self._builds = Builds(store=self._store, blobs=self._blobs, builder=self._builder, clock=clock)
        self._sessions = Sessions(
            folder=settings.data_dir, keeping=self._guards.keeping, database=self._database,
            access=self._guards.access, images=self._images, spawn=spawn, console=self._collector,
            platform=self._guards.grants, uv=find_uv_bin(),
            environment=os.environ | {MARK: new_mark(owner_mark(settings.data_dir))}, launcher=launcher,
        )  # fmt: skip
        self._telemetry.measure("sessionPools", self._sessions.level)
        self.table = RouteTable(self._routes())
        doors = Doors(self._issuer, self._sas, self.client, self.control_token, self._guards.keys, self._secrets)
        self.dispatcher = Dispatcher(self.table, doors, clock, self._faults, self._activity.note)
        self._server: HttpServer | None = None
        self._listener: Listener | None = None
        self._idle_watch: asyncio.Task[None] | None = None

    async def start(self) -> Endpoint:
        """Reap, seed, resume, listen and announce; returns where.

        Raises `PortInUse` when there is no port to have.
        """
        sock = bind(self.settings)
        self._guards.http_url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        self._faults.watch(self._controller.gpus_freed)
        self._store.when_written(self._faults.read_tag)
        self._store.when_deleted(self._faults.forget_tags)
        await self._faults.start(self._store.all())
        await self._controller.start()
        await self._remember_client()
        await self._seeds.sow()
        if self._database.notices:
            self._dropped = await drop_orphans(self._store, self.client.subscription_id)
        await self._resume()
        self._server = HttpServer(self.dispatcher)
        self._listener = Listener(sock, self._server.protocol, self._certificates.context())
        self._guards.service_ports.answer_with(self._server.protocol)
        await self._guards.vaults.start()
        self._vault_watch.start()
        await self._listener.start()
        port = self._listener.port
        self.endpoint = Endpoint(
            pid=os.getpid(), start_ticks=start_ticks(os.getpid()), port=port, url=f"https://127.0.0.1:{port}",
            http_url=f"http://127.0.0.1:{port}", version=__version__,
        )  # fmt: skip
        self._occupancy.announce(self.endpoint)
        if self.settings.idle_exit_seconds is not None:
            self._idle_watch = asyncio.create_task(self._watch_idle(self.settings.idle_exit_seconds))
        return self.endpoint

    async def _resume(self) -> None:
        """Go on where the emulator last ended: builds, apps, executions, operations; then look after all of it."""
        await self._builds.start(self.client.subscription_id)
        await self._telemetry.start()
        await self._activity.start()
        self._collector.start()
        await self._lifecycle.restore(self.client.subscription_id)
        await self._executions.restore(self.client.subscription_id)
        await self._http_routes.restore(self.client.subscription_id)
        await self._sessions.start(self.client.subscription_id)
        await self._operations.start()
        await self._expiry.start()
        await self._spending.start()
        self._retention.start()

    async def close(self) -> None:
        """Answer no more, stop everything, close the files, give the folder back."""
        if self._idle_watch is not None:
            self._idle_watch.cancel()
        if self._listener is not None:
            await self._listener.close()
        await self._spending.close()
        await self._expiry.close()
        await self._vault_watch.close()
        await self._operations.close()
        await self._builds.close()
        await self._builder.close()
        await self._telemetry.close()  # before the server: it ends the streams that requests follow
        if self._server is not None:
            await self._server.close()
        await self._retention.close()
        await self._activity.close()
        await self._runner.close()
        await self._sessions.close()
        await self._shared.close()
        await self._ingress.close()
        await self._guards.service_ports.close_all()
        await self._controller.close()
        await self._log_queries.close()
        await self._collector.close()  # after the controller: the last lines come when replicas end
        await self._faults.close()
        self._secrets.close()
        self._database.close()
        self._occupancy.release()

    def environment(self) -> dict[str, str]:
        """The variables any other client needs."""
        endpoint = self._announced()
        return client_environment(
            self.client, self._issuer, url=endpoint.url, http_url=endpoint.http_url, roots=self._certificates.roots
        )

    async def address(self, app_key: str, name: str) -> str:
        """The address of a revision or label alone, empty when there is none."""
        return await self._runtime.admits.address(app_key, name)

    def request_stop(self) -> None:
        """Ask whoever runs this emulator to close it."""
        self.stop_requested.set()

    async def _ask_itself(self, request: Request) -> Response:
        """Answer what one part asks of Resource Manager: the dispatcher is made after the routes."""
        return await self.dispatcher.perform(request)

    def _own_ports(self) -> frozenset[int]:
        """Where the emulator itself answers: nothing in a body may have it ask there."""
        own = {self.endpoint.port} if self.endpoint else set()
        return frozenset(own | self._guards.service_ports.ports())

    def listed_routes(self) -> tuple[Route, ...]:
        """Every operation it has."""
        return self.table.routes

    def _routes(self) -> list[Route]:
        keeping, references = self._guards.keeping, self._guards.references
        scope = keeping.scope
        self._http_routes = HttpRoutes(keeping, self._shared)
        self._store.when_deleted(self._http_routes.forget)
        tokens = AppTokens(self._issuer, self._clock)
        quotas = Quotas(self._store, self._faults)
        self._operations.admit(quotas.check)
        self._groups = Groups(scope, self._store, self._operations)
        self._registries = Registries(scope, self._store, self._operations, self._secrets, self._clock)
        self._environments = Environments(scope, self._store, self._operations, self._clock, tokens, pace=self._pace)
        self._workspaces = Workspaces(scope, self._store, self._operations, self._secrets, self._clock)
        self._log_queries = LogQueries(
            collector=self._collector, store=self._store, clock=self._clock, pace=self._pace,
            rights=self._guards.access,
        )  # fmt: skip
        self._seeds = Seeds(
            self._groups, self._workspaces, self._environments, self._registries, self._guards.roles,
            self.client.tenant_id,
        )  # fmt: skip
        apps = Apps(
            scope=scope, store=self._store, operations=self._operations, lifecycle=self._lifecycle, tokens=tokens,
            references=references, clock=self._clock,
        )  # fmt: skip
        self._expiry = Expiry(store=self._store, apps=apps, clock=self._clock, subscription=self.client.subscription_id)
        self._executions = Executions(
            scope=scope, store=self._store, operations=self._operations, runner=self._runner, references=references,
            clock=self._clock,
        )  # fmt: skip
        self._spending = Spending(
            keeping=keeping, database=self._database, telemetry=self._telemetry, apps=apps,
            jobs=self._executions, pace=self._pace, own_ports=self._own_ports, hosts=self.settings.webhook_hosts,
        )  # fmt: skip
        jobs = Jobs(
            scope=scope, store=self._store, operations=self._operations, executions=self._executions,
            secrets=self._secrets, tokens=tokens, references=references, clock=self._clock, pace=self._pace,
        )  # fmt: skip
        manager = ResourceManager(
            keeping=keeping, operations=self._operations, groups=self._groups, quotas=quotas, database=self._database,
            tenant_id=self.client.tenant_id, access=self._guards.access, perform=self._ask_itself,
        )  # fmt: skip
        self._groups.deletes(APP_TYPE, self._lifecycle.delete)
        self._groups.deletes(JOB_TYPE, jobs.delete)
        self._groups.deletes(ENVIRONMENT_TYPE, self._environments.delete)
        self._groups.deletes(REGISTRY_TYPE, self._registries.delete)
        self._groups.deletes(WORKSPACE_TYPE, self._workspaces.delete)
        self._groups.deletes(VAULT_TYPE, self._guards.vaults.delete)
        self._activity = ActivityLog(scope, self._database, self._clock)
        insights = AppInsights(keeping, self.client.tenant_id)
        nouns = (
            *self._guards.nouns(),
            manager,
            self._environments,
            apps,
            Revisions(scope, self._store, self._lifecycle, self._runtime, references),
            jobs,
            self._executions,
            self._registries,
            self._workspaces,
            UserIdentities(keeping),
            DiagnosticSettings(keeping),
            self._activity,
            insights,
            Ingestion(insights, self._collector, self._clock),
            self._spending,
            Networks(keeping),
            StorageAccounts(keeping),
            DaprComponents(keeping),
            EnvironmentStorages(keeping),
            Certificates(keeping),
            ManagedCertificates(keeping, self._operations),
            HostNames(keeping),
            self._http_routes,
            MaintenanceConfigurations(keeping),
            AuthConfigs(keeping, self._lifecycle.declare),
            AppResiliency(keeping),
            AppAnnexes(keeping),
            ProviderOperations(),
            RegionalOffers(scope),
            SessionPools(keeping, self._operations, pace=self._pace, hosts=self._sessions),
            self._sessions,
            Refusals(),
            Usages(scope, self._store, quotas),
            Rehearsing(self._faults, self._pace, self._database, self._clock, self.listed_routes),
            self._operations,
            self._builds,
            self._blobs,
            self._telemetry,
            self._log_queries,
            Exec(self._store, self._controller),
            Control(
                self, images=self._images, interpreters=self._interpreters, builder=self._builder, clock=self._clock
            ),
        )
        return [self._guards.access.guarded(manager.guarded(route)) for noun in nouns for route in noun.routes()]

    def describe(self) -> dict[str, Any]:
        """What `/_emulator/status` answers."""
        endpoint = self._announced()
        return {
            "pid": endpoint.pid,
            "version": endpoint.version,
            "url": endpoint.url,
            "http_url": endpoint.http_url,
            "data_dir": str(self.settings.data_dir),
            "pace": self._pace.factor,
            "faults": [str(each.fault) for each in self._faults.posted()],
            "idle_exit_seconds": self.settings.idle_exit_seconds,
            "started_at": self._started_at.isoformat(),
            "apps": len(self._store.list(APP_TYPE, self.client.subscription_id)),
            "replicas": len(self._controller.running()),
            "sessions": self._sessions.hosting.sessions,
            "notices": self._notices(),
        }

    async def _remember_client(self) -> None:
        if self._database.documents(CLIENT_KIND).get("") != self.client.ids():
            await self._store.write(put_document(CLIENT_KIND, "", self.client.ids()))

    def _notices(self) -> list[str]:
        """What was found damaged at the start, and what is missing since."""
        subscription = self.client.subscription_id
        documents = [*self._store.list(APP_TYPE, subscription), *self._store.list(JOB_TYPE, subscription)]
        found = (*self._database.notices, *self._dropped, *self._secrets.notices)
        return [*found, *lost_values(self._secrets, documents)]

    async def _watch_idle(self, limit_seconds: float) -> None:
        """Ask to stop after a time without replicas, builds and requests; a followed log counts as a request."""
        while True:
            await self._clock.sleep(min(_IDLE_LOOK_SECONDS, limit_seconds))
            quiet = self._clock.monotonic() - self.dispatcher.last_request_at
            working = self.dispatcher.in_flight or self._ingress.busy or self._builds.busy or self._sessions.busy
            busy = working or self._runner.busy or self._controller.running()
            if quiet >= limit_seconds and not busy:
                self.stop_requested.set()
                return

    def _announced(self) -> Endpoint:
        if self.endpoint is None:
            raise RuntimeError("the emulator was not started")
        return self.endpoint
