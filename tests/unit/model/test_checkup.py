"""Each thing a deployment needs is judged from its document, and what fails says what mends it."""

from __future__ import annotations

import pytest

from aca_notebook.model import checkup
from aca_notebook.model.checkup import Mend, Outcome
from aca_notebook.model.gpu import SERVERLESS_A100, SERVERLESS_T4

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
        ("me", "ME", checkup.ACR_PULL.upper(), Outcome.OK),
        ("me", "me", "b24988ac-6180-42a0-ab88-20f7382dd24c", Outcome.FAIL),
        ("me", "another", checkup.ACR_PULL, Outcome.FAIL),
        ("", "me", checkup.ACR_PULL, Outcome.FAIL),
    ],
)
def test_the_environments_identity_must_hold_acr_pull(principal, holder, role, outcome) -> None:
    assigned = [{"principalId": holder, "roleDefinitionId": f"/x/roleDefinitions/{role}"}]
    found = checkup.judge_pull(principal, assigned, REGISTRY)
    assert found.outcome is outcome
    assert (found.mend is Mend.ROLE) == (outcome is Outcome.FAIL and bool(principal))
