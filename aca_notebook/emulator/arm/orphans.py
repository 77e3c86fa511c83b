"""Apps, jobs and pools that a damaged store left without their environment or group: they could only fail for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aca_notebook.emulator.arm.store import Store

_TYPES = ("Microsoft.App/containerApps", "Microsoft.App/jobs", "Microsoft.App/sessionPools")


async def drop_orphans(store: Store, subscription: str) -> tuple[str, ...]:
    """Remove them; returns a sentence for each."""
    found = [document for type_ in _TYPES for document in store.list(type_, subscription)]
    sentences = []
    for id_, missing in orphans(found, store):
        await store.delete(id_)
        sentences.append(f"{id_.type.rpartition('/')[2]} {id_.name} was dropped, for {missing} is gone")
    return tuple(sentences)


def orphans(documents: Iterable[dict[str, Any]], store: Store) -> list[tuple[ResourceId, str]]:
    """Return those of `documents` whose environment or group is not in the store, each with what is missing."""
    found = []
    for document in documents:
        id_ = parse_id(document["id"])
        properties = document.get("properties", {})
        environment = str(properties.get("environmentId") or properties.get("managedEnvironmentId") or "")
        group = ResourceId(id_.subscription, id_.resource_group)
        if store.get(group) is None:
            found.append((id_, f"its group {id_.resource_group}"))
        elif environment and store.get(parse_id(environment)) is None:  # it was a valid id when it was taken
            found.append((id_, f"its environment {parse_id(environment).name}"))
    return found
