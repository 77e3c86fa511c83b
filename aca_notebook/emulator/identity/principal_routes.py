"""`/_emulator/principals`: applications that a user adds, to see what a caller without every right sees."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.wire import AzureError, Door, Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.identity.principals import Applications, Principal

_NAME = re.compile(r"[\w][\w .@-]{0,119}")


class PrincipalRoutes:
    """Adds, lists and removes them, behind the control door; Azure has `az ad sp create-for-rbac` for it."""

    def __init__(self, applications: Applications, tenant_id: str) -> None:
        self._applications = applications
        self._tenant_id = tenant_id

    def routes(self) -> list[Route]:
        """All of them."""
        path, door = "/_emulator/principals", Door.CONTROL
        return [
            Route("GET", path, door, "Emulator_ListPrincipals", self._list),
            Route("POST", path, door, "Emulator_AddPrincipal", self._add),
            Route("DELETE", f"{path}/{{client}}", door, "Emulator_RemovePrincipal", self._remove),
        ]

    async def _list(self, _: Request) -> Response:
        return JSONResponse({"value": [self._shown(each) for each in self._applications.list()]})

    async def _add(self, request: Request) -> Response:
        """The secret is told here and nowhere else."""
        name = str((await json_body(request)).get("name") or "")
        if _NAME.fullmatch(name) is None:
            raise AzureError(400, "InvalidName", f"'{name[:64]}' is no name for a principal.")
        principal, secret = await self._applications.add(name)
        return JSONResponse(self._shown(principal) | {"password": secret}, status_code=201)

    async def _remove(self, request: Request) -> Response:
        client_id = str(request.path_params["client"])
        if client_id.lower() == self._applications.own.client_id:
            raise AzureError(400, "InvalidPrincipal", "The emulator's own client stays.")
        if not await self._applications.remove(client_id):
            raise AzureError(404, "PrincipalNotFound", f"There is no principal with client id '{client_id}'.")
        return Response(status_code=204)

    def _shown(self, principal: Principal) -> dict[str, str]:
        """As `az ad sp create-for-rbac` prints it, with the id that roles are given to."""
        return {
            "displayName": principal.name,
            "appId": principal.client_id,
            "objectId": principal.object_id,
            "tenant": self._tenant_id,
        }
