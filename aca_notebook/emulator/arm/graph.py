"""As much of Microsoft Graph as clients of Container Apps ask: who am I, which principal is that (facts §14)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.wire import Door, Route, origin, query

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.directory import ManagedIdentities
    from aca_notebook.emulator.identity.principals import Applications, Principal

Document = dict[str, Any]
_CLAUSE = re.compile(r"(?P<field>appId|id|displayName)\s+eq\s+'(?P<value>[^']*)'", re.IGNORECASE)
_NAMES = re.compile(r"servicePrincipalNames/any\(\s*\w+\s*:\s*\w+\s+eq\s+'(?P<value>[^']*)'\s*\)", re.IGNORECASE)


class Graph:
    """`/v1.0/me` and the service principals: applications, and the identities of what runs here."""

    def __init__(self, applications: Applications, identities: ManagedIdentities) -> None:
        self._applications = applications
        self._identities = identities

    def routes(self) -> list[Route]:
        """Look-ups only; `az` finds the host in the cloud's metadata."""
        graph = Door.GRAPH
        return [
            Route("GET", "/v1.0/me", graph, "Graph_Me", self._me),
            Route("GET", "/v1.0/servicePrincipals", graph, "Graph_ListServicePrincipals", self._list),
            Route("GET", "/v1.0/servicePrincipals/{id}", graph, "Graph_GetServicePrincipal", self._get),
            Route("POST", "/v1.0/directoryObjects/getByIds", graph, "Graph_GetByIds", self._by_ids),
        ]

    async def _me(self, request: Request) -> Response:
        caller = str(request.state.claims.get("oid", ""))
        own = self._applications.own
        who = next((each for each in self._applications.list() if each.object_id == caller), own)
        return JSONResponse({
            "@odata.context": f"{origin(request)}/v1.0/$metadata#users/$entity",
            "displayName": who.name,
            "userPrincipalName": f"{who.name.lower()}@localhost",
            "id": who.object_id,
        })  # fmt: skip

    async def _list(self, request: Request) -> Response:
        found = self._principals()
        text = query(request, "$filter")
        if text:
            found = [each for each in found if _passes(text, each)]
        return self._answer(request, "servicePrincipals", found)

    async def _get(self, request: Request) -> Response:
        wanted = str(request.path_params["id"]).lower()
        for each in self._principals():
            if each["id"] == wanted:
                return JSONResponse(each)
        message = (
            f"Resource '{wanted}' does not exist or one of its queried reference-property objects are not present."
        )
        return JSONResponse({"error": {"code": "Request_ResourceNotFound", "message": message}}, status_code=404)

    async def _by_ids(self, request: Request) -> Response:
        ids = (await json_body(request)).get("ids")
        if not isinstance(ids, list):
            raise invalid("Request_BadRequest", "The body must name ids, a list.")
        wanted = {str(each).lower() for each in ids}
        found = [each for each in self._principals() if each["id"] in wanted]
        typed = [{"@odata.type": "#microsoft.graph.servicePrincipal"} | each for each in found]
        return self._answer(request, "directoryObjects", typed)

    def _answer(self, request: Request, what: str, found: list[Document]) -> Response:
        return JSONResponse({"@odata.context": f"{origin(request)}/v1.0/$metadata#{what}", "value": found})

    def _principals(self) -> list[Document]:
        identities = (*self._identities.user_assigned(), *self._identities.system_assigned())
        return [_shown(each) for each in (*self._applications.list(), *identities)]


def _shown(principal: Principal) -> Document:
    is_application = not principal.resource
    return {
        "id": principal.object_id,
        "deletedDateTime": None,
        "accountEnabled": True,
        "appId": principal.client_id,
        "appDisplayName": principal.name if is_application else None,
        "displayName": principal.name,
        "servicePrincipalNames": [principal.client_id],
        "servicePrincipalType": "Application" if is_application else "ManagedIdentity",
        "tags": [],
    }


def _passes(text: str, principal: Document) -> bool:
    """Tell whether a principal passes one clause; several joined with `or` let it pass by any.

    Raises `AzureError` 400 for what cannot be filtered by.
    """
    for clause in re.split(r"\s+or\s+", text.strip(), flags=re.IGNORECASE):
        named, plain = _NAMES.fullmatch(clause), _CLAUSE.fullmatch(clause)
        if named is not None:
            if named["value"].lower() in principal["servicePrincipalNames"]:
                return True
        elif plain is not None:
            fields = {"appid": "appId", "id": "id", "displayname": "displayName"}
            if str(principal[fields[plain["field"].lower()]]).lower() == plain["value"].lower():
                return True
        else:
            raise invalid("Request_UnsupportedQuery", f"The filter '{text}' is not supported here.")
    return False
