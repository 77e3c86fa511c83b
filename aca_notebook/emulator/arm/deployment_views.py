"""Deployments and their operations as they are answered (recorded: azure-cli's test_group_deployment). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import format_instant
from aca_notebook.emulator.arm.deployment_requests import without_secrets
from aca_notebook.emulator.arm.locations import location_name
from aca_notebook.emulator.arm.templates.hashes import template_hash
from aca_notebook.emulator.arm.templates.syntax import is_expression
from aca_notebook.emulator.arm.templates.values import predicted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from aca_notebook.emulator.arm.deployment_requests import Settled
    from aca_notebook.emulator.arm.templates.plan import Resource
    from aca_notebook.model.ids import ResourceId

Document = dict[str, Any]
TYPE = "Microsoft.Resources/deployments"
OPERATION_TYPE = "Microsoft.Resources/deployments/operations"
#: The member of a stored deployment that nobody is shown: who asked, by which address, and since when.
RUN = "run"


@dataclass(frozen=True, slots=True)
class Target:
    """What an operation of a deployment is on."""

    id: str
    type: str
    name: str
    api_version: str
    symbol: str = ""

    @classmethod
    def of(cls, resource: Resource) -> Target:
        """Return a resource of a plan as a target."""
        return cls(resource.id, resource.type, resource.name, resource.api_version, resource.symbol)


def deployment_document(
    id_: ResourceId, settled: Settled, *, state: str, now: datetime, correlation_id: str, started: datetime
) -> Document:  # fmt: skip
    """Return a deployment in a state."""
    asked = settled.asked
    document: Document = {"id": str(id_), "name": id_.name, "type": TYPE}
    if asked.location:
        document["location"] = location_name(asked.location)
    if asked.tags:
        document["tags"] = asked.tags
    properties: Document = {"templateHash": template_hash(asked.template)}
    if settled.parameters:
        properties["parameters"] = without_secrets(settled.parameters)
    properties |= {
        "mode": asked.mode,
        "provisioningState": state,
        "timestamp": format_instant(now),
        "duration": duration(started, now),
        "correlationId": correlation_id,
        "providers": _providers(settled.plan.deployed),
        "dependencies": _dependencies(settled.plan.resources),
    }
    return document | {"properties": properties}


def in_state(document: Document, state: str) -> Document:
    """Return a deployment, or an operation of one, in another state."""
    return document | {"properties": document["properties"] | {"provisioningState": state}}


def shown(document: Document) -> Document:
    """Return a stored deployment as it is answered."""
    return {name: value for name, value in document.items() if name != RUN}


def ended(document: Document, state: str, now: datetime, started: datetime, **more: Any) -> Document:
    """Return a deployment that came to its end."""
    properties = document["properties"] | {
        "provisioningState": state, "timestamp": format_instant(now), "duration": duration(started, now),
    }  # fmt: skip
    return document | {"properties": properties | {name: value for name, value in more.items() if value is not None}}


def operation_document(  # noqa: PLR0913  # what happened, by name
    id_: ResourceId, target: Target | None, *, state: str, now: datetime, started: datetime, status_code: str = "",
    error: Document | None = None, doing: str = "Create",
) -> Document:  # fmt: skip
    """Return what a deployment did to one resource, or with none that it evaluated its outputs."""
    properties: Document = {
        "provisioningOperation": doing,
        "provisioningState": state,
        "timestamp": format_instant(now),
        "duration": duration(started, now),
        "trackingId": id_.name,
    }
    if status_code:
        properties["statusCode"] = status_code
    if error is not None:
        properties["statusMessage"] = {"status": "Failed", "error": error}
    if target is not None:
        resource: Document = {
            "id": target.id, "resourceType": target.type, "resourceName": target.name,
            "apiVersion": target.api_version,
        }  # fmt: skip
        properties["targetResource"] = resource | ({"symbolicName": target.symbol} if target.symbol else {})
    # The type is for the store; Azure's own answer has none.
    return {"id": str(id_), "operationId": id_.name, "type": OPERATION_TYPE, "properties": properties}


def shown_operation(document: Document) -> Document:
    """Return an operation as it is answered."""
    return {name: value for name, value in document.items() if name != "type"}


def output_references(ids: Sequence[str]) -> list[Document]:
    """Return what a deployment wrote, each once, in the order of their ids."""
    found = {each.lower(): each for each in ids}
    return [{"id": found[key]} for key in sorted(found)]


def duration(started: datetime, now: datetime) -> str:
    """Return how long something took as ISO 8601 has it."""
    seconds = f"{max(0.0, (now - started).total_seconds()):.7f}".rstrip("0").rstrip(".")
    return f"PT{seconds}S"


def _providers(resources: Sequence[Resource]) -> list[Document]:
    namespaces: dict[str, dict[str, set[str | None]]] = {}
    for each in resources:
        namespace, _, type_ = each.type.partition("/")
        places = namespaces.setdefault(namespace, {}).setdefault(type_, set())
        places.add(_location(each))
    return [
        {
            "namespace": namespace,
            "resourceTypes": [
                {"resourceType": type_, "locations": sorted(places, key=str)} for type_, places in types.items()
            ],
        }
        for namespace, types in namespaces.items()
    ]


def _location(resource: Resource) -> str | None:
    """Return where a resource goes, where that can be told before it is written."""
    declared = predicted(resource.declared.get("location"), resource.scope)
    return location_name(declared) if isinstance(declared, str) and not is_expression(declared) else None


def _dependencies(resources: Sequence[Resource]) -> list[Document]:
    by_key: Mapping[str, Resource] = {each.key: each for each in resources}
    return [
        {"dependsOn": [_reference(by_key[key]) for key in sorted(each.needs)]} | _reference(each)
        for each in resources
        if each.needs and not each.existing
    ]


def _reference(resource: Resource) -> Document:
    return {"id": resource.id, "resourceType": resource.type, "resourceName": resource.name}
