"""Where we deploy: everything in which Azure and the local emulator differ is a field of this value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from aca_notebook.model import ids

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from aca_notebook.azure.credential import CredentialFactory
    from aca_notebook.model.fault import FaultInForce
    from aca_notebook.model.ids import ResourceId

PUBLIC_RESOURCE_MANAGER = "https://management.azure.com"
PUBLIC_METRICS_DOMAIN = "metrics.monitor.azure.com"
PUBLIC_LOG_ANALYTICS = "https://api.loganalytics.io"
PUBLIC_RETAIL_PRICES = "https://prices.azure.com"


class Rehearsal(Protocol):
    """Where a target is told to have a bad day."""

    def faults(self) -> Sequence[FaultInForce]:
        """Return what is in force."""
        ...

    def add_fault(self, fault: str) -> FaultInForce:
        """Put one in force."""
        ...

    def clear_faults(self, id_: str = "") -> int:
        """End one, or all; return how many there were."""
        ...

    def pace(self) -> float:
        """Return how fast it is, as a factor of Azure's own times."""
        ...

    def set_pace(self, pace: str) -> float:
        """Change that."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """Endpoints, audience, credential and names.

    `ca_bundle` is what our client trusts instead of the usual roots. `app_scheme` stands in the addresses people get,
    which answer any client as they are. Our own client always comes by https, for it sends keys: whoever has taken an
    app's port cannot show its certificate. `ensure` brings a target that refuses connections back and returns it as it
    is then (its address may have changed), or is None. Two targets are equal when they lead to the same place.
    `metrics_seconds` is how often metrics are worth looking at: Azure's are of minutes, and come late.
    `connect_retries` is how often the SDKs knock again by themselves. `enforces_expiry` is whether anything there takes
    an app down when its time is over, `charges` whether anybody is billed for what runs. `rehearsal` leads to where bad
    days are made; None where they come by themselves.
    `environment_group` is the environment's resource group where it is not the apps' own: teams share environments.
    """

    name: str
    subscription_id: str
    resource_group: str
    environment: str
    location: str
    registry: str
    registry_server: str
    credential: CredentialFactory = field(repr=False, compare=False)
    resource_manager: str = PUBLIC_RESOURCE_MANAGER
    audience: str = PUBLIC_RESOURCE_MANAGER
    log_analytics: str = PUBLIC_LOG_ANALYTICS
    metrics: str = ""
    metrics_domain: str = PUBLIC_METRICS_DOMAIN
    retail_prices: str = PUBLIC_RETAIL_PRICES
    ca_bundle: Path | None = None
    app_scheme: str = "https"
    registry_identity: str = ""
    polling_seconds: float = 2.0
    metrics_seconds: float = 30.0
    environment_group: str = ""
    connect_retries: int = 3
    use_proxy_settings: bool = True
    notice: str = field(default="", compare=False)
    enforces_expiry: bool = False
    charges: bool = True
    ensure: Callable[[], Target] | None = field(default=None, repr=False, compare=False)
    rehearsal: Callable[[], Rehearsal] | None = field(default=None, repr=False, compare=False)

    @property
    def scope(self) -> str:
        """The OAuth scope of the Resource Manager: it does not follow the endpoint (facts §1.1)."""
        return f"{self.audience}/.default"

    @property
    def metrics_endpoint(self) -> str:
        """Where metrics of many resources are asked for: one address a region (facts §9.1)."""
        region = self.location.lower().replace(" ", "")
        return self.metrics or f"https://{region}.{self.metrics_domain}"

    @property
    def metrics_audience(self) -> str:
        """Its audience, which is the same in each region."""
        return self.metrics or f"https://{self.metrics_domain}"

    @property
    def environment_id(self) -> ResourceId:
        """The id of the environment apps go to."""
        group = self.environment_group or self.resource_group
        return ids.environment_id(self.subscription_id, group, self.environment)

    def app_id(self, name: str) -> ResourceId:
        """The id of an app here."""
        return ids.app_id(self.subscription_id, self.resource_group, name)

    def app_url(self, fqdn: str) -> str:
        """The address of an app as people get it; empty for an app without ingress."""
        return f"{self.app_scheme}://{fqdn}" if fqdn else ""


def secured(url: str) -> str:
    """Return the address our own client calls: the same by https."""
    return f"https://{url.partition('://')[2]}"
