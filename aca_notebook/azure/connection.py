"""One aiohttp session and the SDK clients over it, made when first needed, on the Workspace's loop."""

from __future__ import annotations

import logging
import ssl
from functools import cached_property
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.pipeline.policies import HttpLoggingPolicy
    from azure.core.pipeline.transport import AioHttpTransport
    from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient
    from azure.mgmt.authorization.aio import AuthorizationManagementClient
    from azure.mgmt.containerregistry.aio import ContainerRegistryManagementClient
    from azure.mgmt.containerregistrytasks.aio import ContainerRegistryTasksMgmtClient
    from azure.mgmt.costmanagement.aio import CostManagementClient
    from azure.mgmt.monitor.aio import MonitorManagementClient
    from azure.mgmt.msi.aio import ManagedServiceIdentityClient
    from azure.mgmt.resource.resources.aio import ResourceManagementClient
    from azure.monitor.query.aio import LogsQueryClient
    from azure.monitor.querymetrics.aio import MetricsClient

    from aca_notebook.azure.target import Target

#: Below the idle limit of ingresses, so that we never write into a connection that is just being closed.
KEEP_ALIVE_SECONDS = 15.0
#: What our own requests say: the session leaves bodies as they come, and azure-core undoes what it asked for itself.
AS_IT_IS = {"Accept-Encoding": "identity"}


class Connection:
    """Everything that speaks to one target. Make and close it on the loop that uses it.

    The TLS context hangs on the connector and not on each request: azure-core would build one per request, which
    costs milliseconds each time and defeats keep-alive.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=_trust(target), keepalive_timeout=KEEP_ALIVE_SECONDS, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=target.use_proxy_settings,
        )

    @cached_property
    def transport(self) -> AioHttpTransport:
        """The session as azure-core's transport; the session stays ours to close."""
        from azure.core.pipeline.transport import AioHttpTransport

        return AioHttpTransport(session=self.session, session_owner=False)

    @cached_property
    def credential(self) -> AsyncTokenCredential:
        """The target's credential.

        What goes wrong with it is raised and translated; azure-identity's own warnings go only to those who configured
        logging, not into a notebook's output.
        """
        logging.getLogger("azure.identity").addHandler(logging.NullHandler())
        return self.target.credential(self.transport)

    @cached_property
    def container_apps(self) -> ContainerAppsAPIClient:
        """Apps, revisions, replicas, environments."""
        from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient

        return ContainerAppsAPIClient(
            self.credential, self.target.subscription_id, self.target.resource_manager, **self._options()
        )

    @cached_property
    def registry_tasks(self) -> ContainerRegistryTasksMgmtClient:
        """Image builds."""
        from azure.mgmt.containerregistrytasks.aio import ContainerRegistryTasksMgmtClient

        return ContainerRegistryTasksMgmtClient(
            self.credential, self.target.subscription_id, self.target.resource_manager, **self._options()
        )

    @cached_property
    def monitor(self) -> MonitorManagementClient:
        """Metrics, and alerts on them."""
        from azure.mgmt.monitor.aio import MonitorManagementClient

        return MonitorManagementClient(
            self.credential, self.target.subscription_id, self.target.resource_manager, **self._options()
        )

    @cached_property
    def cost_management(self) -> CostManagementClient:
        """What was billed, and budgets."""
        from azure.mgmt.costmanagement.aio import CostManagementClient

        return CostManagementClient(self.credential, self.target.resource_manager, **self._options())

    @cached_property
    def resources(self) -> ResourceManagementClient:
        """Providers and resource groups."""
        from azure.mgmt.resource.resources.aio import ResourceManagementClient

        return ResourceManagementClient(
            self.credential, self.target.subscription_id, self.target.resource_manager, **self._options()
        )

    @cached_property
    def registries(self) -> ContainerRegistryManagementClient:
        """Container registries as resources."""
        from azure.mgmt.containerregistry.aio import ContainerRegistryManagementClient

        return ContainerRegistryManagementClient(
            self.credential, self.target.subscription_id, self.target.resource_manager, **self._options()
        )

    @cached_property
    def authorization(self) -> AuthorizationManagementClient:
        """Role assignments."""
        from azure.mgmt.authorization.aio import AuthorizationManagementClient

        return AuthorizationManagementClient(
            self.credential, self.target.subscription_id, base_url=self.target.resource_manager, **self._options()
        )

    @cached_property
    def identities(self) -> ManagedServiceIdentityClient:
        """User-assigned identities."""
        from azure.mgmt.msi.aio import ManagedServiceIdentityClient

        return ManagedServiceIdentityClient(
            self.credential, self.target.subscription_id, base_url=self.target.resource_manager, **self._options()
        )

    @cached_property
    def log_analytics(self) -> LogsQueryClient:
        """The history of logs."""
        from azure.monitor.query.aio import LogsQueryClient

        options = self._options()
        options.pop("credential_scopes")  # its audience is its endpoint
        return LogsQueryClient(self.credential, endpoint=self.target.log_analytics, **options)

    @cached_property
    def metrics(self) -> MetricsClient:
        """Metrics of many resources in one request."""
        from azure.monitor.querymetrics.aio import MetricsClient

        options = self._options() | {"audience": self.target.metrics_audience}
        options.pop("credential_scopes")
        return MetricsClient(self.target.metrics_endpoint, self.credential, **options)

    def _options(self) -> dict[str, Any]:
        from aca_notebook.azure.patience import Patience
        from aca_notebook.azure.recording import NotingPolicy

        return {
            "per_call_policies": [NotingPolicy(self.target.resource_manager)],
            "credential_scopes": [self.target.scope],
            "http_logging_policy": _request_log(),
            "polling_interval": self.target.polling_seconds,
            "retry_policy": Patience(retry_connect=self.target.connect_retries),
            "transport": self.transport,
            "user_agent": "aca_notebook",
        }

    async def close(self) -> None:
        """Close every connection."""
        made = self.__dict__.get("credential")
        if made is not None:
            await made.close()
        await self.session.close()


def _request_log() -> HttpLoggingPolicy:
    """What the SDKs say of each request, to a logger of ours, which says nothing until somebody sets its level.

    Theirs speaks at INFO; a library that turns that on for all (`logging.basicConfig`) would fill a notebook with it.
    """
    from azure.core.pipeline.policies import HttpLoggingPolicy

    requests = logging.getLogger("aca_notebook.requests")
    if requests.level == logging.NOTSET:
        requests.setLevel(logging.WARNING)
    return HttpLoggingPolicy(requests)


def _trust(target: Target) -> ssl.SSLContext | bool:
    if target.ca_bundle is None:
        return True
    return ssl.create_default_context(cafile=str(target.ca_bundle))
