"""The built-in roles a client of Container Apps meets, and what each permits (documented: Azure's built-in roles).

A role's GUID is the same in every tenant. The GUIDs of AcrPull and of the session executor are recorded besides
(registry_identity_system, sessionpool_e2e). Of roles that permit very much, such as Contributor, those `notActions`
stand here that concern providers of this emulator.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOK = ("Microsoft.Authorization/*/read", "Microsoft.Insights/alertRules/*")
_JOIN = (
    "Microsoft.App/managedEnvironments/read", "Microsoft.App/managedEnvironments/*/read",
    "Microsoft.App/managedEnvironments/join/action", "Microsoft.App/managedEnvironments/checknameavailability/action",
)  # fmt: skip
_DEPLOY = "Microsoft.Resources/deployments/*"
_GROUPS = "Microsoft.Resources/subscriptions/resourceGroups/read"
_VAULT_LOOK = (
    "Microsoft.KeyVault/checkNameAvailability/read", "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/*/read", "Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/operations/read",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Role:
    """One built-in role; `actions` are on resources, `data_actions` on what is in them."""

    id: str
    name: str
    description: str
    actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()

    def permits(self, action: str, *, on_data: bool = False) -> bool:
        """Tell whether the role permits an action such as `Microsoft.App/containerApps/write`."""
        if on_data:
            return _any_matches(self.data_actions, action)
        return _any_matches(self.actions, action) and not _any_matches(self.not_actions, action)


def _any_matches(patterns: Iterable[str], action: str) -> bool:
    return any(re.fullmatch(_expression(pattern), action, re.IGNORECASE) for pattern in patterns)


def _expression(pattern: str) -> str:
    """`*` stands for any text, and `/*/` for nothing too: else "full management of Container Apps" could not PUT one.

    That role has `containerApps/*/write` and no `containerApps/write`, and deploys apps (documented; how Azure
    compares them is unconfirmed).
    """
    return re.escape(pattern).replace(r"/\*/", "/(?:.*/)?").replace(r"\*", ".*")


SESSION_EXECUTOR = Role(
    "0fb8eba5-a2bb-4abe-b1c1-49dfad359bb0", "Azure ContainerApps Session Executor",
    "Create and execute sessions in a Container Apps session pool",
    data_actions=("Microsoft.App/sessionPools/*/read", "Microsoft.App/sessionPools/*/action"),
)  # fmt: skip
PULL = "Microsoft.ContainerRegistry/registries/pull/read"
ACR_PULL = Role("7f951dda-4ed3-4680-a7ca-43fe172d538d", "AcrPull", "acr pull", (PULL,))
SECRETS_USER = Role(
    "4633458b-17de-408a-b874-0445c86b69e6", "Key Vault Secrets User", "Read secret contents.",
    data_actions=("Microsoft.KeyVault/vaults/secrets/getSecret/action",
                  "Microsoft.KeyVault/vaults/secrets/readMetadata/action"),
)  # fmt: skip

_GENERAL = (
    Role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", "Grants full access to manage all resources", ("*",)),
    Role("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor", "Grants full access, but not to assign roles", ("*",),
         not_actions=("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write",
                      "Microsoft.Authorization/elevateAccess/Action")),
    Role("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", "View all resources, but make no changes", ("*/read",)),
    Role("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator", "Manage user access to Azure resources",
         ("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*")),
    Role("f58310d9-a9f6-439a-9e8d-f62e7b41a168", "Role Based Access Control Administrator",
         "Manage access to Azure resources by assigning roles",
         ("Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete", "*/read",
          "Microsoft.Support/*")),
    Role("f1a07417-d97a-45cb-824c-7a7467783830", "Managed Identity Operator", "Read and Assign User Assigned Identity",
         ("Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
          "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action", _GROUPS, _DEPLOY, *_LOOK)),
    Role("e40ec5ca-96e0-45a2-b4ff-59039f2c2b59", "Managed Identity Contributor",
         "Create, Read, Update, and Delete User Assigned Identity",
         ("Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
          "Microsoft.ManagedIdentity/userAssignedIdentities/*/write",
          "Microsoft.ManagedIdentity/userAssignedIdentities/*/delete", _GROUPS, _DEPLOY, *_LOOK)),
    Role("43d0d8ad-25c7-4714-9337-8ba259a9fe05", "Monitoring Reader", "Can read all monitoring data",
         ("*/read", "Microsoft.OperationalInsights/workspaces/search/action")),
    Role("73c42c96-874c-492b-b04d-ab87d138a893", "Log Analytics Reader", "Can view and search all monitoring data",
         ("*/read", "Microsoft.OperationalInsights/workspaces/analytics/query/action",
          "Microsoft.OperationalInsights/workspaces/search/action"),
         not_actions=("Microsoft.OperationalInsights/workspaces/sharedKeys/read",)),
)  # fmt: skip

_REGISTRY = (
    ACR_PULL,
    Role("8311e382-0749-4cb8-b61a-304f252e45ec", "AcrPush", "acr push",
         (PULL, "Microsoft.ContainerRegistry/registries/push/write")),
    Role("c2f4ef07-c644-48eb-af81-4b1b4947fb11", "AcrDelete", "acr delete",
         ("Microsoft.ContainerRegistry/registries/artifacts/delete",)),
)  # fmt: skip

_CONTAINER_APPS = (
    SESSION_EXECUTOR,
    Role("ad2dd5fb-cd4b-4fd4-a9b6-4fed3630980b", "ContainerApp Reader",
         "View all containerapp resources, but does not allow you to make any changes.",
         ("Microsoft.App/containerApps/*/read", "Microsoft.App/containerApps/*/action")),
    Role("358470bc-b998-42bd-ab17-a7e34c199c0f", "Container Apps Contributor",
         "Full management of Container Apps, including creation, deletion, and updates.",
         (*_LOOK, "Microsoft.App/containerApps/*/read", "Microsoft.App/containerApps/*/write",
          "Microsoft.App/containerApps/*/delete", "Microsoft.App/containerApps/*/action", *_JOIN)),
    Role("f3bd1b5c-91fa-40e7-afe7-0c11d331232c", "Container Apps Operator",
         "Read, logstream and exec into Container Apps.",
         (*_LOOK, "Microsoft.App/containerApps/*/read", "Microsoft.App/containerApps/*/action", *_JOIN),
         ("Microsoft.App/containerApps/logstream/action", "Microsoft.App/containerApps/exec/action",
          "Microsoft.App/containerApps/debug/action")),
    Role("4e3d2b60-56ae-4dc6-a233-09c8e5a82e68", "Container Apps Jobs Contributor",
         "Full management of Container Apps jobs, including creation, deletion, and updates.",
         (*_LOOK, "Microsoft.App/jobs/read", "Microsoft.App/jobs/*/read", "Microsoft.App/jobs/*/action",
          "Microsoft.App/jobs/write", "Microsoft.App/jobs/delete", *_JOIN, _DEPLOY)),
    Role("b9a307c4-5aa3-4b52-ba60-2b17c136cd7b", "Container Apps Jobs Operator",
         "Read, start, and stop Container Apps jobs.",
         (*_LOOK, "Microsoft.App/jobs/read", "Microsoft.App/jobs/*/read", "Microsoft.App/jobs/*/action", *_JOIN),
         ("Microsoft.App/jobs/logstream/action", "Microsoft.App/jobs/exec/action")),
    Role("edd66693-d32a-450b-997d-0158c03976b0", "Container Apps Jobs Reader", "Read access to ContainerApps jobs",
         ("Microsoft.App/jobs/read", "Microsoft.App/jobs/*/read", "Microsoft.App/managedEnvironments/read")),
    Role("57cc5028-e6a7-4284-868d-0611c5923f8d", "Container Apps ManagedEnvironments Contributor",
         "Full management of Container Apps ManagedEnvironments, including creation, deletion, and updates.",
         (*_LOOK, "Microsoft.App/managedEnvironments/*/read", "Microsoft.App/managedEnvironments/*/write",
          "Microsoft.App/managedEnvironments/*/delete", "Microsoft.App/managedEnvironments/*/action", _DEPLOY)),
    Role("1b32c00b-7eff-4c22-93e6-93d11d72d2d8", "Container Apps ManagedEnvironments Reader",
         "Read access to ContainerApps managedenvironments.", (*_LOOK, "Microsoft.App/managedEnvironments/*/read")),
    Role("f7669afb-68b2-44b4-9c5f-6d2a47fddda0", "Container Apps SessionPools Contributor",
         "Full management of Container Apps SessionPools, including creation, deletion, and updates.",
         (*_LOOK, "Microsoft.App/sessionPools/*/read", "Microsoft.App/sessionPools/*/write",
          "Microsoft.App/sessionPools/*/delete", "Microsoft.App/sessionPools/*/action", *_JOIN, _DEPLOY)),
    Role("af61e8fc-2633-4b95-bed3-421ad6826515", "Container Apps SessionPools Reader",
         "Read access to ContainerApps sessionpools.", (*_LOOK, "Microsoft.App/sessionPools/*/read")),
)  # fmt: skip

_KEY_VAULT = (
    SECRETS_USER,
    Role("b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "Key Vault Secrets Officer",
         "Perform any action on the secrets of a key vault, except manage permissions.",
         (*_LOOK, _DEPLOY, _GROUPS, *_VAULT_LOOK), ("Microsoft.KeyVault/vaults/secrets/*",)),
    Role("00482a5a-887f-4fb3-b363-3b7fe8e74483", "Key Vault Administrator",
         "Perform all data plane operations on a key vault and all objects in it.",
         (*_LOOK, _DEPLOY, _GROUPS, *_VAULT_LOOK), ("Microsoft.KeyVault/vaults/*",)),
    Role("21090545-7ca7-4776-b22c-e363652d74d2", "Key Vault Reader",
         "Read metadata of key vaults and its certificates, keys, and secrets.",
         (*_LOOK, _DEPLOY, _GROUPS, *_VAULT_LOOK),
         ("Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/secrets/readMetadata/action")),
    Role("f25e0fa2-a7c8-4377-a976-54943a77a395", "Key Vault Contributor",
         "Lets you manage key vaults, but not access to them.", (*_LOOK, "Microsoft.KeyVault/*", _DEPLOY, _GROUPS),
         not_actions=("Microsoft.KeyVault/locations/deletedVaults/purge/action", "Microsoft.KeyVault/hsmPools/*",
                      "Microsoft.KeyVault/managedHsms/*")),
)  # fmt: skip

#: What apps are given on resources of others: assigned and listed, and nothing here asks for them.
_ELSEWHERE = (
    Role("ba92f5b4-2d11-453d-a403-e96b0029c9fe", "Storage Blob Data Contributor",
         "Allows for read, write and delete access to Azure Storage blob containers and data",
         ("Microsoft.Storage/storageAccounts/blobServices/containers/*",),
         ("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*",)),
    Role("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "Storage Blob Data Reader",
         "Allows for read access to Azure Storage blob containers and data",
         ("Microsoft.Storage/storageAccounts/blobServices/containers/read",),
         ("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",)),
    Role("974c5e8b-45b9-4653-ba55-5f855dd0fb88", "Storage Queue Data Contributor",
         "Allows for read, write, and delete access to Azure Storage queues and queue messages",
         ("Microsoft.Storage/storageAccounts/queueServices/queues/*",),
         ("Microsoft.Storage/storageAccounts/queueServices/queues/messages/*",)),
    Role("17d1049b-9a84-46fb-8f53-869881c3d3ab", "Storage Account Contributor", "Lets you manage storage accounts",
         (*_LOOK, "Microsoft.Storage/storageAccounts/*", _DEPLOY, _GROUPS)),
)  # fmt: skip

ROLES = (*_GENERAL, *_REGISTRY, *_CONTAINER_APPS, *_KEY_VAULT, *_ELSEWHERE)
BY_ID = {role.id: role for role in ROLES}
