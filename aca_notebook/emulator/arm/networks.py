"""Virtual networks and subnets as documents: environments name them, and no network is made (recorded: resiliency).

A write is done when it is answered; the operation it points to is there because clients follow it.
"""

from __future__ import annotations

import ipaddress
import uuid
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body, without_nulls
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.locations import display_name, location_name
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write
from aca_notebook.emulator.arm.values import items, member, text, texts, truth
from aca_notebook.emulator.wire import Check, Door, Offer, Route, checked_name, origin, query
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from aca_notebook.model.ids import ResourceId

TYPE = "Microsoft.Network/virtualNetworks"
_SUBNETS = f"{TYPE}/subnets"
_CHECKED = Check.RECORDING
_JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"


class Networks:
    """`Microsoft.Network/virtualNetworks` and `…/subnets`."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        network = f"{GROUP}/providers/{TYPE}/{{name}}"
        self._networks = Stored(
            Kind(path=network, operations="VirtualNetworks", type=TYPE, settle=_network, shown=_with_subnets,
                 location=_location, empty_tags=False, etag=_etag, deleted_status=200,
                 recorded=("CreateOrUpdate", "Get")),
            keeping,
        )  # fmt: skip
        self._subnets = Stored(
            Kind(path=f"{GROUP}/providers/{TYPE}/{{network}}/subnets/{{name}}", operations="Subnets", type=_SUBNETS,
                 settle=_subnet, etag=_etag, deleted_status=200, recorded=("CreateOrUpdate", "Get")),
            keeping,
        )  # fmt: skip

    def routes(self) -> list[Route]:
        """Both, and the status URL of their operations."""
        networks, subnets = self._networks, self._subnets
        status = f"{SUBSCRIPTION}/providers/Microsoft.Network/locations/{{location}}/operations/{{operation}}"
        return [
            networks.route("PUT", networks.kind.path, "CreateOrUpdate", self._put_network),
            *networks.routes(without=("PUT",)),
            networks.route("GET", f"{SUBSCRIPTION}/providers/{TYPE}", "ListAll", networks.list_all),
            subnets.route("PUT", subnets.kind.path, "CreateOrUpdate", self._put_subnet),
            *subnets.routes(without=("PUT",)),
            Route("GET", status, Door.ARM, "Networks_OperationStatus", self._status, Offer.STORED, Check.RECORDING),
        ]

    async def _put_network(self, request: Request) -> Response:
        asked = without_nulls(await json_body(request))
        id_ = self._networks.locate(request, "write")
        before = self._keeping.store.get(id_)
        within = items(member(asked.get("properties"), "properties").get("subnets"), "properties.subnets")
        names = [checked_name(text(subnet.get("name"), "properties.subnets.name")) for subnet in within]
        document = await self._networks.write(id_, asked, before, request)
        for name, subnet in zip(names, within, strict=True):
            child = id_.child("subnets", name)
            await self._subnets.write(child, subnet, self._keeping.store.get(child), request)
        return self._accepted(request, _with_subnets(self._keeping, document), document["location"], before)

    async def _put_subnet(self, request: Request) -> Response:
        asked = without_nulls(await json_body(request))
        id_ = self._subnets.locate(request, "write")
        before = self._keeping.store.get(id_)
        document = await self._subnets.write(id_, asked, before, request)
        network = self._keeping.store.get(id_.parent) or {}
        return self._accepted(request, document, network["location"], before)

    def _accepted(self, request: Request, document: Document, location: str, before: Document | None) -> Response:
        subscription = self._keeping.scope.subscription_id
        path = (
            f"/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}/operations/{uuid.uuid4()}"
        )
        url = f"{origin(request)}{path}?api-version={query(request, 'api-version')}"
        shown = document | {"properties": document["properties"] | {"provisioningState": "Updating"}}
        return JSONResponse(shown, status_code=200 if before else 201, headers={"Azure-AsyncOperation": url})

    async def _status(self, request: Request) -> Response:
        self._keeping.scope.subscription(request)
        return JSONResponse({"status": "Succeeded"})


def _network(write: Write) -> Document:
    asked = write.properties
    space = member(asked.get("addressSpace"), "properties.addressSpace")
    prefixes = texts(space.get("addressPrefixes") or [], "properties.addressSpace.addressPrefixes")
    if not prefixes:
        raise invalid("InvalidRequestFormat", "A virtual network needs address prefixes.")
    return {
        "provisioningState": "Succeeded",
        "resourceGuid": write.kept.get("resourceGuid") or str(uuid.uuid5(uuid.NAMESPACE_URL, write.id.key)),
        "addressSpace": {"addressPrefixes": [_prefix(each) for each in prefixes]},
        "privateEndpointVNetPolicies": "Disabled",
        "virtualNetworkPeerings": [],
        "enableDdosProtection": bool(truth(asked.get("enableDdosProtection"), "properties.enableDdosProtection")),
    }


def _subnet(write: Write) -> Document:
    asked = write.properties
    delegations = items(asked.get("delegations"), "properties.delegations")
    return {
        "provisioningState": "Succeeded",
        "addressPrefix": _prefix(text(asked.get("addressPrefix"), "properties.addressPrefix")),
        "delegations": [_delegation(write.id, each, write.now) for each in delegations],
        "privateEndpointNetworkPolicies": asked.get("privateEndpointNetworkPolicies") or "Disabled",
        "privateLinkServiceNetworkPolicies": asked.get("privateLinkServiceNetworkPolicies") or "Enabled",
    }


def _delegation(subnet: ResourceId, asked: Document, now: datetime) -> Document:
    service = text(
        member(asked.get("properties"), "properties.delegations.properties").get("serviceName"),
        "properties.delegations.properties.serviceName",
    )
    name = checked_name(text(asked.get("name"), "properties.delegations.name"))
    return {
        "name": name,
        "id": str(subnet.child("delegations", name)),
        "etag": _etag(subnet, now),
        "properties": {"provisioningState": "Succeeded", "serviceName": service, "actions": [_JOIN]},
        "type": f"{_SUBNETS}/delegations",
    }


def _with_subnets(keeping: Keeping, document: Document) -> Document:
    id_ = parse_id(document["id"])
    subnets: list[Any] = keeping.store.children(id_, _SUBNETS)
    return document | {"properties": document["properties"] | {"subnets": subnets}}


def _prefix(text_: str) -> str:
    try:
        return str(ipaddress.ip_network(text_))
    except ValueError as bad:
        raise invalid("InvalidAddressPrefixFormat", f"Address prefix '{text_}' is not valid: {bad}.") from bad


def _etag(id_: ResourceId, now: datetime) -> str:
    return f'W/"{uuid.uuid5(uuid.NAMESPACE_URL, f"{id_.key} {now.isoformat()}")}"'


def _location(asked: str) -> str:
    return location_name(display_name(asked, TYPE))
