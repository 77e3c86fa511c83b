"""`Microsoft.Resources/deployments` of a group and of the subscription: templates validated, predicted and deployed.

Requests and answers are those of Azure's own clients (recorded: azure-cli's test_group_deployment and
test_resource_group_level_what_if; SDK: azure-mgmt-resource-deployments).
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.clock import format_instant
from aca_notebook.emulator.arm.deployment_faults import (
    deployment_active,
    deployment_not_found,
    error_of,
    invalid_deployment,
)
from aca_notebook.emulator.arm.deployment_requests import check_location, check_name, read_asked, settle
from aca_notebook.emulator.arm.deployment_runs import KIND, PARAMETERS, REQUEST, SECRET_OUTPUTS
from aca_notebook.emulator.arm.deployment_views import (
    OPERATION_TYPE,
    RUN,
    TYPE,
    deployment_document,
    in_state,
    shown,
    shown_operation,
)
from aca_notebook.emulator.arm.inner_calls import Caller
from aca_notebook.emulator.arm.operation_results import result_headers
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION
from aca_notebook.emulator.arm.secret_values import launch_with
from aca_notebook.emulator.arm.templates.hashes import minified, template_hash
from aca_notebook.emulator.arm.templates.jsonc import NotJson, read_source
from aca_notebook.emulator.arm.templates.scopes import Moment
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, origin, query
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.deployment_places import DeploymentPlaces
    from aca_notebook.emulator.arm.deployment_requests import Settled
    from aca_notebook.emulator.arm.operation_results import OperationResults
    from aca_notebook.emulator.arm.operations import Operation, Operations
    from aca_notebook.emulator.arm.preflight import Preflight
    from aca_notebook.emulator.arm.stored import Keeping
    from aca_notebook.emulator.arm.vault_parameters import VaultParameters

Document = dict[str, Any]
_STATUS = {"InProgress": "Running"}


class Deployments:
    """The routes."""

    def __init__(
        self, keeping: Keeping, operations: Operations, results: OperationResults, places: DeploymentPlaces,
        preflight: Preflight, vaults: VaultParameters,
    ) -> None:  # fmt: skip
        self._vaults = vaults
        self._keeping = keeping
        self._store = keeping.store
        self._operations = operations
        self._results = results
        self._places = places
        self._preflight = preflight

    def routes(self) -> list[Route]:
        """All of them in both scopes; what a deployment did is listed without the provider's name too."""
        made = [Route("POST", "/providers/Microsoft.Resources/calculateTemplateHash", Door.ARM,
                      "Deployments_CalculateTemplateHash", self._hash, checked=Check.SDK)]  # fmt: skip
        for scope, suffix in ((GROUP, ""), (SUBSCRIPTION, "AtSubscriptionScope")):
            listed = f"{scope}/providers/Microsoft.Resources/deployments"
            one = f"{listed}/{{name}}"
            for method, path, name, handler in (
                ("PUT", one, "CreateOrUpdate", self._put), ("GET", one, "Get", self._get),
                ("HEAD", one, "CheckExistence", self._head), ("DELETE", one, "Delete", self._delete),
                ("GET", listed, "List", self._list), ("POST", f"{one}/validate", "Validate", self._validate),
                ("POST", f"{one}/whatIf", "WhatIf", self._what_if), ("POST", f"{one}/cancel", "Cancel", self._cancel),
                ("POST", f"{one}/exportTemplate", "ExportTemplate", self._export),
                ("GET", f"{one}/operationStatuses/{{operation}}", "OperationStatus", self._status),
                ("POST", f"{one}/listOutputsWithSecureValues", "ListSecureOutputs", self._secure_outputs),
            ):  # fmt: skip
                made.append(Route(method, path, Door.ARM, f"Deployments_{name}{suffix}", handler, checked=Check.SDK))
            for below in (one, *((f"{scope}/deployments/{{name}}",) if scope == GROUP else ())):
                form = "" if below == one else "ByGroup"
                made += [
                    Route("GET", f"{below}/operations", Door.ARM, f"DeploymentOperations_List{form}{suffix}",
                          self._list_operations, checked=Check.SDK),
                    Route("GET", f"{below}/operations/{{operation}}", Door.ARM,
                          f"DeploymentOperations_Get{form}{suffix}", self._get_operation, checked=Check.SDK),
                ]  # fmt: skip
        return made

    async def delete(self, id_: ResourceId) -> None:
        """End one if it runs, remove it, and return when it is gone; for its group."""
        await self._cancel_all(id_)
        await self._store.delete(id_)

    async def _put(self, request: Request) -> Response:
        id_, caller = self._id(request), _caller(request)
        text, settled = await self._settled(request, id_, caller)
        running = self._operations.running(id_)
        if running is not None:
            raise deployment_active(id_.name, running.started_at)
        await self._check(id_, settled, caller)
        before = self._store.get(id_)
        if before is not None and before.get("location", "") != (_place_of(settled) or before.get("location", "")):
            raise AzureError(
                409, "InvalidDeploymentLocation",
                f"Invalid deployment location '{settled.asked.location}'. The deployment '{id_.name}' already exists "
                f"in location '{before['location']}'.",
            )  # fmt: skip
        now = self._keeping.clock.now()
        run = {"claims": dict(caller.claims), "origin": caller.origin, "started": format_instant(now)}
        document = self._document(request, id_, settled, "Accepted")
        for done in self._store.children(id_, OPERATION_TYPE):
            await self._store.delete(parse_id(done["id"]))
        operation = self._operations.reserve(id_, KIND, "run", document.get("location") or self._location(id_))
        values = {REQUEST: text, PARAMETERS: json.dumps(settled.values())}
        await launch_with(values, self._keeping.secrets, self._operations, operation, {id_: document | {RUN: run}})
        return JSONResponse(document, 200 if before else 201, self._polling(request, operation))

    async def _validate(self, request: Request) -> Response:
        id_, caller = self._id(request), _caller(request)
        _, settled = await self._settled(request, id_, caller)
        attempts = await self._check(id_, settled, caller)
        document = self._document(request, id_, settled, "Succeeded")
        document["properties"]["validatedResources"] = [{"id": each} for each in attempts]
        return JSONResponse(document)

    async def _what_if(self, request: Request) -> Response:
        """Tell at once and let it be fetched; what is wrong with the template is told there too (az's own source)."""
        id_, caller = self._id(request), _caller(request)
        try:
            _, settled = await self._settled(request, id_, caller)
            found = await self._preflight.predict(settled, caller, self._moment())
            result: Document = {"status": "Succeeded", "properties": {"changes": found}}
        except AzureError as refused:
            if refused.status != 400 or refused.code == "InvalidRequestContent":
                raise
            result = {"status": "Failed", "error": error_of(refused)}
        name = await self._results.keep(result)
        return Response(status_code=202, headers=result_headers(request, id_.subscription, name))

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._shown(self._found(self._id(request))))

    async def _head(self, request: Request) -> Response:
        try:
            there = self._store.get(self._id(request)) is not None
        except AzureError:
            there = False
        return Response(status_code=204 if there else 404)

    async def _list(self, request: Request) -> Response:
        parent = self._parent(request)
        found = [self._shown(each) for each in self._store.children(parent, TYPE)]
        wanted = query(request, "$filter").replace(" ", "").lower()
        if wanted.startswith("provisioningstateeq'"):
            state = wanted.partition("'")[2].rstrip("'")
            found = [each for each in found if each["properties"]["provisioningState"].lower() == state]
        most = query(request, "$top")
        found.sort(key=lambda each: str(each["properties"]["timestamp"]), reverse=True)
        return JSONResponse({"value": found[: int(most)] if most.isdecimal() else found})

    async def _delete(self, request: Request) -> Response:
        id_ = self._id(request)
        if self._store.get(id_) is None:
            return Response(status_code=204)
        running = self._operations.running(id_)
        if running is not None:
            raise deployment_active(id_.name, running.started_at)
        await self._store.delete(id_)
        name = await self._results.keep(None)
        return Response(status_code=202, headers=result_headers(request, id_.subscription, name))

    async def _cancel(self, request: Request) -> Response:
        id_ = self._id(request)
        self._found(id_)
        if self._operations.running(id_) is None:
            raise AzureError(
                409, "DeploymentCannotBeCancelled", f"The deployment '{id_.name}' does not run and cannot be cancelled."
            )
        await self._cancel_all(id_)
        return Response(status_code=204)

    async def _cancel_all(self, id_: ResourceId) -> None:
        """End a run and those of deployments inside; what they wrote stays."""
        running = self._operations.running(id_)
        if running is not None:
            await self._operations.cancel(running)
        document = self._store.get(id_)
        if document is not None and document["properties"]["provisioningState"] in {"Accepted", "Running"}:
            await self._store.put(id_, in_state(document, "Canceled"))
        for each in self._store.children(id_, OPERATION_TYPE):
            if each["properties"]["provisioningState"] == "Running":
                await self._store.put(parse_id(each["id"]), in_state(each, "Canceled"))
                target = each["properties"]["targetResource"]
                if target["resourceType"].lower() == TYPE.lower():
                    await self._cancel_all(parse_id(target["id"]))

    async def _export(self, request: Request) -> Response:
        id_ = self._id(request)
        self._found(id_)
        return JSONResponse({"template": read_asked(self._keeping.secrets.get(id_.key, REQUEST)).template})

    async def _secure_outputs(self, request: Request) -> Response:
        id_ = self._id(request)
        outputs = self._found(id_)["properties"].get("outputs") or {}
        secrets = self._keeping.secrets
        has = secrets.has(id_.key, SECRET_OUTPUTS)
        values = json.loads(secrets.get(id_.key, SECRET_OUTPUTS)) if has else {}
        return JSONResponse({name: each.get("value", values.get(name)) for name, each in outputs.items()})

    async def _status(self, request: Request) -> Response:
        operation = self._operations.find(str(request.path_params["operation"]))
        document = self._store.get(operation.id) or {"properties": {}}
        body: Document = {"status": _STATUS.get(operation.status, operation.status)}
        if operation.error_code:
            error = {"code": operation.error_code, "message": operation.error_message}
            body["error"] = document["properties"].get("error") or error
        return JSONResponse(body, headers={"retry-after-ms": "50"})

    async def _list_operations(self, request: Request) -> Response:
        id_ = self._id(request)
        self._found(id_)
        found = [shown_operation(each) for each in self._store.children(id_, OPERATION_TYPE)]
        found.sort(key=lambda each: str(each["properties"]["timestamp"]), reverse=True)
        most = query(request, "$top")
        return JSONResponse({"value": found[: int(most)] if most.isdecimal() else found})

    async def _get_operation(self, request: Request) -> Response:
        id_ = self._id(request)
        self._found(id_)
        name = str(request.path_params["operation"])
        found = self._store.get(id_.child("operations", name))
        if found is None:
            raise AzureError(404, "DeploymentOperationNotFound", f"Deployment operation '{name}' could not be found.")
        return JSONResponse(shown_operation(found))

    async def _hash(self, request: Request) -> Response:
        try:
            template = read_source((await request.body()).decode("utf-8", "replace")).value
        except NotJson as bad:
            raise AzureError(400, "InvalidRequestContent", f"The request content was invalid: '{bad}'.") from bad
        return JSONResponse({"minifiedTemplate": minified(template).upper(), "templateHash": template_hash(template)})

    async def _settled(self, request: Request, id_: ResourceId, caller: Caller) -> tuple[str, Settled]:
        text = (await request.body()).decode("utf-8", "replace")
        asked = self._vaults.settled(read_asked(text), caller)
        check_location(asked, id_.name, in_group=bool(id_.resource_group))
        return text, settle(asked, self._places.place(id_, asked, caller), self._moment())

    async def _check(self, id_: ResourceId, settled: Settled, caller: Caller) -> list[str]:
        """Return the ids of what would be written. Raises `AzureError` 400 for what would be refused."""
        if settled.asked.level.lower() == "template":
            return [each.id for each in settled.plan.deployed]
        findings = await self._preflight.try_all(settled, caller, self._moment())
        if findings.errors:
            raise invalid_deployment(id_.name, findings.errors)
        return [each.resource.id for each in findings.attempts]

    def _document(self, request: Request, id_: ResourceId, settled: Settled, state: str) -> Document:
        now = self._keeping.clock.now()
        correlation = request.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
        return deployment_document(id_, settled, state=state, now=now, correlation_id=correlation, started=now)

    def _shown(self, document: Document) -> Document:
        running = self._operations.running(parse_id(document["id"])) is not None
        return shown(in_state(document, "Running") if running else document)

    def _found(self, id_: ResourceId) -> Document:
        document = self._store.get(id_)
        if document is None:
            raise deployment_not_found(id_.name)
        return document

    def _id(self, request: Request) -> ResourceId:
        name = str(request.path_params["name"])
        check_name(name)
        parent = self._parent(request)
        return ResourceId(parent.subscription, parent.resource_group, "Microsoft.Resources", ("deployments",), (name,))

    def _parent(self, request: Request) -> ResourceId:
        if "group" in request.path_params:
            return self._keeping.scope.group(request)
        return ResourceId(self._keeping.scope.subscription(request))

    def _location(self, id_: ResourceId) -> str:
        group = self._store.get(id_.parent)
        return str((group or {}).get("location", ""))

    def _moment(self) -> Moment:
        return Moment(self._keeping.clock.now(), _draw)

    def _polling(self, request: Request, operation: Operation) -> dict[str, str]:
        version = query(request, "api-version")
        path = f"{operation.id}/operationStatuses/{operation.name}?api-version={version}"
        return {"Azure-AsyncOperation": f"{origin(request)}{path}", "retry-after-ms": "50"}


def _caller(request: Request) -> Caller:
    return Caller(request.state.claims, origin(request))


def _draw() -> str:
    return str(uuid.uuid4())


def _place_of(settled: Settled) -> str:
    return settled.asked.location.lower().replace(" ", "")
