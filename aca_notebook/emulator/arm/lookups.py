"""Answers what expressions of a template ask for while it is deployed or tried: `reference` and `list…`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.templates.scopes import Lookup, Unresolved
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.inner_calls import Caller, InnerCalls

#: Evaluates something with what is known; raises `Unresolved` for what is not.
Evaluate = Callable[[Mapping[Lookup, Any]], Any]
#: Actions that a type has under another name than templates call it by (documented: listKeys of workspaces).
_ACTIONS = {("microsoft.operationalinsights/workspaces", "listkeys"): "sharedKeys"}


class Lookups:
    """Asks the emulator's own routes, each thing once. `secrets` is whether `list…` may be asked."""

    def __init__(self, calls: InnerCalls, caller: Caller, *, secrets: bool = True) -> None:
        self.known: dict[Lookup, Any] = {}
        self._calls = calls
        self._caller = caller
        self._secrets = secrets

    async def settle(self, evaluate: Evaluate) -> Any:
        """Return what something evaluates to, after all look-ups that it needs.

        Raises `AzureError` for a look-up that is refused, `Unresolved` for one that may not be made, and what
        `evaluate` raises.
        """
        while True:
            try:
                return evaluate(self.known)
            except Unresolved as missing:
                if missing.lookup is None or missing.lookup in self.known:
                    raise
                if missing.lookup.function.lower() != "reference" and not self._secrets:
                    raise
                self.known[missing.lookup] = await self._answer(missing.lookup)

    async def _answer(self, lookup: Lookup) -> Any:
        if lookup.function.lower() != "reference":
            body = json.loads(lookup.body) if lookup.body else {}
            path = f"{lookup.id}/{_action(lookup)}"
            return (await self._calls("POST", path, lookup.api_version, self._caller, body)).checked()
        document = (await self._calls("GET", lookup.id, lookup.api_version, self._caller)).checked()
        return _full(lookup, document) if lookup.full else dict(document.get("properties") or {})


def _full(lookup: Lookup, document: dict[str, Any]) -> dict[str, Any]:
    id_ = _parsed(lookup.id)
    more = {"subscriptionId": id_.subscription, "resourceGroupName": id_.resource_group} if id_ else {}
    return {
        **document, **more, "apiVersion": lookup.api_version, "referenceApiVersion": lookup.api_version,
        "resourceId": lookup.id.partition("/providers/")[2] or lookup.id, "scope": "", "condition": True,
        "isConditionTrue": True, "isTemplateResource": False, "isAction": False,
        "provisioningOperation": "Read",
    }  # fmt: skip


def _action(lookup: Lookup) -> str:
    id_ = _parsed(lookup.id)
    return _ACTIONS.get((id_.type.lower() if id_ else "", lookup.function.lower()), lookup.function)


def _parsed(text: str) -> ResourceId | None:
    try:
        return parse_id(text)
    except ValueError:
        return None
