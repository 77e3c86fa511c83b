"""Identities of their own, which apps are given by id (recorded: identity_user)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.identities import client_id, principal_id
from aca_notebook.emulator.arm.locations import display_name, location_name
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write
from aca_notebook.emulator.wire import Offer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from aca_notebook.emulator.wire import Route
    from aca_notebook.model.ids import ResourceId

TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
_CREATED = 201
_NAME = re.compile(r"[A-Za-z0-9][-\w]{2,127}")


class UserIdentities:
    """`Microsoft.ManagedIdentity/userAssignedIdentities`: an id to assign roles to and to name in an app."""

    def __init__(self, keeping: Keeping) -> None:
        kind = Kind(
            path=f"{GROUP}/providers/{TYPE}/{{name}}", operations="UserAssignedIdentities", type=TYPE, settle=_settled,
            written=_written, location=_location, created_status=_CREATED, deleted_status=200, patched=True,
            offer=Offer.WORKS, recorded=("CreateOrUpdate",),
            read_by_sdk=("CreateOrUpdate", "Delete", "ListByResourceGroup", "ListBySubscription"),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)

    def routes(self) -> list[Route]:
        """The resource, and the lists of a group and of the subscription."""
        stored = self._stored
        put, *others = stored.routes(listed="ListByResourceGroup")
        return [
            stored.route(put.method, put.template, "CreateOrUpdate", self._put),
            *others,
            stored.route("GET", f"{SUBSCRIPTION}/providers/{TYPE}", "ListBySubscription", stored.list_all),
        ]

    async def _put(self, request: Request) -> Response:
        answer = await self._stored.put(request)
        if answer.status_code == _CREATED:
            id_ = self._stored.locate(request, "read")
            answer.headers["Location"] = _written(id_)  # a path alone, as recorded
        return answer


def _settled(write: Write) -> Document:
    if _NAME.fullmatch(write.id.name) is None:
        raise invalid(
            "InvalidResourceName",
            f"The identity name '{write.id.name}' is invalid: it must be 3 to 128 letters, digits, '-' and '_', and "
            "start with a letter or a digit.",
        )
    return {
        "tenantId": str(write.claims.get("tid", "")),
        "principalId": principal_id(str(write.id)),
        "clientId": client_id(str(write.id)),
    }


def _written(id_: ResourceId) -> str:
    return str(id_).replace("/resourceGroups/", "/resourcegroups/", 1)  # as recorded: identity_user


def _location(text: str) -> str:
    return location_name(display_name(text, TYPE))
