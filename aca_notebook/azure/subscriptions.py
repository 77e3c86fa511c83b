"""What surrounds apps and environments: providers, what a region offers, registries, who may use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.azure import faults

if TYPE_CHECKING:
    from aca_notebook.azure.connection import Connection
    from aca_notebook.azure.documents import Document


class Subscriptions:
    """The subscription of one target. Every method raises the errors of `faults`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._target = connection.target

    async def provider_state(self, namespace: str) -> str:
        """Return a resource provider's registration state (`Registered`)."""
        with faults.translated(f"provider {namespace}"):
            return str((await self._connection.resources.providers.get(namespace)).registration_state or "")

    async def register_provider(self, namespace: str) -> None:
        """Ask for a provider to be registered, which takes about a minute from then on."""
        with faults.translated(f"provider {namespace}"):
            await self._connection.resources.providers.register(namespace)

    async def profile_types(self, location: str) -> list[Document]:
        """Return what workload profile types a region offers."""
        client = self._connection.container_apps.available_workload_profiles
        with faults.translated(f"what {location} offers"):
            return [each.as_dict() async for each in client.get(location)]

    async def usages(self, location: str) -> list[Document]:
        """Return what the subscription uses in a region, and its limits."""
        with faults.translated(f"the quotas of {location}"):
            return [each.as_dict() async for each in self._connection.container_apps.usages.list(location)]

    async def registry(self) -> Document:
        """Return the target's registry."""
        target = self._target
        with faults.translated(f"registry {target.registry!r}"):
            found = await self._connection.registries.registries.get(target.resource_group, target.registry)
            document: Document = found.as_dict()
            return document

    async def registry_id(self, server: str) -> str:
        """Return the id of the subscription's registry that answers at `server`, empty when it has none."""
        with faults.translated(f"registry {server!r}"):
            async for each in self._connection.registries.registries.list():
                if str(each.login_server or "").lower() == server.lower():
                    return str(each.id)
        return ""

    async def takes_builds(self) -> None:
        """Raise what keeps the target's registry from building: a place for a context is asked for, and not used."""
        target = self._target
        with faults.translated(f"builds in registry {target.registry!r}"):
            client = self._connection.registry_tasks.registries
            await client.get_build_source_upload_url(target.resource_group, target.registry)

    async def registry_name_taken(self, name: str) -> str:
        """Return why a registry cannot have a name, empty when it can: names are unique in all of Azure."""
        from azure.mgmt.containerregistry.models import RegistryNameCheckRequest

        asked = RegistryNameCheckRequest(name=name, type="Microsoft.ContainerRegistry/registries")
        with faults.translated(f"the name {name!r}"):
            answer = await self._connection.registries.registries.check_name_availability(asked)
        return "" if answer.name_available else str(answer.message or answer.reason or "it is taken")

    async def role_assignments(self, scope: str, principal: str) -> list[Document]:
        """Return what a principal may do at a scope and above it, with groups it is in."""
        client = self._connection.authorization.role_assignments
        with faults.translated("the role assignments"):
            found = client.list_for_scope(scope, filter=f"assignedTo('{principal}')")
            return [
                {
                    "roleDefinitionId": each.role_definition_id,
                    "principalId": each.principal_id,
                    "createdOn": each.created_on,
                }
                async for each in found
            ]
