"""Which workspace an environment's lines go to, as its documents say (facts §2, §8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.telemetry.logs.lines import Destination
from aca_notebook.emulator.telemetry.logs.tables import Form
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.store import Store

_SETTINGS = "Microsoft.Insights/diagnosticSettings"
_COMPONENT = "Microsoft.Insights/components"


class Destinations:
    """Reads documents; what is gone is remembered, for the last lines of what was deleted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Destination | None] = {}

    def of(self, key: str) -> Destination | None:
        """Return where lines of an app, a job or an environment go, or None when its environment keeps none.

        A component of Application Insights has its own workspace.
        """
        document = self._store.get(parse_id(key))
        if document and document["type"] == _COMPONENT:
            workspace = self._store.get(parse_id(document["properties"]["WorkspaceResourceId"]))
            customer = workspace["properties"]["customerId"] if workspace else ""
            return Destination(customer, Form.RESOURCE, "", document["location"]) if customer else None
        environment = self._environment(document) if document else None
        if environment:
            self._known[key] = self._read(environment)
        return self._known.get(key)

    def _environment(self, document: dict[str, Any]) -> dict[str, Any] | None:
        if str(document["type"]).endswith("managedEnvironments"):
            return document
        properties = document["properties"]
        named = properties.get("environmentId") or properties.get("managedEnvironmentId") or ""
        return self._store.get(parse_id(named)) if named else None

    def _read(self, environment: dict[str, Any]) -> Destination | None:
        properties = environment["properties"]
        logs = properties.get("appLogsConfiguration") or {}
        analytics = logs.get("logAnalyticsConfiguration") or {}
        names = {
            "environment": str(properties.get("defaultDomain") or environment["name"]).partition(".")[0],
            "location": environment["location"],
        }
        if logs.get("destination") == "log-analytics" and analytics.get("customerId"):
            dynamic = bool(analytics.get("dynamicJsonColumns"))
            return Destination(analytics["customerId"], Form.CUSTOM, dynamic_json=dynamic, **names)
        if logs.get("destination") != "azure-monitor":
            return None
        for setting in self._store.children(parse_id(environment["id"]), _SETTINGS):
            sink = setting["properties"].get("workspaceId")
            workspace = self._store.get(parse_id(sink)) if sink else None
            if workspace is not None:
                return Destination(workspace["properties"]["customerId"], Form.RESOURCE, **names)
        return None
