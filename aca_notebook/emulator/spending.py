"""What running costs and who is told of it, wired: bills, prices, budgets and alerts.

A part of the composition root, which is long enough without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.alert_watch import AlertWatch
from aca_notebook.emulator.arm.alerts import ActionGroups, MetricAlerts
from aca_notebook.emulator.arm.bills import Bills
from aca_notebook.emulator.arm.budget_guard import BudgetGuard
from aca_notebook.emulator.arm.budgets import Budgets
from aca_notebook.emulator.arm.cost_queries import CostQueries
from aca_notebook.emulator.arm.notices import Notices
from aca_notebook.emulator.arm.retail_prices import RetailPrices

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from aca_notebook.emulator.arm.budget_guard import Halts, Stops
    from aca_notebook.emulator.arm.stored import Keeping
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.settings import Pace
    from aca_notebook.emulator.telemetry.service import Telemetry
    from aca_notebook.emulator.wire import Route


class Spending:
    """`own_ports` are the emulator's, to which nothing is posted; `hosts` may be told beside this machine."""

    def __init__(  # noqa: PLR0913  # it is a part of the composition root
        self, *, keeping: Keeping, database: Database, telemetry: Telemetry, apps: Stops, jobs: Halts, pace: Pace,
        own_ports: Callable[[], Collection[int]], hosts: Collection[str] = (),
    ) -> None:  # fmt: skip
        store, clock, subscription = keeping.store, keeping.clock, keeping.scope.subscription_id
        self.bills = Bills(meters=telemetry.meters, store=store, database=database, clock=clock, pace=pace)
        self._notices = Notices(store=store, database=database, clock=clock, own_ports=own_ports, hosts=hosts)
        self._watch = AlertWatch(
            store=store, database=database, metrics=telemetry, notices=self._notices, clock=clock,
            subscription=subscription,
        )  # fmt: skip
        budgets = Budgets(keeping, self.bills)
        self._guard = BudgetGuard(
            store=store, database=database, bills=self.bills, budgets=budgets, apps=apps, jobs=jobs,
            notices=self._notices, clock=clock, subscription=subscription,
        )  # fmt: skip
        self._nouns = (
            CostQueries(keeping.scope, self.bills, clock),
            RetailPrices(),
            budgets,
            MetricAlerts(keeping, self._watch.statuses),
            ActionGroups(keeping),
        )

    def routes(self) -> list[Route]:
        """All of them."""
        return [route for noun in self._nouns for route in noun.routes()]

    async def start(self) -> None:
        """Look after budgets and alerts; tell what was not told. To be called when operations can begin."""
        await self.bills.start()
        self._notices.start()
        self._watch.start()
        self._guard.start()

    async def close(self) -> None:
        """Look no more, tell no more; what was not told is told at the next start."""
        await self._guard.close()
        await self._watch.close()
        await self._notices.close()
