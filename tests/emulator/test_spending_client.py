"""Our own client against the emulator: budgets, alerts, bills and advice, by the SDKs with nothing faked between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from aca_notebook.api.advising import patch_of, settings_of
from aca_notebook.api.owner import made_beside
from aca_notebook.api.workspace import Workspace
from aca_notebook.errors import NotFound, Throttled, UsageFailed
from aca_notebook.model.advice import Observed, decide_advice
from aca_notebook.model.price import price_list
from tests.emulator.nouns.test_budgets import DAY, look, status
from tests.emulator.running import Running, running_emulator
from tests.emulator.spending import A100, A100_HOUR_USD, ran
from tests.emulator.test_client_on_bad_days import target
from tests.emulator.test_faults import put_in_force
from tests.fakes.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def emulator(data_dir: Path) -> Iterator[Running]:
    with running_emulator(data_dir, elapsed_seconds=2.5 * DAY) as running:
        yield running


@pytest.fixture
def workspace(emulator: Running) -> Iterator[Workspace]:
    """On a target that says that nobody there keeps budgets, as Azure's does."""
    url = emulator.environment["AZURE_RESOURCE_MANAGER_URL"]
    where = replace(target(emulator), metrics=url, enforces_expiry=False)
    with Workspace(where, ManualClock(emulator.clock.now())) as made:
        yield made


def test_a_budget_is_made_listed_and_removed_and_lies_on_the_group(workspace: Workspace, emulator: Running) -> None:
    emulator.deploy()
    ran(emulator, 1.0, **A100)
    made = workspace.budgets.create("10USD/day", stop=True, emails=["a@example.org"])
    assert made.state.spent == pytest.approx(A100_HOUR_USD, rel=1e-3)
    assert (made.state.reached, made.enforced) == ((50.0,), False)
    workspace.budgets.create("7USD/month", app="scorer")
    assert [each.budget.limit for each in workspace.budgets.list()] == ["10 USD/day", "7 USD/month"]
    tags = emulator.ask("GET", emulator.group, params={"api-version": "2024-11-01"}).json()["tags"]
    assert tags == {"aca-notebook-budget": "10 USD/day stop", "aca-notebook-budget-scorer": "7 USD/month"}
    path = f"{emulator.group}/providers/Microsoft.Consumption/budgets"
    found = emulator.ask("GET", path, params={"api-version": "2023-05-01"}).json()["value"]
    assert {each["name"]: each["properties"]["amount"] for each in found} == {
        "aca-notebook": 310.0, "aca-notebook-scorer": 7.0,
    }  # fmt: skip
    workspace.budgets.delete("scorer")
    workspace.budgets.delete()
    assert workspace.budgets.list() == ()
    for refused, code in (("5EUR/day", "CurrencyNotSupported"), ("much", "UsageError")):
        with pytest.raises(UsageFailed) as failed:
            workspace.budgets.create(refused)
        assert failed.value.code == code
    with pytest.raises(NotFound, match="has no budget"):
        workspace.budgets.delete()


def test_where_nobody_keeps_budgets_the_kernel_does(workspace: Workspace, emulator: Running) -> None:
    emulator.deploy("scorer")
    emulator.deploy("other")
    ran(emulator, 1.0, **A100)
    workspace.budgets.create("5USD/day", app="scorer", stop=True)
    workspace.loop.run(workspace.budgets.keep())
    assert (status(emulator, "scorer"), status(emulator, "other")) == ("Stopped", "Running")
    workspace.loop.run(workspace.budgets.keep())  # once more does no harm


def test_the_platform_keeps_a_budget_that_the_client_has_made(workspace: Workspace, emulator: Running) -> None:
    emulator.deploy()
    ran(emulator, 1.0, **A100)
    workspace.budgets.create("6USD/day", stop=True)
    look(emulator)
    emulator.eventually(lambda: status(emulator) == "Stopped")


def test_what_was_billed_comes_by_day_and_meter_with_its_note(workspace: Workspace, emulator: Running) -> None:
    for name in ("scorer", "other"):
        emulator.deploy(name)
        ran(emulator, 1.0, name, began_hours_ago=30, **A100)
    emulator.deploy("gone")
    ran(emulator, 1.0, "gone", began_hours_ago=30, **A100)
    emulator.follow(emulator.ask("DELETE", emulator.app_path("gone")))
    billing = workspace._access.services.billing
    now = emulator.clock.now()
    rows = workspace.loop.run(billing.billed(emulator.group, now - timedelta(days=2), now))
    assert sum(row.amount for row in rows) == pytest.approx(3 * A100_HOUR_USD)
    assert {row.note for row in rows} == {"estimated, nothing was billed"}
    assert len({row.resource for row in rows}) == 3
    assert {row.day.isoformat() for row in rows} == {"2026-01-02"}
    assert workspace.loop.run(billing.billed(emulator.group, now - timedelta(days=40), now - timedelta(days=35))) == ()


def test_a_bill_that_cannot_be_read_says_when_to_ask_again_and_leaves_the_estimate(
    workspace: Workspace, emulator: Running
) -> None:
    emulator.deploy()
    put_in_force(emulator, "throttle retry_after=600 on=CostQuery_Usage")
    billing, now = workspace._access.services.billing, emulator.clock.now()
    with pytest.raises(Throttled) as slow:
        workspace.loop.run(billing.billed(emulator.group, now - timedelta(days=1), now))
    assert "600 seconds" in slow.value.hint
    assert workspace.budgets.create("5USD/day").state.spent == 0.0


