"""Each thing a deployment needs is judged from its document, and what fails says what mends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aca_notebook.model import checkup
from aca_notebook.model.checkup import Mend, Outcome
from aca_notebook.model.gpu import SERVERLESS_A100, SERVERLESS_T4
from aca_notebook.model.roles import ACR_PULL

REGION = [{"name": "Consumption-GPU-NC8as-T4"}, {"name": "D4"}]
REGISTRY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r"


def environment(*types: str, logs: str = "log-analytics", state: str = "Succeeded") -> dict:
    profiles = [{"name": each.lower(), "workloadProfileType": each} for each in types]
    return {
        "name": "env",
        "location": "East US",
        "properties": {
            "provisioningState": state,
            "workloadProfiles": profiles,
            "appLogsConfiguration": {"destination": logs},
        },
    }


def usage(name: str, used: float, limit: float) -> dict:
    return {"name": {"value": name}, "currentValue": used, "limit": limit}


def seen(checks) -> dict[str, Outcome]:
    return {check.name: check.outcome for check in checks}


@pytest.mark.parametrize(
    ("state", "outcome"), [("Registered", Outcome.OK), ("Registering", Outcome.WARN), ("NotRegistered", Outcome.FAIL)]
)
def test_a_provider_must_be_registered_which_takes_a_while(state: str, outcome: Outcome) -> None:
    found = checkup.judge_provider("Microsoft.App", state)
    assert found.outcome is outcome
    assert (found.mend is Mend.REGISTER) == (outcome is not Outcome.OK)
    assert ("az provider register -n Microsoft.App" in found.command) == (outcome is not Outcome.OK)


def test_an_environment_that_failed_or_keeps_no_logs_is_told() -> None:
    assert seen(checkup.judge_environment(environment(), "eastus")) == {"environment": Outcome.OK, "logs": Outcome.OK}
    failed = checkup.judge_environment(environment(state="Failed", logs="none"), "eastus")
    assert seen(failed) == {"environment": Outcome.FAIL, "logs": Outcome.WARN}


def test_a_command_that_mends_names_the_environments_own_group() -> None:
    there = {"id": "/subscriptions/s/resourceGroups/team/providers/Microsoft.App/managedEnvironments/env"}
    *_, logs = checkup.judge_environment(environment(logs="none") | there, "eastus")
    *_, profile = checkup.judge_gpu(SERVERLESS_T4, environment("Consumption") | there, REGION, ())
    assert " -n env -g team " in logs.command
    assert " -n env -g team " in profile.command


def test_an_environment_in_another_region_than_the_prices_is_told() -> None:
    (_, region, _) = checkup.judge_environment(environment(), "westus2")
    assert region.outcome is Outcome.WARN
    assert region.command == "%aca target azure -l eastus"


@pytest.mark.parametrize(
    ("profiles", "usages", "wanted", "outcomes"),
    [
        (("Consumption", "Consumption-GPU-NC8as-T4"), [usage("SubscriptionConsumptionT4Gpus", 1, 8)], SERVERLESS_T4,
         {"region": "ok", "quota": "ok", "GPU profile": "ok"}),
        (("Consumption",), [usage("SubscriptionConsumptionT4Gpus", 8, 8)], SERVERLESS_T4,
         {"region": "ok", "quota": "fail", "GPU profile": "warn"}),
        (("Consumption",), [], SERVERLESS_A100, {"region": "fail", "GPU profile": "warn"}),
        ((), [usage("SubscriptionConsumptionT4Gpus", 0, 0)], SERVERLESS_T4,
         {"region": "ok", "quota": "fail", "GPU profile": "fail"}),
    ],
    ids=["all is there", "no quota left", "another region", "an environment without profiles"],
)  # fmt: skip
def test_a_gpu_needs_a_region_a_quota_and_a_profile(profiles, usages, wanted, outcomes) -> None:
    checks = checkup.judge_gpu(wanted, environment(*profiles), REGION, usages)
    assert seen(checks) == outcomes
    assert all(check.command for check in checks if check.outcome is Outcome.FAIL)


@pytest.mark.parametrize(
    ("principal", "holder", "role", "outcome"),
    [
        ("me", "ME", ACR_PULL.upper(), Outcome.OK),
        ("me", "me", "b24988ac-6180-42a0-ab88-20f7382dd24c", Outcome.FAIL),
        ("me", "another", ACR_PULL, Outcome.FAIL),
        ("", "me", ACR_PULL, Outcome.FAIL),
    ],
)
def test_the_environments_identity_must_hold_acr_pull(principal, holder, role, outcome) -> None:
    assigned = [{"principalId": holder, "roleDefinitionId": f"/x/roleDefinitions/{role}"}]
    found = checkup.judge_pull(principal, assigned, REGISTRY)
    assert found.outcome is outcome
    assert (found.mend is Mend.ROLE) == (outcome is Outcome.FAIL and bool(principal))


def test_a_role_that_was_given_just_now_is_told_with_the_seconds_it_may_take() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assigned = [{"principalId": "me", "roleDefinitionId": f"/{ACR_PULL}", "createdOn": now - timedelta(seconds=40)}]
    young = checkup.judge_pull("me", assigned, REGISTRY, now)
    assert (young.outcome, "40 s ago" in young.said, "560 s more" in young.said) == (Outcome.WARN, True, True)
    assert checkup.judge_pull("me", assigned, REGISTRY, now + timedelta(minutes=10)).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("valid", "there", "ours", "outcome"),
    [("too long", False, False, Outcome.FAIL), ("", False, False, Outcome.OK), ("", True, True, Outcome.OK),
     ("", True, False, Outcome.WARN)],
)  # fmt: skip
def test_a_name_must_be_valid_and_free_or_ours(valid: str, *, there: bool, ours: bool, outcome: Outcome) -> None:
    assert checkup.judge_name("scorer", valid=valid, there=there, ours=ours).outcome is outcome


def test_nothing_that_limits_what_is_spent_is_worth_a_word_where_somebody_pays() -> None:
    assert checkup.judge_budget((), charges=True).command == "%aca budget 5USD/day --stop"
    assert checkup.judge_budget((), charges=False).outcome is Outcome.OK
    assert checkup.judge_budget(("5USD/day, stops",), charges=True).said == "5USD/day, stops"
