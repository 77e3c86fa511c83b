"""Container apps, their revisions and replicas, through the official SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.azure import documents, faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.core.polling import AsyncLROPoller

    from aca_notebook.azure.connection import Connection
    from aca_notebook.azure.documents import Document
    from aca_notebook.model.app import AppState
    from aca_notebook.model.gpu import WorkloadProfileType
    from aca_notebook.model.revision import ReplicaState, RevisionState


class Operation:
    """Something the platform has begun."""

    def __init__(self, poller: AsyncLROPoller[Any], what: str) -> None:
        self._poller = poller
        self._what = what

    async def result(self) -> Document:
        """Wait until it has ended, and return the resource. Raises `ServiceFailed` when it failed."""
        with faults.translated(self._what):
            return _plain(await self._poller.result())


class Apps:
    """The container apps of one resource group. Every method raises the errors of `faults`."""

    def __init__(self, connection: Connection) -> None:
        self._target = connection.target
        self._client = connection.container_apps
        self._group = connection.target.resource_group

    async def document(self, name: str) -> Document:
        """Return the resource as the platform wrote it."""
        with faults.translated(f"app {name!r}"):
            return _plain(await self._client.container_apps.get(self._group, name))

    def read(self, document: Document, profiles: Mapping[str, WorkloadProfileType]) -> AppState:
        """Read a document of this group."""
        return documents.read_app(document, self._target, profiles)

    async def list(self) -> list[Document]:
        """Return every app of the group."""
        with faults.translated(f"the apps of group {self._group!r}"):
            return [_plain(app) async for app in self._client.container_apps.list_by_resource_group(self._group)]

    async def put(self, name: str, document: Document) -> Operation:
        """Ask for an app to be created or replaced; returns when the platform has taken the request.

        Raises `Conflict` while another operation is in progress.
        """
        from azure.mgmt.appcontainers.models import ContainerApp

        with faults.translated(f"app {name!r}"):
            poller = await self._client.container_apps.begin_create_or_update(self._group, name, ContainerApp(document))
        return Operation(poller, f"app {name!r}")

    async def patch(self, name: str, document: Document) -> None:
        """Merge `document` into an app."""
        await (await self.merge(name, document)).result()

    async def merge(self, name: str, document: Document) -> Operation:
        """Ask for `document` to be merged into an app; returns when the platform has taken the request."""
        from azure.mgmt.appcontainers.models import ContainerApp

        with faults.translated(f"app {name!r}"):
            poller = await self._client.container_apps.begin_update(self._group, name, ContainerApp(document))
        return Operation(poller, f"app {name!r}")

    async def delete(self, name: str) -> None:
        """Take an app down; returns when it is gone, which an absent one is already."""
        with faults.translated(f"app {name!r}"):
            poller = await self._client.container_apps.begin_delete(self._group, name)
            await poller.result()

    async def start(self, name: str) -> None:
        """Start a stopped app."""
        with faults.translated(f"app {name!r}"):
            await (await self._client.container_apps.begin_start(self._group, name)).result()

    async def stop(self, name: str) -> None:
        """Stop an app: no replicas, no answers, nothing to pay."""
        with faults.translated(f"app {name!r}"):
            await (await self._client.container_apps.begin_stop(self._group, name)).result()

    async def secrets(self, name: str) -> dict[str, str]:
        """Return the app's secret values by name."""
        with faults.translated(f"app {name!r}"):
            found = await self._client.container_apps.list_secrets(self._group, name)
            return {str(entry["name"]): str(entry.get("value") or "") for entry in _plain(found).get("value") or ()}

    async def auth_token(self, name: str) -> str:
        """Return a short-lived token for the app's log streams."""
        with faults.translated(f"app {name!r}"):
            token = _plain(await self._client.container_apps.get_auth_token(self._group, name))
            return str(token["properties"]["token"])

    async def revisions(self, name: str) -> tuple[RevisionState, ...]:
        """Return every revision, oldest first."""
        with faults.translated(f"the revisions of app {name!r}"):
            pages = self._client.container_apps_revisions.list_revisions(self._group, name)
            return tuple([documents.read_revision(_plain(revision)) async for revision in pages])

    async def revision(self, name: str, revision: str) -> RevisionState:
        """Return one revision."""
        return documents.read_revision(await self.revision_document(name, revision))

    async def revision_document(self, name: str, revision: str) -> Document:
        """Return one revision as the platform wrote it, with its template."""
        with faults.translated(f"revision {revision!r}"):
            return _plain(await self._client.container_apps_revisions.get_revision(self._group, name, revision))

    async def revision_action(self, name: str, revision: str, action: str) -> None:
        """Do `activate`, `deactivate` or `restart` to a revision."""
        with faults.translated(f"revision {revision!r}"):
            act = getattr(self._client.container_apps_revisions, f"{action}_revision")
            await act(self._group, name, revision)

    async def replicas(self, name: str, revision: str) -> tuple[ReplicaState, ...]:
        """Return a revision's replicas."""
        with faults.translated(f"revision {revision!r}"):
            found = await self._client.container_apps_revision_replicas.list_replicas(self._group, name, revision)
            return tuple(documents.read_replica(entry) for entry in _plain(found).get("value") or ())


def _plain(model: Any) -> Document:
    """An SDK model as the JSON it came from: REST names, strings for moments."""
    document: Document = model.as_dict()
    return document
