"""How an execution and its replicas look from outside, while they run and afterwards (facts §4.4). Pure."""

from __future__ import annotations

import copy
import hashlib
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import format_seconds
from aca_notebook.emulator.arm.versions import shown_to
from aca_notebook.emulator.wire import origin
from aca_notebook.model.states import ContainerRunningState, ReplicaRunningState

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.runtime.executions import Attempt, ObservedExecution
    from aca_notebook.emulator.runtime.observed import ObservedContainer
    from aca_notebook.model.ids import ResourceId

Document = dict[str, Any]
_NO_EXIT_CODE = -1  # recorded: job_logstream


def settled_execution(document: Document, observed: ObservedExecution) -> Document:
    """Return an execution's document with all that is known of it, its replicas included."""
    settled = copy.deepcopy(document)
    properties = settled["properties"]
    template = properties.pop("template")
    properties["status"] = str(observed.status)
    if observed.ended_at is not None:
        properties["endTime"] = format_seconds(observed.ended_at)
    properties["template"] = template
    replicas = [shown for each in observed.attempts.values() if (shown := _detailed(each))]
    if replicas:
        properties["detailedStatus"] = {"replicas": replicas}
    if observed.verdict is not None and observed.verdict.reason:
        properties |= {"reason": observed.verdict.reason, "message": observed.verdict.message}
    settled["replicas"] = kept_replicas(observed, template)
    return settled


def execution_view(api_version: str, document: Document, observed: ObservedExecution | None) -> Document:
    """Return an execution as a caller sees it; `observed` is None once its document holds its end."""
    whole = settled_execution(document, observed) if observed is not None else document
    return shown_to(api_version, {name: whole[name] for name in ("id", "name", "type", "properties")})


def kept_replicas(observed: ObservedExecution, template: Document) -> list[Document]:
    """Return the replicas in the form they are stored in: without links, which depend on who asks."""
    first = {each["name"] for each in template["initContainers"]}
    return [_kept(each, first) for each in observed.attempts.values()]


def replica_view(request: Request, job: ResourceId, execution: str, kept: Document) -> Document:
    """Return a replica as a caller sees it (recorded: job_logstream)."""
    shown = {
        name: [_container(request, job, execution, kept["name"], each) for each in kept[name]]
        for name in ("containers", "initContainers")
    }
    return {
        "id": str(job.child("executions", execution).child("replicas", kept["name"])),
        "name": kept["name"],
        "type": "Microsoft.App/containerapps/revisions/replicas",
        "properties": {
            "createdTime": kept["createdTime"],
            "runningState": kept["runningState"],
            "runningStateDetails": "",
            **shown,
        },
    }


def _kept(attempt: Attempt, first: set[str]) -> Document:
    replica = attempt.replica
    seen = [each for each in replica.containers.values() if _has_run(each)]
    state = replica.running_state if attempt.ended_at is None else ReplicaRunningState.NOT_RUNNING
    return {
        "name": replica.name,
        "createdTime": f"{replica.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "runningState": str(state),
        "containers": [_kept_container(each) for each in seen if each.name not in first],
        "initContainers": [_kept_container(each) for each in seen if each.name in first],
    }


def _kept_container(container: ObservedContainer) -> Document:
    return {
        "name": container.name,
        "ready": container.ready,
        "started": container.started,
        "restartCount": container.restart_count,
        "runningState": str(container.state),
        "runningStateDetails": container.details,
    }


def _container(request: Request, job: ResourceId, execution: str, replica: str, kept: Document) -> Document:
    here = origin(request)
    group = f"/subscriptions/{job.subscription}/resourceGroups/{job.resource_group}"
    tail = f"replicas/{replica}/containers/{kept['name']}"
    run = hashlib.sha256(f"{job.key} {replica} {kept['name']}".encode()).hexdigest()[:32]
    return {
        "name": kept["name"],
        "containerId": f"containerd://{run}",
        **{name: value for name, value in kept.items() if name != "name"},
        "logStreamEndpoint": f"{here}{group}/jobs/{job.name}/executions/{execution}/{tail}/logstream",
        # An app's path, with the execution for a revision (recorded: job_logstream).
        "execEndpoint": f"wss{here.removeprefix('https').removeprefix('http')}{group}/containerApps/{job.name}"
        f"/revisions/{execution}/{tail}/exec",
    }


def _detailed(attempt: Attempt) -> Document | None:
    """Return a replica for `detailedStatus`, which Azure leaves out until something of it runs."""
    containers = [_status(each) for each in attempt.replica.containers.values() if _has_run(each)]
    return {"name": attempt.replica.name, "containers": containers} if containers else None


def _status(container: ObservedContainer) -> Document:
    over = container.state is ContainerRunningState.TERMINATED
    return {
        "name": container.name,
        "code": container.exit_code if over else _NO_EXIT_CODE,
        "additionalInformation": "",
        "status": container.reason if over else str(container.state),
    }


def _has_run(container: ObservedContainer) -> bool:
    return container.state is not ContainerRunningState.WAITING
