"""Alerts and budgets, as people make them with the CLI; the condition is that of the Container Apps GPU guide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.azure_cli.shell import HELLO
from tests.emulator.spending import webhook

if TYPE_CHECKING:
    from tests.azure_cli.shell import Az


@pytest.fixture(scope="module")
def app(az: Az, environment: str) -> str:
    """The id of an app."""
    az(f"containerapp create -n busy --environment {environment} --image {HELLO} --ingress external --target-port 80")
    return str(az("containerapp show -n busy")["id"])


def test_a_metric_alert_of_the_guide_is_made_shown_listed_and_deleted(az: Az, app: str) -> None:
    with webhook() as told:
        group = az(f"monitor action-group create -n people --action webhook hook {told.url} usecommonalertschema")
        made = az(
            f"monitor metrics alert create --name high-gpu-usage --scopes {app} --window-size 5m "
            f"--evaluation-frequency 1m --action {group['id']} --condition", "avg Requests > 100",
        )  # fmt: skip
        (criterion,) = made["criteria"]["allOf"]
        assert [criterion[name] for name in ("metricName", "operator", "threshold", "timeAggregation")] == [
            "Requests", "GreaterThan", 100.0, "Average",
        ]  # fmt: skip
        az(
            f"monitor metrics alert create --name failing --scopes {app} --severity 1 --condition",
            "total Requests > 0 where statusCodeCategory includes 5xx or 4xx",
        )
        listed = az("monitor metrics alert list")
        assert sorted(each["name"] for each in listed) == ["failing", "high-gpu-usage"]
        (dimension,) = az("monitor metrics alert show -n failing")["criteria"]["allOf"][0]["dimensions"]
        assert (dimension["name"], dimension["operator"], dimension["values"]) == (
            "statusCodeCategory", "Include", ["5xx", "4xx"],
        )  # fmt: skip
        az("monitor metrics alert update -n failing --enabled false")
        assert az("monitor metrics alert show -n failing")["enabled"] is False
        for name in ("failing", "high-gpu-usage"):
            az(f"monitor metrics alert delete -n {name}")
        assert az("monitor metrics alert list") == []


def test_a_budget_is_made_and_listed_and_the_bill_is_asked_for(az: Az, app: str) -> None:
    made = az(
        "consumption budget create --budget-name month --amount 50 --category cost --time-grain monthly "
        "--start-date 2026-11-01 --end-date 2027-11-01"
    )
    assert (made["name"], float(made["amount"]), made["timeGrain"]) == ("month", 50.0, "Monthly")
    assert [each["name"] for each in az("consumption budget list")] == ["month"]
    az("consumption budget delete --budget-name month")
    group = app.partition("/providers/")[0]
    asked = '{"type":"Usage","timeframe":"MonthToDate","dataset":{"granularity":"None"}}'
    url = f"{group}/providers/Microsoft.CostManagement/query?api-version=2025-03-01"
    answer = az("rest --method post", "--url", url, "--body", asked)
    assert answer is None or answer["tags"] == {"note": "estimated, nothing was billed"}
