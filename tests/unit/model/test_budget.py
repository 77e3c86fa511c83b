"""Budgets as people write them, as tags keep them, and as they stand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.model.budget import Budget, decide_budget, parse_limit, read_budgets

NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "amount", "period", "currency"),
    [
        ("5USD/day", 5.0, "day", "USD"), ("120 usd / Month", 120.0, "month", "USD"),
        ("0.25EUR/day", 0.25, "day", "EUR"),
    ],
)  # fmt: skip
def test_a_limit_is_read_as_people_write_it(text: str, amount: float, period: str, currency: str) -> None:
    found = parse_limit(text)
    assert (found.amount, found.period, found.currency) == (amount, period, currency)


@pytest.mark.parametrize(
    "text", ["", "5", "5USD", "USD/day", "-5USD/day", "0USD/day", "5USD/week", "5.123USD/day", "1e9"]
)
def test_what_is_no_limit_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="5USD/day"):
        parse_limit(text)


def test_a_month_of_days_and_when_a_period_began_and_ends() -> None:
    daily, monthly = Budget(5.0, "day"), Budget(120.0, "month")
    assert (daily.monthly_amount(NOON), monthly.monthly_amount(NOON)) == (140.0, 120.0)
    assert (daily.began(NOON), daily.ends(NOON)) == (datetime(2026, 2, 3, tzinfo=UTC), datetime(2026, 2, 4, tzinfo=UTC))
    assert (monthly.began(NOON), monthly.ends(NOON)) == (
        datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spent", "reached", "over"),
    [(0.0, (), False), (2.49, (), False), (2.5, (50.0,), False), (4.0, (50.0, 80.0), False),
     (5.0, (50.0, 80.0, 100.0), True), (50.0, (50.0, 80.0, 100.0), True)],
)  # fmt: skip
def test_thresholds_are_reached_in_order(spent: float, reached: tuple[float, ...], *, over: bool) -> None:
    state = decide_budget(Budget(5.0), spent)
    assert (state.reached, state.over) == (reached, over)


@given(
    amount=st.decimals(min_value="0.01", max_value="100000", places=2).map(float),
    period=st.sampled_from(("day", "month")),
    stop=st.booleans(), app=st.from_regex(r"[a-z][a-z0-9]{0,10}(-[a-z0-9]{1,5})?", fullmatch=True) | st.just(""),
)  # fmt: skip
def test_a_tag_gives_back_what_was_written(amount: float, period: str, app: str, *, stop: bool) -> None:
    budget = Budget(amount, period, stop=stop, app=app)
    assert read_budgets({budget.tag: budget.tag_value(), "other": "tag"}) == (budget,)
    assert len(budget.tag_value()) <= 256


@given(st.text(max_size=40))
def test_a_tag_that_somebody_else_wrote_is_no_budget_and_no_failure(value: str) -> None:
    for budget in read_budgets({"aca-notebook-budget": value, "ACA-Notebook-Budget-x": value}):
        assert budget.amount > 0
