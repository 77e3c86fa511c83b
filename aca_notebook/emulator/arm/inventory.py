"""What lies in a group: the resources that lists show, complete deployments delete and predictions tell of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aca_notebook.emulator.arm.store import Store

Document = dict[str, Any]
#: The types of resources that stand by themselves, those that use others before what they use: in this order they can
#: be deleted.
TOP_LEVEL_TYPES = (
    "Microsoft.App/containerApps", "Microsoft.App/jobs", "Microsoft.App/sessionPools",
    "Microsoft.App/managedEnvironments", "Microsoft.Insights/metricAlerts", "Microsoft.Insights/actionGroups",
    "Microsoft.Insights/components",
    "Microsoft.ContainerRegistry/registries", "Microsoft.OperationalInsights/workspaces",
    "Microsoft.ManagedIdentity/userAssignedIdentities", "Microsoft.KeyVault/vaults",
    "Microsoft.Network/virtualNetworks", "Microsoft.Storage/storageAccounts",
)  # fmt: skip


def resources_in(store: Store, subscription: str, group: str = "", *, type_: str = "") -> Iterator[Document]:
    """Yield the resources of a group, or of all, in an order in which they can be deleted."""
    for each in TOP_LEVEL_TYPES:
        if not type_ or each.lower() == type_.lower():
            yield from store.list(each, subscription, group)
