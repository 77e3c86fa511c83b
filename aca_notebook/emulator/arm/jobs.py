"""Jobs: PUT, PATCH, GET, DELETE, lists and the questions asked of one (facts §4).

Manual starts run. Schedules and event rules are checked and kept, and do not start anything yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.app_rules import check_name
from aca_notebook.emulator.arm.bodies import json_body, merge_patch, system_data, without_nulls
from aca_notebook.emulator.arm.executions import JOB_TYPE, Executions, job_busy
from aca_notebook.emulator.arm.faults import resource_not_found
from aca_notebook.emulator.arm.hosting import hosting_environment, hosting_profile
from aca_notebook.emulator.arm.identities import settled_identity
from aca_notebook.emulator.arm.job_defaults import settled_job
from aca_notebook.emulator.arm.job_rules import check_job
from aca_notebook.emulator.arm.locations import settled_location
from aca_notebook.emulator.arm.provisioning import succeeded, with_state
from aca_notebook.emulator.arm.scope import APP_PROVIDER, SUBSCRIPTION, Scope
from aca_notebook.emulator.arm.secret_values import asked_values, kept_values, launch_with, listed_secrets
from aca_notebook.emulator.arm.values import member
from aca_notebook.emulator.arm.versions import shown_to
from aca_notebook.emulator.wire import Check, Door, Offer, Route, origin, query
from aca_notebook.model.ids import ResourceId, parse_id
from aca_notebook.model.states import ProvisioningState, RunningStatus

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.app_tokens import AppTokens
    from aca_notebook.emulator.arm.operations import Operation, Operations
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.arm.vault_references import VaultReferences
    from aca_notebook.emulator.identity.secrets import Secrets
    from aca_notebook.emulator.settings import Pace

Document = dict[str, Any]
_KIND = "containerappsjob"
#: How long Azure takes for a job at pace 1 (recorded: job_manual_e2e, three polls of 3 s).
_REALISTIC_SECONDS = 8.0


class Jobs:
    """`Microsoft.App/jobs`; their executions are a noun of their own."""

    def __init__(  # noqa: PLR0913  # the composition root names them
        self, *, scope: Scope, store: Store, operations: Operations, executions: Executions, secrets: Secrets,
        tokens: AppTokens, references: VaultReferences, clock: Clock, pace: Pace,
    ) -> None:  # fmt: skip
        self._references = references
        self._scope = scope
        self._store = store
        self._operations = operations
        self._executions = executions
        self._secrets = secrets
        self._tokens = tokens
        self._clock = clock
        self._pace = pace
        operations.register(_KIND, {"provision": self._provision, "delete": self._remove}, self.show)

    def routes(self) -> list[Route]:
        """The resource; starting and stopping it is the executions'."""
        one, arm = f"{APP_PROVIDER}/jobs/{{name}}", Door.ARM
        everywhere = f"{SUBSCRIPTION}/providers/Microsoft.App/jobs"
        return [
            Route("PUT", one, arm, "Jobs_CreateOrUpdate", self._put, checked=Check.RECORDING | Check.SDK),
            Route("PATCH", one, arm, "Jobs_Update", self._patch, checked=Check.RECORDING | Check.SDK),
            Route("GET", one, arm, "Jobs_Get", self._get, checked=Check.RECORDING | Check.SDK),
            Route("DELETE", one, arm, "Jobs_Delete", self._delete, checked=Check.RECORDING | Check.SDK),
            Route(
                "GET",
                f"{APP_PROVIDER}/jobs",
                arm,
                "Jobs_ListByResourceGroup",
                self._list,
                checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION,
            ),
            Route(
                "GET", everywhere, arm, "Jobs_ListBySubscription", self._list_all, checked=Check.SDK | Check.DESCRIPTION
            ),
            Route(
                "POST",
                f"{one}/listSecrets",
                arm,
                "Jobs_ListSecrets",
                self._list_secrets,
                checked=Check.RECORDING | Check.SDK,
            ),
            Route("POST", f"{one}/suspend", arm, "Jobs_Suspend", self._suspend, Offer.STORED),
            Route("POST", f"{one}/resume", arm, "Jobs_Resume", self._resume, Offer.STORED),
            Route("GET", f"{one}/detectorProperties/{{api}}", arm, "Jobs_ProxyGet", self._get),
            Route("POST", f"{one}/getAuthToken", arm, "Jobs_GetAuthToken", self._token, checked=Check.RECORDING),
        ]

    def show(self, request: Request, document: Document) -> Document:
        """Return the document as a caller sees it: its links start where the caller came in."""
        id_ = parse_id(document["id"])
        # The event stream of a job lies where an app's would (recorded: job_manual_e2e).
        path = f"/subscriptions/{id_.subscription}/resourceGroups/{id_.resource_group}/containerApps/{id_.name}"
        properties = document["properties"] | {"eventStreamEndpoint": f"{origin(request)}{path}/eventstream"}
        return shown_to(query(request, "api-version"), document | {"properties": properties})

    async def delete(self, id_: ResourceId) -> None:
        """Take a job down at once, whatever runs of it; for its group."""
        running = self._operations.running(id_)
        if running is not None:
            await self._operations.cancel(running)
        await self._take_down(id_)
        await self._store.delete(id_)

    async def _put(self, request: Request) -> Response:
        asked = without_nulls(await json_body(request))
        id_ = self._id(request)
        check_name(id_.name)
        values = asked_values(asked)
        document = self._document(id_, asked, request.state.claims, set(values))
        values |= self._references.resolve(document)
        operation = await self._begin(id_, document, values)
        headers = self._operations.status_headers(request, operation, timeout="PT15M")
        return JSONResponse(self.show(request, document), status_code=201, headers=headers)

    async def _patch(self, request: Request) -> Response:
        body = await json_body(request)
        id_ = self._id(request)
        before = self._found(id_)
        asked = without_nulls(merge_patch(before, body))
        values = kept_values(self._secrets, id_.key, before) | asked_values(asked)
        document = self._document(id_, asked, request.state.claims, set(values))
        values |= self._references.resolve(document)
        operation = await self._begin(id_, document, values)
        # Unlike an app's, it has a Location alone (recorded: job_manual_e2e).
        return Response(status_code=202, headers=self._operations.result_headers(request, operation))

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self.show(request, self._found(self._id(request))))

    async def _list(self, request: Request) -> Response:
        group = self._scope.group(request)
        found = self._store.list(JOB_TYPE, group.subscription, group.resource_group)
        return JSONResponse({"value": [self.show(request, each) for each in found]})

    async def _list_all(self, request: Request) -> Response:
        found = self._store.list(JOB_TYPE, self._scope.subscription(request))
        return JSONResponse({"value": [self.show(request, each) for each in found]})

    async def _delete(self, request: Request) -> Response:
        id_ = self._id(request)
        document = self._store.get(id_)
        if document is None:
            return Response(status_code=204)
        running = self._operations.running(id_)
        if running is not None and running.action == "delete":
            return Response(status_code=202, headers=self._operations.result_headers(request, running))
        if running is not None:
            await self._operations.cancel(running)
        operation = self._operations.reserve(id_, _KIND, "delete", document["location"])
        await self._operations.launch(operation, {id_: with_state(document, ProvisioningState.DELETING)})
        return Response(status_code=202, headers=self._operations.result_headers(request, operation))

    async def _suspend(self, request: Request) -> Response:
        """Keep a job from starting by itself; none does yet, and one that is asked to start does (unconfirmed)."""
        return await self._set_running(request, RunningStatus.SUSPENDED)

    async def _resume(self, request: Request) -> Response:
        return await self._set_running(request, RunningStatus.READY)

    async def _set_running(self, request: Request, status: RunningStatus) -> Response:
        id_ = self._id(request)
        document = with_state(self._found(id_), ProvisioningState.IN_PROGRESS)
        document["properties"] |= {"runningStatus": str(status), "runningState": str(status)}
        operation = await self._begin(id_, document, kept_values(self._secrets, id_.key, document))
        return Response(status_code=202, headers=self._operations.result_headers(request, operation))

    async def _list_secrets(self, request: Request) -> Response:
        id_ = self._id(request)
        return JSONResponse(listed_secrets(self._secrets, id_.key, self._found(id_)))

    async def _token(self, request: Request) -> Response:
        id_ = self._id(request)
        return JSONResponse(self._tokens.answer(id_, self._found(id_), request.state.claims))

    async def _provision(self, operation: Operation) -> None:
        await self._clock.sleep(self._pace.seconds(_REALISTIC_SECONDS))
        document = self._store.get(operation.id)
        if document is None:
            raise resource_not_found(operation.id)
        await self._operations.finish(operation, {operation.id: succeeded(document)})

    async def _remove(self, operation: Operation) -> None:
        await self._clock.sleep(self._pace.seconds(_REALISTIC_SECONDS))
        await self._take_down(operation.id)
        await self._operations.finish(operation, delete=True)

    async def _take_down(self, id_: ResourceId) -> None:
        await self._executions.withdraw(id_)  # its secrets go when its document has

    def _id(self, request: Request) -> ResourceId:
        return self._scope.resource(request, "Microsoft.App", "jobs")

    def _found(self, id_: ResourceId) -> Document:
        document = self._store.get(id_)
        if document is None:
            raise resource_not_found(id_)
        return document

    def _document(self, id_: ResourceId, asked: Document, claims: Document, valued_secrets: set[str]) -> Document:
        """Return the whole document a write asks for; raises what Azure would refuse."""
        before = self._store.get(id_)
        location = settled_location(id_, asked.get("location"), before, JOB_TYPE)
        properties = member(asked.get("properties"), "properties")
        environment = hosting_environment(self._store, properties)
        profile_name, profile = hosting_profile(environment, properties)
        configuration, template = settled_job(properties, on_gpu=bool(profile and profile.gpus and profile.serverless))
        document: Document = {
            "id": str(id_),
            "name": before["name"] if before else id_.name,
            "type": JOB_TYPE,
            "location": location,
        }
        document |= {"tags": asked["tags"]} if asked.get("tags") else {}
        document["systemData"] = system_data(claims, self._clock.now(), (before or {}).get("systemData"))
        running = (before or {}).get("properties", {}).get("runningState", str(RunningStatus.READY))
        document["properties"] = {
            "provisioningState": str(ProvisioningState.IN_PROGRESS),
            "runningStatus": running,
            "runningState": running,
            "environmentId": environment["id"],
            "workloadProfileName": profile_name or None,
            "configuration": configuration,
            "template": template,
        }
        document["identity"] = settled_identity(asked.get("identity"), id_, str(claims.get("tid", "")))
        check_job(id_.name, document, profile, valued_secrets)
        return document

    async def _begin(self, id_: ResourceId, document: Document, values: dict[str, str]) -> Operation:
        running = self._operations.running(id_)
        if running is not None:
            raise job_busy(id_.name, running.name)
        operation = self._operations.reserve(id_, _KIND, "provision", document["location"])
        wanted = {secret["name"] for secret in document["properties"]["configuration"]["secrets"] or ()}
        kept = {name: value for name, value in values.items() if name in wanted}
        await launch_with(kept, self._secrets, self._operations, operation, {id_: document})
        return operation
