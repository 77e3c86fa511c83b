"""Who may do what: roles are asked before a handler sees a request, and lists show each caller its own.

The emulator's own client is the Owner of the subscription and may use what is in the resources too; on Azure an Owner
gives that right to itself first.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from starlette.responses import JSONResponse

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.identity.actions import Asked, asked, linked
from aca_notebook.emulator.wire import AzureError, Door
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from aca_notebook.emulator.wire import Handler, Route

_READ_METRICS = "Microsoft.Insights/metrics/read"


class HeldRoles(Protocol):
    """The role assignments."""

    def allows(self, principal_id: str, action: str, scope: ResourceId, *, on_data: bool = False) -> bool:
        """Tell whether a role that is in effect permits it."""
        ...

    def has_any(self, principal_id: str, subscription: str) -> bool:
        """Tell whether a principal has any role in effect."""
        ...


class Access:
    """Answers 403 in Azure's words to who has no role for it. `owner` is the object id that may do everything."""

    def __init__(self, roles: HeldRoles, owner: str, subscription: str) -> None:
        self._roles = roles
        self._owner = owner.lower()
        self._subscription = subscription

    def guarded(self, route: Route) -> Route:
        """Return a route that asks for a role first: those of Resource Manager, and metrics of many resources.

        Others have doors of their own, or know only in their handler what is asked about.
        """
        if route.door is Door.METRICS:
            return replace(route, handler=partial(self._answer_metrics, route.handler))
        return replace(route, handler=partial(self._answer, route.handler)) if route.door is Door.ARM else route

    def allows(self, claims: Mapping[str, Any], action: str, scope: ResourceId) -> bool:
        """Tell whether a caller may perform an action."""
        return self.is_owner(claims) or self._roles.allows(_who(claims), action, scope)

    async def _answer_metrics(self, handler: Handler, request: Request) -> Response:
        subscription = ResourceId(str(request.path_params["subscription"]))
        if not self.allows(request.state.claims, _READ_METRICS, subscription):
            raise forbidden(request.state.claims, _READ_METRICS, str(subscription))
        return await handler(request)

    async def _answer(self, handler: Handler, request: Request) -> Response:
        claims: Mapping[str, Any] = request.state.claims
        if self.is_owner(claims):
            return await handler(request)
        path = request.scope.get("raw_path", request.url.path.encode()).decode("ascii", "replace")
        wanted = asked(request.method, path)
        if wanted is None:
            response = await handler(request)
            hidden = path.rstrip("/").lower() == "/subscriptions" and not self._sees(claims)
            return _with_value(response, []) if hidden else response
        if wanted.action and self._roles.allows(_who(claims), wanted.action, _scope(wanted.scope)):
            await self._check_linked(request, claims, wanted)
            return await handler(request)
        if not self._sees(claims) or (wanted.action and not wanted.listing):
            raise forbidden(claims, wanted.action or "Microsoft.Resources/subscriptions/read", wanted.scope)
        response = await handler(request)
        return self._narrowed(claims, response) if wanted.listing else response

    async def _check_linked(self, request: Request, claims: Mapping[str, Any], wanted: Asked) -> None:
        """Refuse to write a resource into, or with, another that its writer may not use so."""
        for each in linked(await json_body(request)) if request.method in {"PUT", "PATCH"} else ():
            if not self._roles.allows(_who(claims), each.action, _scope(each.scope)):
                raise AzureError(
                    403, "LinkedAuthorizationFailed",
                    f"{_client(claims)} has permission to perform action '{wanted.action}' on scope '{wanted.scope}'; "
                    f"however, it does not have permission to perform action(s) '{each.action}' on the linked scope(s) "
                    f"'{each.scope}' (respectively) or the linked scope(s) are invalid.",
                )  # fmt: skip

    def _narrowed(self, claims: Mapping[str, Any], response: Response) -> Response:
        """Return a list of a whole subscription with what its caller may read, and no more."""
        if response.status_code != 200:
            return response
        found = json.loads(bytes(response.body)).get("value") or []
        return _with_value(response, [each for each in found if self._may_read(claims, each)])

    def allows_on_data(self, claims: Mapping[str, Any], action: str, scope: ResourceId) -> bool:
        """Tell whether a caller may do something with what is in a resource, such as read a vault's secret."""
        return self.is_owner(claims) or self._roles.allows(_who(claims), action, scope, on_data=True)

    def _may_read(self, claims: Mapping[str, Any], document: dict[str, Any]) -> bool:
        id_ = _scope(str(document.get("id") or f"/subscriptions/{self._subscription}"))
        type_ = id_.type or "Microsoft.Resources/subscriptions/resourceGroups"
        return self._roles.allows(_who(claims), f"{type_}/read", id_)

    def _sees(self, claims: Mapping[str, Any]) -> bool:
        return self._roles.has_any(_who(claims), self._subscription)

    def is_owner(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether a caller is the emulator's own client."""
        return _who(claims).lower() == self._owner


def forbidden(claims: Mapping[str, Any], action: str, scope: str) -> AzureError:
    """Resource Manager's refusal (documented: troubleshooting Azure RBAC)."""
    return AzureError(
        403,
        "AuthorizationFailed",
        f"{_client(claims)} does not have authorization to perform action '{action}' over scope '{scope}' or the scope "
        "is invalid. If access was recently granted, please refresh your credentials.",
    )


def _client(claims: Mapping[str, Any]) -> str:
    return f"The client '{claims.get('appid') or _who(claims)}' with object id '{_who(claims)}'"


def _who(claims: Mapping[str, Any]) -> str:
    return str(claims.get("oid", ""))


def _scope(text: str) -> ResourceId:
    """Return the id, or for what is none, such as an empty name, the subscription: it takes a role there then."""
    try:
        return parse_id(text)
    except ValueError:
        return ResourceId("".join(text.split("/")[2:3]))


def _with_value(response: Response, value: list[Any]) -> Response:
    body = json.loads(bytes(response.body)) | {"value": value}
    if "count" in body:
        body["count"] = {"type": "Total", "value": len(value)}
    return JSONResponse(body, status_code=response.status_code)
