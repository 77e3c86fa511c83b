"""Revisions and replicas: what is stored of them, and what the runtime observes (facts §3.6, §3.7)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.faults import (
    app_busy,
    parent_not_found,
    replica_not_found,
    resource_not_found,
    revision_not_found,
)
from aca_notebook.emulator.arm.provisioning import traffic_of, with_revision
from aca_notebook.emulator.arm.scope import APP_PROVIDER, Scope
from aca_notebook.emulator.wire import Check, Door, Route, origin, query
from aca_notebook.model.ids import ResourceId, parse_id
from aca_notebook.model.states import (
    RevisionHealthState,
    RevisionProvisioningState,
    RevisionRunningState,
    RunningStatus,
)

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.app_lifecycle import AppLifecycle
    from aca_notebook.emulator.arm.seams import Runtime
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.arm.vault_references import VaultReferences
    from aca_notebook.emulator.runtime.observed import ObservedContainer, ObservedReplica, ObservedRevision

Document = dict[str, Any]


class Revisions:
    """`Microsoft.App/containerApps/revisions` and their replicas."""

    def __init__(
        self, scope: Scope, store: Store, lifecycle: AppLifecycle, runtime: Runtime, references: VaultReferences
    ) -> None:  # fmt: skip
        self._references = references
        self._scope = scope
        self._store = store
        self._lifecycle = lifecycle
        self._runs = runtime.runs
        self._admits = runtime.admits

    def routes(self) -> list[Route]:
        """Look-ups, and the three verbs of a revision."""
        listed, arm = f"{APP_PROVIDER}/containerApps/{{name}}/revisions", Door.ARM
        one = f"{listed}/{{revision}}"
        detected = f"{APP_PROVIDER}/containerApps/{{name}}/detectorProperties/revisionsApi/revisions"
        return [
            Route(
                "GET",
                listed,
                arm,
                "ContainerAppsRevisions_ListRevisions",
                self._list,
                checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION,
            ),
            Route(
                "GET",
                one,
                arm,
                "ContainerAppsRevisions_GetRevision",
                self._get,
                checked=Check.RECORDING | Check.DESCRIPTION,
            ),
            Route("GET", detected, arm, "ContainerAppsDiagnostics_ListRevisions", self._list),
            Route("GET", f"{detected}/{{revision}}", arm, "ContainerAppsDiagnostics_GetRevision", self._get),
            Route(
                "POST",
                f"{one}/activate",
                arm,
                "ContainerAppsRevisions_ActivateRevision",
                self._activate,
                checked=Check.DESCRIPTION,
            ),
            Route(
                "POST",
                f"{one}/deactivate",
                arm,
                "ContainerAppsRevisions_DeactivateRevision",
                self._deactivate,
                checked=Check.DESCRIPTION,
            ),
            Route(
                "POST",
                f"{one}/restart",
                arm,
                "ContainerAppsRevisions_RestartRevision",
                self._restart,
                checked=Check.SDK | Check.DESCRIPTION,
            ),
            Route(
                "GET",
                f"{one}/replicas",
                arm,
                "ContainerAppsRevisionReplicas_ListReplicas",
                self._replicas,
                checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION,
            ),
            Route(
                "GET",
                f"{one}/replicas/{{replica}}",
                arm,
                "ContainerAppsRevisionReplicas_GetReplica",
                self._replica,
                checked=Check.RECORDING | Check.DESCRIPTION,
            ),
        ]

    async def _list(self, request: Request) -> Response:
        id_, app = self._app(request)
        return JSONResponse({"value": [await self._show(id_, app, each) for each in self._lifecycle.revisions(id_)]})

    async def _get(self, request: Request) -> Response:
        id_, app = self._app(request)
        return JSONResponse(await self._show(id_, app, self._found(id_, request)))

    async def _activate(self, request: Request) -> Response:
        return await self._set_active(request, active=True)

    async def _deactivate(self, request: Request) -> Response:
        return await self._set_active(request, active=False)

    async def _set_active(self, request: Request, *, active: bool) -> Response:
        id_ = self._free_app(request)
        revision = self._found(id_, request)
        if revision["properties"]["active"] != active:
            await self._store.put(parse_id(revision["id"]), with_revision(revision, active=active))
            await self._lifecycle.declare(id_)
        return JSONResponse(f"{'Activate' if active else 'Deactivate'} succeeded")  # `az` reads JSON here

    async def _restart(self, request: Request) -> Response:
        id_ = self._free_app(request)
        name = self._found(id_, request)["name"]
        await self._references.refresh(id_)
        await self._runs.restart_revision(id_.key, name)
        return JSONResponse("Restart succeeded")

    async def _replicas(self, request: Request) -> Response:
        id_, _ = self._app(request)
        revision = self._found(id_, request)
        found = self._observed(id_, revision["name"])
        replicas = found.replicas.values() if found else ()
        return JSONResponse({"value": [_replica(request, id_, revision, each) for each in replicas]})

    async def _replica(self, request: Request) -> Response:
        id_, _ = self._app(request)
        revision = self._found(id_, request)
        found = self._observed(id_, revision["name"])
        wanted = str(request.path_params["replica"])
        if found is None or wanted not in found.replicas:
            raise replica_not_found(wanted)
        return JSONResponse(_replica(request, id_, revision, found.replicas[wanted]))

    def _app(self, request: Request) -> tuple[ResourceId, Document]:
        id_ = self._scope.resource(request, "Microsoft.App", "containerApps")
        app = self._store.get(id_)
        if app is None:
            raise resource_not_found(id_)
        return id_, app

    def _free_app(self, request: Request) -> ResourceId:
        id_ = self._scope.resource(request, "Microsoft.App", "containerApps")
        if self._store.get(id_) is None:
            raise parent_not_found(id_.child("revisions", str(request.path_params["revision"])), "write")
        running = self._lifecycle.running(id_)
        if running is not None:
            raise app_busy(id_.name, running.name)
        return id_

    def _found(self, id_: ResourceId, request: Request) -> Document:
        wanted = str(request.path_params["revision"])
        revision = self._store.get(id_.child("revisions", wanted))
        if revision is None:
            raise revision_not_found(wanted)
        return revision

    def _observed(self, id_: ResourceId, revision: str) -> ObservedRevision | None:
        return self._runs.observe(id_.key).revisions.get(revision)

    async def _show(self, id_: ResourceId, app: Document, revision: Document) -> Document:
        stored = revision["properties"]
        observed = self._observed(id_, revision["name"])
        stopped = app["properties"]["runningStatus"] == RunningStatus.STOPPED
        return revision | {
            "properties": {
                "createdTime": stored["createdTime"],
                "fqdn": await self._admits.address(id_.key, revision["name"]) or self._fqdn(app, revision["name"]),
                "template": stored["template"],
                "active": stored["active"],
                "replicas": replica_count(observed),
                "trafficWeight": traffic_of(app, revision["name"]),
                "healthState": str(health_state(stored, observed)),
                "provisioningState": stored["provisioningState"],
                "runningState": str(running_state(stored, observed, stopped=stopped)),
            }
        }

    def _fqdn(self, app: Document, revision: str) -> str:
        """A revision's name in the environment's domain: it has one without an ingress too (recorded: app_exec)."""
        environment = self._store.get(parse_id(app["properties"]["environmentId"]))
        domain = environment["properties"]["defaultDomain"] if environment else ""
        ingress = app["properties"]["configuration"]["ingress"]
        inside = "internal." if ingress and not ingress["external"] else ""
        return f"{revision}.{inside}{domain}"


def health_state(stored: Document, observed: ObservedRevision | None) -> RevisionHealthState:
    """Return the health of a revision; one that is scaled to zero stays healthy (facts §2.4)."""
    if stored["provisioningState"] == RevisionProvisioningState.FAILED or (observed and observed.failed_reason):
        return RevisionHealthState.UNHEALTHY
    if stored["provisioningState"] != RevisionProvisioningState.PROVISIONED or not stored["active"]:
        return RevisionHealthState.NONE
    if observed and observed.replicas and not any(_ready(each) for each in observed.replicas.values()):
        return RevisionHealthState.UNHEALTHY
    return RevisionHealthState.HEALTHY


def replica_count(observed: ObservedRevision | None) -> int:
    """Return how many replicas a revision has; those on their way out count no more, as a Deployment's do not."""
    return sum(not each.stopping for each in observed.replicas.values()) if observed else 0


