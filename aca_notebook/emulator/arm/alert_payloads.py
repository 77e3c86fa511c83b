"""What an action group's webhook is sent (documented: sample alert payloads; metric alert webhook schema). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import format_instant
from aca_notebook.emulator.telemetry.alert_rules import FIRED
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.emulator.telemetry.alert_rules import AlertState, Reading
    from aca_notebook.model.ids import ResourceId

Document = dict[str, Any]
_NAMESPACE = "Microsoft.App/containerapps"


@dataclass(frozen=True, slots=True)
class Happening:
    """One evaluation of a rule: what was read of a resource between two moments."""

    rule: Document
    resource: ResourceId
    reading: Reading
    begin: datetime
    end: datetime


def payload(happening: Happening, told: str, state: AlertState, now: datetime, *, common: bool) -> Document:
    """Return the body of a notice, in the common alert schema or in the older one of metric alerts."""
    return _common(happening, told, state, now) if common else _older(happening, told, now)


def _common(happening: Happening, told: str, state: AlertState, now: datetime) -> Document:
    rule, resource = happening.rule, happening.resource
    properties = rule["properties"]
    essentials = {
        "alertId": f"{_group(resource)}/providers/Microsoft.AlertsManagement/alerts/{state.alert_id}",
        "alertRule": rule["name"],
        "targetResourceType": resource.type.lower(),
        "alertRuleID": rule["id"],
        "severity": f"Sev{properties['severity']}",
        "signalType": "Metric",
        "monitorCondition": told,
        "targetResourceGroup": resource.resource_group.lower(),
        "monitoringService": "Platform",
        "alertTargetIDs": [resource.key],
        "configurationItems": [resource.name],
        "originAlertId": "_".join(
            (
                resource.subscription,
                parse_id(rule["id"]).resource_group,
                "microsoft.insights",
                "metricAlerts",
                rule["name"],
                state.alert_id,
            )
        ),
        "firedDateTime": state.fired_at,
        "description": properties.get("description") or "",
        "essentialsVersion": "1.0",
        "alertContextVersion": "1.0",
    }
    if told != FIRED:
        essentials["resolvedDateTime"] = format_instant(now)
    context = {
        "properties": _custom(rule),
        "conditionType": _condition_type(rule),
        "condition": _condition(happening),
    }
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {"essentials": essentials, "alertContext": context, "customProperties": _custom(rule)},
    }


def _older(happening: Happening, told: str, now: datetime) -> Document:
    rule, resource = happening.rule, happening.resource
    properties = rule["properties"]
    return {
        "schemaId": "AzureMonitorMetricAlert",
        "data": {
            "version": "2.0",
            "properties": _custom(rule),
            "status": "Activated" if told == FIRED else "Deactivated",
            "context": {
                "timestamp": format_instant(now),
                "id": rule["id"],
                "name": rule["name"],
                "description": properties.get("description") or "",
                "conditionType": _condition_type(rule),
                "severity": str(properties["severity"]),
                "condition": _condition(happening),
                "subscriptionId": resource.subscription,
                "resourceGroupName": resource.resource_group,
                "resourceName": resource.name,
                "resourceType": resource.type,
                "resourceId": str(resource),
                "portalLink": f"https://portal.azure.com/#resource{resource}",
            },
        },
    }


def _condition(happening: Happening) -> Document:
    criteria = happening.rule["properties"]["criteria"]["allOf"]
    dimensions = [{"name": name, "value": value} for name, value in happening.reading.series]
    return {
        "windowSize": happening.rule["properties"]["windowSize"],
        "allOf": [
            {
                "metricName": each["metricName"],
                "metricNamespace": each.get("metricNamespace") or _NAMESPACE,
                "operator": each["operator"],
                "threshold": f"{each['threshold']:g}",
                "timeAggregation": each["timeAggregation"],
                "dimensions": dimensions,
                "metricValue": value,
                "webTestName": None,
            }
            for each, value in zip(criteria, happening.reading.values, strict=True)
        ],
        "windowStartTime": f"{happening.begin:%Y-%m-%dT%H:%M:%S.000Z}",
        "windowEndTime": f"{happening.end:%Y-%m-%dT%H:%M:%S.000Z}",
    }


def _group(resource: ResourceId) -> str:
    return f"/subscriptions/{resource.subscription}"


def _condition_type(rule: Document) -> str:
    written = str(rule["properties"]["criteria"].get("odata.type") or "")
    return written.rpartition(".")[2] or "SingleResourceMultipleMetricCriteria"


def _custom(rule: Document) -> Document | None:
    """The custom properties of the rule's actions."""
    found: Document = {}
    for action in rule["properties"]["actions"]:
        found |= action.get("webHookProperties") or {}
    return found or None
