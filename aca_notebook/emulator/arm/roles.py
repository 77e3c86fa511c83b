"""Roles and who has them where (recorded: registry_identity_system, sessionpool_e2e; facts §14).

An assignment takes effect after a delay that is a setting: on Azure it is up to minutes, and what is pulled before then
fails. `allows` and `in_effect` are what a part that guards something asks.
"""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.clock import format_instant, parse_instant
from aca_notebook.emulator.arm.bodies import json_body, without_nulls
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.role_definitions import ACR_PULL, BY_ID, ROLES, SESSION_EXECUTOR, Role
from aca_notebook.emulator.arm.scope import GROUP, INNER_RESOURCE, RESOURCE, SUBSCRIPTION
from aca_notebook.emulator.arm.values import member, text
from aca_notebook.emulator.faults.board import NoFaults
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, query
from aca_notebook.model.fault import Subject
from aca_notebook.model.fault_kinds import RoleDelay, Seam
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.requests import Request

    from aca_notebook.emulator.arm.stored import Keeping
    from aca_notebook.emulator.faults.board import Strikes

__all__ = ["ACR_PULL", "SCOPES", "SESSION_EXECUTOR", "Role", "Roles"]

Document = dict[str, Any]
_PROVIDER = "Microsoft.Authorization"
_DEFINITION = f"{_PROVIDER}/roleDefinitions"
_CHANGEABLE = ("condition", "conditionVersion", "description", "updatedOn", "updatedBy")
_ASSIGNMENT = f"{_PROVIDER}/roleAssignments"
#: What a role can be assigned at: the subscription, a group, a resource, and a resource in a resource.
SCOPES = (SUBSCRIPTION, GROUP, RESOURCE, INNER_RESOURCE)
_CHECKED = Check.RECORDING | Check.SDK
_CLAUSE = re.compile(r"\s*(\w+)\s+eq\s+'([^']*)'\s*|\s*(assignedTo)\('([^']*)'\)\s*|\s*(atScope)\(\)\s*", re.IGNORECASE)


