"""Managed environments and their workload profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.azure import documents, faults
from aca_notebook.errors import NotFound
from aca_notebook.model.gpu import profile_name

if TYPE_CHECKING:
    from aca_notebook.azure.connection import Connection
    from aca_notebook.azure.documents import Document
    from aca_notebook.model.gpu import WorkloadProfileType


class Environments:
    """The environment a target deploys to."""

    def __init__(self, connection: Connection) -> None:
        self._target = connection.target
        self._group = connection.target.environment_id.resource_group
        self._client = connection.container_apps.managed_environments

    async def document(self) -> Document:
        """Return the environment. Raises `NotFound` with the command that makes one."""
        target = self._target
        try:
            with faults.translated(f"environment {target.environment!r}"):
                found: Document = (await self._client.get(self._group, target.environment)).as_dict()
                return found
        except NotFound as missing:
            missing.hint = "`%aca setup` makes it, after a plan with prices; `%aca target` chooses another"
            raise

    async def profiles(self) -> dict[str, WorkloadProfileType]:
        """Return the workload profiles by name."""
        return documents.read_profiles(await self.document())

    async def add_profile(self, wanted: WorkloadProfileType) -> None:
        """Add a serverless workload profile and keep those there are."""
        await self.add({"name": profile_name(wanted), "workloadProfileType": wanted.name})

    async def add(self, profile: Document) -> None:
        """Add a workload profile, as it is written, and keep those there are: arrays are replaced by a PATCH."""
        from azure.mgmt.appcontainers.models import ManagedEnvironment

        target = self._target
        with faults.translated(f"environment {target.environment!r}"):
            present = (await self.document())["properties"].get("workloadProfiles") or []
            kept = [{key: value for key, value in entry.items() if value is not None} for entry in present]
            poller = await self._client.begin_update(
                self._group,
                target.environment,
                ManagedEnvironment({"properties": {"workloadProfiles": [*kept, profile]}}),
            )
            await poller.result()
