"""Resource groups (facts §14)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.faults import group_not_found
from aca_notebook.emulator.arm.locations import display_name, location_name
from aca_notebook.emulator.arm.operation_results import result_headers
from aca_notebook.emulator.arm.paging import paged
from aca_notebook.emulator.arm.provisioning import with_state
from aca_notebook.emulator.arm.resource_filters import read_filter
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION, Scope
from aca_notebook.emulator.arm.store import GROUP_TYPE, Store
from aca_notebook.emulator.wire import BY_GATEWAY, AzureError, Check, Door, Route, query
from aca_notebook.model.ids import ResourceId, group_id, parse_id
from aca_notebook.model.states import ProvisioningState

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.operations import Operation, Operations
    from aca_notebook.emulator.wire import Handler

#: Deletes one resource of a type and returns when it is gone.
Delete = Callable[[ResourceId], Awaitable[None]]

_KIND = "resourceGroup"
#: What a name may not have (documented: letters and digits of any script, and five marks).
_NOT_IN_NAMES = re.compile(r"[^-\w.()]")
_LONGEST_NAME = 90
#: Deleting what is being deleted does no harm.
_WRITES = frozenset({"PUT", "PATCH", "POST"})


class Groups:
    """Resource groups. Deleting one deletes what is in it, by the nouns' own way of deleting."""

    def __init__(self, scope: Scope, store: Store, operations: Operations) -> None:
        self._scope = scope
        self._store = store
        self._operations = operations
        self._deleters: list[tuple[str, Delete]] = []
        operations.register(_KIND, {"delete": self._delete_all}, lambda _, document: document)

    def deletes(self, type_: str, delete: Delete) -> None:
        """Say how resources of a type are deleted; those registered first go first."""
        self._deleters.append((type_, delete))

    def routes(self) -> list[Route]:
        """`az` asks with HEAD whether a group is there; it wants 204 or 404."""
        arm = Door.ARM
        listed = f"{SUBSCRIPTION}/resourceGroups"
        return [
            Route("GET", listed, arm, "ResourceGroups_List", self._list, checked=Check.SDK),
            Route("PUT", GROUP, arm, "ResourceGroups_CreateOrUpdate", self._put, checked=Check.SDK),
            Route("PATCH", GROUP, arm, "ResourceGroups_Update", self._patch, checked=Check.SDK),
            Route("GET", GROUP, arm, "ResourceGroups_Get", self._get, checked=Check.SDK),
            Route("HEAD", GROUP, arm, "ResourceGroups_CheckExistence", self._head, checked=Check.SDK),
            Route("DELETE", GROUP, arm, "ResourceGroups_Delete", self._delete, checked=Check.SDK),
        ]

    def guarded(self, route: Route) -> Route:
        """Return a route that writes nothing into a group that is being deleted."""
        within = route.door is Door.ARM and route.template.startswith(GROUP) and route.method in _WRITES
        return replace(route, handler=partial(self._unless_deleted, route.handler)) if within else route

    async def _unless_deleted(self, handler: Handler, request: Request) -> Response:
        id_ = group_id(self._scope.subscription_id, str(request.path_params["group"]))
        document = self._store.get(id_)
        if document is not None and document["properties"]["provisioningState"] == ProvisioningState.DELETING:
            # The sentence is users' (azure-cli's issues 21121 and 28679).
            message = f"The resource group '{id_.name}' is in deprovisioning state and cannot perform this operation."
            raise AzureError(409, "ResourceGroupBeingDeleted", message, headers=BY_GATEWAY)
        return await handler(request)

    async def ensure(self, name: str, location: str) -> ResourceId:
        """Make a group unless it is there; for the seeds."""
        id_ = group_id(self._scope.subscription_id, name)
        if self._store.get(id_) is None:
            await self._store.put(id_, _group(id_, location, None))
        return id_

    async def _list(self, request: Request) -> Response:
        passes = read_filter(query(request, "$filter"))
        groups = self._store.list(GROUP_TYPE, self._scope.subscription(request))
        return paged(request, [each for each in groups if passes(each)])

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._store.get(self._scope.group(request)))

    async def _head(self, request: Request) -> Response:
        try:
            self._scope.group(request)
        except AzureError:
            return Response(status_code=404)  # an answer to HEAD has no body
        return Response(status_code=204)

    async def _put(self, request: Request) -> Response:
        body = await json_body(request)
        id_ = group_id(self._scope.subscription(request), str(request.path_params["group"]))
        before = self._store.get(id_)
        if before is not None:
            id_ = parse_id(before["id"])
        _check_name(id_.name)
        display_name(str(body.get("location") or ""), GROUP_TYPE)
        document = _group(id_, location_name(str(body["location"])), body.get("tags"))
        if before is not None and before["location"] != document["location"]:
            raise AzureError(
                409,
                "InvalidResourceGroupLocation",
                f"Invalid resource group location '{document['location']}'. The Resource group already exists in "
                f"location '{before['location']}'.",
            )
        await self._store.put(id_, document)
        return JSONResponse(document, status_code=200 if before else 201)

    async def _patch(self, request: Request) -> Response:
        body = await json_body(request)
        id_ = self._scope.group(request)
        document = self._store.get(id_) or {}
        if "tags" in body:
            document["tags"] = body["tags"] or {}
        await self._store.put(id_, document)
        return JSONResponse(document)

    async def _delete(self, request: Request) -> Response:
        id_ = self._scope.group(request)
        running = self._operations.running(id_)
        if running is None:
            document = self._store.get(id_)
            if document is None:
                raise group_not_found(id_.name)
            running = self._operations.reserve(id_, _KIND, "delete", document["location"])
            await self._operations.launch(running, {id_: with_state(document, ProvisioningState.DELETING)})
        return Response(status_code=202, headers=result_headers(request, id_.subscription, running.name))

    async def _delete_all(self, operation: Operation) -> None:
        group = operation.id
        for type_, delete in self._deleters:
            for document in self._store.list(type_, group.subscription, group.resource_group):
                await delete(parse_id(document["id"]))
        await self._operations.finish(operation, delete=True)


def _check_name(name: str) -> None:
    # The sentence is Azure's; that length and a dot at the end have the same code is unconfirmed.
    wrong = _NOT_IN_NAMES.findall(name)
    if wrong:
        raise AzureError(
            400,
            "InvalidResourceGroup",
            f"The provided resource group name '{name}' has these invalid characters: '{''.join(wrong)}'. The name can "
            "only be a letter, digit, '-', '.', '(', ')' or '_'.",
        )
    if len(name) > _LONGEST_NAME or name.endswith("."):
        raise AzureError(
            400,
            "InvalidResourceGroup",
            f"The provided resource group name '{name}' is longer than {_LONGEST_NAME} characters or ends in a dot.",
        )


def _group(id_: ResourceId, location: str, tags: dict[str, str] | None) -> dict[str, Any]:
    document = {
        "id": str(id_),
        "name": id_.name,
        "type": GROUP_TYPE,
        "location": location_name(location),
        "properties": {"provisioningState": str(ProvisioningState.SUCCEEDED)},
    }
    return document if tags is None else document | {"tags": tags}