def running_state(stored: Document, observed: ObservedRevision | None, *, stopped: bool) -> RevisionRunningState:
    """Return what a revision is doing; `stopped` is whether its app is."""
    replicas = list(observed.replicas.values()) if observed else []
    if stopped or not stored["active"]:
        return RevisionRunningState.DEPROVISIONING if replicas else RevisionRunningState.STOPPED
    if stored["provisioningState"] == RevisionProvisioningState.FAILED or (observed and observed.failed_reason):
        return RevisionRunningState.FAILED
    if any(_ready(each) for each in replicas):
        return RevisionRunningState.RUNNING
    if stored["provisioningState"] == RevisionProvisioningState.PROVISIONED and not replicas:
        return RevisionRunningState.SCALED_TO_ZERO
    was_ready = observed is not None and observed.ready
    crashed = any(container.failures for each in replicas for container in each.containers.values())
    return RevisionRunningState.DEGRADED if was_ready and crashed else RevisionRunningState.ACTIVATING


def _ready(replica: ObservedReplica) -> bool:
    return any(each.ready for each in replica.containers.values())


def _replica(request: Request, app: ResourceId, revision: Document, replica: ObservedReplica) -> Document:
    first = {each["name"] for each in revision["properties"]["template"]["initContainers"] or ()}
    shown = {each.name: _container(request, app, replica, each) for each in replica.containers.values()}
    return {
        "id": str(app.child("revisions", revision["name"]).child("replicas", replica.name)),
        "name": replica.name,
        "type": "Microsoft.App/containerapps/revisions/replicas",
        "properties": {
            "createdTime": f"{replica.created_at:%Y-%m-%dT%H:%M:%SZ}",
            "runningState": str(replica.running_state),
            "runningStateDetails": replica.details,
            "containers": [each for name, each in shown.items() if name not in first],
            "initContainers": [each for name, each in shown.items() if name in first],
        },
    }


def _container(request: Request, app: ResourceId, replica: ObservedReplica, container: ObservedContainer) -> Document:
    here = origin(request)
    sockets = f"wss{here.removeprefix('https').removeprefix('http')}"
    path = (
        f"/subscriptions/{app.subscription}/resourceGroups/{app.resource_group}/containerApps/{app.name}"
        f"/revisions/{replica.revision}/replicas/{replica.name}/containers/{container.name}"
    )
    run = hashlib.sha256(f"{app.key} {replica.name} {container.name} {container.runs}".encode()).hexdigest()[:32]
    shown: Document = {
        "name": container.name,
        "containerId": f"containerd://{run}",
        "ready": container.ready,
        "started": container.started,
        "restartCount": container.restart_count,
        "runningState": str(container.state),
        "runningStateDetails": container.details,
        "logStreamEndpoint": f"{here}{path}/logstream",
        "execEndpoint": f"{sockets}{path}/exec",
    }
    if "preview" in query(request, "api-version").lower():  # recorded: replica_commands
        debug = f"{path.partition('/containers/')[0]}/debug?targetContainer={container.name}"
        shown["debugEndpoint"] = f"{sockets}{debug}"
    return shown
