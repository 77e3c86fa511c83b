"""Keeps budgets: tells action groups when a threshold is reached, and stops what is over where its tag says so.

How much is spent is a fold of the journal, so it is the same after kill -9; which thresholds somebody was told of is
written together with what was done for them. Nothing that runs here is billed: this is what it would have cost.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.emulator.arm.app_lifecycle import APP_TYPE
from aca_notebook.emulator.arm.budget_rules import active, period_began, reached
from aca_notebook.emulator.arm.executions import JOB_TYPE
from aca_notebook.emulator.journal.database import append_event, delete_document, put_document
from aca_notebook.emulator.journal.events import BudgetReached
from aca_notebook.emulator.rounds import Rounds
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.budget import BUDGET_TAG, decide_budget, read_budgets
from aca_notebook.model.ids import ResourceId, app_id, parse_id
from aca_notebook.model.states import RunningStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.bills import Bills
    from aca_notebook.emulator.arm.budgets import Budgets
    from aca_notebook.emulator.arm.notices import Notices
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.journal.database import Database, Statement
    from aca_notebook.model.budget import Budget, BudgetState

logger = logging.getLogger(__name__)

GROUP_TYPE = "Microsoft.Resources/resourceGroups"
LOOK_SECONDS = 15.0
_KIND = "budget-told"


class Stops(Protocol):
    """The way an app is stopped when somebody asks for it."""

    async def stop(self, id_: ResourceId, *also: Statement) -> None:
        """Begin, with further statements in the same transaction. Raises `AzureError`."""
        ...


class Halts(Protocol):
    """The way the executions of a job are stopped when somebody asks for it."""

    async def stop_running(self, id_: ResourceId) -> int:
        """Stop what runs, and return how many executions that were. Raises `AzureError`."""
        ...


class BudgetGuard:
    """Looks every few seconds, at this emulator's clock."""

    def __init__(  # noqa: PLR0913  # it is a part of the composition root
        self, *, store: Store, database: Database, bills: Bills, budgets: Budgets, apps: Stops, jobs: Halts,
        notices: Notices,
        clock: Clock, subscription: str,
    ) -> None:  # fmt: skip
        self._store = store
        self._bills = bills
        self._budgets = budgets
        self._apps = apps
        self._jobs = jobs
        self._notices = notices
        self._clock = clock
        self._subscription = subscription
        self._told: dict[str, dict[str, Any]] = database.documents(_KIND)
        self._rounds = Rounds("budgets", self.once, pause=lambda: LOOK_SECONDS, clock=clock)

    def start(self) -> None:
        """Look from now on."""
        self._rounds.start()

    async def close(self) -> None:
        """Look no more."""
        await self._rounds.close()

    async def once(self) -> None:
        """Look at every budget once. Raises `AzureError` when the disk is full."""
        standing: set[str] = set()
        for group in self._store.list(GROUP_TYPE, self._subscription):
            tags = group.get("tags") or {}
            if any(name.lower().startswith(BUDGET_TAG) for name in tags):
                for budget in read_budgets(tags):
                    standing.add(await self._keep(parse_id(group["id"]), budget))
        for document in self._budgets.all():
            standing.add(await self._tell(document))
        gone = [key for key in self._told if key not in standing]
        if gone:  # an ended period, or a budget that is there no more
            await self._store.write(*(delete_document(_KIND, key) for key in gone))
            for key in gone:
                del self._told[key]

    async def _keep(self, group: ResourceId, budget: Budget) -> str:
        """Look at a budget that a tag names; return what its thresholds are remembered under."""
        now = self._clock.now()
        scope = app_id(group.subscription, group.resource_group, budget.app) if budget.app else group
        lines = await self._bills.lines(scope, budget.began(now), now)
        state = decide_budget(budget, sum(line.cost for line in lines))
        key = f"{group.key}|{budget.tag}|{budget.tag_value()}|{budget.began(now):%Y-%m-%d}"
        fresh = [each for each in state.reached if each not in self._thresholds(key)]
        covered = self._covered(group, budget)
        if fresh:
            told = put_document(_KIND, key, {"thresholds": list(state.reached)})
            said = (append_event(self._event(state, id_, fresh[-1])) for id_ in covered)
            await self._store.write(told, *said)
            self._told[key] = {"thresholds": list(state.reached)}
            logger.warning("%.0f %% of the budget of %s is spent", state.percent, budget.limit)
        if state.over and budget.stop:
            await self._stop(state, covered)
            await self._halt(state, group)
        return key

    async def _stop(self, state: BudgetState, covered: Sequence[ResourceId]) -> None:
        for id_ in covered:
            document = self._store.get(id_)
            if document is None or document["properties"].get("runningStatus") == RunningStatus.STOPPED:
                continue
            try:
                await self._apps.stop(id_, append_event(self._event(state, id_, state.percent, stopped=True)))
                logger.warning("%s is stopped: the budget of %s is spent", id_, state.budget.limit)
            except AzureError as busy:  # another operation runs on it; it is still over at the next look
                logger.info("%s is not stopped yet: %s", id_, busy)

    async def _halt(self, state: BudgetState, group: ResourceId) -> None:
        """End what runs of the group's jobs; a budget of one app leaves them alone."""
        if state.budget.app:
            return
        for document in self._store.list(JOB_TYPE, self._subscription, group.resource_group):
            id_ = parse_id(document["id"])
            if await self._jobs.stop_running(id_):
                logger.warning("%s is stopped: the budget of %s is spent", id_, state.budget.limit)
                said = self._event(state, id_, state.percent, stopped=True)
                await self._store.write(append_event(said))

    def _event(
        self, state: BudgetState, id_: ResourceId, percent: float, *, stopped: bool = False
    ) -> BudgetReached:  # fmt: skip
        budget = state.budget
        return BudgetReached(
            at=self._clock.now(), app=id_.key, budget=budget.resource_name, limit=budget.limit, percent=percent,
            spent_usd=state.spent, stopped=stopped,
        )  # fmt: skip

    def _covered(self, group: ResourceId, budget: Budget) -> list[ResourceId]:
        found = self._store.list(APP_TYPE, self._subscription, group.resource_group)
        ids = [parse_id(each["id"]) for each in found]
        return [id_ for id_ in ids if not budget.app or id_.name.lower() == budget.app.lower()]

    async def _tell(self, document: dict[str, Any]) -> str:
        """Tell the action groups of one of Azure's budgets; return what that is remembered under."""
        properties, now = document["properties"], self._clock.now()
        began = period_began(properties, now)
        key = f"{str(document['id']).lower()}|{properties['amount']}|{began:%Y-%m-%d}"
        if not active(properties, now) or not properties["notifications"]:
            return key
        spent = await self._budgets.spent(document)
        crossed = reached(properties, spent)
        fresh = [name for name in crossed if name not in self._thresholds(key)]
        if fresh:
            notices = [notice for name in fresh for notice in self._prepared(document, name, spent)]
            told = put_document(_KIND, key, {"thresholds": [*self._thresholds(key), *fresh]})
            await self._store.write(told, *(each.statement() for each in notices))
            self._told[key] = {"thresholds": [*self._thresholds(key), *fresh]}
            self._notices.send(notices)
        return key

    def _prepared(self, document: dict[str, Any], name: str, spent: float) -> Iterable[Any]:
        properties = document["properties"]
        notification = properties["notifications"][name]
        made = budget_payload(document, notification["threshold"], spent)
        return self._notices.prepare(notification.get("contactGroups") or (), lambda _: made)

    def _thresholds(self, key: str) -> Sequence[Any]:
        body = self._told.get(key)
        return body["thresholds"] if body else ()


def budget_payload(document: dict[str, Any], threshold: float, spent: float) -> dict[str, Any]:
    """Return what an action group's webhook is sent for a budget (documented: budget alerts)."""
    id_, properties = parse_id(document["id"]), document["properties"]
    return {
        "schemaId": "AIP Budget Notification",
        "data": {
            "SubscriptionName": "Local emulator",
            "SubscriptionId": id_.subscription,
            "ResourceGroup": id_.resource_group,
            "SpendingAmount": f"{spent:.2f}",
            "BudgetStartDate": properties["timePeriod"]["startDate"],
            "Budget": f"{properties['amount']:g}",
            "Unit": "USD",
            "BudgetCreator": "",
            "BudgetName": document["name"],
            "BudgetType": "Cost",
            "NotificationThresholdAmount": f"{properties['amount'] * threshold / 100:.2f}",
            "Note": "estimated, nothing was billed",
        },
    }
