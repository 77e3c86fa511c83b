"""Budgets of a group or of the subscription, under either name that Azure has for them.

`Microsoft.Consumption/budgets` and `Microsoft.CostManagement/budgets` are one resource (SDK: azure-mgmt-costmanagement
5, BudgetProperties, from whose words the rules below are). What is spent is `bills`' estimate.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bills import NOTE
from aca_notebook.emulator.arm.bodies import json_body, without_nulls
from aca_notebook.emulator.arm.budget_rules import BUDGET_FIELDS, check_budget, covered, period_began
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION
from aca_notebook.emulator.arm.stored import Document, Keeping, read
from aca_notebook.emulator.arm.values import member
from aca_notebook.emulator.wire import AzureError, Check, Door, Route
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from aca_notebook.emulator.arm.bills import BillLine, Bills

TYPE = "Microsoft.Consumption/budgets"
_NAMES = (("Microsoft.Consumption", Check.NONE), ("Microsoft.CostManagement", Check.SDK))


class Budgets:
    """The resource at two scopes and by two names; `spent` tells how much of one is gone."""

    def __init__(self, keeping: Keeping, bills: Bills) -> None:
        self._keeping = keeping
        self._bills = bills

    def routes(self) -> list[Route]:
        """PUT, GET, DELETE and list, at each scope under each name."""
        found = []
        for provider, checked in _NAMES:
            for scope in (SUBSCRIPTION, GROUP):
                listed = f"{scope}/providers/{provider}/budgets"
                one, arm = f"{listed}/{{name}}", Door.ARM
                found += [
                    Route("PUT", one, arm, "Budgets_CreateOrUpdate", self._put, checked=checked),
                    Route("GET", one, arm, "Budgets_Get", self._get, checked=checked),
                    Route("DELETE", one, arm, "Budgets_Delete", self._delete, checked=checked),
                    Route("GET", listed, arm, "Budgets_List", self._list, checked=checked),
                ]
        return found

    def all(self) -> list[Document]:
        """Every budget there is."""
        return self._keeping.store.list(TYPE, self._keeping.scope.subscription_id)

    async def spent(self, document: Document) -> float:
        """Return what was spent of a budget in its present period, as far as Cost Management knows by now."""
        since = period_began(document["properties"], self._keeping.clock.now())
        until = self._bills.known_until
        if until <= since:
            return 0.0
        lines = await self._bills.lines(parse_id(document["id"]).parent, since, until)
        return _sum([line for line in lines if covered(document["properties"], line)])

    async def _put(self, request: Request) -> Response:
        id_ = self._id(request, "write")
        before = self._keeping.store.get(id_)
        asked = dict(without_nulls(await json_body(request)))
        if before and asked.get("eTag") and asked["eTag"] != before["eTag"]:
            raise AzureError(412, "PreconditionFailed", "The budget was changed since its eTag was read.")
        properties = read(member(asked.get("properties"), "properties"), BUDGET_FIELDS)
        document: Document = {
            "id": str(id_), "name": id_.name, "type": TYPE, "eTag": f'"{uuid.uuid4().hex[:16]}"',
            "properties": check_budget(properties, self._keeping.clock.now()),
        }  # fmt: skip
        await self._keeping.store.put(id_, document)
        return JSONResponse(await self._shown(request, document), status_code=200 if before else 201)

    async def _get(self, request: Request) -> Response:
        id_ = self._id(request, "read")
        document = self._keeping.store.get(id_)
        if document is None:
            raise AzureError(404, "NotFound", f"Budget '{id_.name}' was not found.")  # unconfirmed
        return JSONResponse(await self._shown(request, document), headers={"x-aca-notebook-note": NOTE})

    async def _list(self, request: Request) -> Response:
        scope = self._id(request, "read", name="-").parent
        found = [each for each in self.all() if parse_id(each["id"]).parent == scope]
        return JSONResponse({"value": [await self._shown(request, each) for each in found]})

    async def _delete(self, request: Request) -> Response:
        id_ = self._id(request, "delete")
        if self._keeping.store.get(id_) is None:
            return Response(status_code=204)
        await self._keeping.store.delete(id_)
        return Response(status_code=200)

    def _id(self, request: Request, verb: str, name: str = "") -> ResourceId:
        scope = GROUP if "group" in request.path_params else SUBSCRIPTION
        return self._keeping.locate(request, f"{scope}/providers/{TYPE}/{name or '{name}'}", verb)

    async def _shown(self, request: Request, document: Document) -> dict[str, Any]:
        """Answer it by the name it was asked for, with what is spent."""
        by = "Microsoft.CostManagement" if "/microsoft.costmanagement/" in request.url.path.lower() else ""
        properties = document["properties"] | {
            "currentSpend": {"amount": round(await self.spent(document), 6), "unit": "USD"}
        }
        shown = document | {"properties": properties}
        if by:
            shown |= {name: shown[name].replace("Microsoft.Consumption", by) for name in ("id", "type")}
        return shown


def _sum(lines: Sequence[BillLine]) -> float:
    return sum(line.cost for line in lines)
