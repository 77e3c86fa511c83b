"""Budgets: Azure's own, told of at their thresholds, and those of a group's tags, by which what is over is stopped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.costmanagement import CostManagementClient
from azure.mgmt.costmanagement import models as costs

from aca_notebook.emulator.arm.budget_guard import LOOK_SECONDS
from tests.emulator.running import Running, running_emulator
from tests.emulator.spending import A100, A100_HOUR_USD, action_group, ran, starts, webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DAY = 24 * 3600.0


@pytest.fixture
def emulator(data_dir: Path) -> Iterator[Running]:
    """Noon of the third day."""
    with running_emulator(data_dir, elapsed_seconds=2.5 * DAY) as running:
        yield running


@pytest.fixture
def client(sdk: Callable[[type], Any]) -> CostManagementClient:
    return sdk(CostManagementClient)


def budget(**changed: Any) -> dict[str, Any]:
    period = {"startDate": "2026-01-01T00:00:00Z"}
    return {"properties": {"category": "Cost", "amount": 10, "timeGrain": "Monthly", "timePeriod": period} | changed}


def put(emulator: Running, body: dict[str, Any], name: str = "small", provider: str = "Microsoft.Consumption") -> Any:
    path = f"{emulator.group}/providers/{provider}/budgets/{name}"
    return emulator.ask("PUT", path, body, params={"api-version": "2024-08-01"})


def tag(emulator: Running, **tags: str) -> None:
    path = emulator.group
    body = {"location": "eastus", "tags": {name.replace("_", "-"): value for name, value in tags.items()}}
    assert emulator.ask("PUT", path, body, params={"api-version": "2024-11-01"}).status_code == 200


def status(emulator: Running, name: str = "scorer") -> str:
    return str(emulator.ask("GET", emulator.app_path(name)).json()["properties"]["runningStatus"])


def told(emulator: Running, name: str = "scorer") -> list[tuple[float, bool]]:
    found = emulator.emulator._database.events(emulator.app_path(name).lower())
    return [(event.percent, event.stopped) for _, event in found if type(event).__name__ == "BudgetReached"]


def look(emulator: Running) -> None:
    emulator.advance(LOOK_SECONDS)


def test_a_budget_is_one_resource_by_either_of_its_names(client: CostManagementClient, emulator: Running) -> None:
    scope = emulator.group[1:]
    made = client.budgets.create_or_update(scope, "small", costs.Budget(properties=costs.BudgetProperties(
        category="Cost", amount=10.0, time_grain="Monthly",
        time_period=costs.BudgetTimePeriod(start_date=datetime(2026, 1, 1, tzinfo=UTC)),
        notifications={"half": costs.Notification(
            enabled=True, operator="GreaterThan", threshold=50, contact_emails=["a@example.org"],
        )},
    )))  # fmt: skip
    assert (made.amount, made.time_grain, made.current_spend.amount) == (10.0, "Monthly", 0.0)
    ran(emulator, 1.0, **A100)
    [found] = client.budgets.list(scope)
    assert found.current_spend.amount == pytest.approx(A100_HOUR_USD)
    assert found.time_period.end_date == datetime(2036, 1, 1, tzinfo=UTC)
    path = f"{emulator.group}/providers/Microsoft.Consumption/budgets/small"
    other = emulator.ask("GET", path, params={"api-version": "2023-05-01"}).json()
    assert (other["type"], other["properties"]["amount"]) == ("Microsoft.Consumption/budgets", 10.0)
    assert made.id == path.replace("Consumption", "CostManagement")
    stale = emulator.ask("PUT", path, budget() | {"eTag": '"old"'}, params={"api-version": "2023-05-01"})
    assert stale.status_code == 412
    client.budgets.delete(scope, "small")
    with pytest.raises(ResourceNotFoundError):
        client.budgets.get(scope, "small")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"amount": 0}, "greater than 0"), ({"timeGrain": "Daily"}, "must be one of"),
        ({"amount": None}, "'amount' is"),
        ({"timePeriod": {"startDate": "2026-01-02"}}, "first of a month"),
        ({"timePeriod": {"startDate": "2016-01-01"}}, "June 1, 2017"),
        ({"timePeriod": {"startDate": "2026-01-01", "endDate": "2025-01-01"}}, "before the end date"),
        ({"timePeriod": {"startDate": "9999-01-01"}}, "is no date"),
        ({"notifications": {"a": {"enabled": True, "operator": "GreaterThan", "threshold": 90}}}, "contact"),
        ({"notifications": {"a": {"enabled": True, "operator": "GreaterThan", "threshold": 2000}}}, "from 0 to 1000"),
        ({"filter": {"or": []}}, "one of and, not"), ({"category": "ReservationUtilization"}, "category Cost"),
    ],
)  # fmt: skip
def test_a_budget_that_azure_would_refuse(emulator: Running, changed: dict[str, Any], words: str) -> None:
    answer = put(emulator, budget(**changed))
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_an_action_group_is_told_once_of_a_threshold(emulator: Running) -> None:
    with webhook() as hook:
        notification = {
            "enabled": True, "operator": "GreaterThanOrEqualTo", "threshold": 50,
            "contactGroups": [action_group(emulator, hook.url)],
        }  # fmt: skip
        other = {"dimensions": {"name": "ResourceId", "operator": "In", "values": [emulator.app_path("other")]}}
        assert put(emulator, budget(notifications={"half": notification})).status_code == 201
        assert put(emulator, budget(notifications={"half": notification}, filter=other), "others").status_code == 201
        ran(emulator, 1.0, **A100)
        look(emulator)
        [body] = hook.wait(1)
        for _ in range(3):
            look(emulator)
            emulator.ask("GET", emulator.group)
        assert len(hook.bodies) == 1
    assert body["schemaId"] == "AIP Budget Notification"
    assert body["data"]["BudgetName"] == "small"
    assert (body["data"]["SpendingAmount"], body["data"]["NotificationThresholdAmount"]) == ("6.35", "5.00")


def test_what_is_over_is_stopped_and_its_log_says_why(emulator: Running) -> None:
    emulator.deploy("scorer")
    emulator.deploy("other")
    tag(emulator, aca_notebook_budget="6 USD/day stop")
    ran(emulator, 1.0, began_hours_ago=20, **A100)  # yesterday is over
    starts(emulator, dollars_a_minute=12.0)
    look(emulator)  # 3 USD
    emulator.eventually(lambda: told(emulator) == [(50.0, False)])
    assert status(emulator) == "Running"
    look(emulator)
    emulator.eventually(lambda: {status(emulator), status(emulator, "other")} == {"Stopped"})
    [warned, reached, stopped] = told(emulator)
    assert (warned, reached, stopped[1]) == ((50.0, False), (100.0, False), True)
    emulator.eventually(lambda: _settled(emulator))
    emulator.follow(emulator.ask("POST", f"{emulator.app_path()}/start"))
    look(emulator)
    emulator.eventually(lambda: status(emulator) == "Stopped")


def _settled(emulator: Running) -> bool:
    return emulator.ask("GET", emulator.app_path()).json()["properties"]["provisioningState"] == "Succeeded"


def test_a_budget_of_one_app_leaves_the_others_alone_and_one_without_stop_warns(emulator: Running) -> None:
    for name in ("scorer", "other", "third"):
        emulator.deploy(name)
    tag(emulator, aca_notebook_budget="100 USD/month", aca_notebook_budget_scorer="1 USD/day stop",
        aca_notebook_budget_other="1 USD/day")  # fmt: skip
    ran(emulator, 1.0, "scorer", **A100)
    ran(emulator, 1.0, "other", **A100)
    look(emulator)
    emulator.eventually(lambda: status(emulator, "scorer") == "Stopped")
    emulator.eventually(lambda: told(emulator, "other") == [(100.0, False)])
    assert (status(emulator, "other"), status(emulator, "third"), told(emulator, "third")) == ("Running", "Running", [])


def test_thresholds_are_remembered_and_spending_goes_on_counting_over_a_restart(data_dir: Path) -> None:
    with running_emulator(data_dir, elapsed_seconds=2.5 * DAY) as emulator:
        emulator.deploy()
        tag(emulator, aca_notebook_budget="10 USD/day stop")
        ran(emulator, 1.0, **A100)
        look(emulator)
        emulator.eventually(lambda: told(emulator) == [(50.0, False)])
    with running_emulator(data_dir, elapsed_seconds=2.6 * DAY) as emulator:
        starts(emulator, dollars_a_minute=20.0)
        look(emulator)
        emulator.eventually(lambda: status(emulator) == "Stopped")
        assert [percent for percent, stopped in told(emulator) if not stopped] == [50.0, 100.0]


def test_another_day_is_another_budget(data_dir: Path) -> None:
    with running_emulator(data_dir, elapsed_seconds=2.5 * DAY) as emulator:
        emulator.deploy()
        tag(emulator, aca_notebook_budget="5 USD/day stop")
        ran(emulator, 1.0, **A100)
    with running_emulator(data_dir, elapsed_seconds=3.1 * DAY) as emulator:
        starts(emulator, dollars_a_minute=11.0)
        look(emulator)
        emulator.eventually(lambda: told(emulator) == [(50.0, False)])
        assert status(emulator) == "Running"
