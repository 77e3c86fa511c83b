"""Deployments while they run: each resource by the emulator's own routes, once all that it waits for is there.

A run is an operation: durable, and taken up again after a crash from what is stored. What was written by then is
written again, which changes nothing; what is still under way is waited for.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import parse_instant
from aca_notebook.emulator.arm.deployment_faults import (
    deployment_failed,
    error_of,
    expression_failed,
    resource_failed,
)
from aca_notebook.emulator.arm.deployment_requests import Settled, planned, read_asked
from aca_notebook.emulator.arm.deployment_views import RUN, Target, ended, operation_document, output_references
from aca_notebook.emulator.arm.inner_calls import Caller
from aca_notebook.emulator.arm.inventory import resources_in
from aca_notebook.emulator.arm.lookups import Lookups
from aca_notebook.emulator.arm.templates.outputs import Output, output_of, wanted_outputs
from aca_notebook.emulator.arm.templates.parameters import Parameter
from aca_notebook.emulator.arm.templates.syntax import ExpressionError
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.deployment_places import DeploymentPlaces
    from aca_notebook.emulator.arm.inner_calls import InnerCalls
    from aca_notebook.emulator.arm.operations import Operation, Operations
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.arm.templates.plan import Resource
    from aca_notebook.emulator.identity.secrets import Secrets
    from aca_notebook.model.ids import ResourceId

Document = dict[str, Any]
KIND = "deployment"
#: Under these names a deployment's text and its parameters' values are kept, where secret values are kept.
REQUEST, PARAMETERS, SECRET_OUTPUTS = "request", "parameters", "outputs"
#: What is deleted is asked for at a version that all types have here.
NEWEST = "2026-07-01"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one resource: an error, or none; `skipped` when what it needs failed."""

    error: Document | None = None
    skipped: bool = False

    @property
    def good(self) -> bool:
        """Whether what waits for it may go on."""
        return self.error is None and not self.skipped


