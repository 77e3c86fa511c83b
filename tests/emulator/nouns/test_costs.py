"""Cost Management and the Retail Prices API, asked by the unmodified SDK over HTTPS, and by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.costmanagement import CostManagementClient
from azure.mgmt.costmanagement import models as costs

from tests.emulator.running import Running, running_emulator
from tests.emulator.spending import A100, A100_HOUR_USD, answered, ran

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DAY = 24 * 3600.0


@pytest.fixture
def emulator(data_dir: Path) -> Iterator[Running]:
    """Three days into the month, and nothing has run yet."""
    with running_emulator(data_dir, elapsed_seconds=3 * DAY) as running:
        yield running


@pytest.fixture
def client(sdk: Callable[[type], Any]) -> CostManagementClient:
    return sdk(CostManagementClient)


def question(**changed: Any) -> costs.QueryDefinition:
    dataset = costs.QueryDataset(
        granularity="Daily",
        aggregation={"totalCost": costs.QueryAggregation(name="Cost", function="Sum")},
        grouping=[costs.QueryGrouping(type="Dimension", name=each) for each in ("ResourceId", "Meter")],
    )
    return costs.QueryDefinition(**{"type": "ActualCost", "timeframe": "MonthToDate", "dataset": dataset} | changed)


def ask(emulator: Running, body: dict[str, Any], path: str = "", **parameters: str) -> Any:
    url = f"{path or emulator.group}/providers/Microsoft.CostManagement/query"
    return emulator.ask("POST", url, body, params={"api-version": "2025-03-01", **parameters})


def plain(**dataset: Any) -> dict[str, Any]:
    return {"type": "Usage", "timeframe": "MonthToDate", "dataset": {"granularity": "None"} | dataset}


def test_an_a100_hour_costs_what_the_list_says_by_day_resource_and_meter(
    client: CostManagementClient, emulator: Running
) -> None:
    emulator.deploy()
    ran(emulator, 1.0, began_hours_ago=70, **A100)
    found = client.query.usage(emulator.group[1:], question())
    assert found is not None
    assert [each.name for each in found.columns] == ["Cost", "UsageDate", "ResourceId", "Meter", "Currency"]
    assert {(row[1], row[2], row[4]) for row in found.rows} == {(20260101, emulator.app_path().lower(), "USD")}
    assert {row[3]: round(row[0], 6) for row in found.rows} == {
        "Standard NC A100 v4 GPU Usage": 1.9044,
        "Standard Memory Active Usage": 2.376,
        "Standard vCPU Active Usage": 2.0736,
    }
    assert sum(row[0] for row in found.rows) == pytest.approx(A100_HOUR_USD)
    assert found.tags == {"note": "estimated, nothing was billed"}
    assert found.next_link is None


def test_a_period_of_whole_days_and_a_filter_leave_out_the_rest(
    client: CostManagementClient, emulator: Running
) -> None:
    for name in ("scorer", "other"):
        emulator.deploy(name)
    ran(emulator, 2.0, "scorer", began_hours_ago=60)
    ran(emulator, 2.0, "other", began_hours_ago=60)
    ran(emulator, 2.0, "scorer")
    period = costs.QueryTimePeriod(
        from_property=datetime(2026, 1, 1, 5, tzinfo=UTC), to=datetime(2026, 1, 2, 1, tzinfo=UTC)
    )
    only = costs.QueryFilter(dimensions=costs.QueryComparisonExpression(
        name="ResourceId", operator="In", values_property=[emulator.app_path("scorer").upper()],
    ))  # fmt: skip
    used = {"used": costs.QueryAggregation(name="UsageQuantity", function="Sum")}
    dataset = costs.QueryDataset(
        granularity="None", filter=only, aggregation=used,
        grouping=[costs.QueryGrouping(type="Dimension", name="Meter")],
    )  # fmt: skip
    found = client.query.usage(emulator.group, question(timeframe="Custom", time_period=period, dataset=dataset))
    assert [list(row) for row in found.rows] == [
        [7200.0, "Standard Memory Active Usage", "USD"], [3600.0, "Standard vCPU Active Usage", "USD"],
    ]  # fmt: skip


def test_azure_knows_late_what_was_used_at_its_own_pace(data_dir: Path) -> None:
    with running_emulator(data_dir, pace=1.0, elapsed_seconds=DAY) as emulator:
        ran(emulator, 1.0, "late")
        assert ask(emulator, plain()).status_code == 204
    with running_emulator(data_dir, pace=1.0, elapsed_seconds=DAY + 8 * 3600.0) as emulator:
        [row] = ask(emulator, plain()).json()["properties"]["rows"]
        assert row == [pytest.approx(0.5 * 0.0864 + 0.0108), "USD"]


def test_what_was_deleted_is_still_on_the_bill_with_its_tags_even_after_a_restart(data_dir: Path) -> None:
    by_tag = plain(grouping=[{"type": "TagKey", "name": "Team"}, {"type": "Dimension", "name": "ResourceLocation"}])
    with running_emulator(data_dir, elapsed_seconds=DAY) as emulator:
        emulator.deploy(body=emulator.body() | {"tags": {"team": "vision"}})
        ran(emulator, 1.0)
        emulator.follow(emulator.ask("DELETE", emulator.app_path()))
        before = ask(emulator, by_tag).json()["properties"]
        assert [each["name"] for each in before["columns"]] == [
            "Cost", "TagKey", "TagValue", "ResourceLocation", "Currency",
        ]  # fmt: skip
        assert [row[1:] for row in before["rows"]] == [["team", "vision", "eastus", "USD"]]
    with running_emulator(data_dir, elapsed_seconds=DAY + 60) as emulator:
        assert ask(emulator, by_tag).json()["properties"]["rows"] == before["rows"]


def test_requests_are_charged_by_the_million(emulator: Running) -> None:
    emulator.deploy()
    answered(emulator, 50)
    emulator.advance(61)
    only = {"dimensions": {"name": "Meter", "operator": "In", "values": ["Standard Requests"]}}
    measures = {name: {"name": name, "function": "Sum"} for name in ("Cost", "UsageQuantity")}
    [row] = ask(emulator, plain(filter=only, aggregation=measures)).json()["properties"]["rows"]
    assert row == [pytest.approx(50 * 0.40 / 1e6), pytest.approx(50 / 1e6), "USD"]


def test_a_long_answer_comes_in_pages_that_are_asked_for_by_post(emulator: Running) -> None:
    emulator.deploy()
    for days in (0, 1, 2):
        ran(emulator, 1.0, began_hours_ago=24 * days + 2)
    body = plain(granularity="Daily")
    first = ask(emulator, body, **{"$top": "2"}).json()["properties"]
    assert len(first["rows"]) == 2
    rest = emulator.ask("POST", first["nextLink"], body).json()["properties"]
    assert (len(rest["rows"]), rest["nextLink"]) == (1, None)
    assert [row[1] for row in (*first["rows"], *rest["rows"])] == [20260101, 20260102, 20260103]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"type": "Wishes"}, "type must be one of"),
        ({"timeframe": "Yesterday"}, "timeframe must be one of"),
        ({"timeframe": "Custom", "timePeriod": {"from": "2026-01-02", "to": "2026-01-01"}}, "must not be after"),
        ({"timeframe": "Custom", "timePeriod": {"from": "2024-01-01", "to": "2026-01-01"}}, "cannot exceed 1 year"),
        ({"dataset": {"grouping": [{"type": "Dimension", "name": "Mood"}]}}, "Invalid dataset grouping: 'Mood'; valid"),
        ({"dataset": {"grouping": [{"type": "Dimension", "name": "Meter"}] * 3}}, "2 members at most"),
        ({"dataset": {"aggregation": {"a": {"name": "Cost", "function": "Average"}}}}, "function must be one of Sum"),
        ({"dataset": {"filter": {"dimensions": {"name": "Meter", "operator": "Near", "values": ["x"]}}}}, "operator"),
        ({"dataset": {"filter": {"and": [{"tags": {"name": "a", "operator": "In", "values": ["b"]}}]}}}, "2 members"),
        ({"dataset": {"filter": {"moods": {}}}}, "one of and, or, dimensions and tags"),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_read_is_refused_in_words(
    emulator: Running, changed: dict[str, Any], words: str
) -> None:  # fmt: skip
    answer = ask(emulator, plain() | changed)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    assert words in answer.json()["error"]["message"]


def test_the_sdk_raises_what_it_cannot_ask(client: CostManagementClient, emulator: Running) -> None:
    with pytest.raises(HttpResponseError, match="Invalid query definition"):
        client.query.usage(emulator.group, question(type="Wishes"))


def test_list_prices_are_for_anybody_and_dated(emulator: Running) -> None:
    url = f"{emulator.environment['AZURE_RESOURCE_MANAGER_HTTP_URL']}/api/retail/prices"
    wanted = "serviceName eq 'Azure Container Apps' and armRegionName eq 'eastus' and contains(meterName, 'A100')"
    answer = emulator.ask(
        "GET", url, params={"$filter": wanted, "currencyCode": "'USD'"}, headers={"Authorization": ""}
    )
    [item] = answer.json()["Items"]
    assert (item["retailPrice"], item["unitOfMeasure"], item["effectiveStartDate"]) == (
        0.000529, "1 Second", "2026-08-01T00:00:00Z",
    )  # fmt: skip
    assert answer.json()["NextPageLink"] is None
    assert answer.json()["Count"] == 1


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"currencyCode": "XXX"}, "currency code 'XXX'"), ({"$filter": "mood eq 'good'"}, "nothing called 'mood'"),
        ({"$filter": "meterName gt 'a'"}, "no operator 'gt'"), ({"$filter": "meterName eq"}, "ends too early"),
        ({"$filter": "(" * 60}, "nested too deeply"), ({"$skip": "x"}, "$skip must be a number"),
    ],
)  # fmt: skip
def test_prices_that_there_are_not(emulator: Running, asked: dict[str, str], words: str) -> None:
    answer = emulator.ask("GET", "/api/retail/prices", params=asked)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
