"""Which of Azure's actions a request is, on what: pure (documented: Azure's resource provider operations).

A method and a path make an action: PUT of a container app is `Microsoft.App/containerApps/write` on it, its list is
`…/read` on the group, POST of its `listSecrets` is `Microsoft.App/containerApps/listSecrets/action`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERBS = {"PUT": "write", "PATCH": "write", "DELETE": "delete"}
#: The end of an operation is told to whoever may see the subscription: on Azure its link is signed.
_OPERATION = re.compile(r".*operation(s|status(es)?|results?)", re.IGNORECASE)
_RESOURCES = "Microsoft.Resources/subscriptions"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request needs: an action on a scope, or, with no action, any role in the subscription.

    `listing` is a list of a whole subscription: it shows each caller what that caller may read.
    """

    scope: str
    action: str = ""
    listing: bool = False


def asked(method: str, path: str) -> Asked | None:
    """Return what a request to Resource Manager needs; None where a token alone is enough."""
    segments = [unquote(part) for part in path.split("/") if part]
    if len(segments) < 2 or segments[0].lower() != "subscriptions":
        return None
    verb = _VERBS.get(method, "action" if method == "POST" else "read")
    subscription = f"/subscriptions/{segments[1]}"
    starts = [index for index, part in enumerate(segments) if part.lower() == "providers" and index + 1 < len(segments)]
    if not starts:
        return _in_resources(subscription, segments[2:], verb)
    namespace, *rest = segments[starts[-1] + 1 :]
    above = "".join(f"/{part}" for part in segments[: starts[-1]])
    followed = any(_OPERATION.fullmatch(part) for part in rest[-2:-1])
    if followed or not rest or (verb == "read" and rest[0].lower() == "roledefinitions"):
        return Asked(subscription)  # an operation, what a provider offers, what roles there are
    listing = method == "GET" and len(rest) == 1 and above.lower() == subscription.lower()
    return _in_provider(namespace, rest, above, verb, listing=listing)


def linked(body: Mapping[str, Any]) -> list[Asked]:
    """Return what a written resource needs of those it names: to join an environment, to assign identities."""
    properties, identity = (_object(body.get(name)) for name in ("properties", "identity"))
    environments = {properties.get(name) for name in ("environmentId", "managedEnvironmentId")}
    found = [
        Asked(each, "Microsoft.App/managedEnvironments/join/action")
        for each in sorted(each for each in environments if isinstance(each, str) and each)
    ]
    given = _object(identity.get("userAssignedIdentities"))
    assign = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
    return found + [Asked(id_, assign) for id_, value in given.items() if value is not None]


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _in_resources(subscription: str, rest: list[str], verb: str) -> Asked:
    """What is Resource Manager's own: subscriptions, groups and lists of resources."""
    kind = rest[0].lower() if rest else ""
    if not rest or kind in {"providers", "locations", "operationresults"}:
        return Asked(subscription)
    if kind == "resources":
        return Asked(subscription, f"{_RESOURCES}/resources/read", listing=True)
    if kind != "resourcegroups":
        return Asked(subscription, f"{_RESOURCES}/{'/'.join(rest)}/{verb}")
    if len(rest) == 1:
        return Asked(subscription, f"{_RESOURCES}/resourceGroups/read", listing=True)
    inner = "".join(f"/{part}" for part in rest[2:])
    return Asked(f"{subscription}/resourceGroups/{rest[1]}", f"{_RESOURCES}/resourceGroups{inner}/{verb}")


def _in_provider(namespace: str, rest: list[str], above: str, verb: str, *, listing: bool) -> Asked:
    """What a provider has: `rest` is type, name, type, name …, and an action's name or a collection's at the end."""
    types = "/".join(rest[::2])
    if len(rest) % 2 == 0:  # one resource
        return Asked(f"{above}/providers/{namespace}/{'/'.join(rest)}", f"{namespace}/{types}/{verb}")
    owner = f"{above}/providers/{namespace}/{'/'.join(rest[:-1])}" if len(rest) > 1 else above
    if verb == "action" and rest[-1].lower() == "checknameavailability" and len(rest) == 1:
        verb = "read"  # as Azure's providers have it for names of their own
    return Asked(owner, f"{namespace}/{types}/{verb}", listing=listing)
