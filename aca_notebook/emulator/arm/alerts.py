"""Metric alerts and the action groups they name: stored, and nothing fires them yet (facts §9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.locations import display_name, location_name
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write, read
from aca_notebook.emulator.arm.values import items, member, text, texts, truth, whole

if TYPE_CHECKING:
    from aca_notebook.emulator.wire import Route

ALERT = "Microsoft.Insights/metricAlerts"
ACTION_GROUP = "Microsoft.Insights/actionGroups"
ALERT_FIELDS = {
    "description": text, "severity": whole, "enabled": truth, "scopes": texts, "evaluationFrequency": text,
    "windowSize": text, "targetResourceType": text, "targetResourceRegion": text, "criteria": member,
    "autoMitigate": truth, "actions": items,
}  # fmt: skip
_NEEDED = ("severity", "enabled", "scopes", "evaluationFrequency", "windowSize", "criteria")
_RECEIVERS = (
    "emailReceivers", "smsReceivers", "webhookReceivers", "itsmReceivers", "azureAppPushReceivers",
    "automationRunbookReceivers", "voiceReceivers", "logicAppReceivers", "azureFunctionReceivers", "armRoleReceivers",
    "eventHubReceivers",
)  # fmt: skip
GROUP_FIELDS = {"groupShortName": text, "enabled": truth} | dict.fromkeys(_RECEIVERS, items)
_LONGEST_SHORT_NAME = 12
_MOST_SEVERE, _LEAST_SEVERE = 0, 4


class MetricAlerts:
    """`Microsoft.Insights/metricAlerts`."""

    def __init__(self, keeping: Keeping) -> None:
        kind = Kind(
            path=f"{GROUP}/providers/{ALERT}/{{name}}", operations="MetricAlerts", type=ALERT, settle=_alert,
            location=_location, deleted_status=200, patched=True,
            read_by_sdk=("CreateOrUpdate", "Delete", "ListByResourceGroup", "ListBySubscription", "Update"),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)

    def routes(self) -> list[Route]:
        """The resource, and the lists of a group and of the subscription."""
        stored = self._stored
        everywhere = stored.route("GET", f"{SUBSCRIPTION}/providers/{ALERT}", "ListBySubscription", stored.list_all)
        return [*stored.routes(listed="ListByResourceGroup"), everywhere]


class ActionGroups:
    """`Microsoft.Insights/actionGroups`."""

    def __init__(self, keeping: Keeping) -> None:
        kind = Kind(
            path=f"{GROUP}/providers/{ACTION_GROUP}/{{name}}", operations="ActionGroups", type=ACTION_GROUP,
            settle=_action_group, location=_location, created_status=201, deleted_status=200, patched=True,
            read_by_sdk=("CreateOrUpdate", "Delete", "ListBySubscriptionId"),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)

    def routes(self) -> list[Route]:
        """The resource, and the lists of a group and of the subscription."""
        stored = self._stored
        everywhere = f"{SUBSCRIPTION}/providers/{ACTION_GROUP}"
        return [
            *stored.routes(listed="ListByResourceGroup"),
            stored.route("GET", everywhere, "ListBySubscriptionId", stored.list_all),
        ]


def _alert(write: Write) -> Document:
    properties = read(write.properties, ALERT_FIELDS)
    for name in _NEEDED:
        if properties.get(name) is None:
            raise invalid("BadRequest", f"The property '{name}' of a metric alert is required.")
    if not properties["scopes"]:
        raise invalid("BadRequest", "A metric alert needs at least one scope.")
    if not _MOST_SEVERE <= properties["severity"] <= _LEAST_SEVERE:
        raise invalid("BadRequest", "The severity of a metric alert must be between 0 and 4.")
    return {"autoMitigate": True, "actions": []} | properties


def _action_group(write: Write) -> Document:
    properties = read(write.properties, GROUP_FIELDS)
    short = properties.get("groupShortName", "")
    if not 1 <= len(short) <= _LONGEST_SHORT_NAME:
        raise invalid("BadRequest", "The short name of an action group must have 1 to 12 characters.")
    return {"enabled": True} | {name: [] for name in _RECEIVERS} | properties


def _location(asked: str) -> str:
    name = location_name(asked)
    return name if name == "global" else location_name(display_name(asked, ALERT))
