"""Resources of any type by their ids, through the SDK's generic calls; what carries our tags is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.azure import faults
from aca_notebook.errors import NotFound
from aca_notebook.model.ids import group_id, parse_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.azure.connection import Connection
    from aca_notebook.azure.documents import Document
    from aca_notebook.model.ids import ResourceId

#: Versions in which each type has what we write (recorded, or the SDKs' own; a generic call names its version itself).
_VERSIONS = {
    "microsoft.app": "2025-07-01",
    "microsoft.containerregistry": "2023-07-01",
    "microsoft.operationalinsights": "2023-09-01",
    "microsoft.managedidentity": "2023-01-31",
    "microsoft.insights": "2018-03-01",
    "microsoft.insights/components": "2020-02-02",
    "microsoft.insights/actiongroups": "2023-01-01",
    "microsoft.keyvault": "2023-07-01",
    "microsoft.storage": "2023-05-01",
}
_KEYS_VERSION = "2023-09-01"


class Resources:
    """The resources of one subscription. Every method raises the errors of `faults`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._target = connection.target

    async def get(self, id_: ResourceId) -> Document | None:
        """Return a resource, None when it is not there, nor its group."""
        try:
            with faults.translated(_words(id_)):
                found = await self._connection.resources.resources.get_by_id(str(id_), api_version=_version(id_))
                document: Document = found.as_dict()
                return document
        except NotFound:
            return None

    async def put(self, id_: ResourceId, document: Document) -> Document:
        """Make or replace a resource; returns when it is there. A failed operation is raised."""
        with faults.translated(_words(id_)):
            client = self._connection.resources.resources
            poller = await client.begin_create_or_update_by_id(str(id_), document, api_version=_version(id_))
            made: Document = (await poller.result()).as_dict()
            return made

    async def put_identity(self, id_: ResourceId, document: Document) -> None:
        """Make a user-assigned identity, by its own SDK.

        Its answer names a Location without an api-version (recorded: identity_user), which a generic call would follow.
        """
        from azure.mgmt.msi.models import Identity

        with faults.translated(_words(id_)):
            wanted = Identity(location=document["location"], tags=document.get("tags"))
            client = self._connection.identities.user_assigned_identities
            await client.create_or_update(id_.resource_group, id_.name, wanted)

    async def patch(self, id_: ResourceId, document: Document) -> None:
        """Change what the document names; returns when that is done."""
        with faults.translated(_words(id_)):
            client = self._connection.resources.resources
            poller = await client.begin_update_by_id(str(id_), document, api_version=_version(id_))
            await poller.result()

    async def delete(self, id_: ResourceId) -> None:
        """Delete a resource; returns when it is gone, and when it was not there."""
        try:
            with faults.translated(_words(id_)):
                client = self._connection.resources.resources
                await (await client.begin_delete_by_id(str(id_), api_version=_version(id_))).result()
        except NotFound:
            return

    async def group(self) -> Document | None:
        """Return the target's resource group, None when it is not there."""
        try:
            with faults.translated(f"group {self._target.resource_group!r}"):
                found = await self._connection.resources.resource_groups.get(self._target.resource_group)
                document: Document = found.as_dict()
                return document
        except NotFound:
            return None

    async def make_group(self, tags: Mapping[str, str]) -> None:
        """Make the target's resource group."""
        from azure.mgmt.resource.resources.models import ResourceGroup

        group = self._target.resource_group
        with faults.translated(f"group {group!r}"):
            made = ResourceGroup(location=self._target.location, tags=dict(tags))
            await self._connection.resources.resource_groups.create_or_update(group, made)

    async def delete_group(self) -> None:
        """Delete the target's resource group with all that is left in it; returns when it is gone."""
        group = self._target.resource_group
        try:
            with faults.translated(f"group {group!r}"):
                await (await self._connection.resources.resource_groups.begin_delete(group)).result()
        except NotFound:
            return

    async def listed(self, group: str = "") -> list[Document]:
        """Return every resource of a group, the target's own by default, with tags; none when there is no group."""
        group = group or self._target.resource_group
        try:
            with faults.translated(f"the resources of {group!r}"):
                found = self._connection.resources.resources.list_by_resource_group(group)
                return [each.as_dict() async for each in found]
        except NotFound:
            return []

    async def called(self, name: str) -> list[Document]:
        """Return the resources of the subscription that have a name."""
        with faults.translated(f"what is called {name!r}"):
            found = self._connection.resources.resources.list(filter=f"name eq '{name.replace(chr(39), '')}'")
            return [each.as_dict() async for each in found]

    async def shared_key(self, workspace: ResourceId) -> str:
        """Return the key by which an environment writes to a Log Analytics workspace: a secret."""
        from azure.core.rest import HttpRequest

        url = f"{self._target.resource_manager}{workspace}/sharedKeys"
        with faults.translated(f"the keys of {workspace.name!r}"):
            request = HttpRequest("POST", url, params={"api-version": _KEYS_VERSION})
            answer = await self._connection.container_apps.send_request(request)
            if answer.status_code >= 300:
                raise faults.refused(answer.status_code, answer.text(), dict(answer.headers), "the workspace's keys")
            return str(answer.json()["primarySharedKey"])

    @property
    def group_id(self) -> ResourceId:
        """The id of the target's resource group."""
        return group_id(self._target.subscription_id, self._target.resource_group)


def read_id(document: Document) -> ResourceId:
    """Return a listed resource's id."""
    return parse_id(str(document["id"]))


def _version(id_: ResourceId) -> str:
    exact = id_.type.lower()
    return _VERSIONS.get(exact) or _VERSIONS.get(exact.partition("/")[0]) or "2025-04-01"


def _words(id_: ResourceId) -> str:
    return f"{id_.types[-1] if id_.types else 'group'} {id_.name!r}"
