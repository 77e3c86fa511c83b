"""Managed environments: where apps run, and which workload profiles they may name (facts §2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body, merge_patch, system_data, without_nulls
from aca_notebook.emulator.arm.environment_rules import (
    check_name,
    check_profiles_change,
    settled_profiles,
    settled_properties,
    verification_id,
)
from aca_notebook.emulator.arm.faults import environment_busy, resource_not_found
from aca_notebook.emulator.arm.identities import settled_identity
from aca_notebook.emulator.arm.locations import settled_location
from aca_notebook.emulator.arm.provisioning import succeeded, with_state
from aca_notebook.emulator.arm.scope import APP_PROVIDER, SUBSCRIPTION, Scope
from aca_notebook.emulator.arm.values import member, text
from aca_notebook.emulator.arm.versions import shown_to
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, origin, query
from aca_notebook.model.ids import ResourceId, parse_id
from aca_notebook.model.states import ProvisioningState

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.app_tokens import AppTokens
    from aca_notebook.emulator.arm.operations import Operation, Operations
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.settings import Pace

Document = dict[str, Any]
TYPE = "Microsoft.App/managedEnvironments"
APP_TYPE = "Microsoft.App/containerApps"
#: What lives in an environment and uses its profiles.
_INHABITANTS = (APP_TYPE, "Microsoft.App/jobs")
_CERTIFICATES = {"certificates": "certificates", "managedcertificates": "managedCertificates"}
#: What keeps an environment from being deleted: the code of the refusal, and what its sentence calls them.
_KEEPING = {
    APP_TYPE: ("ManagedEnvironmentHasContainerApps", "ContainerApps"),
    "Microsoft.App/jobs": ("ManagedEnvironmentHasContainerAppsJobs", "Container Apps Jobs"),
    "Microsoft.App/sessionPools": ("ManagedEnvironmentHasSessionPools", "Session Pools"),
}
_KIND = "managedEnvironment"
#: How long Azure takes for an ordinary environment at pace 1 (recorded: env_e2e, about 70 polls).
_REALISTIC_SECONDS = 210.0


class Environments:
    """`Microsoft.App/managedEnvironments`."""

    def __init__(
        self, scope: Scope, store: Store, operations: Operations, clock: Clock, tokens: AppTokens, *, pace: Pace
    ) -> None:
        self._scope = scope
        self._store = store
        self._operations = operations
        self._clock = clock
        self._tokens = tokens
        self._pace = pace
        operations.register(_KIND, {"provision": self._provision, "delete": self._remove}, self.show)

    def routes(self) -> list[Route]:
        """The resource and the questions that are asked of it."""
        one, arm = f"{APP_PROVIDER}/managedEnvironments/{{name}}", Door.ARM
        states = f"{one}/workloadProfileStates"
        everywhere = f"{SUBSCRIPTION}/providers/Microsoft.App/managedEnvironments"
        return [
            Route("PUT", one, arm, "ManagedEnvironments_CreateOrUpdate", self._put,
                  checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION),
            Route("PATCH", one, arm, "ManagedEnvironments_Update", self._patch, checked=Check.RECORDING | Check.SDK),
            Route("GET", one, arm, "ManagedEnvironments_Get", self._get,
                  checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION),
            Route("DELETE", one, arm, "ManagedEnvironments_Delete", self._delete, checked=Check.RECORDING | Check.SDK),
            Route(
                "GET", f"{APP_PROVIDER}/managedEnvironments", arm, "ManagedEnvironments_ListByResourceGroup",
                self._list, checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION,
            ),
            Route("GET", everywhere, arm, "ManagedEnvironments_ListBySubscription", self._list_all,
                  checked=Check.SDK | Check.DESCRIPTION),
            Route("POST", f"{one}/getAuthToken", arm, "ManagedEnvironments_GetAuthToken", self._token,
                  checked=Check.RECORDING | Check.DESCRIPTION),
            Route("GET", states, arm, "ManagedEnvironments_ListWorkloadProfileStates", self._states,
                  checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION),
            Route("POST", f"{one}/checkMigrationEligibility", arm, "ManagedEnvironments_CheckMigrationEligibility",
                  self._migration, checked=Check.SDK),
            Route("GET", f"{one}/detectorProperties/rootApi", arm, "ManagedEnvironmentsDiagnostics_GetRoot", self._get),
            Route("POST", f"{one}/checkNameAvailability", arm, "Namespaces_CheckNameAvailability", self._available,
                  checked=Check.DESCRIPTION),
            Route(
                "GET", f"{APP_PROVIDER}/connectedEnvironments", arm, "ConnectedEnvironments_ListByResourceGroup",
                self._none, checked=Check.RECORDING | Check.DESCRIPTION,
            ),
            Route(
                "POST", f"{SUBSCRIPTION}/providers/Microsoft.App/getCustomDomainVerificationId", arm,
                "GetCustomDomainVerificationId", self._verification_id, checked=Check.DESCRIPTION,
            ),
        ]  # fmt: skip

    async def ensure(self, id_: ResourceId, location: str, asked: Document, tenant_id: str) -> str:
        """Make an environment with an identity that is ready at once, unless it is there; for the seeds.

        Returns the object id of its identity, empty for one that has none.
        """
        document = self._store.get(id_)
        if document is None:
            whole = {"location": location, "properties": asked, "identity": {"type": "SystemAssigned"}}
            document = succeeded(self._document(id_, whole, {"tid": tenant_id}, None))
            await self._store.put(id_, document)
        return str((document.get("identity") or {}).get("principalId") or "")

    def show(self, request: Request, document: Document) -> Document:
        """Return the document as a caller sees it: its links start where the caller came in."""
        id_ = parse_id(document["id"])
        path = f"/subscriptions/{id_.subscription}/resourceGroups/{id_.resource_group}/managedEnvironments/{id_.name}"
        properties = document["properties"] | {"eventStreamEndpoint": f"{origin(request)}{path}/eventstream"}
        return shown_to(query(request, "api-version"), document | {"properties": properties})

    async def delete(self, id_: ResourceId) -> None:
        """Delete one and return when it is gone; for its group."""
        await self._store.delete(id_)

    async def _put(self, request: Request) -> Response:
        asked = without_nulls(await json_body(request))
        id_ = self._scope.resource(request, "Microsoft.App", "managedEnvironments")
        check_name(id_.name)
        before = self._store.get(id_)
        document = self._document(id_, asked, request.state.claims, before)
        if before is not None:
            self._check_profiles(id_, before, document)
            document = with_state(document, ProvisioningState.UPDATING)
        operation = await self._begin(id_, document)
        headers = self._operations.status_headers(request, operation, timeout="PT15M")
        shown = self.show(request, document)
        if "identity" in shown:  # its tenant is told later (recorded: env_identity_system)
            shown["identity"] = {key: value for key, value in shown["identity"].items() if key != "tenantId"}
        return JSONResponse(shown, status_code=201, headers=headers)

    async def _patch(self, request: Request) -> Response:
        body = await json_body(request)
        id_ = self._scope.resource(request, "Microsoft.App", "managedEnvironments")
        before = self._found(id_)
        after = self._document(id_, merge_patch(without_nulls(before), body), request.state.claims, before)
        self._check_profiles(id_, before, after)
        if _essence(before) == _essence(after):
            return JSONResponse(self.show(request, before))
        operation = await self._begin(id_, with_state(after, ProvisioningState.UPDATING))
        return Response(status_code=202, headers=self._operations.result_headers(request, operation))

    async def _get(self, request: Request) -> Response:
        id_ = self._scope.resource(request, "Microsoft.App", "managedEnvironments")
        return JSONResponse(self.show(request, self._found(id_)))

    async def _list(self, request: Request) -> Response:
        group = self._scope.group(request)
        found = self._store.list(TYPE, group.subscription, group.resource_group)
        return JSONResponse({"value": [self.show(request, each) for each in found]})

    async def _list_all(self, request: Request) -> Response:
        found = self._store.list(TYPE, self._scope.subscription(request))
        return JSONResponse({"value": [self.show(request, each) for each in found]})

    async def _none(self, request: Request) -> Response:
        self._scope.group(request)
        return JSONResponse({"value": []})

    async def _delete(self, request: Request) -> Response:
        id_ = self._scope.resource(request, "Microsoft.App", "managedEnvironments")
        document = self._store.get(id_)
        if document is None:
            return Response(status_code=204)
        self._check_empty(id_)
        operation = await self._begin(
            id_, with_state(document, ProvisioningState.SCHEDULED_FOR_DELETE), action="delete"
        )
        return Response(status_code=202, headers=self._operations.result_headers(request, operation))

    async def _verification_id(self, request: Request) -> Response:
        return JSONResponse(verification_id(self._scope.subscription(request)))

    async def _token(self, request: Request) -> Response:
        id_ = self._scope.resource(request, "Microsoft.App", "managedEnvironments")
        document = self._found(id_)
        return JSONResponse(self._tokens.answer(id_, document, request.state.claims))

    async def _states(self, request: Request) -> Response:
        id_ = self._scope.resource(request, "Microsoft.App", "managedEnvironments")
        profiles = self._found(id_)["properties"]["workloadProfiles"] or []
        return JSONResponse({"value": [_profile_state(id_, each) for each in profiles]})

    async def _available(self, request: Request) -> Response:
        """Tell whether an app, or a certificate of the environment, may have a name; `type` says which is meant."""
        id_ = self._scope.resource(request, "Microsoft.App", "managedEnvironments")
        body = await json_body(request)
        name = text(body.get("name"), "name")
        kind = text(body.get("type"), "type").rpartition("/")[2].lower()
        if kind in _CERTIFICATES:
            wanted = id_.child(_CERTIFICATES[kind], name)
        else:
            wanted = ResourceId(id_.subscription, id_.resource_group, "Microsoft.App", ("containerApps",), (name,))
        taken = self._store.get(wanted) is not None
        message = f"The name '{wanted.name}' is already in use." if taken else ""
        return JSONResponse(
            {"nameAvailable": not taken} | ({"reason": "AlreadyExists", "message": message} if taken else {})
        )

    async def _migration(self, request: Request) -> Response:
        """Tell that an environment stays what it is: there is no other platform here to move it to."""
        document = self._found(self._scope.resource(request, "Microsoft.App", "managedEnvironments"))
        current = "WorkloadProfiles" if document["properties"]["workloadProfiles"] else "ConsumptionOnly"
        wanted = text((await json_body(request)).get("targetMode"), "targetMode") or current
        blocked = {
            "code": "MigrationNotSupported",
            "message": f"An environment of mode '{current}' cannot migrate to '{wanted}' in this emulator.",
        }
        same = wanted.lower() == current.lower()
        return JSONResponse({
            "isEligible": same, "environmentName": document["name"], "currentMode": current, "targetMode": wanted,
            "failureReasons": [] if same else [blocked],
        })  # fmt: skip

    def _found(self, id_: ResourceId) -> Document:
        document = self._store.get(id_)
        if document is None:
            raise resource_not_found(id_)
        return document

    def _document(self, id_: ResourceId, asked: Document, claims: Document, before: Document | None) -> Document:
        location = settled_location(id_, asked.get("location"), before, TYPE)
        document: Document = {"id": str(id_), "name": id_.name, "type": TYPE, "location": location}
        if before is not None:
            document["id"], document["name"] = before["id"], before["name"]
        if asked.get("tags"):
            document["tags"] = asked["tags"]
        document["systemData"] = system_data(claims, self._clock.now(), (before or {}).get("systemData"))
        document["properties"] = settled_properties(
            id_, location, member(asked.get("properties"), "properties"), (before or {}).get("properties") or {},
            self._clock.now(),
        )  # fmt: skip
        identity = settled_identity(asked.get("identity"), id_, str(claims.get("tid", "")))
        if identity["type"] != "None":
            document["identity"] = identity
        return document

    def _check_profiles(self, id_: ResourceId, before: Document, after: Document) -> None:
        used = {str(app["properties"].get("workloadProfileName") or "") for app in self._apps_in(id_)}
        check_profiles_change(before["properties"]["workloadProfiles"], after["properties"]["workloadProfiles"], used)

    def _check_empty(self, id_: ResourceId) -> None:
        """Refuse to delete an environment with inhabitants (users report the words; that pools count: unconfirmed)."""
        for type_, (code, words) in _KEEPING.items():
            found = self._store.list(type_, id_.subscription)
            count = sum(str(each["properties"].get("environmentId") or "").lower() == id_.key for each in found)
            if count:
                held = f"it still contains {count} {words}"
                raise AzureError(409, code, f"The specified environment {id_.name} cannot be deleted because {held}.")

    def _apps_in(self, id_: ResourceId) -> list[Document]:
        apps = [app for type_ in _INHABITANTS for app in self._store.list(type_, id_.subscription)]
        return [app for app in apps if app["properties"]["environmentId"].lower() == id_.key]

    async def _begin(self, id_: ResourceId, document: Document, *, action: str = "provision") -> Operation:
        running = self._operations.running(id_)
        if running is not None:
            raise environment_busy(id_.name, running.name)
        operation = self._operations.reserve(id_, _KIND, action, document["location"])
        await self._operations.launch(operation, {id_: document})
        return operation

    async def _provision(self, operation: Operation) -> None:
        await self._clock.sleep(self._pace.seconds(_REALISTIC_SECONDS))
        document = self._found(operation.id)
        await self._operations.finish(operation, {operation.id: succeeded(document)})

    async def _remove(self, operation: Operation) -> None:
        await self._clock.sleep(self._pace.seconds(_REALISTIC_SECONDS))
        await self._operations.finish(operation, delete=True)


def profile_types(environment: Document) -> dict[str, str]:
    """Map an environment's workload profile names to their types."""
    profiles = environment["properties"].get("workloadProfiles") or settled_profiles(None) or ()
    return {profile["name"]: profile["workloadProfileType"] for profile in profiles}


def is_internal(environment: Document) -> bool:
    """Tell whether an environment has a network that is closed to the outside."""
    return bool((environment["properties"].get("vnetConfiguration") or {}).get("internal"))


def _profile_state(environment: ResourceId, profile: Document) -> Document:
    nodes = {"currentCount": profile["minimumCount"]} if "minimumCount" in profile else {}
    return {
        "id": f"{environment}/workloadProfileStates/{profile['name']}",
        "name": profile["name"],
        "type": profile["workloadProfileType"],
        "properties": nodes | profile,
    }


def _essence(document: Document) -> Document:
    """Return what a write can change, to tell one that changes nothing."""
    properties = {key: value for key, value in document["properties"].items() if key != "provisioningState"}
    return {"properties": properties} | {key: document.get(key) for key in ("tags", "identity")}
