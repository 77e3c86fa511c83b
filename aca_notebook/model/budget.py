"""A budget: so much a day or a month, of one app or of a whole group, and what happens when it is reached. Pure.

The record is on the resource group: a budget of Azure's own, which knows months, and a tag that says what that cannot:
days, and that what is over is stopped.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from aca_notebook.model.quantities import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The tag of a group's budget; that of one app has the app's name after it and a hyphen.
BUDGET_TAG = "aca-notebook-budget"
#: Percentages of a budget at which somebody is told.
THRESHOLDS = (50.0, 80.0, 100.0)
DAY, MONTH = "day", "month"
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d{1,2})?)\s*([A-Za-z]{3})\s*/\s*(day|month)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Budget:
    """`amount` of `currency` a `period` (`day`, `month`, in UTC); `app` empty means all of the group."""

    amount: float
    period: str = DAY
    currency: str = "USD"
    stop: bool = False
    app: str = ""

    @property
    def tag(self) -> str:
        """The name of its tag."""
        return f"{BUDGET_TAG}-{self.app}" if self.app else BUDGET_TAG

    @property
    def resource_name(self) -> str:
        """The name of Azure's own budget beside the tag."""
        return f"aca-notebook-{self.app}" if self.app else "aca-notebook"

    @property
    def limit(self) -> str:
        """How people write it: `5 USD/day`."""
        return f"{plain(Decimal(str(self.amount)))} {self.currency}/{self.period}"

    def tag_value(self) -> str:
        """What stands in its tag."""
        return f"{self.limit} stop" if self.stop else self.limit

    def monthly_amount(self, now: datetime) -> float:
        """What it comes to in the month of `now`."""
        days = calendar.monthrange(now.year, now.month)[1] if self.period == DAY else 1
        return round(self.amount * days, 2)

    def began(self, now: datetime) -> datetime:
        """When its present period began."""
        day = 1 if self.period == MONTH else now.day
        return datetime(now.year, now.month, day, tzinfo=UTC)

    def ends(self, now: datetime) -> datetime:
        """When the next period begins."""
        began = self.began(now)
        days = calendar.monthrange(now.year, now.month)[1] if self.period == MONTH else 1
        return began + timedelta(days=days)


@dataclass(frozen=True, slots=True)
class BudgetState:
    """How a budget stands: `reached` are the thresholds that were, in percent."""

    budget: Budget
    spent: float
    reached: tuple[float, ...]

    @property
    def percent(self) -> float:
        """What is spent of it."""
        return 100.0 * self.spent / self.budget.amount

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self.spent >= self.budget.amount


def decide_budget(budget: Budget, spent: float) -> BudgetState:
    """Return how a budget stands after so much was spent in its period."""
    percent = 100.0 * spent / budget.amount
    return BudgetState(budget, spent, tuple(each for each in THRESHOLDS if percent >= each))


def parse_limit(text: str) -> Budget:
    """Return the budget written `5USD/day` or `120 EUR/month`.

    Raises `ValueError` for anything else, zero included.
    """
    match = _AMOUNT.fullmatch(text)
    try:
        amount = float(Decimal(match[1])) if match else 0.0
    except InvalidOperation:  # pragma: no cover  # the pattern lets numbers pass alone
        amount = 0.0
    if match is None or not 0 < amount <= 1e9:
        raise ValueError(f"{text!r} is no budget; write it like 5USD/day or 120USD/month")
    return Budget(amount, match[3].lower(), match[2].upper())


def read_budgets(tags: Mapping[str, str]) -> tuple[Budget, ...]:
    """Return the budgets that a group's tags name, the group's own first; what cannot be read is none."""
    found = []
    for name, value in sorted(tags.items(), key=lambda item: item[0].lower()):
        folded = name.lower()
        if folded != BUDGET_TAG and not folded.startswith(f"{BUDGET_TAG}-"):
            continue
        limit, _, rest = value.strip().partition(" stop")
        try:
            read = parse_limit(limit)
        except ValueError:
            continue
        stop = value.strip().endswith(" stop") and not rest
        found.append(Budget(read.amount, read.period, read.currency, stop=stop, app=folded[len(BUDGET_TAG) + 1 :]))
    return tuple(found)
