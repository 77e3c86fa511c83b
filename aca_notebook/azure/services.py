"""All nouns of one connection, each made when first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from aca_notebook.azure.alerts import Alerts
from aca_notebook.azure.apps import Apps
from aca_notebook.azure.billing import Billing
from aca_notebook.azure.budgets import Budgets
from aca_notebook.azure.calls import Caller
from aca_notebook.azure.connection import Connection
from aca_notebook.azure.environments import Environments
from aca_notebook.azure.log_queries import LogQueries
from aca_notebook.azure.logs import Logs
from aca_notebook.azure.metrics import Metrics
from aca_notebook.azure.registry import Registry
from aca_notebook.azure.resources import Resources
from aca_notebook.azure.retail_prices import RetailPrices
from aca_notebook.azure.roles import Roles
from aca_notebook.azure.session_pools import SessionPools
from aca_notebook.azure.sessions import Sessions
from aca_notebook.azure.sign_in import SignIn
from aca_notebook.azure.subscriptions import Subscriptions
from aca_notebook.azure.traces import Traces

if TYPE_CHECKING:
    from aca_notebook.azure.target import Target
    from aca_notebook.clock import Clock


class Services:
    """Make it on the loop that uses it, and close it there."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self.target = target
        self._clock = clock
        self._connection = Connection(target)

    @cached_property
    def apps(self) -> Apps:
        """Apps, revisions, replicas."""
        return Apps(self._connection)

    @cached_property
    def environments(self) -> Environments:
        """The environment and its workload profiles."""
        return Environments(self._connection)

    @cached_property
    def registry(self) -> Registry:
        """Image builds."""
        return Registry(self._connection, self._clock)

    @cached_property
    def logs(self) -> Logs:
        """Log streams."""
        return Logs(self._connection)

    @cached_property
    def log_queries(self) -> LogQueries:
        """The history of logs."""
        return LogQueries(self._connection, self.environments)

    @cached_property
    def metrics(self) -> Metrics:
        """Azure Monitor."""
        return Metrics(self._connection)

    @cached_property
    def session_pools(self) -> SessionPools:
        """Session pools."""
        return SessionPools(self._connection)

    @cached_property
    def sessions(self) -> Sessions:
        """Calls into sessions."""
        return Sessions(self._connection)

    @cached_property
    def retail_prices(self) -> RetailPrices:
        """List prices."""
        return RetailPrices(self._connection)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        """Providers, groups, quotas, registries, roles."""
        return Subscriptions(self._connection)

    @cached_property
    def resources(self) -> Resources:
        """Resources of any type, by id."""
        return Resources(self._connection)

    @cached_property
    def roles(self) -> Roles:
        """Role assignments."""
        return Roles(self._connection)

    @cached_property
    def sign_in(self) -> SignIn:
        """Who we are there."""
        return SignIn(self._connection, self._clock)

    @cached_property
    def traces(self) -> Traces:
        """Application Insights."""
        return Traces(self._connection, self.environments, self.log_queries)

    @cached_property
    def billing(self) -> Billing:
        """Cost Management."""
        return Billing(self._connection)

    @cached_property
    def budgets(self) -> Budgets:
        """Budgets."""
        return Budgets(self._connection)

    @cached_property
    def alerts(self) -> Alerts:
        """Metric alerts."""
        return Alerts(self._connection)

    @cached_property
    def calls(self) -> Caller:
        """Calls into apps."""
        return Caller(self._connection, self._clock)

    async def close(self) -> None:
        """Close every connection."""
        await self._connection.close()
