"""What a first start finds there: group, workspace, environment and registry `local`, fit to deploy to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.locations import DEFAULT_LOCATION
from aca_notebook.emulator.arm.roles import ACR_PULL
from aca_notebook.emulator.control import SEED
from aca_notebook.model.gpu import CONSUMPTION, GPU_NAMES, profile_name
from aca_notebook.model.ids import environment_id, registry_id, workspace_id

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.environments import Environments
    from aca_notebook.emulator.arm.groups import Groups
    from aca_notebook.emulator.arm.registries import Registries
    from aca_notebook.emulator.arm.roles import Roles
    from aca_notebook.emulator.arm.workspaces import Workspaces


@dataclass(frozen=True, slots=True)
class Seeds:
    """The nouns that make them. What is there already stays as it is."""

    groups: Groups
    workspaces: Workspaces
    environments: Environments
    registries: Registries
    roles: Roles
    tenant_id: str

    async def sow(self) -> None:
        """Make what is missing. The environment logs to the workspace, and its identity may pull from the registry."""
        group = await self.groups.ensure(SEED, DEFAULT_LOCATION)
        place = group.subscription, group.resource_group, SEED
        workspace = await self.workspaces.ensure(workspace_id(*place), DEFAULT_LOCATION)
        profiles = [CONSUMPTION, *GPU_NAMES.values()]
        identity = await self.environments.ensure(
            environment_id(*place),
            DEFAULT_LOCATION,
            {
                "workloadProfiles": [
                    {"name": profile_name(each), "workloadProfileType": each.name} for each in profiles
                ],
                "appLogsConfiguration": {
                    "destination": "log-analytics", "logAnalyticsConfiguration": {"customerId": workspace},
                },
            },
            self.tenant_id,
        )  # fmt: skip
        await self.registries.ensure(registry_id(*place), DEFAULT_LOCATION)
        if identity:
            await self.roles.ensure(identity, ACR_PULL, registry_id(*place))
