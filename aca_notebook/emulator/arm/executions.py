"""Executions of jobs: started, stopped, listed, and their replicas (facts §4.3, §4.4)."""

from __future__ import annotations

import logging
import re
import secrets as random_source
import string
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.clock import format_instant, format_seconds, parse_instant
from aca_notebook.emulator.arm.app_rules import profile_of
from aca_notebook.emulator.arm.bodies import json_body, without_nulls
from aca_notebook.emulator.arm.environments import profile_types
from aca_notebook.emulator.arm.execution_views import (
    execution_view,
    kept_replicas,
    replica_view,
    settled_execution,
)
from aca_notebook.emulator.arm.faults import replica_not_found, resource_not_found
from aca_notebook.emulator.arm.hosting import hosting_environment
from aca_notebook.emulator.arm.job_defaults import TRIGGERS, settled_override
from aca_notebook.emulator.arm.job_rules import check_override
from aca_notebook.emulator.arm.paging import paged
from aca_notebook.emulator.arm.scope import APP_PROVIDER, Scope
from aca_notebook.emulator.arm.values import items
from aca_notebook.emulator.runtime.desired import App, desired_app
from aca_notebook.emulator.runtime.executions import Execution
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, query
from aca_notebook.model.ids import ResourceId, parse_id
from aca_notebook.model.states import ExecutionStatus

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.operations import Operations
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.arm.vault_references import VaultReferences
    from aca_notebook.emulator.runtime.executions import ObservedExecution
    from aca_notebook.emulator.runtime.job_runner import JobRunner

logger = logging.getLogger(__name__)

Document = dict[str, Any]
JOB_TYPE = "Microsoft.App/jobs"
EXECUTION_TYPE = f"{JOB_TYPE}/executions"
#: So many are kept of each job, the newest (facts §4.4).
HISTORY = 100
_LETTERS = string.ascii_lowercase + string.digits
_RETRY_SECONDS = 1.0
_CLAUSE = re.compile(r"\s*(?:properties/)?status\s+eq\s+'([^']*)'\s*", re.IGNORECASE)


def job_busy(name: str, operation: str) -> AzureError:
    """A write to a job while an operation runs (facts §13.2)."""
    return AzureError(
        409,
        "ContainerAppsJobOperationInProgress",
        f"Cannot modify a container apps job '{name}' because there is an active provisioning operation in progress. "
        f"OperationId: '{operation}'",
    )


