"""Container apps: PUT, PATCH, GET, DELETE, lists and the questions asked of one (facts §3)."""

from __future__ import annotations

import secrets as random_source
import string
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.app_defaults import created_view, settled_configuration, settled_template
from aca_notebook.emulator.arm.app_lifecycle import APP_TYPE, AppLifecycle
from aca_notebook.emulator.arm.app_rules import check_app, check_exposed_ports, check_name, check_tcp
from aca_notebook.emulator.arm.bodies import json_body, merge_patch, system_data, without_nulls
from aca_notebook.emulator.arm.environment_rules import verification_id
from aca_notebook.emulator.arm.environments import is_internal
from aca_notebook.emulator.arm.faults import app_busy, invalid, resource_not_found
from aca_notebook.emulator.arm.hosting import hosting_environment, hosting_profile
from aca_notebook.emulator.arm.identities import settled_identity
from aca_notebook.emulator.arm.locations import settled_location
from aca_notebook.emulator.arm.provisioning import (
    needs_revision,
    revision_document,
    revision_name,
    with_running_status,
    with_state,
)
from aca_notebook.emulator.arm.scope import APP_PROVIDER, SUBSCRIPTION, Scope
from aca_notebook.emulator.arm.secret_values import asked_values, kept_values, launch_with, listed_secrets
from aca_notebook.emulator.arm.values import member
from aca_notebook.emulator.arm.versions import bare_when_created, shown_to
from aca_notebook.emulator.wire import Check, Door, Route, origin, query
from aca_notebook.model.ids import ResourceId, parse_id
from aca_notebook.model.states import ProvisioningState, RunningStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.app_tokens import AppTokens
    from aca_notebook.emulator.arm.operations import Operation, Operations
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.arm.vault_references import VaultReferences
    from aca_notebook.emulator.journal.database import Statement

Document = dict[str, Any]
_KIND = "containerapp"
_LETTERS = string.ascii_lowercase + string.digits


