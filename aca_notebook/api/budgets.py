"""Budgets of a workspace's group: made, looked at, and kept while this kernel runs where the platform keeps none."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aca_notebook.api.twin import blocking
from aca_notebook.azure.faults import NETWORK_ERRORS
from aca_notebook.errors import AcaError, NotFound, ServiceFailed, UsageFailed
from aca_notebook.model.budget import Budget, BudgetState, decide_budget, parse_limit
from aca_notebook.model.rate import USD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aca_notebook.api.access import Access
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.model.app import AppState

logger = logging.getLogger(__name__)

#: How often the guard of this kernel looks, where the platform has none.
LOOK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """A budget as it stands: how much is spent, until when, and who keeps it.

    `enforced` is whether the platform itself keeps it; else it is kept while this kernel runs. `charged` is whether
    anybody is billed for what is counted.
    """

    state: BudgetState
    ends_at: datetime
    enforced: bool
    charged: bool

    @property
    def budget(self) -> Budget:
        """What it is."""
        return self.state.budget


class Budgets:
    """Blocking methods have a twin to await (`budgets.create.aio(…)`)."""

    def __init__(self, workspace: Workspace, access: Access) -> None:
        self._workspace = workspace
        self._access = access
        self._guarding = False
        self._told: set[tuple[str, str, float]] = set()

    @property
    def _loop(self) -> PrivateLoop:
        return self._workspace.loop

    @blocking
    async def create(
        self, limit: str | Budget, *, app: str = "", stop: bool = False, emails: Sequence[str] = ()
    ) -> BudgetStanding:  # fmt: skip
        """Make a budget of `5USD/day` or `120USD/month` for the group, or for one app, and return how it stands.

        At 50, 80 and 100 % it warns; with `stop`, what it covers is stopped when nothing is left. Raises `UsageFailed`
        for what is no budget, `NotFound` for an app that is not there.
        """
        budget = replace(_read(limit), app=app, stop=stop)
        if budget.currency != USD:
            raise UsageFailed(
                f"a budget is kept in US dollars here, not in {budget.currency}", code="CurrencyNotSupported",
                hint=f"%aca budget {budget.amount:g}USD/{budget.period}",
            )  # fmt: skip
        if app:
            await self._workspace.read_state(app)
        now = self._workspace.clock.now()
        await self._access.ask(lambda services: services.budgets.put(budget, now, emails))
        return await self._standing(budget)

    @blocking
    async def list(self) -> tuple[BudgetStanding, ...]:
        """Return every budget of the group, its own first."""
        found = await self._access.ask(lambda services: services.budgets.list())
        return tuple(await asyncio.gather(*(self._standing(each) for each in found)))

    @blocking
    async def delete(self, app: str = "") -> None:
        """Remove the group's budget, or one app's. Raises `NotFound` when there is none."""
        found = await self._access.ask(lambda services: services.budgets.list())
        budget = next((each for each in found if each.app == app.lower()), None)
        if budget is None:
            of = f"app {app!r}" if app else "the group"
            raise NotFound(
                f"{of} has no budget", status=404, code="BudgetNotFound", hint="%aca budget list shows those there are"
            )
        await self._access.ask(lambda services: services.budgets.delete(budget))

    async def _standing(self, budget: Budget) -> BudgetStanding:
        now, target = self._workspace.clock.now(), self._access.target
        self._guard()
        return BudgetStanding(
            decide_budget(budget, await self.spent(budget)), budget.ends(now), target.enforces_expiry, target.charges
        )

    async def spent(self, budget: Budget) -> float:
        """What went of a budget in its present period: the bill or the estimate, whichever is ahead.

        The bill knows apps that are gone, and is late; the estimate knows the past minute, and only what is there.
        Where the platform keeps budgets itself, its own figure is what it stops by.
        """
        began, now = budget.began(self._workspace.clock.now()), self._workspace.clock.now()
        estimated, billed = await asyncio.gather(self._estimated(budget, began, now), self._billed(budget, began, now))
        return billed if billed and self._access.target.enforces_expiry else max(estimated, billed)

    async def _estimated(self, budget: Budget, began: datetime, now: datetime) -> float:
        states = [app.state for app in await self._workspace.read_apps() if _covers(budget, app.state)]
        if not states or now <= began:
            return 0.0
        frame = await self._workspace.costs.frame_of(states, now - began)
        within = frame[frame["at"] >= began]
        return float(within["total_usd"].sum())

    async def _billed(self, budget: Budget, began: datetime, now: datetime) -> float:
        from aca_notebook.api.billed import read_bill

        try:
            rows = await read_bill(self._access, budget.app, (began, now))
        except ServiceFailed as refused:  # no right to read costs, or too many questions: there is the estimate still
            logger.debug("the bill cannot be read: %s", refused)
            return 0.0
        return sum(row.amount for row in rows)

    def _guard(self) -> None:
        """Keep budgets from this kernel on, where nobody else does."""
        if not self._access.target.enforces_expiry and not self._guarding:
            self._guarding = True
            self._loop.start(self._keep_for_ever())

    async def _keep_for_ever(self) -> None:
        while True:
            await self._workspace.clock.sleep(LOOK_SECONDS)
            try:
                await self.keep()
            except (AcaError, *NETWORK_ERRORS) as failed:
                logger.debug("budgets could not be looked at: %s", failed)

    async def keep(self) -> None:
        """Look at every budget once: warn of what is reached, stop what is over."""
        for budget in await self._access.ask(lambda services: services.budgets.list()):
            state = decide_budget(budget, await self.spent(budget))
            self._warn(state)
            if state.over and budget.stop:
                await self._stop(budget)

    def _warn(self, state: BudgetState) -> None:
        began = f"{state.budget.began(self._workspace.clock.now()):%Y-%m-%d}"
        for threshold in state.reached:
            key = (state.budget.tag, began, threshold)
            if key not in self._told and threshold == state.reached[-1]:
                of = f" of {state.budget.app!r}" if state.budget.app else ""
                logger.warning("%.0f %% of the budget%s of %s is spent", state.percent, of, state.budget.limit)
            self._told.add(key)

    async def _stop(self, budget: Budget) -> None:
        for app in await self._workspace.read_apps():
            if _covers(budget, app.state) and app.state.running_status.lower() != "stopped":
                logger.warning("%r is stopped: the budget of %s is spent", app.name, budget.limit)
                await self._stop_app(app.name)

    async def _stop_app(self, name: str) -> None:
        await self._access.ask(lambda services: services.apps.stop(name))


def _covers(budget: Budget, state: AppState) -> bool:
    return not budget.app or budget.app.lower() == state.name.lower()


def _read(limit: str | Budget) -> Budget:
    if isinstance(limit, Budget):
        return limit
    try:
        return parse_limit(limit)
    except ValueError as bad:
        raise UsageFailed(str(bad), code="UsageError", hint="%aca budget 5USD/day --stop") from bad