class Roles:
    """Role definitions, the built-in ones, and role assignments at any scope.

    `delay_seconds` is how long an assignment takes to be in effect.
    """

    def __init__(self, keeping: Keeping, *, delay_seconds: float = 0.0, faults: Strikes | None = None) -> None:
        self._faults = faults or NoFaults()
        self._keeping = keeping
        self._delay = timedelta(seconds=delay_seconds)

    def routes(self) -> list[Route]:
        """Both nouns under each scope."""
        arm, made = Door.ARM, []
        for scope in SCOPES:
            definitions = f"{scope}/providers/{_DEFINITION}"
            assignments = f"{scope}/providers/{_ASSIGNMENT}"
            one = f"{assignments}/{{name}}"
            for method, template, name, handler, checked in (
                ("GET", definitions, "RoleDefinitions_List", self._definitions, _CHECKED),
                ("GET", f"{definitions}/{{name}}", "RoleDefinitions_Get", self._definition, Check.SDK),
                ("PUT", one, "RoleAssignments_Create", self._put, _CHECKED),
                ("GET", one, "RoleAssignments_Get", self._get, Check.SDK),
                ("DELETE", one, "RoleAssignments_Delete", self._delete, Check.SDK),
                ("GET", assignments, "RoleAssignments_ListForScope", self._list, Check.SDK),
            ):
                made.append(Route(method, template, arm, name, partial(handler, scope), checked=checked))
        return made

    async def ensure(self, principal_id: str, role: Role, scope: ResourceId) -> None:
        """Give a resource's identity a role unless it has it; for the seeds."""
        if any(_same(each, principal_id, role, scope) for each in self._all(scope)):
            return
        id_ = parse_id(f"{scope}/providers/{_ASSIGNMENT}/{uuid.uuid5(uuid.NAMESPACE_URL, principal_id + role.id)}")
        asked = {"principalType": "ServicePrincipal"}
        await self._keeping.store.put(id_, self._document(id_, scope, role, principal_id, asked, {}))

    def in_effect(self, principal_id: str, role: Role, scope: ResourceId) -> bool:
        """Tell whether a principal has a role at a scope or above it, long enough ago to count."""
        return role.id in self._held(principal_id, scope)

    def allows(self, principal_id: str, action: str, scope: ResourceId, *, on_data: bool = False) -> bool:
        """Tell whether some role that a principal has in effect at a scope permits an action there."""
        return any(BY_ID[id_].permits(action, on_data=on_data) for id_ in self._held(principal_id, scope))

    def has_any(self, principal_id: str, subscription: str) -> bool:
        """Tell whether a principal has a role in effect anywhere: who has none does not see the subscription."""
        return any(True for _ in self._of(principal_id, subscription))

    def _held(self, principal_id: str, scope: ResourceId) -> set[str]:
        """Return the ids of the roles a principal has in effect at a scope."""
        return {
            properties["roleDefinitionId"].rpartition("/")[2].lower()
            for properties in self._of(principal_id, scope.subscription)
            if _covers(properties["scope"], scope)
        }

    def _of(self, principal_id: str, subscription: str) -> Iterator[Document]:
        since = self._keeping.clock.now() - self._delay_now()
        for each in self._keeping.store.list(_ASSIGNMENT, subscription):
            properties = each["properties"]
            if properties["principalId"].lower() != principal_id.lower():
                continue
            if parse_instant(properties["createdOn"]) <= since:
                yield properties

    def _delay_now(self) -> timedelta:
        longer = self._faults.standing(Subject("/"), RoleDelay) if self._faults.at(Seam.ROLE) else None
        return self._delay if longer is None else timedelta(seconds=longer.seconds)

    async def _definitions(self, at: str, request: Request) -> Response:
        subscription = self._scope(at, request).subscription
        wanted = _filter(query(request, "$filter"))
        name, type_ = wanted.get("rolename"), wanted.get("type", "BuiltInRole")
        found = [
            _definition(role, subscription)
            for role in ROLES
            if name in {None, role.name.lower()} and type_.lower() == "builtinrole"
        ]
        return JSONResponse({"value": found})

    async def _definition(self, at: str, request: Request) -> Response:
        scope = self._scope(at, request)
        return JSONResponse(_definition(_role(str(request.path_params["name"])), scope.subscription))

    async def _put(self, at: str, request: Request) -> Response:
        scope = self._scope(at, request)
        id_ = self._id(request, scope)
        asked = member(without_nulls(await json_body(request)).get("properties"), "properties")
        role = _role(text(asked.get("roleDefinitionId"), "properties.roleDefinitionId").rpartition("/")[2])
        principal = _guid(text(asked.get("principalId"), "properties.principalId"), "principalId")
        before = self._keeping.store.get(id_)
        if before is not None and not _same(before, principal, role, scope):
            raise invalid(
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )
        if before is None and any(_same(each, principal, role, scope) for each in self._all(scope)):
            raise AzureError(409, "RoleAssignmentExists", "The role assignment already exists.")
        document = self._document(id_, scope, role, principal, asked, request.state.claims)
        if before is not None:  # what may change, as `az role assignment update` does (SDK; unconfirmed)
            changed = {name: document["properties"][name] for name in _CHANGEABLE}
            document = before | {"properties": before["properties"] | changed}
        await self._keeping.store.put(id_, document)
        return JSONResponse(document, status_code=200 if before else 201)

    async def _get(self, at: str, request: Request) -> Response:
        id_ = self._id(request, self._scope(at, request))
        document = self._keeping.store.get(id_)
        if document is None:
            raise AzureError(404, "RoleAssignmentNotFound", f"The role assignment '{id_.name}' is not found.")
        return JSONResponse(document)

    async def _delete(self, at: str, request: Request) -> Response:
        id_ = self._id(request, self._scope(at, request))
        document = self._keeping.store.get(id_)
        if document is None:
            return Response(status_code=204)
        await self._keeping.store.delete(id_)
        return JSONResponse(document)

    async def _list(self, at: str, request: Request) -> Response:
        """Those at the scope, above it and, unless `atScope()` says otherwise, below it."""
        scope = self._scope(at, request)
        wanted = _filter(query(request, "$filter"))
        principal = wanted.get("principalid") or wanted.get("assignedto")
        found = [
            each
            for each in self._all(scope)
            if _covers(each["properties"]["scope"], scope)
            or ("atscope" not in wanted and _covers(str(scope), parse_id(each["properties"]["scope"])))
        ]
        if principal:
            found = [each for each in found if each["properties"]["principalId"].lower() == principal]
        return JSONResponse({"value": found})

    def _all(self, scope: ResourceId) -> list[Document]:
        return self._keeping.store.list(_ASSIGNMENT, scope.subscription)

    def _scope(self, at: str, request: Request) -> ResourceId:
        """Return what a request's path is about, `at` being its template; refuses what is not there."""
        return self._keeping.locate(request, f"{at}/providers/{_ASSIGNMENT}/-", "read").parent

    def _id(self, request: Request, scope: ResourceId) -> ResourceId:
        name = str(request.path_params["name"])
        return parse_id(f"{scope}/providers/{_ASSIGNMENT}/{_guid(name, 'role assignment name')}")

    def _document(
        self, id_: ResourceId, scope: ResourceId, role: Role, principal: str, asked: Document, claims: Document
    ) -> Document:  # fmt: skip
        now = format_instant(self._keeping.clock.now())
        return {
            "properties": {
                "roleDefinitionId": _definition_id(role, scope.subscription),
                "principalId": principal,
                "principalType": text(asked.get("principalType"), "properties.principalType") or "User",
                "scope": str(scope),
                "condition": asked.get("condition"),
                "conditionVersion": asked.get("conditionVersion"),
                "createdOn": now,
                "updatedOn": now,
                "createdBy": None,  # as recorded, and named in what updated it
                "updatedBy": str(claims.get("oid", "")),
                "delegatedManagedIdentityResourceId": None,
                "description": asked.get("description"),
            },
            "id": str(id_),
            "type": _ASSIGNMENT,
            "name": id_.name,
        }


