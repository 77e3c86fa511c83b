"""Where a deployment stands, and the functions that say so (documented: template functions, resource and scope)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.templates.arguments import Mismatch, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """What `subscription()`, `resourceGroup()` and the like answer; no group at a subscription's scope."""

    subscription: Document
    group: Document | None
    tenant: Document
    environment: Document
    deployment: Document
    deployer: Document

    @property
    def scope(self) -> str:
        """The id of what is deployed to."""
        return str((self.group or self.subscription)["id"])


def typed_id(prefix: str, names: Sequence[Any], *, what: str) -> str:
    """Return the id of `type, name, name …` below a prefix."""
    type_ = text(names[0])
    provider, *types = type_.split("/")
    given = [part for each in names[1:] for part in text(each).split("/")] if len(types) > 1 else [
        text(each) for each in names[1:]
    ]  # fmt: skip
    if len(types) != len(given) or not types:
        raise Mismatch(
            f"the type '{type_}' requires '{len(types)}' resource name argument(s). Please see "
            f"https://aka.ms/arm-functions#{what.lower()} for usage details"
        )
    pairs = "".join(f"/{kind}/{name}" for kind, name in zip(types, given, strict=True))
    return f"{prefix}/providers/{provider}{pairs}"


def resource_id(place: Place, arguments: Sequence[Any]) -> str:
    """`resourceId([subscription], [group], type, name, …)`."""
    at = _type_at(arguments)
    if at > 2:
        raise Mismatch("it takes a subscription and a group before the type, no more")
    subscription = f"/subscriptions/{text(arguments[0])}" if at == 2 else str(place.subscription["id"])
    if at:
        return typed_id(f"{subscription}/resourceGroups/{text(arguments[at - 1])}", arguments[at:], what="resourceid")
    return typed_id(place.scope, arguments, what="resourceid")


def subscription_resource_id(place: Place, arguments: Sequence[Any]) -> str:
    """`subscriptionResourceId([subscription], type, name, …)`."""
    at = _type_at(arguments)
    prefix = f"/subscriptions/{text(arguments[0])}" if at else str(place.subscription["id"])
    if at == 0 and text(arguments[0]).lower() == "microsoft.resources/resourcegroups":
        return f"{prefix}/resourceGroups/{text(arguments[1])}"
    return typed_id(prefix, arguments[at:], what="subscriptionresourceid")


def extension_resource_id(_: Place, arguments: Sequence[Any]) -> str:
    """`extensionResourceId(what it is about, type, name, …)`."""
    return typed_id(text(arguments[0]).rstrip("/"), arguments[1:], what="extensionresourceid")


def tenant_resource_id(_: Place, arguments: Sequence[Any]) -> str:
    """`tenantResourceId(type, name, …)`."""
    return typed_id("", arguments, what="tenantresourceid")


def _group(place: Place, _: Sequence[Any]) -> Document:
    if place.group is None:
        raise Mismatch("it is not valid at the subscription's scope")
    return place.group


def _type_at(arguments: Sequence[Any]) -> int:
    """Return where the type stands: the first argument with a slash and a dot in it."""
    for at, each in enumerate(arguments):
        provider, slash, _ = text(each).partition("/")
        if slash and "." in provider:
            return at
    raise Mismatch("one of its arguments must be a fully qualified resource type")


#: How few and how many arguments each takes, and what it answers.
PLACE_FUNCTIONS: dict[str, tuple[int, int, Callable[[Place, Sequence[Any]], Any]]] = {
    "deployer": (0, 0, lambda place, _: place.deployer),
    "deployment": (0, 0, lambda place, _: place.deployment),
    "environment": (0, 0, lambda place, _: place.environment),
    "extensionresourceid": (3, 50, extension_resource_id),
    "resourcegroup": (0, 0, _group),
    "resourceid": (2, 50, resource_id),
    "subscription": (0, 0, lambda place, _: place.subscription),
    "subscriptionresourceid": (2, 50, subscription_resource_id),
    "tenant": (0, 0, lambda place, _: place.tenant),
    "tenantresourceid": (2, 50, tenant_resource_id),
}
