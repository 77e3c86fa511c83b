"""Rules that share one address among several apps: stored, the ingress does not route by them (facts §15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.environment_rules import default_domain
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.scope import ENVIRONMENT
from aca_notebook.emulator.arm.shapes import shaped
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write
from aca_notebook.emulator.arm.values import text, truth
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.shapes import Shape
    from aca_notebook.emulator.wire import Route
    from aca_notebook.model.ids import ResourceId

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


class HttpRoutes:
    """`httpRouteConfigs` of an environment."""

    def __init__(self, keeping: Keeping) -> None:
        kind = Kind(
            path=f"{ENVIRONMENT}/httpRouteConfigs/{{name}}", operations="HttpRouteConfig",
            type="Microsoft.App/managedEnvironments/httpRouteConfigs", settle=_routes, shown=_with_address,
            missing=_missing, created_status=201, patched=True, system_data=True,
            read_by_sdk=("CreateOrUpdate", "Delete", "Get", "List"), described=("List",),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)

    def routes(self) -> list[Route]:
        """The resource and its list."""
        return self._stored.routes()


def _routes(write: Write) -> Document:
    found: Document = shaped(
        {name: write.properties[name] for name in RULES if name in write.properties}, RULES, "properties"
    )
    for rule in found.get("rules", []):
        if not rule.get("targets"):
            raise invalid("HttpRouteConfigInvalid", f"A rule of route '{write.id.name}' has no targets.")
    return {"provisioningState": "Succeeded", "provisioningErrors": [], "rules": []} | found


def _with_address(keeping: Keeping, document: Document) -> Document:
    """Return it with the host name that Azure would give it under the environment's domain."""
    id_ = parse_id(document["id"]).parent
    environment = keeping.store.get(id_) or {}
    fqdn = f"{document['name']}.{default_domain(id_, environment['location'])}"
    return document | {"properties": document["properties"] | {"fqdn": fqdn}}


def _missing(id_: ResourceId) -> AzureError:
    return AzureError(404, "HttpRouteConfigNotFound", f"Http Route Config '{id_.name}' was not found.")
