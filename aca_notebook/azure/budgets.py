"""Budgets of the target's group: Azure's own, and beside it the tag that says what that cannot (`model.budget`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.azure import faults
from aca_notebook.errors import NotFound
from aca_notebook.model.budget import read_budgets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aca_notebook.azure.connection import Connection
    from aca_notebook.model.budget import Budget


class Budgets:
    """Reads and writes both; the tag is written last and removed first, for it is what is enforced."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        target = connection.target
        self._group = target.resource_group
        self._scope = f"subscriptions/{target.subscription_id}/resourceGroups/{target.resource_group}"

    async def put(self, budget: Budget, now: datetime, emails: Sequence[str] = ()) -> None:
        """Make a budget or write over it; mails are sent by Azure at 50, 80 and 100 %."""
        from azure.mgmt.costmanagement import models

        app = self._connection.target.app_id(budget.app) if budget.app else None
        only = models.BudgetFilter(dimensions=models.BudgetComparisonExpression(
            name="ResourceId", operator="In", values_property=[str(app)],
        )) if app else None  # fmt: skip
        notifications = {
            f"actual{percent}": models.Notification(
                enabled=True, operator="GreaterThanOrEqualTo", threshold=percent, threshold_type="Actual",
                contact_emails=list(emails),
            )
            for percent in (50, 80, 100)
        } if emails else None  # fmt: skip
        month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        properties = models.BudgetProperties(
            category="Cost", amount=budget.monthly_amount(now), time_grain="Monthly", filter=only,
            time_period=models.BudgetTimePeriod(start_date=month),
            notifications=notifications,
        )  # fmt: skip
        with faults.translated(f"the budget of {budget.limit}"):
            await self._connection.cost_management.budgets.create_or_update(
                self._scope, budget.resource_name, models.Budget(properties=properties)
            )
        await self._tag("Merge", {budget.tag: budget.tag_value()})

    async def list(self) -> tuple[Budget, ...]:
        """Return the budgets that the group's tags name."""
        with faults.translated(f"group {self._group!r}"):
            group = await self._connection.resources.resource_groups.get(self._group)
        return read_budgets(dict(group.tags or {}))

    async def delete(self, budget: Budget) -> None:
        """Remove a budget; one that is gone is gone."""
        await self._tag("Delete", {budget.tag: budget.tag_value()})
        try:
            with faults.translated(f"the budget of {budget.limit}"):
                await self._connection.cost_management.budgets.delete(self._scope, budget.resource_name)
        except NotFound:
            return

    async def _tag(self, operation: str, tags: dict[str, str]) -> None:
        from azure.mgmt.resource.resources.models import Tags, TagsPatchResource

        patch = TagsPatchResource(operation=operation, properties=Tags(tags=tags))
        with faults.translated(f"the tags of group {self._group!r}"):
            poller = await self._connection.resources.tags.begin_update_at_scope(self._scope, patch)
            await poller.result()