def _covers(scope: str, id_: ResourceId) -> bool:
    return f"{id_.key}/".startswith(f"{scope.lower()}/")


def _same(document: Document, principal: str, role: Role, scope: ResourceId) -> bool:
    properties = document["properties"]
    return bool(
        properties["principalId"].lower() == principal.lower()
        and properties["roleDefinitionId"].lower().endswith(role.id)
        and properties["scope"].lower() == scope.key
    )


def _role(id_: str) -> Role:
    role = BY_ID.get(id_.lower())
    if role is None:
        raise AzureError(
            404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{id_}' does not exist."
        )
    return role


def _definition_id(role: Role, subscription: str) -> str:
    return f"/subscriptions/{subscription}/providers/{_DEFINITION}/{role.id}"


def _definition(role: Role, subscription: str) -> Document:
    return {
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": role.description,
            "assignableScopes": ["/"],
            "permissions": [
                {
                    "actions": list(role.actions),
                    "notActions": list(role.not_actions),
                    "dataActions": list(role.data_actions),
                    "notDataActions": [],
                }
            ],
            "createdOn": "2015-02-02T21:55:09.8806423Z",
            "updatedOn": "2021-11-11T20:13:08.8779328Z",
            "createdBy": None,
            "updatedBy": None,
        },
        "id": _definition_id(role, subscription),
        "type": _DEFINITION,
        "name": role.id,
    }


def _guid(name: str, what: str) -> str:
    try:
        return str(uuid.UUID(name))
    except ValueError as bad:
        raise invalid("InvalidRoleAssignmentRequest", f"The {what} '{name[:64]}' is not a GUID.") from bad


def _filter(text_: str) -> dict[str, str]:
    """Return the lower-case fields and values of `roleName eq 'x' and …`; a function is a field too.

    Raises `AzureError` 400 for what cannot be filtered by.
    """
    wanted: dict[str, str] = {}
    for clause in _clauses(text_):
        read = _CLAUSE.fullmatch(clause)
        if read is None:
            raise invalid("InvalidFilterInQueryString", f"The filter '{text_}' is not supported here.")
        field, value = (read[1], read[2]) if read[1] else (read[3] or read[5], read[4] or "")
        if field.lower() not in {"rolename", "type", "principalid", "assignedto", "atscope"}:
            raise invalid("InvalidFilterInQueryString", f"The filter '{text_}' is not supported here.")
        wanted[field.lower()] = value.lower()
    return wanted


def _clauses(text_: str) -> Iterable[str]:
    return re.split(r"\s+and\s+", text_, flags=re.IGNORECASE) if text_.strip() else ()
