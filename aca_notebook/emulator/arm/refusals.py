"""Nouns of Microsoft.App that this emulator does not have: said so, by name, with Azure's envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.scope import APP, APP_PROVIDER, ENVIRONMENT, SUBSCRIPTION
from aca_notebook.emulator.wire import AzureError, Door, Handler, Offer, Route

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_EVERYWHERE = f"{SUBSCRIPTION}/providers/Microsoft.App"
#: Type, the noun in words, and what its operations are called.
_TOP = (
    ("sandboxGroups", "sandbox groups", "SandboxGroups"),
    ("connectedEnvironments", "connected environments", "ConnectedEnvironments"),
    ("builders", "cloud builds", "Builders"),
)
_INNER = (
    (f"{ENVIRONMENT}/javaComponents", "Java components", "JavaComponents"),
    (f"{ENVIRONMENT}/dotNetComponents", ".NET components", "DotNetComponents"),
    (f"{APP}/providers/Microsoft.App/logicApps", "logic apps", "LogicApps"),
)
#: Clients list these beside environments: the answer that there are none is Azure's (see environments).
_LISTED_EMPTY = frozenset({"ConnectedEnvironments"})
_METHODS = {"PUT": "CreateOrUpdate", "GET": "Get", "PATCH": "Update", "DELETE": "Delete"}


class Refusals:
    """The routes of what is not offered. Lists are refused too: an empty one would promise that one can be made."""

    def routes(self) -> list[Route]:
        """Every operation on the nouns themselves, and anything below them."""
        made = []
        for path, noun, name in _TOP:
            made += _collection(f"{APP_PROVIDER}/{path}", noun, name, listed=name not in _LISTED_EMPTY)
            made.append(_route("GET", f"{_EVERYWHERE}/{path}", noun, f"{name}_ListBySubscription"))
        for path, noun, name in _INNER:
            made += _collection(path, noun, name)
        return made


def refused(noun: str) -> Handler:
    """Return a handler that refuses, naming what it would have been."""

    async def handler(_: Request) -> Response:
        raise AzureError(
            501, "NotImplemented", f"This emulator does not offer {noun}. docs/reference/coverage.md lists what it has."
        )

    return handler


def _collection(path: str, noun: str, name: str, *, listed: bool = True) -> list[Route]:
    made = [_route("GET", path, noun, f"{name}_List")] if listed else []
    made += [_route(method, f"{path}/{{name}}", noun, f"{name}_{verb}") for method, verb in _METHODS.items()]
    made += [
        _route(method, f"{path}/{{name}}/{{*rest}}", noun, f"{name}_{method.title()}Below")
        for method in (*_METHODS, "POST")
    ]
    return made


def _route(method: str, path: str, noun: str, operation: str) -> Route:
    return Route(method, path, Door.ARM, operation, refused(noun), Offer.REFUSED)
