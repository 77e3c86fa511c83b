"""What Resource Manager does itself, wired: subscriptions, providers, lists, deployments, locks and quotas.

A part of the composition root, which is long enough without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.deployment_places import DeploymentPlaces
from aca_notebook.emulator.arm.deployment_runs import DeploymentRuns
from aca_notebook.emulator.arm.deployment_views import TYPE as DEPLOYMENT_TYPE
from aca_notebook.emulator.arm.deployments import Deployments
from aca_notebook.emulator.arm.group_exports import GroupExports
from aca_notebook.emulator.arm.inner_calls import InnerCalls
from aca_notebook.emulator.arm.locks import Locks
from aca_notebook.emulator.arm.operation_results import OperationResults
from aca_notebook.emulator.arm.preflight import Preflight
from aca_notebook.emulator.arm.providers import Providers
from aca_notebook.emulator.arm.quota_requests import QuotaRequests
from aca_notebook.emulator.arm.resource_lists import ResourceLists
from aca_notebook.emulator.arm.subscriptions import Subscriptions
from aca_notebook.emulator.arm.tags import Tags
from aca_notebook.emulator.arm.vault_parameters import VaultParameters
from aca_notebook.emulator.arm.vault_secrets import VaultSecrets

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.groups import Groups
    from aca_notebook.emulator.arm.inner_calls import Perform
    from aca_notebook.emulator.arm.operations import Operations
    from aca_notebook.emulator.arm.quotas import Quotas
    from aca_notebook.emulator.arm.stored import Keeping
    from aca_notebook.emulator.arm.vault_parameters import HeldRoles
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.wire import Route


class ResourceManager:
    """`perform` answers what it asks of the other nouns for its callers."""

    def __init__(  # noqa: PLR0913  # it is a part of the composition root
        self, *, keeping: Keeping, operations: Operations, groups: Groups, quotas: Quotas, database: Database,
        tenant_id: str, access: HeldRoles, perform: Perform,
    ) -> None:  # fmt: skip
        scope, store = keeping.scope, keeping.store
        calls = InnerCalls(perform)
        places = DeploymentPlaces(store, tenant_id)
        results = OperationResults(store, database, operations, keeping.clock)
        DeploymentRuns(store, operations, keeping.secrets, places, calls, keeping.clock)
        vaults = VaultParameters(store, VaultSecrets(store, keeping.secrets, keeping.clock), access)
        preflight = Preflight(store, places, calls, vaults)
        deployments = Deployments(keeping, operations, results, places, preflight, vaults)
        groups.deletes(DEPLOYMENT_TYPE, deployments.delete)
        self._groups = groups
        self._locks = Locks(keeping)
        self._nouns = (
            Subscriptions(scope, store, tenant_id),
            Providers(scope, store, database),
            groups,
            GroupExports(scope, store),
            ResourceLists(scope, store),
            Tags(keeping, operations),
            deployments,
            results,
            self._locks,
            QuotaRequests(keeping, quotas),
        )

    def routes(self) -> list[Route]:
        """All of them."""
        return [route for noun in self._nouns for route in noun.routes()]

    def guarded(self, route: Route) -> Route:
        """Return a route, of any noun, that refuses what a lock or a group's deletion forbids."""
        return self._locks.guarded(self._groups.guarded(route))
