"""Who pulls images for the apps of an environment: an identity that a set-up has made, or what the target says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aca_notebook.azure import documents
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from aca_notebook.api.access import Access
    from aca_notebook.azure.documents import Document
    from aca_notebook.azure.target import Target


def puller_id(environment: Document) -> ResourceId | None:
    """Return the identity that an environment's tag names, None without the tag: it lies in the same group."""
    name = (environment.get("tags") or {}).get(documents.PULLER)
    if not name:
        return None
    at = parse_id(str(environment["id"]))
    return ResourceId(
        at.subscription, at.resource_group, "Microsoft.ManagedIdentity", ("userAssignedIdentities",), (str(name),)
    )


async def pulled_by(access: Access) -> Target:
    """Return the target with the identity that pulls for its environment; raises `NotFound` without one."""
    environment = await access.ask(lambda services: services.environments.document())
    named = puller_id(environment)
    return access.target if named is None else replace(access.target, registry_identity=str(named))


async def puller_principal(access: Access, environment: Document) -> str:
    """Return the object id of who pulls for an environment; empty when it has nobody, or nobody any more."""
    named = puller_id(environment)
    if named is None:
        return str((environment.get("identity") or {}).get("principalId") or "")
    document = await access.ask(lambda services: services.resources.get(named))
    return str(((document or {}).get("properties") or {}).get("principalId") or "")
