"""Azure's clouds: the public one and the two sovereign ones, each with addresses of its own.

Authorities: azure-identity (`AzureAuthorityHosts`). Resource Manager and the audience of its tokens: azure-mgmt-core
(`get_arm_endpoints`). Registries and Log Analytics: azure-cli-core (`cloud.py`). Regional metrics: documented.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud. `names` are what people call it, Azure's own first; addresses have no slash at their end.

    `metrics_domain` is what stands behind a region in the address of its metrics.
    """

    names: tuple[str, ...]
    authority: str
    resource_manager: str
    audience: str
    log_analytics: str
    metrics_domain: str
    registry_domain: str

    @property
    def name(self) -> str:
        """What Azure calls it."""
        return self.names[0]

    @property
    def scope(self) -> str:
        """What a token for the Resource Manager is asked for by."""
        return f"{self.audience}/.default"


PUBLIC = Cloud(
    ("AzureCloud", "AzurePublicCloud", "public"), "https://login.microsoftonline.com", "https://management.azure.com",
    "https://management.azure.com", "https://api.loganalytics.io", "metrics.monitor.azure.com", "azurecr.io",
)  # fmt: skip
US_GOVERNMENT = Cloud(
    ("AzureUSGovernment", "usgov", "government"), "https://login.microsoftonline.us",
    "https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net", "https://api.loganalytics.us",
    "metrics.monitor.azure.us", "azurecr.us",
)  # fmt: skip
CHINA = Cloud(
    ("AzureChinaCloud", "AzureChina", "china"), "https://login.chinacloudapi.cn",
    "https://management.chinacloudapi.cn", "https://management.chinacloudapi.cn", "https://api.loganalytics.azure.cn",
    "metrics.monitor.azure.cn", "azurecr.cn",
)  # fmt: skip
CLOUDS = (PUBLIC, US_GOVERNMENT, CHINA)


def find_cloud(name: str) -> Cloud:
    """Return the cloud that is called so, in any case; the public one for no name. Raises `ValueError` otherwise."""
    if not name:
        return PUBLIC
    wanted = name.lower()
    found = next((cloud for cloud in CLOUDS if wanted in {each.lower() for each in cloud.names}), None)
    if found is None:
        raise ValueError(f"there is no cloud {name!r}; there are {', '.join(cloud.name for cloud in CLOUDS)}")
    return found


def is_registry(server: str) -> bool:
    """Whether a server is one of Azure's registries, in any of its clouds."""
    return server.lower().endswith(tuple(f".{cloud.registry_domain}" for cloud in CLOUDS))