class Apps:
    """`Microsoft.App/containerApps`."""

    def __init__(  # noqa: PLR0913  # the composition root names them
        self, *, scope: Scope, store: Store, operations: Operations, lifecycle: AppLifecycle, tokens: AppTokens,
        references: VaultReferences, clock: Clock,
    ) -> None:  # fmt: skip
        self._references = references
        self._scope = scope
        self._store = store
        self._operations = operations
        self._lifecycle = lifecycle
        self._secrets = lifecycle.secrets
        self._tokens = tokens
        self._clock = clock
        operations.register(
            _KIND,
            {"provision": lifecycle.provision, "delete": lifecycle.remove},
            self.show,
            fail=lifecycle.failed_revision,
        )

    def routes(self) -> list[Route]:
        """The resource; its revisions are a noun of their own."""
        one, arm = f"{APP_PROVIDER}/containerApps/{{name}}", Door.ARM
        everywhere = f"{SUBSCRIPTION}/providers/Microsoft.App/containerApps"
        return [
            Route(
                "PUT",
                one,
                arm,
                "ContainerApps_CreateOrUpdate",
                self._put,
                checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION,
            ),
            Route("PATCH", one, arm, "ContainerApps_Update", self._patch, checked=Check.RECORDING | Check.SDK),
            Route(
                "GET", one, arm, "ContainerApps_Get", self._get, checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION
            ),
            Route("DELETE", one, arm, "ContainerApps_Delete", self._delete, checked=Check.RECORDING | Check.SDK),
            Route(
                "GET",
                f"{APP_PROVIDER}/containerApps",
                arm,
                "ContainerApps_ListByResourceGroup",
                self._list,
                checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION,
            ),
            Route(
                "GET",
                everywhere,
                arm,
                "ContainerApps_ListBySubscription",
                self._list_all,
                checked=Check.SDK | Check.DESCRIPTION,
            ),
            Route("GET", f"{one}/detectorProperties/rootApi", arm, "ContainerAppsDiagnostics_GetRoot", self._get),
            Route("POST", f"{one}/start", arm, "ContainerApps_Start", self._start, checked=Check.SDK),
            Route("POST", f"{one}/stop", arm, "ContainerApps_Stop", self._stop, checked=Check.SDK),
            Route(
                "POST",
                f"{one}/listSecrets",
                arm,
                "ContainerApps_ListSecrets",
                self._list_secrets,
                checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION,
            ),
            Route(
                "POST",
                f"{one}/getAuthToken",
                arm,
                "ContainerApps_GetAuthToken",
                self._token,
                checked=Check.RECORDING | Check.SDK | Check.DESCRIPTION,
            ),
        ]

    def show(self, request: Request, document: Document) -> Document:
        """Return the document as a caller sees it: its links start where the caller came in."""
        id_ = parse_id(document["id"])
        path = f"/subscriptions/{id_.subscription}/resourceGroups/{id_.resource_group}/containerApps/{id_.name}"
        properties = document["properties"] | {"eventStreamEndpoint": f"{origin(request)}{path}/eventstream"}
        return shown_to(query(request, "api-version"), document | {"properties": properties})

    async def _put(self, request: Request) -> Response:
        asked = without_nulls(await json_body(request))
        id_ = self._id(request)
        check_name(id_.name)
        values = asked_values(asked)
        document = self._document(id_, asked, request.state.claims, set(values))
        values |= self._references.resolve(document)
        latest_before = document["properties"]["latestRevisionName"]
        operation = await self._begin(id_, document, values)
        headers = self._operations.status_headers(request, operation, timeout="PT15M")
        version = query(request, "api-version")
        shown = self.show(request, document)
        shown["properties"]["latestRevisionName"] = latest_before  # the new one is not made yet (recorded: app_exec)
        if bare_when_created(version):
            shown = shown_to(version, created_view(document, asked.get("properties") or {}))
        return JSONResponse(shown, status_code=201, headers=headers)  # 201 for an update too (recorded: app_update)

    async def _patch(self, request: Request) -> Response:
        body = await json_body(request)
        id_ = self._id(request)
        before = self._found(id_)
        asked = without_nulls(merge_patch(before, body))
        values = kept_values(self._secrets, id_.key, before) | asked_values(asked)
        document = self._document(id_, asked, request.state.claims, set(values))
        values |= self._references.resolve(document)
        operation = await self._begin(id_, document, values)
        headers = self._operations.result_headers(request, operation)
        if bare_when_created(query(request, "api-version")):  # older ones have Location alone (recorded: app_exec)
            headers |= self._operations.status_headers(request, operation)
        return Response(status_code=202, headers=headers)

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self.show(request, self._found(self._id(request))))

    async def _list(self, request: Request) -> Response:
        group = self._scope.group(request)
        found = self._store.list(APP_TYPE, group.subscription, group.resource_group)
        return JSONResponse({"value": [self.show(request, each) for each in found]})

    async def _list_all(self, request: Request) -> Response:
        found = self._store.list(APP_TYPE, self._scope.subscription(request))
        return JSONResponse({"value": [self.show(request, each) for each in found]})

    async def delete(self, id_: ResourceId, *also: Statement) -> Operation | None:
        """Begin to delete an app, with further statements in the same transaction; None when there is none.

        A deletion that is in progress is returned, any other operation cancelled.
        """
        running = self._operations.running(id_)
        if running is not None and running.action == "delete":
            return running
        if running is not None:
            await self._operations.cancel(running)  # the way out of a revision that never becomes ready
        document = self._store.get(id_)
        if document is None:
            return None
        operation = self._operations.reserve(id_, _KIND, "delete", document["location"])
        await self._write(operation, {id_: with_state(document, ProvisioningState.DELETING)}, also=also)
        return operation

    async def _delete(self, request: Request) -> Response:
        operation = await self.delete(self._id(request))
        if operation is None:
            return Response(status_code=204)
        return Response(status_code=202, headers=self._operations.result_headers(request, operation))

    async def _start(self, request: Request) -> Response:
        return await self._set_running(request, RunningStatus.RUNNING)

    async def _stop(self, request: Request) -> Response:
        return await self._set_running(request, RunningStatus.STOPPED)

    async def stop(self, id_: ResourceId, *also: Statement) -> None:
        """Begin to stop an app as if somebody had asked for it, with further statements in the same transaction.

        Raises `AzureError` 404 when there is none, 409 while another operation runs on it.
        """
        await self._begin_running(id_, RunningStatus.STOPPED, also)

    async def _begin_running(
        self, id_: ResourceId, status: RunningStatus, also: tuple[Statement, ...] = ()
    ) -> Operation:  # fmt: skip
        document = self._found(id_)
        operation = self._reserve(id_, document["location"])
        changed = with_state(with_running_status(document, status), ProvisioningState.IN_PROGRESS)
        await self._write(operation, {id_: changed}, also=also)
        return operation

    async def _set_running(self, request: Request, status: RunningStatus) -> Response:
        operation = await self._begin_running(self._id(request), status)
        return Response(status_code=202, headers=self._operations.result_headers(request, operation))

    async def _list_secrets(self, request: Request) -> Response:
        id_ = self._id(request)
        return JSONResponse(listed_secrets(self._secrets, id_.key, self._found(id_)))

    async def _token(self, request: Request) -> Response:
        id_ = self._id(request)
        return JSONResponse(self._tokens.answer(id_, self._found(id_), request.state.claims))

    def _id(self, request: Request) -> ResourceId:
        return self._scope.resource(request, "Microsoft.App", "containerApps")

    def _found(self, id_: ResourceId) -> Document:
        document = self._store.get(id_)
        if document is None:
            raise resource_not_found(id_)
        return document

    def _document(self, id_: ResourceId, asked: Document, claims: Document, valued_secrets: set[str]) -> Document:
        """Return the whole document a write asks for; raises what Azure would refuse."""
        before = self._store.get(id_)
        location = settled_location(id_, asked.get("location"), before, APP_TYPE)
        properties = member(asked.get("properties"), "properties")
        environment = hosting_environment(self._store, properties)
        profile_name, profile = hosting_profile(environment, properties)
        document: Document = {
            "id": f"{id_.parent}/providers/Microsoft.App/containerapps/{id_.name}",
            "name": before["name"] if before else id_.name,
            "type": APP_TYPE,
            "location": location,
        }
        document |= {name: asked[name] for name in ("tags", "kind") if asked.get(name)}
        document["systemData"] = system_data(claims, self._clock.now(), (before or {}).get("systemData"))
        stood = (before or {}).get("properties", {})
        configuration = member(properties.get("configuration"), "properties.configuration")
        document["properties"] = {
            "provisioningState": str(ProvisioningState.IN_PROGRESS),
            "runningStatus": stood.get("runningStatus", str(RunningStatus.RUNNING)),
            "managedEnvironmentId": environment["id"],
            "environmentId": environment["id"],
            "workloadProfileName": profile_name or None,
            "patchingMode": properties.get("patchingMode") or "Automatic",
            # An environment that nobody reaches from outside tells none (recorded: tcp_ingress).
            "outboundIpAddresses": None if is_internal(environment) else ["127.0.0.1"],
            "latestRevisionName": stood.get("latestRevisionName", ""),
            "latestReadyRevisionName": stood.get("latestReadyRevisionName", ""),
            "latestRevisionFqdn": stood.get("latestRevisionFqdn", ""),
            "customDomainVerificationId": verification_id(id_.subscription),
            "configuration": settled_configuration(configuration, first=before is None),
            "template": settled_template(
                member(properties.get("template"), "properties.template"),
                on_gpu=bool(profile and profile.gpus and profile.serverless),
            ),
            "delegatedIdentities": [],
        }
        document["identity"] = settled_identity(asked.get("identity"), id_, str(claims.get("tid", "")))
        check_app(id_.name, document, profile, valued_secrets)
        check_tcp(document, environment)
        check_exposed_ports(document, self._neighbours(id_, environment))
        self._check_traffic(id_, document)
        _keep_address(document, before)
        return document

    def _neighbours(self, id_: ResourceId, environment: Document) -> Iterator[Document]:
        """The other apps of an environment."""
        for app in self._store.list(APP_TYPE, id_.subscription):
            if app["properties"]["environmentId"] == environment["id"] and parse_id(app["id"]) != id_:
                yield app

    def _check_traffic(self, id_: ResourceId, document: Document) -> None:
        ingress = document["properties"]["configuration"]["ingress"]
        known = {revision["name"] for revision in self._lifecycle.revisions(id_)}
        for entry in (ingress or {}).get("traffic", ()):
            if entry.get("revisionName") and entry["revisionName"] not in known:
                raise invalid(
                    "ContainerAppInvalidTrafficRevision",
                    f"Traffic is given to revision '{entry['revisionName']}', which does not exist.",
                )

    def _reserve(self, id_: ResourceId, location: str, revision: str = "") -> Operation:
        running = self._operations.running(id_)
        if running is not None:
            raise app_busy(id_.name, running.name)
        return self._operations.reserve(id_, _KIND, "provision", location, argument=revision)

    async def _begin(self, id_: ResourceId, document: Document, values: dict[str, str]) -> Operation:
        """Store what was asked, with the new revision if it makes one, and start the operation."""
        before = self._store.get(id_)
        revisions = self._lifecycle.revisions(id_)
        documents = {id_: document}
        name = ""
        if needs_revision(before, document, revisions[-1] if revisions else None):
            template = document["properties"]["template"]
            existing = [revision["name"] for revision in revisions]
            drawn = "".join(random_source.choice(_LETTERS) for _ in range(7))
            name = revision_name(id_.name, template["revisionSuffix"], existing, drawn)
            if name in existing:
                raise invalid(
                    "ContainerAppRevisionNameAlreadyExists",
                    f"Revision '{name}' exists already and revisions do not change; use another revision suffix.",
                )
            document["properties"]["latestRevisionName"] = name
            revision = revision_document(id_, name, template, self._clock.now())
            documents[parse_id(revision["id"])] = revision
        operation = self._reserve(id_, document["location"], name)
        wanted = {secret["name"] for secret in document["properties"]["configuration"]["secrets"] or ()}
        await self._write(operation, documents, {name: value for name, value in values.items() if name in wanted})
        return operation

    async def _write(
        self, operation: Operation, documents: dict[ResourceId, Document], values: dict[str, str] | None = None,
        also: tuple[Statement, ...] = (),
    ) -> None:  # fmt: skip
        """Make it durable with its secrets, then run; a write that fails leaves the app as it was, and free."""
        if values is None:
            await self._operations.launch(operation, documents, *also)
        else:
            await launch_with(values, self._secrets, self._operations, operation, documents, *also)


def _keep_address(document: Document, before: Document | None) -> None:
    """The address is the platform's: what a client sends back, or makes up, changes nothing."""
    ingress = document["properties"]["configuration"]["ingress"]
    stood = before["properties"]["configuration"]["ingress"] if before else None
    if ingress is not None:
        ingress["fqdn"] = stood["fqdn"] if stood else ""
