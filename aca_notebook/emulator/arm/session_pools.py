"""Session pools as resources (recorded: sessionpool_e2e, sessionpool_registry).

Pools of the platform's own containers are there at once; one of custom containers takes an operation.
"""

from __future__ import annotations

from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Protocol

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body, merge_patch, system_data, without_nulls
from aca_notebook.emulator.arm.faults import resource_not_found
from aca_notebook.emulator.arm.hosting import hosting_environment
from aca_notebook.emulator.arm.identities import settled_identity
from aca_notebook.emulator.arm.locations import settled_location
from aca_notebook.emulator.arm.provisioning import succeeded, with_state
from aca_notebook.emulator.arm.scope import APP_PROVIDER, SUBSCRIPTION
from aca_notebook.emulator.arm.session_pool_rules import (
    CUSTOM,
    check_name,
    has_mcp_server,
    mcp_not_enabled,
    secret_values,
    settled_properties,
    shown_properties,
)
from aca_notebook.emulator.arm.values import member
from aca_notebook.emulator.identity.doors import POOL_KEY
from aca_notebook.emulator.wire import AzureError, Check, Door, Offer, Route, origin, query
from aca_notebook.model.ids import ResourceId, parse_id
from aca_notebook.model.states import ProvisioningState

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from starlette.requests import Request

    from aca_notebook.emulator.arm.operations import Operation, Operations
    from aca_notebook.emulator.arm.stored import Keeping
    from aca_notebook.emulator.journal.database import Statement
    from aca_notebook.emulator.settings import Pace

Document = dict[str, Any]
TYPE = "Microsoft.App/sessionPools"
_SHOWN_TYPE = "Microsoft.App/sessionpools"  # as recorded
_KIND = "sessionPools"
#: How long Azure takes for a pool of custom containers.
_REALISTIC_SECONDS = 240.0
_CHECKED = Check.RECORDING | Check.SDK


class Counts(Protocol):
    """How many instances of a pool wait, are being started, and are allocated."""

    @property
    def ready(self) -> int:
        """Those that wait."""
        ...

    @property
    def pending(self) -> int:
        """Those that are being started."""
        ...

    @property
    def allocated(self) -> int:
        """Those in use."""
        ...

    @property
    def failing(self) -> int:
        """Those that should wait and cannot be started."""
        ...


class Hosts(Protocol):
    """What runs in pools."""

    def counts(self, key: str) -> Counts:
        """Return how many instances a pool has."""
        ...

    async def settle(self, key: str, document: Document) -> None:
        """Bring a pool to what it is to be; return when its instances wait, or cannot be started."""
        ...


