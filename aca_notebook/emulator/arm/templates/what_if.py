"""What a write would change, property by property (recorded: azure-cli's test_resource_group_level_what_if). Pure."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]
#: What the platform says of itself: no template sets it, so that it changes is no change.
_OWN = frozenset({
    "provisioningState", "systemData", "etag", "createdDate", "modifiedDate", "lastSkuUpdate", "quotaNextResetTime",
    "creationDate", "creationTime", "createdOn", "updatedOn", "createdBy", "updatedBy", "latestRevisionName",
    "latestReadyRevisionName", "latestRevisionFqdn", "runningStatus", "deploymentErrors", "eventStreamEndpoint",
    "primaryEndpoints", "statusOfPrimary", "resourceGuid", "uniqueId",
})  # fmt: skip
#: What says the same as nothing: an app shows it when it is made and not when it is written again.
_DEFAULTS = {"maxInactiveRevisions": 100}
_SHOWN = ("id", "identity", "kind", "location", "managedBy", "name", "properties", "sku", "tags", "type", "zones")


def snapshot(document: Document, api_version: str) -> Document:
    """Return a resource as a prediction shows it: without what is the platform's own, its members in order."""
    shown = {name: document[name] for name in _SHOWN if document.get(name) is not None}
    found: Document = {"apiVersion": api_version} if api_version else {}
    return found | {name: _settable(shown[name]) for name in sorted(shown)}


def changes(before: Any, after: Any, path: str = "") -> list[Document]:
    """Return the changes from one value to another, each with its path."""
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted({*before, *after})
        return [change for name in names for change in _member(before, after, name, f"{path}.{name}" if path else name)]
    if isinstance(before, list) and isinstance(after, list):
        return [_change(path, "Array", before, after, _items(before, after))]
    return [_change(path, "Modify", before, after)]


def _member(before: Document, after: Document, name: str, path: str) -> list[Document]:
    if before.get(name) is None and after.get(name) is None:
        return []
    if before.get(name) is None:
        return [_change(path, "Create", None, after[name])]
    if after.get(name) is None:
        return [_change(path, "Delete", before[name], None)]
    return changes(before[name], after[name], path)


def _items(before: list[Any], after: list[Any]) -> list[Document]:
    """Items are told apart by their names where all have one, by their places otherwise."""
    found = []
    for place, old, new in _pairs(before, after):
        if old == new:
            continue
        if old is None or new is None:
            found.append(_change(place, "Delete" if new is None else "Create", old, new))
        elif isinstance(old, dict) and isinstance(new, dict):
            found.append(_change(place, "Modify", None, None, changes(old, new)))
        else:
            found.append(_change(place, "Modify", old, new))
    return found


def _pairs(before: list[Any], after: list[Any]) -> list[tuple[str, Any, Any]]:
    if all(isinstance(each, dict) and "name" in each for each in (*before, *after)):
        old = {each["name"]: each for each in before}
        new = {each["name"]: each for each in after}
        names = [*new, *(name for name in old if name not in new)]
        return [(str(place), old.get(name), new.get(name)) for place, name in enumerate(names)]
    length = max(len(before), len(after))
    padded = [[*items, *[None] * (length - len(items))] for items in (before, after)]
    return [(str(place), *pair) for place, pair in enumerate(zip(*padded, strict=True))]


def _change(path: str, kind: str, before: Any, after: Any, children: list[Document] | None = None) -> Document:
    found: Document = {"path": path, "propertyChangeType": kind, "before": before, "after": after}
    return found | {"children": children}


def _settable(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _settable(each)
            for name, each in value.items()
            if name not in _OWN and each is not None and _DEFAULTS.get(name) != each
        }
    return [_settable(each) for each in value] if isinstance(value, list) else value