class Executions:
    """`Microsoft.App/jobs/executions`: one document each, which holds the end of it once that is known."""

    def __init__(
        self, *, scope: Scope, store: Store, operations: Operations, runner: JobRunner, references: VaultReferences,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._references = references
        self._scope = scope
        self._store = store
        self._operations = operations
        self._runner = runner
        self._clock = clock
        runner.when_ended(self._settle)

    def routes(self) -> list[Route]:
        """Start, the three ways to stop, and look-ups. One execution by name and replicas are what `az` asks for."""
        job, arm = f"{APP_PROVIDER}/jobs/{{name}}", Door.ARM
        one = f"{job}/executions/{{execution}}"
        return [
            Route("POST", f"{job}/start", arm, "Jobs_Start", self._start, checked=Check.RECORDING | Check.SDK),
            Route("POST", f"{job}/stop", arm, "Jobs_StopMultipleExecutions", self._stop_all, checked=Check.SDK),
            Route(
                "POST",
                f"{job}/stop/{{execution}}",
                arm,
                "Jobs_StopExecutionByName",
                self._stop,
                checked=Check.RECORDING,
            ),
            Route("POST", f"{one}/stop", arm, "Jobs_StopExecution", self._stop, checked=Check.SDK),
            Route(
                "GET", f"{job}/executions", arm, "JobsExecutions_List", self._list, checked=Check.RECORDING | Check.SDK
            ),
            Route("GET", one, arm, "JobExecution", self._get, checked=Check.RECORDING),
            Route(
                "GET", f"{one}/replicas", arm, "JobsExecutions_ListReplicas", self._replicas, checked=Check.RECORDING
            ),
            Route("GET", f"{one}/replicas/{{replica}}", arm, "JobsExecutions_GetReplica", self._replica),
        ]

    async def restore(self, subscription: str) -> None:
        """Go on with the executions that had not ended when the emulator last did."""
        for document in self._store.list(JOB_TYPE, subscription):
            id_ = parse_id(document["id"])
            cut_off = [each for each in self._all(id_) if "endTime" not in each["properties"]]
            if not cut_off:
                continue
            try:
                apps = [self._desired(document, each) for each in cut_off]
            except (AzureError, ValueError, KeyError) as unreadable:
                logger.warning("%s is left as it is: %s", id_, unreadable)
                continue
            await self._runner.resume(apps[0][0], [execution for _, execution in apps])
            for each in cut_off:
                if each["properties"]["status"] == ExecutionStatus.STOPPED:
                    self._runner.stop(id_.key, each["name"])

    async def withdraw(self, id_: ResourceId) -> None:
        """End all executions of a job; returns when no process of it is left."""
        await self._runner.withdraw(id_.key)

    async def _start(self, request: Request) -> Response:
        id_, job = self._job(request)
        running = self._operations.running(id_)
        if running is not None:
            raise job_busy(id_.name, running.name)
        body = {} if (await request.body()).strip() == b"null" else await json_body(request)
        document = self._new(id_, job, without_nulls(body))
        app, execution = self._desired(job, document)
        await self._references.refresh(id_)
        await self._store.put(parse_id(document["id"]), document)
        self._runner.run(app, execution)
        await self._forget_oldest(id_)
        return JSONResponse({"id": document["id"], "name": document["name"]})

    async def _stop(self, request: Request) -> Response:
        id_, _ = self._job(request)
        await self._stop_one(id_, self._found(id_, request))
        return Response(status_code=200)

    async def _stop_all(self, request: Request) -> Response:
        id_, _ = self._job(request)
        body = {} if (await request.body()).strip() == b"null" else await json_body(request)
        named = {str(each.get("name")) for each in items(body.get("value"), "value")}
        running = [each for each in self._all(id_) if "endTime" not in each["properties"]]
        stopped = [await self._stop_one(id_, each) for each in running if not named or each["name"] in named]
        return JSONResponse({"value": [self._show(request, id_, each) for each in stopped]})

    async def _list(self, request: Request) -> Response:
        id_, _ = self._job(request)
        shown = [self._show(request, id_, each) for each in reversed(self._all(id_))]
        clause = _CLAUSE.fullmatch(query(request, "$filter"))
        if clause is not None:
            shown = [each for each in shown if each["properties"]["status"].lower() == clause[1].lower()]
        return paged(request, shown)

    async def _get(self, request: Request) -> Response:
        id_, _ = self._job(request)
        return JSONResponse(self._show(request, id_, self._found(id_, request)))

    async def _replicas(self, request: Request) -> Response:
        id_, _ = self._job(request)
        execution = self._found(id_, request)
        shown = [replica_view(request, id_, execution["name"], each) for each in self._kept(id_, execution)]
        return JSONResponse({"value": shown})

    async def _replica(self, request: Request) -> Response:
        id_, _ = self._job(request)
        execution = self._found(id_, request)
        wanted = str(request.path_params["replica"])
        for each in self._kept(id_, execution):
            if each["name"] == wanted:
                return JSONResponse(replica_view(request, id_, execution["name"], each))
        raise replica_not_found(wanted)

    def _job(self, request: Request) -> tuple[ResourceId, Document]:
        id_ = self._scope.resource(request, "Microsoft.App", "jobs")
        job = self._store.get(id_)
        if job is None:
            raise resource_not_found(id_)
        return id_, job

    def _found(self, id_: ResourceId, request: Request) -> Document:
        wanted = str(request.path_params["execution"])
        document = self._store.get(id_.child("executions", wanted))
        if document is None:  # unconfirmed code
            raise AzureError(404, "JobExecutionNotFound", f"Job execution '{wanted}' was not found.")
        return document

    def _all(self, id_: ResourceId) -> list[Document]:
        """Return a job's executions, oldest first."""
        return sorted(self._store.children(id_, EXECUTION_TYPE), key=lambda each: str(each["plan"]["startedAt"]))

    def _show(self, request: Request, id_: ResourceId, document: Document) -> Document:
        observed = self._runner.observe(id_.key, document["name"])
        return execution_view(query(request, "api-version"), document, observed)

    def _kept(self, id_: ResourceId, execution: Document) -> list[Document]:
        observed = self._runner.observe(id_.key, execution["name"])
        if observed is not None:
            return kept_replicas(observed, execution["properties"]["template"])
        return list(execution.get("replicas", ()))

    def _new(self, id_: ResourceId, job: Document, asked: Document) -> Document:
        """Return the document of a new execution; raises what Azure would refuse in the template it brings along."""
        properties = job["properties"]
        configuration = properties["configuration"]
        environment = hosting_environment(self._store, properties)
        profile = profile_of(properties["workloadProfileName"] or "", environment)
        on_gpu = bool(profile and profile.gpus and profile.serverless)
        template = settled_override(asked, properties["template"], on_gpu=on_gpu)
        if asked:
            check_override(id_.name, job, template, profile)
        now = self._clock.now()
        name = f"{id_.name}-{''.join(random_source.choice(_LETTERS) for _ in range(7))}"
        trigger = configuration[TRIGGERS[configuration["triggerType"]]]
        return {
            "id": str(id_.child("executions", name)),
            "name": name,
            "type": EXECUTION_TYPE,
            "properties": {
                "status": str(ExecutionStatus.RUNNING), "startTime": format_seconds(now), "template": template,
            },
            # What the job says now; it may say otherwise tomorrow, and that is for other executions.
            "plan": {
                "startedAt": format_instant(now),
                "completions": trigger["replicaCompletionCount"],
                "parallelism": trigger["parallelism"],
                "retryLimit": configuration["replicaRetryLimit"],
                "timeoutSeconds": configuration["replicaTimeout"],
                "workloadProfileName": properties["workloadProfileName"],
            },
        }  # fmt: skip

    def _desired(self, job: Document, document: Document) -> tuple[App, Execution]:
        """Read what the runtime is to do out of the two documents."""
        environment = hosting_environment(self._store, job["properties"])
        plan = document["plan"]
        properties = job["properties"] | {
            "workloadProfileName": plan["workloadProfileName"],
            "configuration": {"secrets": job["properties"]["configuration"]["secrets"]},
        }
        volumes = {"volumes": job["properties"]["template"].get("volumes")}  # an execution's template has none
        app = desired_app(
            job | {"properties": properties},
            [{"name": document["name"], "properties": {"template": document["properties"]["template"] | volumes}}],
            profile_types(environment),
            dns_suffix=environment["properties"]["defaultDomain"],
        )
        execution = Execution(
            template=app.revisions[0], started_at=parse_instant(plan["startedAt"]), completions=plan["completions"],
            parallelism=plan["parallelism"], retry_limit=plan["retryLimit"], timeout_seconds=plan["timeoutSeconds"],
        )  # fmt: skip
        return replace(app, is_job=True), execution

    async def stop_running(self, id_: ResourceId) -> int:
        """Stop what runs of a job as if somebody had asked for it; returns how many executions that were."""
        running = [each for each in self._all(id_) if "endTime" not in each["properties"]]
        going = [each for each in running if each["properties"]["status"] != ExecutionStatus.STOPPED]
        for each in going:
            await self._stop_one(id_, each)
        return len(going)

    async def _stop_one(self, id_: ResourceId, document: Document) -> Document:
        """Stop an execution that has not ended; durable before it is begun."""
        observed = self._runner.observe(id_.key, document["name"])
        if observed is not None and observed.verdict is None:
            document["properties"]["status"] = str(ExecutionStatus.STOPPED)
            await self._store.put(parse_id(document["id"]), document)
            self._runner.stop(id_.key, document["name"])
        return document

    async def _settle(self, job_key: str, observed: ObservedExecution) -> None:
        """Write down how an execution ended; while the disk is full, again and again."""
        id_ = parse_id(job_key).child("executions", observed.name)
        while (document := self._store.get(id_)) is not None:
            try:
                await self._store.put(id_, settled_execution(document, observed))
            except AzureError as full:
                logger.warning("the end of %s waits for the disk: %s", observed.name, full)
                if self._runner.closing:
                    return
                await self._clock.sleep(_RETRY_SECONDS)
            else:
                return

    async def _forget_oldest(self, id_: ResourceId) -> None:
        everyone = self._all(id_)
        ended = [each for each in everyone if "endTime" in each["properties"]]
        for document in ended[: max(0, len(everyone) - HISTORY)]:
            await self._store.delete(parse_id(document["id"]))