class DeploymentRuns:
    """Runs deployments as operations."""

    def __init__(
        self, store: Store, operations: Operations, secrets: Secrets, places: DeploymentPlaces, calls: InnerCalls,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._store = store
        self._operations = operations
        self._secrets = secrets
        self._places = places
        self._calls = calls
        self._clock = clock
        operations.register(KIND, {"run": self.run}, lambda _, document: document)

    async def run(self, operation: Operation) -> None:
        """Deploy all of it, and say what came of it."""
        document, key = self._store.get(operation.id), operation.id.key
        if document is None:
            await self._operations.finish(operation)
            return
        final, secret = await _Run(self, document, self._settled(operation.id, document)).through()
        failure = final["properties"].get("error")
        error = None if failure is None else AzureError(409, failure["code"], failure["message"])
        if secret:
            await self._secrets.put(key, SECRET_OUTPUTS, secret)
        await self._operations.finish(operation, {operation.id: final}, error=error)
        await self._secrets.delete(key, PARAMETERS)

    def _settled(self, id_: ResourceId, document: Document) -> Settled:
        """Return what was accepted, read again from what is stored."""
        try:
            asked = read_asked(self._secrets.get(id_.key, REQUEST))
            values = json.loads(self._secrets.get(id_.key, PARAMETERS))
        except KeyError as lost:
            message = "What was asked for is not in the emulator's data folder any more."
            raise AzureError(500, "DeploymentContentLost", message) from lost
        parameters = {
            name: Parameter(each["type"], values[name])
            for name, each in document["properties"].get("parameters", {}).items()
        }
        return planned(asked, self._places.place(id_, asked, caller_of(document)), parameters)

    async def write(self, deployment: ResourceId, name: str, target: Target | None, **more: Any) -> None:
        """Store what is being done to one resource."""
        id_ = deployment.child("operations", name)
        await self._store.put(id_, operation_document(id_, target, now=self._clock.now(), **more))

    async def perform(
        self, method: str, target: Target, caller: Caller, body: Any = None
    ) -> tuple[str, Document | None]:  # fmt: skip
        """Write or delete a resource and wait for its end; returns the status by name, and the error if it failed."""
        id_ = parse_id(target.id)
        await self._operations.settled(id_)  # after a crash: what was begun before it
        answer = await self._calls(method, target.id, target.api_version, caller, body)
        if answer.status >= 400:
            return _status(answer.status), (answer.body or {}).get("error") or {"code": "Unknown", "message": ""}
        running = self._operations.running(id_)
        if running is not None:
            await self._operations.settled(id_)
            over = self._operations.find(running.name)
            if over.error_code:
                inner = self.stored(target.id).get("properties", {}).get("error") if running.kind == KIND else None
                return "Conflict", inner or resource_failed(over.error_code, over.error_message)
        return _status(answer.status), None

    def lookups(self, caller: Caller) -> Lookups:
        """Return a run's own look-ups."""
        return Lookups(self._calls, caller)

    def now(self) -> datetime:
        """Return the present moment."""
        return self._clock.now()

    def stored(self, id_: str) -> Document:
        """Return a document, empty where there is none."""
        return self._store.get(parse_id(id_)) or {}

    def others(self, settled: Settled, kept: set[str]) -> list[Document]:
        """Return what lies in a complete deployment's group and is not of it."""
        group = settled.plan.scope.place.group
        if settled.asked.mode != "Complete" or group is None:
            return []
        id_ = parse_id(group["id"])
        found = resources_in(self._store, id_.subscription, id_.resource_group)
        return [each for each in found if each["id"].lower() not in kept]


class _Run:
    """One deployment under way."""

    def __init__(self, runs: DeploymentRuns, document: Document, settled: Settled) -> None:
        self._runs = runs
        self._document = document
        self._id = parse_id(document["id"])
        self._settled = settled
        self._caller = caller_of(document)
        self._started = parse_instant(document[RUN]["started"])
        self._lookups = runs.lookups(self._caller)
        self._written: list[str] = []

    async def through(self) -> tuple[Document, str]:
        """Deploy; returns the deployment at its end, and its secret outputs as JSON, empty where there are none."""
        tasks: dict[str, asyncio.Task[Outcome]] = {}
        async with asyncio.TaskGroup() as group:
            for resource in self._settled.plan.resources:
                tasks[resource.key] = group.create_task(self._one(resource, tasks), name=f"deploy {resource.id}")
        errors = [error for task in tasks.values() if (error := task.result().error)]
        outputs: dict[str, Output] = {}
        if not errors:
            errors += await self._clean_up()
        if not errors:
            outputs, errors = await self._outputs()
        failure = deployment_failed(str(self._id), errors) if errors else None
        final = ended(
            self._document, "Failed" if errors else "Succeeded", self._runs.now(), self._started,
            outputs={name: each.shown() for name, each in outputs.items()} or None,
            outputResources=None if errors else output_references(self._written), error=failure,
        )  # fmt: skip
        secret = {name: each.value for name, each in outputs.items() if each.secret}
        return final, json.dumps(secret) if secret else ""

    async def _one(self, resource: Resource, tasks: Mapping[str, asyncio.Task[Outcome]]) -> Outcome:
        if not all([(await tasks[key]).good for key in resource.needs]):
            return Outcome(skipped=True)
        if resource.existing:
            return Outcome()
        name, started, target = _operation_name(), self._runs.now(), Target.of(resource)
        try:
            body = await self._lookups.settle(resource.body)
            await self._runs.write(self._id, name, target, state="Running", started=started)
            status, error = await self._runs.perform("PUT", target, self._caller, body)
        except ExpressionError as wrong:
            position = self._settled.asked.source.position(resource.path)
            status, error = "BadRequest", error_of(expression_failed(resource.id, position, wrong))
        except AzureError as refused:
            status, error = _status(refused.status), error_of(refused)
        if error is None:
            self._note(resource)
        state = "Failed" if error else "Succeeded"
        await self._runs.write(self._id, name, target, state=state, started=started, status_code=status, error=error)
        return Outcome(error)

    def _note(self, resource: Resource) -> None:
        """Remember what was written; of a deployment inside, what that wrote."""
        if resource.is_deployment:
            inner = self._runs.stored(resource.id).get("properties", {})
            self._written += [each["id"] for each in inner.get("outputResources") or ()]
        else:
            self._written.append(resource.id)

    async def _clean_up(self) -> list[Document]:
        """In complete mode, delete what the template does not have."""
        errors = []
        for document in self._runs.others(self._settled, {each.lower() for each in self._written}):
            target = Target(document["id"], document["type"], document["name"], NEWEST)
            started = self._runs.now()
            status, error = await self._runs.perform("DELETE", target, self._caller)
            await self._runs.write(
                self._id, _operation_name(), target, state="Failed" if error else "Succeeded", started=started,
                status_code=status, error=error, doing="Delete",
            )  # fmt: skip
            errors += [error] if error else []
        return errors

    async def _outputs(self) -> tuple[dict[str, Output], list[Document]]:
        found: dict[str, Output] = {}
        started = self._runs.now()
        error: Document | None = None
        for name, declared in wanted_outputs(self._settled.asked.template).items():
            try:
                output = await self._lookups.settle(partial(output_of, declared, self._settled.plan.scope))
            except (ExpressionError, AzureError) as wrong:
                message = wrong.message if isinstance(wrong, AzureError) else str(wrong)
                error = _output_failed(name, message)
                break
            if output is not None:
                found[name] = output
        await self._runs.write(
            self._id, f"08{str(uuid.uuid4().int)[:18]}", None, state="Failed" if error else "Succeeded",
            started=started, status_code="BadRequest" if error else "OK", error=error, doing="EvaluateDeploymentOutput",
        )  # fmt: skip
        return found, [error] if error else []


def caller_of(document: Document) -> Caller:
    """Return for whom a deployment runs."""
    run = document[RUN]
    return Caller(run["claims"], run["origin"])


def _output_failed(name: str, message: str) -> Document:
    return {
        "code": "DeploymentOutputEvaluationFailed",
        "target": name,
        "message": f"The template output '{name}' is not valid: {message}.",
    }


def _operation_name() -> str:
    return uuid.uuid4().hex[:16].upper()


def _status(status: int) -> str:
    """Return what .NET calls a status: as one word."""
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("Ok", "OK")
