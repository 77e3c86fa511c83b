"""Metric alerts are evaluated by what the metrics API answers, and webhooks are told over real HTTP."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.monitor import models as monitor

from aca_notebook.emulator.arm.notices import RETRY_SECONDS
from tests.emulator.running import Running, running_emulator
from tests.emulator.spending import action_group, answered, webhook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MINUTE = 60.0


def rule(emulator: Running, group: str, **changed: Any) -> dict[str, Any]:
    criterion = {
        "name": "busy", "metricName": "Requests", "operator": "GreaterThan", "threshold": 5, "timeAggregation": "Total",
    } | changed.pop("criterion", {})  # fmt: skip
    return {
        "location": "global",
        "properties": {
            "severity": 2, "enabled": True, "scopes": [emulator.app_path()], "evaluationFrequency": "PT1M",
            "windowSize": "PT5M", "actions": [{"actionGroupId": group, "webHookProperties": {"team": "vision"}}],
            "criteria": {
                "odata.type": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria", "allOf": [criterion],
            },
        } | changed,
    }  # fmt: skip


def put(emulator: Running, body: dict[str, Any], name: str = "busy") -> Any:
    path = f"{emulator.group}/providers/Microsoft.Insights/metricAlerts/{name}"
    return emulator.ask("PUT", path, body, params={"api-version": "2018-03-01"})


def statuses(emulator: Running, name: str = "busy") -> list[dict[str, Any]]:
    path = f"{emulator.group}/providers/Microsoft.Insights/metricAlerts/{name}/status"
    found = emulator.ask("GET", path, params={"api-version": "2018-03-01"}).json()["value"]
    return [each["properties"] for each in found]


def minutes(emulator: Running, count: int, requests: int = 0, name: str = "busy") -> None:
    """Let minutes pass, each with so many requests; returns when the rule was evaluated at the end of each."""
    for _ in range(count):
        answered(emulator, requests)
        emulator.advance(MINUTE)
        evaluated(emulator, name)


def evaluated(emulator: Running, name: str = "busy") -> None:
    now = f"{emulator.clock.now():%Y-%m-%dT%H:%M}"

    def holds() -> bool:
        found = statuses(emulator, name)
        return bool(found) and all(each["timestamp"] >= now for each in found)

    emulator.eventually(holds)


def seen(emulator: Running, *, fired: bool) -> None:
    wanted = "Unhealthy" if fired else "Healthy"
    emulator.eventually(lambda: [each["status"] for each in statuses(emulator)] == [wanted])


def test_an_alert_fires_and_is_resolved_and_its_webhook_hears_of_both(
    sdk: Callable[[type], Any], emulator: Running
) -> None:
    emulator.deploy()
    with webhook() as told:
        client = sdk(MonitorManagementClient)
        group = client.action_groups.create_or_update("local", "people", monitor.ActionGroupResource(
            location="Global", group_short_name="people", enabled=True,
            webhook_receivers=[monitor.WebhookReceiver(
                name="hook", service_uri=told.url, use_common_alert_schema=True,
            )],
        ))  # fmt: skip
        criterion = monitor.MetricCriteria(
            name="busy", metric_name="Requests", operator="GreaterThan", threshold=5, time_aggregation="Total"
        )
        client.metric_alerts.create_or_update("local", "busy", monitor.MetricAlertResource(
            location="global", severity=2, enabled=True, scopes=[emulator.app_path()], evaluation_frequency="PT1M",
            window_size="PT5M", description="too much",
            criteria=monitor.MetricAlertSingleResourceMultipleMetricCriteria(all_of=[criterion]),
            actions=[monitor.MetricAlertAction(
                action_group_id=group.id, web_hook_properties={"team": "vision"},
            )],
        ))  # fmt: skip
        minutes(emulator, 1, requests=5)
        seen(emulator, fired=False)
        minutes(emulator, 1, requests=1)
        told.wait(1)
        [status] = client.metric_alerts_status.list("local", "busy").value
        assert status.properties.status == "Unhealthy"
        minutes(emulator, 2, requests=0)  # both are within the window still
        assert len(told.bodies) == 1
        minutes(emulator, 6)
        told.wait(2)
    fired, resolved = told.bodies
    essentials, context = fired["data"]["essentials"], fired["data"]["alertContext"]
    assert fired["schemaId"] == "azureMonitorCommonAlertSchema"
    assert {name: essentials[name] for name in ("alertRule", "severity", "signalType", "monitorCondition")} == {
        "alertRule": "busy", "severity": "Sev2", "signalType": "Metric", "monitorCondition": "Fired",
    }  # fmt: skip
    assert essentials["alertTargetIDs"] == [emulator.app_path().lower()]
    assert essentials["description"] == "too much"
    [condition] = context["condition"]["allOf"]
    assert (condition["metricName"], condition["metricValue"], condition["threshold"]) == ("Requests", 6.0, "5")
    assert context["condition"]["windowSize"] == "PT5M"
    assert fired["data"]["customProperties"] == {"team": "vision"}
    assert resolved["data"]["essentials"]["monitorCondition"] == "Resolved"
    assert resolved["data"]["essentials"]["alertId"] == essentials["alertId"]
    assert resolved["data"]["essentials"]["firedDateTime"] == essentials["firedDateTime"]


def test_without_auto_mitigation_it_fires_each_time_and_the_older_schema_says_activated(emulator: Running) -> None:
    emulator.deploy()
    with webhook() as told:
        group = action_group(emulator, told.url, common=False)
        put(emulator, rule(emulator, group, autoMitigate=False, windowSize="PT1M"))
        for count in (1, 2):
            minutes(emulator, 1, requests=9)
            told.wait(count)
    first, second = told.bodies
    assert (first["schemaId"], first["data"]["status"]) == ("AzureMonitorMetricAlert", "Activated")
    assert first["data"]["context"]["resourceName"] == "scorer"
    assert second["data"]["context"]["condition"]["allOf"][0]["metricValue"] == 9.0


def test_what_a_dimension_names_is_watched_apart(emulator: Running) -> None:
    emulator.deploy()
    dimension = {"name": "statusCodeCategory", "operator": "Include", "values": ["*"]}
    with webhook() as told:
        put(emulator, rule(emulator, action_group(emulator, told.url), criterion={"dimensions": [dimension]}))
        answered(emulator, 3, status=200)
        answered(emulator, 7, status=500)
        emulator.advance(MINUTE)
        evaluated(emulator)
        told.wait(1)
    [condition] = told.bodies[0]["data"]["alertContext"]["condition"]["allOf"]
    assert condition["dimensions"] == [{"name": "statuscodecategory", "value": "5xx"}]
    assert sorted((each["dimensions"]["statuscodecategory"], each["status"]) for each in statuses(emulator)) == [
        ("2xx", "Healthy"), ("5xx", "Unhealthy"),
    ]  # fmt: skip


def test_a_webhook_that_fails_is_asked_again_as_azure_asks(
    emulator: Running, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO, "aca_notebook.emulator.arm.notices")
    emulator.deploy()
    with webhook(503, 429, 200) as told:
        put(emulator, rule(emulator, action_group(emulator, told.url)))
        minutes(emulator, 1, requests=9)
        told.wait(1)
        for count, pause in enumerate(RETRY_SECONDS[:2], start=2):
            answer_is_in = f"again in {pause:g} s"
            emulator.eventually(lambda said=answer_is_in: statuses(emulator) is not None and said in caplog.text)
            emulator.advance(pause)
            told.wait(count)
    assert told.bodies[0] == told.bodies[1] == told.bodies[2]


def test_a_state_is_kept_over_a_restart_and_nothing_else_is_told(data_dir: Path) -> None:
    with webhook() as told:
        with running_emulator(data_dir) as emulator:
            emulator.deploy()
            put(emulator, rule(emulator, action_group(emulator, told.url), windowSize="PT15M"))
            minutes(emulator, 1, requests=9)
            told.wait(1)
        with running_emulator(data_dir, elapsed_seconds=61) as emulator:
            assert [each["status"] for each in statuses(emulator)] == ["Unhealthy"]
            minutes(emulator, 1, requests=9)
            seen(emulator, fired=True)
            # One that was posted and not yet crossed off when the emulator stopped is posted once more, as it was.
            assert all(body == told.bodies[0] for body in told.bodies)
            emulator.ask(
                "DELETE", f"{emulator.group}/providers/Microsoft.Insights/metricAlerts/busy",
                params={"api-version": "2018-03-01"},
            )  # fmt: skip
            put(emulator, rule(emulator, "", enabled=False))
            assert statuses(emulator) == []


def test_what_was_not_told_yet_is_told_after_a_restart(data_dir: Path) -> None:
    with webhook(503, 200) as told:
        with running_emulator(data_dir) as emulator:
            emulator.deploy()
            put(emulator, rule(emulator, action_group(emulator, told.url)))
            minutes(emulator, 1, requests=9)
            told.wait(1)
        with running_emulator(data_dir, elapsed_seconds=61):
            first, again = told.wait(2)
    assert first == again


def test_the_emulator_does_not_post_to_itself(emulator: Running, caplog: pytest.LogCaptureFixture) -> None:
    emulator.deploy()
    own = f"{emulator.environment['AZURE_RESOURCE_MANAGER_HTTP_URL']}/_emulator/status"
    put(emulator, rule(emulator, action_group(emulator, own)))
    minutes(emulator, 1, requests=9)
    emulator.eventually(lambda: statuses(emulator) is not None and "the emulator itself" in caplog.text)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"windowSize": "PT7M"}, "windowSize"), ({"evaluationFrequency": "PT1H"}, "must not be shorter"),
        ({"criterion": {"operator": "Near"}}, "operator"), ({"criterion": {"threshold": "a"}}, "to number"),
        ({"criterion": {"timeAggregation": "Median"}}, "timeAggregation"), ({"criteria": {"allOf": []}}, "1 to 5"),
        ({"criterion": {"dimensions": [{"name": "podName", "values": []}]}}, "needs a name and values"),
    ],
)  # fmt: skip
def test_a_rule_that_azure_would_refuse(emulator: Running, changed: dict[str, Any], words: str) -> None:
    answer = put(emulator, rule(emulator, "", **changed))
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (400, True), answer.text
