"""`Microsoft.Quota` on the regions of Microsoft.App: limits, what is used of them, and requests for more.

The numbers are those of `usages`, from the one module that knows them (`quotas`). A request is granted at once and
counts from then on, unless a fault sets the limit (SDK: azure-mgmt-quota; what Azure grants is Microsoft's to say).
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.clock import format_instant
from aca_notebook.emulator.arm.bodies import json_body, without_nulls
from aca_notebook.emulator.arm.environments import TYPE as ENVIRONMENT_TYPE
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.locations import display_name, location_name
from aca_notebook.emulator.arm.paging import paged
from aca_notebook.emulator.arm.quotas import GRANTED_TYPE
from aca_notebook.emulator.arm.scope import SUBSCRIPTION
from aca_notebook.emulator.arm.values import member, whole
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, query
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.quotas import Quotas
    from aca_notebook.emulator.arm.stored import Document, Keeping

_LOCATION = f"{SUBSCRIPTION}/providers/Microsoft.App/locations/{{location}}"
_REQUEST_TYPE = "Microsoft.Quota/quotaRequests"
_TYPED = "Microsoft.App/locations"
_STATE = re.compile(r"\s*provisioningState\s+eq\s+'?(\w+)'?\s*", re.IGNORECASE)
_GRANTED = "Request completed"


class QuotaRequests:
    """The routes."""

    def __init__(self, keeping: Keeping, quotas: Quotas) -> None:
        self._keeping = keeping
        self._quotas = quotas

    def routes(self) -> list[Route]:
        """Look-ups, and the request for more."""
        arm, sdk = Door.ARM, Check.SDK
        below = f"{_LOCATION}/providers/Microsoft.Quota"
        usages, quotas, requests = f"{below}/usages", f"{below}/quotas", f"{below}/quotaRequests"
        return [
            Route("GET", usages, arm, "Quota_ListUsages", self._usages, checked=sdk),
            Route("GET", f"{usages}/{{name}}", arm, "Quota_GetUsage", self._usage, checked=sdk),
            Route("GET", quotas, arm, "Quota_List", self._list, checked=sdk),
            Route("GET", f"{quotas}/{{name}}", arm, "Quota_Get", self._get, checked=sdk),
            Route("PUT", f"{quotas}/{{name}}", arm, "Quota_CreateOrUpdate", self._ask, checked=sdk),
            Route("PATCH", f"{quotas}/{{name}}", arm, "Quota_Update", self._ask, checked=sdk),
            Route("GET", requests, arm, "QuotaRequestStatus_List", self._requests, checked=sdk),
            Route("GET", f"{requests}/{{name}}", arm, "QuotaRequestStatus_Get", self._request, checked=sdk),
        ]

    async def _usages(self, request: Request) -> Response:
        scope = self._scope(request)
        used = self._used(scope)
        return paged(request, [_usage(scope, name, used.get(name, 0)) for name in self._limits(scope)])

    async def _usage(self, request: Request) -> Response:
        scope = self._scope(request)
        name = self._name(request, scope)
        return JSONResponse(_usage(scope, name, self._used(scope).get(name, 0)))

    async def _list(self, request: Request) -> Response:
        scope = self._scope(request)
        return paged(request, [_quota(scope, name, limit) for name, limit in self._limits(scope).items()])

    async def _get(self, request: Request) -> Response:
        scope = self._scope(request)
        name = self._name(request, scope)
        return JSONResponse(_quota(scope, name, self._limits(scope)[name]))

    async def _ask(self, request: Request) -> Response:
        scope = self._scope(request)
        name = self._name(request, scope)
        properties = member(without_nulls(await json_body(request)).get("properties"), "properties")
        wanted = whole(member(properties.get("limit"), "properties.limit").get("value"), "properties.limit.value")
        if wanted is None or wanted < 0:
            raise invalid("InvalidResourceProperties", "properties.limit.value must be a number that is not negative.")
        quota = _quota(scope, name, wanted)
        asked = _asked(scope, name, wanted, format_instant(self._keeping.clock.now()))
        await self._keeping.store.put_all({parse_id(quota["id"]): quota, parse_id(asked["id"]): asked})
        return JSONResponse(quota)

    async def _requests(self, request: Request) -> Response:
        scope = self._scope(request)
        found = self._keeping.store.list(_REQUEST_TYPE, scope.subscription)
        here = [each for each in found if parse_id(each["id"]).parent == scope]
        state = _STATE.fullmatch(query(request, "$filter"))
        if state is not None:
            here = [each for each in here if each["properties"]["provisioningState"].lower() == state[1].lower()]
        return paged(request, sorted(here, key=_submitted, reverse=True))

    async def _request(self, request: Request) -> Response:
        id_ = parse_id(f"{self._scope(request)}/providers/{_REQUEST_TYPE}/{request.path_params['name']}")
        document = self._keeping.store.get(id_)
        if document is None:
            raise AzureError(404, "QuotaRequestNotFound", f"The quota request '{id_.name}' could not be found.")
        return JSONResponse(document)

    def _scope(self, request: Request) -> ResourceId:
        """Return the region's id, by its short name."""
        subscription = self._keeping.scope.subscription(request)
        location = location_name(display_name(str(request.path_params["location"]), ENVIRONMENT_TYPE))
        return ResourceId(subscription, "", "Microsoft.App", ("locations",), (location,))

    def _name(self, request: Request, scope: ResourceId) -> str:
        wanted = str(request.path_params["name"])
        for name in self._limits(scope):
            if name.lower() == wanted.lower():
                return name
        raise AzureError(404, "InvalidResourceName", f"The resource name '{wanted}' is not known to Microsoft.App.")

    def _limits(self, scope: ResourceId) -> dict[str, int]:
        return self._quotas.limits(scope.subscription, scope.name)

    def _used(self, scope: ResourceId) -> dict[str, int]:
        return self._quotas.used(scope.subscription, scope.name)


