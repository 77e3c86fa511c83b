"""Rules that share one address among several apps (facts §15); custom domains are stored."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Protocol

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.environment_rules import default_domain
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.scope import ENVIRONMENT
from aca_notebook.emulator.arm.shapes import shaped
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write
from aca_notebook.emulator.arm.values import text, truth
from aca_notebook.emulator.ingress.path_routing import PathRoute, read_routes
from aca_notebook.emulator.wire import AzureError, Offer
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request

    from aca_notebook.emulator.arm.shapes import Shape
    from aca_notebook.emulator.wire import Handler, Route
    from aca_notebook.model.ids import ResourceId

logger = logging.getLogger(__name__)

_TYPE = "Microsoft.App/managedEnvironments/httpRouteConfigs"
RULES: dict[str, Shape] = {
    "customDomains": [{"name!": text, "bindingType": text, "certificateId": text}],
    "rules": [
        {
            "description": text,
            "targets": [{"containerApp!": text, "revision": text, "label": text}],
            "routes": [
                {
                    "match": {"prefix": text, "path": text, "pathSeparatedPrefix": text, "caseSensitive": truth},
                    "action": {"prefixRewrite": text},
                }
            ],
        }
    ],
}


class Shares(Protocol):
    """The ingress's shared addresses."""

    async def publish(
        self, key: str, environment: str, routes: tuple[PathRoute, ...], domains: frozenset[str] = frozenset()
    ) -> str:  # fmt: skip
        """Let requests in by these routes; return the address. Raises `OSError`."""
        ...

    async def withdraw(self, key: str) -> None:
        """Let no more in."""
        ...


class HttpRoutes:
    """`httpRouteConfigs` of an environment."""

    def __init__(self, keeping: Keeping, shares: Shares) -> None:
        kind = Kind(
            path=f"{ENVIRONMENT}/httpRouteConfigs/{{name}}", operations="HttpRouteConfig", type=_TYPE, settle=_routes,
            shown=self._with_address, missing=_missing, created_status=201, patched=True, system_data=True,
            offer=Offer.WORKS, read_by_sdk=("CreateOrUpdate", "Delete", "Get", "List"), described=("List",),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)
        self._shares = shares
        self._addresses: dict[str, str] = {}

    def routes(self) -> list[Route]:
        """The resource and its list."""
        stored = self._stored
        changing = (("PUT", "CreateOrUpdate", stored.put), ("PATCH", "Update", stored.patch))
        made = [
            stored.route(method, stored.kind.path, name, partial(self._changed, handler))
            for method, name, handler in changing
        ]
        return [*made, *stored.routes(without=("PUT", "PATCH"))]

    async def restore(self, subscription: str) -> None:
        """Let requests in by all that is stored."""
        for document in self._stored.keeping.store.list(_TYPE, subscription):
            await self._publish(document)

    async def forget(self, gone: Collection[ResourceId]) -> None:
        """Let no more in by those that are gone, alone or with their environment."""
        for id_ in gone:
            if self._addresses.pop(id_.key, None) is not None:
                await self._shares.withdraw(id_.key)

    async def _changed(self, change: Handler, request: Request) -> Response:
        answer = await change(request)
        document = self._stored.found(self._stored.locate(request, "read"))
        await self._publish(document)
        shown = self._with_address(self._stored.keeping, document)
        return JSONResponse(shown, status_code=answer.status_code)

    async def _publish(self, document: Document) -> None:
        id_, properties = parse_id(document["id"]), document["properties"]
        domains = frozenset(each["name"].lower() for each in properties.get("customDomains") or ())
        try:
            address = await self._shares.publish(id_.key, id_.parent.name, read_routes(properties), domains)
        except OSError as full:
            logger.warning("%s has no address: %s", id_, full)
            return
        self._addresses[id_.key] = address

    def _with_address(self, keeping: Keeping, document: Document) -> Document:
        """Return it with the address of the routes; without a free port, with the host name that Azure would give."""
        id_ = parse_id(document["id"])
        fqdn = self._addresses.get(id_.key)
        if fqdn is None:
            environment = keeping.store.get(id_.parent) or {}
            fqdn = f"{document['name']}.{default_domain(id_.parent, environment['location'])}"
        return document | {"properties": document["properties"] | {"fqdn": fqdn}}


def _routes(write: Write) -> Document:
    found: Document = shaped(
        {name: write.properties[name] for name in RULES if name in write.properties}, RULES, "properties"
    )
    for rule in found.get("rules", []):
        if not rule.get("targets"):
            raise invalid("HttpRouteConfigInvalid", f"A rule of route '{write.id.name}' has no targets.")
    return {"provisioningState": "Succeeded", "provisioningErrors": [], "rules": []} | found


def _missing(id_: ResourceId) -> AzureError:
    return AzureError(404, "HttpRouteConfigNotFound", f"Http Route Config '{id_.name}' was not found.")