def test_an_alert_is_made_listed_and_removed_with_whom_it_tells(workspace: Workspace, emulator: Running) -> None:
    emulator.deploy()
    made = workspace.alerts.create(
        "busy", "scorer", "total Requests > 100 where statusCodeCategory includes 5xx",
        webhooks=["http://127.0.0.1:9/told"], severity=1,
    )  # fmt: skip
    assert (made.app, made.severity, made.window, made.state) == ("scorer", 1, timedelta(minutes=5), "unknown")
    assert [each.rpartition("/")[2] for each in made.action_groups] == ["aca-notebook-busy"]
    [found] = workspace.alerts.list()
    assert (found.conditions, found.state) == (made.conditions, "healthy")
    for condition, code in (("total Wishes > 1", "MetricNotFound"), ("total Requests > 1 where mood includes good",
                            "DimensionNotFound"), ("sum Requests > 1", "UsageError")):  # fmt: skip
        with pytest.raises(UsageFailed) as failed:
            workspace.alerts.create("bad", "scorer", condition)
        assert failed.value.code == code
    with pytest.raises(UsageFailed, match="no window of"):
        workspace.alerts.create("bad", "scorer", "total Requests > 1", window=timedelta(minutes=7))
    workspace.alerts.delete("busy")
    assert workspace.alerts.list() == ()
    with pytest.raises(NotFound):
        workspace.alerts.delete("busy")
    groups = f"{emulator.group}/providers/Microsoft.Insights/actionGroups"
    assert emulator.ask("GET", groups, params={"api-version": "2023-01-01"}).json()["value"] == []


def test_too_little_is_no_advice_and_changes_nothing(workspace: Workspace, emulator: Running) -> None:
    emulator.deploy()
    assert "requests it takes" in workspace.advisor.advise("scorer").refusal
    with pytest.raises(UsageFailed, match="too little") as failed:
        workspace.advisor.apply("scorer")
    assert "of the 60 minutes it takes" in failed.value.detail


def test_what_is_advised_is_a_change_that_azure_takes(workspace: Workspace, emulator: Running) -> None:
    body = emulator.body()
    body["properties"]["template"]["containers"][0]["resources"] = {"cpu": 2, "memory": "4Gi"}
    body["properties"]["template"]["scale"] = {
        "minReplicas": 1, "maxReplicas": 4,
        "rules": [{"name": "calls", "http": {"metadata": {"concurrentRequests": "7"}}}],
    }  # fmt: skip
    emulator.deploy(body=body)
    seen = Observed(
        86400.0, 86400.0, 8640.0, 500.0, cpu_peak_cores=0.3, memory_peak_bytes=2e8, replicas_peak=2.0,
    )  # fmt: skip
    state = workspace.apps["scorer"].state
    advice = decide_advice(settings_of(state), seen, price_list("eastus"))
    assert {each.name for each in advice.proposals} >= {"cpu and memory", "min_replicas"}
    apps = workspace._access.services.apps
    change = patch_of(workspace.loop.run(apps.document("scorer")), advice)
    workspace.loop.run(apps.patch("scorer", change))
    changed = workspace.apps["scorer"].state
    assert (changed.cpu_cores, changed.memory_bytes, changed.min_replicas, changed.max_replicas) == (
        advice.wanted.cpu_cores, advice.wanted.memory_bytes, 0, 4,
    )  # fmt: skip
    assert changed.concurrency == advice.wanted.concurrency
    assert changed.latest_revision != state.latest_revision


def test_where_the_platform_keeps_budgets_its_own_figure_counts(emulator: Running) -> None:
    emulator.deploy()
    ran(emulator, 1.0, "gone", **A100)
    url = emulator.environment["AZURE_RESOURCE_MANAGER_URL"]
    where = replace(target(emulator), metrics=url, enforces_expiry=True)
    with Workspace(where, ManualClock(emulator.clock.now())) as workspace:
        made = workspace.budgets.create("10USD/day")
    assert (made.enforced, made.state.spent) == (True, pytest.approx(A100_HOUR_USD))


def test_what_is_made_beside_apps_is_found_and_taken_down_with_all_the_rest(
    workspace: Workspace, emulator: Running
) -> None:
    emulator.deploy()
    workspace.alerts.create("busy", "scorer", "total Requests > 100", webhooks=["http://127.0.0.1:9/told"])
    workspace.session_pools.create("mine")
    traces = workspace._access.services.traces
    workspace.loop.run(traces.ensure("local-traces", made_beside("local")))
    doomed = workspace.setup.doomed()
    assert [(each.kind, each.name, each.note) for each in doomed] == [
        ("alert", "busy", ""), ("action group", "aca-notebook-busy", ""), ("session pool", "mine", ""),
        ("traces", "local-traces", "app scorer may use it"),
    ]  # fmt: skip
    workspace.setup.take_down(doomed)
    assert [each.name for each in workspace.setup.doomed()] == ["local-traces"]
