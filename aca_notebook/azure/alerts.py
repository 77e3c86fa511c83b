"""Metric alerts and action groups of the target's group, through azure-mgmt-monitor."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.azure import faults
from aca_notebook.errors import AcaError, NotFound
from aca_notebook.model.alert import Alert, Condition, Dimension
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azure.mgmt.monitor import models as sdk

    from aca_notebook.azure.connection import Connection

_NAMESPACE = "Microsoft.App/containerapps"
_UNHEALTHY = "unhealthy"


class Alerts:
    """The rules of one resource group."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._group = connection.target.resource_group

    async def put(self, alert: Alert, tags: Mapping[str, str]) -> Alert:
        """Make a rule with these tags or write over it; returns it as the platform has it."""
        from azure.mgmt.monitor import models

        criteria = [
            models.MetricCriteria(
                name=f"condition{index}", metric_name=each.metric, metric_namespace=_NAMESPACE,
                operator=each.operator, threshold=each.threshold, time_aggregation=each.aggregation,
                dimensions=[
                    models.MetricDimension(
                        name=one.name, operator="Exclude" if one.exclude else "Include", values=list(one.values)
                    )
                    for one in each.dimensions
                ],
            )
            for index, each in enumerate(alert.conditions)
        ]  # fmt: skip
        resource = models.MetricAlertResource(
            location="global", tags=dict(tags), description=alert.description, severity=alert.severity,
            enabled=alert.enabled,
            scopes=[str(self._connection.target.app_id(alert.app))], evaluation_frequency=alert.frequency,
            window_size=alert.window, auto_mitigate=alert.auto_mitigate,
            criteria=models.MetricAlertSingleResourceMultipleMetricCriteria(all_of=criteria),
            actions=[models.MetricAlertAction(action_group_id=each) for each in alert.action_groups],
        )  # fmt: skip
        with faults.translated(f"alert {alert.name!r}"):
            made = await self._connection.monitor.metric_alerts.create_or_update(self._group, alert.name, resource)
        return _read(made)

    async def list(self) -> tuple[Alert, ...]:
        """Return every rule of the group, each as it stands."""
        with faults.translated(f"the alerts of group {self._group!r}"):
            pages = self._connection.monitor.metric_alerts.list_by_resource_group(self._group)
            found = [_read(each) async for each in pages]
        return tuple([await self._with_state(each) for each in found])

    async def delete(self, name: str) -> None:
        """Remove a rule. Raises `NotFound` when there is none."""
        with faults.translated(f"alert {name!r}"):
            await self._connection.monitor.metric_alerts.get(
                self._group, name
            )  # deleting what is not there says nothing
            await self._connection.monitor.metric_alerts.delete(self._group, name)

    async def tell(
        self, name: str, webhooks: Sequence[str] = (), emails: Sequence[str] = (), *, tags: Mapping[str, str]
    ) -> str:  # fmt: skip
        """Make an action group with these receivers, and return its id."""
        from azure.mgmt.monitor import models

        group = models.ActionGroupResource(
            location="Global", tags=dict(tags), group_short_name=name[:12], enabled=True,
            webhook_receivers=[
                models.WebhookReceiver(name=f"webhook{index}", service_uri=each, use_common_alert_schema=True)
                for index, each in enumerate(webhooks)
            ],
            email_receivers=[
                models.EmailReceiver(name=f"email{index}", email_address=each, use_common_alert_schema=True)
                for index, each in enumerate(emails)
            ],
        )  # fmt: skip
        with faults.translated(f"action group {name!r}"):
            made = await self._connection.monitor.action_groups.create_or_update(self._group, name, group)
        return str(made.id)

    async def forget(self, name: str) -> None:
        """Remove an action group; one that is gone is gone."""
        try:
            with faults.translated(f"action group {name!r}"):
                await self._connection.monitor.action_groups.delete(self._group, name)
        except NotFound:
            return

    async def _with_state(self, alert: Alert) -> Alert:
        from dataclasses import replace

        try:
            with faults.translated(f"the state of alert {alert.name!r}"):
                found = await self._connection.monitor.metric_alerts_status.list(self._group, alert.name)
        except AcaError:  # what it says of its rules is worth having all the same
            return alert
        statuses = [each.properties for each in found.value or () if each.properties]
        fired = tuple(
            _series(each.dimensions or {}) for each in statuses if str(each.status or "").lower() == _UNHEALTHY
        )
        return replace(alert, fired=fired)


def _series(dimensions: dict[str, str]) -> str:
    told = {name: value for name, value in dimensions.items() if name.lower() != "resourceid"}
    return ", ".join(f"{name} {value}" for name, value in sorted(told.items())) or "all"


def _read(rule: sdk.MetricAlertResource) -> Alert:
    scopes = [str(each) for each in rule.scopes or ()]
    return Alert(
        name=str(rule.name), app=_name_of(scopes[0]) if scopes else "",
        conditions=tuple(_condition(each) for each in getattr(rule.criteria, "all_of", None) or ()),
        window=rule.window_size or timedelta(), frequency=rule.evaluation_frequency or timedelta(),
        severity=int(rule.severity or 0), enabled=bool(rule.enabled), description=rule.description or "",
        auto_mitigate=rule.auto_mitigate is not False,
        action_groups=tuple(str(each.action_group_id) for each in rule.actions or ()),
    )  # fmt: skip


def _condition(criterion: Any) -> Condition:
    dimensions = tuple(
        Dimension(each.name, tuple(each.values or ()), exclude=str(each.operator).lower() == "exclude")
        for each in criterion.dimensions or ()
    )
    threshold = getattr(criterion, "threshold", 0.0)  # one that Azure learns has none
    return Condition(
        criterion.metric_name, str(criterion.time_aggregation), str(criterion.operator), float(threshold or 0.0),
        dimensions,
    )  # fmt: skip


def _name_of(scope: str) -> str:
    try:
        return parse_id(scope).name
    except ValueError:
        return scope