class SessionPools:
    """`Microsoft.App/sessionPools`."""

    def __init__(self, keeping: Keeping, operations: Operations, *, pace: Pace, hosts: Hosts) -> None:
        self._hosts = hosts
        self._keeping = keeping
        self._operations = operations
        self._pace = pace
        operations.register(_KIND, {"provision": self._provision, "delete": self._remove}, self._shown)

    def routes(self) -> list[Route]:
        """The resource, its lists, and the key of its MCP server."""
        listed, arm = f"{APP_PROVIDER}/sessionPools", Door.ARM
        one, sdk = f"{listed}/{{name}}", Check.SDK
        everywhere, name = f"{SUBSCRIPTION}/providers/Microsoft.App/sessionPools", "ContainerAppsSessionPools"
        return [
            Route("PUT", one, arm, f"{name}_CreateOrUpdate", self._put, Offer.WORKS, _CHECKED),
            Route("PATCH", one, arm, f"{name}_Update", self._patch, Offer.WORKS, _CHECKED),
            Route("GET", one, arm, f"{name}_Get", self._get, Offer.WORKS, _CHECKED),
            Route("DELETE", one, arm, f"{name}_Delete", self._delete, Offer.WORKS, _CHECKED),
            Route("GET", listed, arm, f"{name}_ListByResourceGroup", self._list, Offer.WORKS, _CHECKED),
            Route("GET", everywhere, arm, f"{name}_ListBySubscription", self._list_all, Offer.WORKS, sdk),
            *(  # documented under the last name as well, and that the new key is fetched then
                Route("POST", f"{one}/{verb[0].lower()}{verb[1:]}", arm, f"{name}_{verb}", handler)
                for verb, handler in (
                    ("FetchMCPServerCredentials", self._fetch_key), ("RotateMCPServerCredentials", self._rotate_key),
                    ("RegenerateCredentials", self._rotate_key),
                )
            ),
        ]  # fmt: skip

    async def _put(self, request: Request) -> Response:
        id_ = self._id(request, "write")
        check_name(id_.name)
        asked = without_nulls(await json_body(request))
        before = self._keeping.store.get(id_)
        self._check_free(id_)
        document = self._document(id_, asked, request.state.claims, before)
        if document["properties"]["containerType"] != CUSTOM:
            async with self._secrets(id_, asked, document) as switch:
                await self._keeping.store.put(id_, document, switch)
            shown = self._answer(request, document, settled=False)
            shown["properties"]["managedIdentitySettings"] = None  # and no identity: told by the next GET
            return JSONResponse({key: value for key, value in shown.items() if key != "identity"})
        document = with_state(document, ProvisioningState.IN_PROGRESS)
        operation = await self._launch(id_, document, asked)
        headers = self._operations.status_headers(request, operation, timeout="PT30M")
        return JSONResponse(self._answer(request, document, settled=False), status_code=201, headers=headers)

    async def _patch(self, request: Request) -> Response:
        id_ = self._id(request, "write")
        before = self._found(id_)
        body = await json_body(request)
        self._check_free(id_)
        asked = without_nulls(merge_patch(before, body))
        document = self._document(id_, asked, request.state.claims, before)
        operation = await self._launch(id_, with_state(document, ProvisioningState.IN_PROGRESS), asked)
        return Response(status_code=202, headers=self._operations.result_headers(request, operation))

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._shown(request, self._found(self._id(request, "read"))))

    async def _list(self, request: Request) -> Response:
        group = self._keeping.scope.group(request)
        found = self._keeping.store.list(TYPE, group.subscription, group.resource_group)
        return JSONResponse({"value": [self._shown(request, each) for each in found]})

    async def _list_all(self, request: Request) -> Response:
        found = self._keeping.store.list(TYPE, self._keeping.scope.subscription(request))
        return JSONResponse({"value": [self._shown(request, each) for each in found]})

    async def _delete(self, request: Request) -> Response:
        id_ = self._id(request, "delete")
        document = self._keeping.store.get(id_)
        if document is None:
            return Response(status_code=204)
        self._check_free(id_)
        if document["properties"]["containerType"] != CUSTOM:
            await self._keeping.store.delete(id_)
            return Response(status_code=204)
        operation = self._operations.reserve(id_, _KIND, "delete", document["location"])
        await self._operations.launch(operation, {id_: with_state(document, ProvisioningState.DELETING)})
        return Response(status_code=202, headers=self._operations.result_headers(request, operation))

    async def _fetch_key(self, request: Request) -> Response:
        """The key, to who may ask for it; the platform makes it with the pool."""
        return JSONResponse({"apiKey": self._keeping.secrets.get(self._with_mcp_server(request).key, POOL_KEY)})

    async def _rotate_key(self, request: Request) -> Response:
        """A new key; the one before is none at once, where Azure may take it for five minutes more (documented)."""
        id_ = self._with_mcp_server(request)
        await self._keeping.secrets.put(id_.key, POOL_KEY, token_urlsafe(32))
        return JSONResponse({"apiKey": self._keeping.secrets.get(id_.key, POOL_KEY)})

    def _with_mcp_server(self, request: Request) -> ResourceId:
        id_ = self._id(request, "read")
        if not has_mcp_server(self._found(id_)["properties"]) or not self._keeping.secrets.has(id_.key, POOL_KEY):
            raise mcp_not_enabled(id_.name)
        return id_

    async def _provision(self, operation: Operation) -> None:
        await self._keeping.clock.sleep(self._pace.seconds(_REALISTIC_SECONDS))
        document = self._keeping.store.get(operation.id)
        if document is not None:  # Azure's operation ends when its containers wait (recorded: sessionpool_e2e)
            await self._hosts.settle(operation.id.key, document)
        await self._operations.finish(operation, {operation.id: succeeded(document)} if document else {})

    async def _remove(self, operation: Operation) -> None:
        await self._keeping.clock.sleep(self._pace.seconds(_REALISTIC_SECONDS))
        await self._operations.finish(operation, delete=True)

    def _shown(self, request: Request, document: Document) -> Document:
        """Return the document as a GET answers it."""
        done = document["properties"]["provisioningState"] == ProvisioningState.SUCCEEDED
        return self._answer(request, document, settled=done)

    def _answer(self, request: Request, document: Document, *, settled: bool) -> Document:
        version, id_ = query(request, "api-version"), parse_id(document["id"])
        created = document["systemData"]["lastModifiedAt"]
        counts = self._hosts.counts(id_.key)
        status = {
            "readyCount": counts.ready, "pendingCount": counts.pending, "allocatedCount": counts.allocated,
            "imagePullFailCount": counts.failing,
        }  # fmt: skip
        properties = shown_properties(
            document["properties"], version, status=status if settled else None, created_at=created
        )
        path = f"/subscriptions/{id_.subscription}/resourceGroups/{id_.resource_group}/sessionPools/{id_.name}"
        properties["poolManagementEndpoint"] = origin(request) + path
        if properties.get("mcpServerSettings"):
            properties["mcpServerSettings"] = properties["mcpServerSettings"] | {
                "mcpServerEndpoint": f"{origin(request)}{path}/mcp",
            }
        hidden = {"identity"} if version < "2024-08" else set()
        return {key: value for key, value in document.items() if key not in hidden} | {"properties": properties}

    def _document(self, id_: ResourceId, asked: Document, claims: Document, before: Document | None) -> Document:
        kept = (before or {}).get("properties") or {}
        location = settled_location(id_, asked.get("location"), before, TYPE)
        properties = settled_properties(member(asked.get("properties"), "properties"), kept)
        if properties["containerType"] == CUSTOM:
            properties["environmentId"] = hosting_environment(self._keeping.store, properties)["id"]
        tags = member(asked.get("tags"), "tags")
        return {
            "id": (before or {}).get("id", str(id_)),
            "name": (before or {}).get("name", id_.name),
            "type": _SHOWN_TYPE,
            "location": location,
            **({"tags": tags} if tags else {}),
            "systemData": system_data(claims, self._keeping.clock.now(), (before or {}).get("systemData")),
            "identity": settled_identity(asked.get("identity"), id_, str(claims.get("tid", ""))),
            "properties": properties | {"provisioningState": str(ProvisioningState.SUCCEEDED)},
        }

    async def _launch(self, id_: ResourceId, document: Document, asked: Document) -> Operation:
        operation = self._operations.reserve(id_, _KIND, "provision", document["location"])
        try:
            async with self._secrets(id_, asked, document) as switch:
                await self._operations.launch(operation, {id_: document}, switch)
        except BaseException:
            self._operations.release(operation)
            raise
        return operation

    def _secrets(
        self, id_: ResourceId, asked: Document, document: Document
    ) -> AbstractAsyncContextManager[Statement]:  # fmt: skip
        """Let the values a body gives be all the pool has; one that is only named keeps its value.

        The key of its MCP server is among them, made when the server is first enabled.
        """
        given, secrets = secret_values(member(asked.get("properties"), "properties")), self._keeping.secrets
        if has_mcp_server(document["properties"]):
            given = given | {POOL_KEY: None if secrets.has(id_.key, POOL_KEY) else token_urlsafe(32)}
        held = {name: secrets.get(id_.key, name) for name in given if secrets.has(id_.key, name)}
        values = {name: held.get(name) if value is None else value for name, value in given.items()}
        return secrets.replacing(id_.key, {name: value for name, value in values.items() if value is not None})

    def _check_free(self, id_: ResourceId) -> None:
        running = self._operations.running(id_)
        if running is not None:
            raise AzureError(
                409, "SessionPoolOperationInProgress",
                f"Cannot modify session pool '{id_.name}' because there is an active provisioning operation in "
                f"progress. OperationId: '{running.name}'",
            )  # fmt: skip

    def _found(self, id_: ResourceId) -> Document:
        document = self._keeping.store.get(id_)
        if document is None:
            raise resource_not_found(id_)
        return document

    def _id(self, request: Request, verb: str) -> ResourceId:
        return self._keeping.locate(request, f"{APP_PROVIDER}/sessionPools/{{name}}", verb)
