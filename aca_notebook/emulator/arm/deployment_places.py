"""Where a deployment goes to, as its template's functions tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.faults import group_not_found
from aca_notebook.emulator.arm.templates.place import Place
from aca_notebook.model.ids import ResourceId, group_id

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.deployment_requests import Asked
    from aca_notebook.emulator.arm.inner_calls import Caller
    from aca_notebook.emulator.arm.store import Store

Document = dict[str, Any]


class DeploymentPlaces:
    """Says what `subscription()`, `resourceGroup()` and the like are for a deployment."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant_id = tenant_id

    def place(self, id_: ResourceId, asked: Asked, caller: Caller) -> Place:
        """Return the place of a deployment.

        Raises `AzureError` 404 when its group is not there.
        """
        group: Document | None = None
        if id_.resource_group:
            group = self._store.get(group_id(id_.subscription, id_.resource_group))
            if group is None:
                raise group_not_found(id_.resource_group)
        tenant = self._tenant_id
        return Place(
            subscription={
                "id": f"/subscriptions/{id_.subscription}", "subscriptionId": id_.subscription, "tenantId": tenant,
                "displayName": "Local",
            },
            group=group,
            tenant={"tenantId": tenant, "displayName": "Local", "country": "", "countryCode": ""},
            environment=_environment(caller.origin, tenant),
            deployment=_deployment(id_, asked),
            deployer={"objectId": caller.claims.get("oid", ""), "tenantId": tenant},
        )  # fmt: skip


def _deployment(id_: ResourceId, asked: Asked) -> Document:
    template = {name: value for name, value in asked.template.items() if name in {"$schema", "contentVersion"}}
    found: Document = {
        "name": id_.name,
        "properties": {"template": template, "mode": asked.mode, "provisioningState": "Accepted"},
    }
    return found | ({"location": asked.location} if asked.location else {})


def _environment(origin: str, tenant_id: str) -> Document:
    """Azure's public cloud by its names, with the emulator's own address for what the emulator answers."""
    return {
        "name": "AzureCloud",
        "gallery": origin,
        "graph": origin,
        "portal": origin,
        "graphAudience": origin,
        "activeDirectoryDataLake": origin,
        "batch": origin,
        "media": origin,
        "sqlManagement": origin,
        "vmImageAliasDoc": origin,
        "resourceManager": f"{origin}/",
        "authentication": {
            "loginEndpoint": f"{origin}/",
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": tenant_id,
            "identityProvider": "AAD",
        },
        "suffixes": {
            "acrLoginServer": ".azurecr.io",
            "azureDatalakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
            "azureDatalakeStoreFileSystem": "azuredatalakestore.net",
            "azureFrontDoorEndpointSuffix": "azurefd.net",
            "keyvaultDns": ".vault.azure.net",
            "sqlServerHostname": ".database.windows.net",
            "storage": "core.windows.net",
        },
    }