def spoken(name: str) -> str:
    """Return a limit's name in words: `ManagedEnvironmentCount` is `Managed Environment Count`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z]|\d)|(?<=\d)(?=[A-Z])", " ", name)


def _quota(scope: ResourceId, name: str, limit: int) -> Document:
    return _resource(scope, GRANTED_TYPE, name, {"limit": _limit(limit), **_described(name)})


def _usage(scope: ResourceId, name: str, used: int) -> Document:
    return _resource(scope, "Microsoft.Quota/usages", name, {"usages": {"value": used}, **_described(name)})


def _asked(scope: ResourceId, name: str, limit: int, at: str) -> Document:
    one = {
        "name": _named(name), "resourceType": _TYPED, "unit": "Count", "provisioningState": "Succeeded",
        "message": _GRANTED, "subRequestId": str(uuid.uuid4()), "limit": _limit(limit),
    }  # fmt: skip
    properties = {
        "provisioningState": "Succeeded", "message": _GRANTED, "requestSubmitTime": at, "value": [one],
    }  # fmt: skip
    return _resource(scope, _REQUEST_TYPE, str(uuid.uuid4()), properties)


def _resource(scope: ResourceId, type_: str, name: str, properties: Document) -> Document:
    return {"id": f"{scope}/providers/{type_}/{name}", "name": name, "type": type_, "properties": properties}


def _described(name: str) -> Document:
    return {
        "name": _named(name), "unit": "Count", "resourceType": _TYPED, "isQuotaApplicable": True, "properties": {},
    }  # fmt: skip


def _named(name: str) -> Document:
    return {"value": name, "localizedValue": spoken(name)}


def _limit(value: int) -> dict[str, Any]:
    return {"limitObjectType": "LimitValue", "value": value, "limitType": "Independent"}


def _submitted(document: Document) -> str:
    return str(document["properties"]["requestSubmitTime"])
