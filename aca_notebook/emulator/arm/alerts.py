"""Metric alerts and the action groups they name (facts §9.6): kept as they are written, and evaluated.

What a rule may say is as documented for Microsoft.Insights/metricAlerts 2018-03-01; the sentences of refusals are
unconfirmed. How alerts stand is `alert_watch`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.locations import display_name, location_name
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write, one_of, read
from aca_notebook.emulator.arm.values import finite, items, member, text, texts, truth, whole
from aca_notebook.emulator.telemetry.alert_rules import AGGREGATIONS, FREQUENCIES, OPERATORS, STATIC, WINDOWS
from aca_notebook.emulator.wire import Offer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request

    from aca_notebook.emulator.wire import Route
    from aca_notebook.model.ids import ResourceId

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
_MOST_CRITERIA = 5
_OPERATOR = one_of(*OPERATORS)
_AGGREGATION = one_of(*AGGREGATIONS)
_DIMENSION_OPERATOR = one_of("Include", "Exclude", "StartsWith")


class MetricAlerts:
    """`Microsoft.Insights/metricAlerts`; `statuses` tells how a rule stands, a document for each series it watches."""

    def __init__(self, keeping: Keeping, statuses: Callable[[ResourceId], Sequence[Document]] = lambda _: ()) -> None:
        kind = Kind(
            path=f"{GROUP}/providers/{ALERT}/{{name}}", operations="MetricAlerts", type=ALERT, settle=_alert,
            location=_location, deleted_status=200, patched=True, offer=Offer.WORKS,
            read_by_sdk=("CreateOrUpdate", "Delete", "ListByResourceGroup", "ListBySubscription", "Update", "Status"),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)
        self._statuses = statuses

    def routes(self) -> list[Route]:
        """The resource, the lists of a group and of the subscription, and how a rule stands."""
        stored = self._stored
        everywhere = stored.route("GET", f"{SUBSCRIPTION}/providers/{ALERT}", "ListBySubscription", stored.list_all)
        status = f"{GROUP}/providers/{ALERT}/{{name}}/status"
        return [
            *stored.routes(listed="ListByResourceGroup"),
            everywhere,
            stored.route("GET", status, "Status", self._status),
            stored.route("GET", f"{status}/{{status}}", "Status", self._status),
        ]

    async def _status(self, request: Request) -> Response:
        id_ = self._stored.locate(request, "read")
        self._stored.found(id_)
        wanted = request.path_params.get("status", "").lower()
        return JSONResponse({
            "value": [each for each in self._statuses(id_) if not wanted or each["name"].lower() == wanted]
        })  # fmt: skip


class ActionGroups:
    """`Microsoft.Insights/actionGroups`."""

    def __init__(self, keeping: Keeping) -> None:
        kind = Kind(
            path=f"{GROUP}/providers/{ACTION_GROUP}/{{name}}", operations="ActionGroups", type=ACTION_GROUP,
            settle=_action_group, location=_location, created_status=201, deleted_status=200, patched=True,
            offer=Offer.WORKS, read_by_sdk=("CreateOrUpdate", "Delete", "ListBySubscriptionId"),
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
    _check_times(properties["windowSize"].upper(), properties["evaluationFrequency"].upper())
    properties["criteria"] = _criteria(properties["criteria"])
    for index, action in enumerate(properties.get("actions", ())):
        text(action.get("actionGroupId"), f"properties.actions[{index}].actionGroupId")
    return {"autoMitigate": True, "actions": []} | properties


def _check_times(window: str, frequency: str) -> None:
    for name, value, known in (
        ("windowSize", window, WINDOWS), ("evaluationFrequency", frequency, FREQUENCIES),
    ):  # fmt: skip
        if value not in known:
            raise invalid("BadRequest", f"The {name} of a metric alert must be one of {', '.join(known)}.")
    if FREQUENCIES[frequency] > WINDOWS[window]:
        raise invalid("BadRequest", "The windowSize of a metric alert must not be shorter than evaluationFrequency.")


def _criteria(criteria: Document) -> Document:
    found = items(criteria.get("allOf"), "properties.criteria.allOf")
    if not 0 < len(found) <= _MOST_CRITERIA and "WebtestLocation" not in str(criteria.get("odata.type")):
        raise invalid("BadRequest", f"A metric alert has from 1 to {_MOST_CRITERIA} criteria.")
    return criteria | ({"allOf": [_criterion(each, index) for index, each in enumerate(found)]} if found else {})


def _criterion(asked: Document, index: int) -> Document:
    path = f"properties.criteria.allOf[{index}]"
    if asked.get("criterionType", STATIC) != STATIC:
        return asked  # dynamic thresholds are kept, and nothing here learns them
    for name in ("name", "metricName"):
        if not text(asked.get(name), f"{path}.{name}"):
            raise invalid("BadRequest", f"The property '{path}.{name}' of a metric alert is required.")
    return asked | {
        "operator": _OPERATOR(asked.get("operator"), f"{path}.operator"),
        "timeAggregation": _AGGREGATION(asked.get("timeAggregation"), f"{path}.timeAggregation"),
        "threshold": finite(asked.get("threshold"), f"{path}.threshold"),
        "dimensions": [
            _dimension(each, f"{path}.dimensions[{at}]")
            for at, each in enumerate(items(asked.get("dimensions"), f"{path}.dimensions"))
        ],
    }


def _dimension(asked: Document, path: str) -> Document:
    values = texts(asked.get("values"), f"{path}.values")
    if not text(asked.get("name"), f"{path}.name") or not values:
        raise invalid("BadRequest", f"A dimension needs a name and values. Path '{path}'.")
    return asked | {
        "operator": _DIMENSION_OPERATOR(asked.get("operator") or "Include", f"{path}.operator"), "values": values,
    }  # fmt: skip


def _action_group(write: Write) -> Document:
    properties = read(write.properties, GROUP_FIELDS)
    short = properties.get("groupShortName", "")
    if not 1 <= len(short) <= _LONGEST_SHORT_NAME:
        raise invalid("BadRequest", "The short name of an action group must have 1 to 12 characters.")
    for index, each in enumerate(properties.get("webhookReceivers", ())):
        for name in ("name", "serviceUri"):
            if not text(each.get(name), f"properties.webhookReceivers[{index}].{name}"):
                raise invalid("BadRequest", f"A webhook receiver needs a {name}.")
    return {"enabled": True} | {name: [] for name in _RECEIVERS} | properties


def _location(asked: str) -> str:
    name = location_name(asked)
    return name if name == "global" else location_name(display_name(asked, ALERT))
