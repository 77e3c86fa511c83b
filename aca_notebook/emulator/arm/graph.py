"""As much of Microsoft Graph as clients of Container Apps ask: who am I, which principal is that (facts §14)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.identities import client_id, principal_id
from aca_notebook.emulator.arm.user_identities import TYPE as USER_IDENTITY
from aca_notebook.emulator.wire import Door, Route, origin, query

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.identity.client import Client

Document = dict[str, Any]
_WITH_SYSTEM_IDENTITY = (
    "Microsoft.App/containerApps", "Microsoft.App/managedEnvironments", "Microsoft.App/jobs",
    "Microsoft.App/sessionPools",
)  # fmt: skip
_CLAUSE = re.compile(r"(?P<field>appId|id|displayName)\s+eq\s+'(?P<value>[^']*)'", re.IGNORECASE)
_NAMES = re.compile(r"servicePrincipalNames/any\(\s*\w+\s*:\s*\w+\s+eq\s+'(?P<value>[^']*)'\s*\)", re.IGNORECASE)


class Graph:
    """`/v1.0/me` and the service principals: the client of this emulator, and the identities of what runs in it."""

    def __init__(self, store: Store, client: Client) -> None:
        self._store = store
        self._client = client

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
        return JSONResponse({
            "@odata.context": f"{origin(request)}/v1.0/$metadata#users/$entity",
            "displayName": "Local",
            "userPrincipalName": "local@localhost",
            "id": self._client.object_id,
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
        subscription = self._client.subscription_id
        client = _principal(self._client.object_id, self._client.client_id, "Local", "Application")
        users = [
            _principal(principal_id(each["id"]), client_id(each["id"]), each["name"], "ManagedIdentity")
            for each in self._store.list(USER_IDENTITY, subscription)
        ]
        systems = [
            _principal(each["identity"]["principalId"], client_id(each["id"]), each["name"], "ManagedIdentity")
            for type_ in _WITH_SYSTEM_IDENTITY
            for each in self._store.list(type_, subscription)
            if (each.get("identity") or {}).get("principalId")
        ]
        return [client, *users, *systems]


def _principal(id_: str, app_id: str, name: str, type_: str) -> Document:
    return {
        "id": id_,
        "deletedDateTime": None,
        "accountEnabled": True,
        "appId": app_id,
        "appDisplayName": name if type_ == "Application" else None,
        "displayName": name,
        "servicePrincipalNames": [app_id],
        "servicePrincipalType": type_,
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
