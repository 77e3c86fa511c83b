"""Azure resource ids: read in any case, written in Azure's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

#: Provider namespaces and type names in the case Azure documents; ids arrive in any case.
_CANONICAL = {
    name.lower(): name
    for name in (
        "Microsoft.App", "Microsoft.Authorization", "Microsoft.Consumption", "Microsoft.ContainerRegistry",
        "Microsoft.Insights", "Microsoft.KeyVault", "Microsoft.ManagedIdentity", "Microsoft.Network",
        "Microsoft.OperationalInsights", "Microsoft.Resources", "Microsoft.Storage", "providers",
        "containerApps", "managedEnvironments", "jobs", "sessionPools", "revisions", "replicas", "executions",
        "registries", "runs", "workspaces", "userAssignedIdentities", "roleAssignments", "diagnosticSettings",
        "roleDefinitions", "daprComponents", "resiliencyPolicies", "storages", "certificates", "managedCertificates",
        "httpRouteConfigs", "maintenanceConfigurations", "authConfigs", "virtualNetworks", "subnets",
        "storageAccounts", "metricAlerts", "actionGroups", "components", "vaults", "deletedVaults", "budgets",
    )
}  # fmt: skip
#: Where the id of an extension begins inside the id of what it is about.
_EXTENSION = "providers"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """One resource, or with no `types` a resource group, or with no group a subscription.

    `types` and `names` run in parallel: `("containerApps", "revisions")` and `("scorer", "scorer--0000001")`.
    Two ids are equal when they differ in case only.
    """

    subscription: str
    resource_group: str = ""
    provider: str = ""
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    _key: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        if len(self.types) != len(self.names):
            raise ValueError(f"a resource id needs a name for each type: {self.types!r}, {self.names!r}")
        object.__setattr__(self, "_key", str(self).lower())

    @property
    def key(self) -> str:
        """The id in lower case: what to compare and to index by."""
        return self._key

    @property
    def name(self) -> str:
        """The last name, or the group's, or the subscription's."""
        return self.names[-1] if self.names else (self.resource_group or self.subscription)

    @property
    def type(self) -> str:
        """`Microsoft.App/containerApps/revisions`, or empty for a group or a subscription.

        Of an extension, whose id goes on after that of what it is about, its own:
        `Microsoft.Authorization/roleAssignments`.
        """
        if _EXTENSION not in self.types:
            return "/".join((self.provider, *self.types)) if self.types else ""
        at = len(self.types) - 1 - self.types[::-1].index(_EXTENSION)
        return "/".join((self.names[at], *self.types[at + 1 :]))

    @property
    def parent(self) -> ResourceId:
        """The id one level up; of an extension, what it is about."""
        up = -2 if self.types[-2:-1] == (_EXTENSION,) else -1
        if len(self.types) > 1:
            return ResourceId(
                self.subscription,
                self.resource_group,
                self.provider,
                self.types[:up],
                self.names[:up],
            )
        if self.types:
            return ResourceId(self.subscription, self.resource_group)
        return ResourceId(self.subscription)

    def child(self, type_: str, name: str) -> ResourceId:
        """The id of a resource inside this one."""
        return ResourceId(
            self.subscription,
            self.resource_group,
            self.provider,
            (*self.types, type_),
            (*self.names, name),
        )

    def __str__(self) -> str:
        parts = [f"/subscriptions/{self.subscription}"]
        if self.resource_group:
            parts.append(f"/resourceGroups/{self.resource_group}")
        if self.types:
            parts.append(f"/providers/{self.provider}")
            parts += [f"/{type_}/{name}" for type_, name in zip(self.types, self.names, strict=True)]
        return "".join(parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceId) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def parse_id(text: str) -> ResourceId:
    """Read an id in any case and with or without a trailing slash.

    Raises `ValueError` naming the text when it is none.
    """
    match = re.fullmatch(
        r"/subscriptions/(?P<subscription>[^/]+)"
        r"(?:/resourcegroups/(?P<group>[^/]+))?"
        r"(?:/providers/(?P<provider>[^/]+)(?P<rest>(?:/[^/]+/[^/]+)+))?/?",
        text.strip(),
        flags=re.IGNORECASE,
    )
    if match is None:
        raise ValueError(f"not an Azure resource id: {text!r}")
    segments = (match["rest"] or "").split("/")[1:]
    return ResourceId(
        match["subscription"],
        match["group"] or "",
        canonical(match["provider"] or ""),
        tuple(canonical(segment) for segment in segments[0::2]),
        tuple(segments[1::2]),
    )


def canonical(segment: str) -> str:
    """Return a provider or type name in the case Azure documents, or unchanged when it is none we know."""
    return _CANONICAL.get(segment.lower(), segment)


def group_id(subscription: str, resource_group: str) -> ResourceId:
    """The id of a resource group."""
    return ResourceId(subscription, resource_group)


def app_id(subscription: str, resource_group: str, name: str) -> ResourceId:
    """The id of a container app."""
    return ResourceId(subscription, resource_group, "Microsoft.App", ("containerApps",), (name,))


def environment_id(subscription: str, resource_group: str, name: str) -> ResourceId:
    """The id of a managed environment."""
    return ResourceId(subscription, resource_group, "Microsoft.App", ("managedEnvironments",), (name,))


def registry_id(subscription: str, resource_group: str, name: str) -> ResourceId:
    """The id of a container registry."""
    return ResourceId(subscription, resource_group, "Microsoft.ContainerRegistry", ("registries",), (name,))


def workspace_id(subscription: str, resource_group: str, name: str) -> ResourceId:
    """The id of a Log Analytics workspace."""
    return ResourceId(subscription, resource_group, "Microsoft.OperationalInsights", ("workspaces",), (name,))
