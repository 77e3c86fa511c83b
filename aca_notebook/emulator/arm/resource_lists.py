"""Lists of resources of any type: of the subscription and of a group (recorded: azure-cli's test_resource_scenario)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.clock import format_instant, parse_instant
from aca_notebook.emulator.arm.inventory import resources_in
from aca_notebook.emulator.arm.locations import location_name
from aca_notebook.emulator.arm.paging import paged
from aca_notebook.emulator.arm.resource_filters import read_filter
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION, Scope
from aca_notebook.emulator.wire import Check, Door, Route, query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from aca_notebook.emulator.arm.store import Store

Document = dict[str, Any]
_SHOWN = ("id", "name", "type", "kind", "location", "tags", "sku", "identity", "systemData")
#: What `$expand` adds: the members of systemData they are read from, or none.
_MOMENTS = {"createdtime": ("createdTime", "createdAt"), "changedtime": ("changedTime", "lastModifiedAt")}


class ResourceLists:
    """Both lists, filtered, expanded and in pages."""

    def __init__(self, scope: Scope, store: Store) -> None:
        self._scope = scope
        self._store = store

    def routes(self) -> list[Route]:
        """Two lists."""
        checked = Check.RECORDING | Check.SDK
        return [
            Route("GET", f"{SUBSCRIPTION}/resources", Door.ARM, "Resources_List", self._all, checked=checked),
            Route("GET", f"{GROUP}/resources", Door.ARM, "Resources_ListByResourceGroup", self._of_group,
                  checked=Check.SDK),
        ]  # fmt: skip

    async def _all(self, request: Request) -> Response:
        return _answer(request, resources_in(self._store, self._scope.subscription(request)))

    async def _of_group(self, request: Request) -> Response:
        group = self._scope.group(request)
        return _answer(request, resources_in(self._store, group.subscription, group.resource_group))


def _answer(request: Request, found: Iterator[Document]) -> Response:
    passes = read_filter(query(request, "$filter"))
    expand = {part.strip().lower() for part in query(request, "$expand").split(",")}
    return paged(request, [_shown(each, expand) for each in found if passes(each)])


def _shown(document: Document, expand: set[str]) -> Document:
    """Return a resource as lists show it: its location by its short name, whatever its own type writes."""
    shown: Document = {name: document[name] for name in _SHOWN if document.get(name) is not None}
    if "location" in shown:
        shown["location"] = location_name(str(shown["location"]))
    stamps = document.get("systemData") or {}
    for wanted, (name, source) in _MOMENTS.items():
        if wanted in expand and stamps.get(source):
            shown[name] = format_instant(parse_instant(stamps[source]))
    state = (document.get("properties") or {}).get("provisioningState")
    if "provisioningstate" in expand and state:
        shown["provisioningState"] = state
    return shown
