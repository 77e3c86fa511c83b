from __future__ import annotations

import pytest

from aca_notebook.model import gpu, states


def test_az_upper_cases_a_profile_type_and_it_is_found_all_the_same():
    assert gpu.find_profile_type("CONSUMPTION-GPU-NC8AS-T4") is gpu.SERVERLESS_T4


def test_a_gpu_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match="T4 or A100"):
        gpu.gpu_profile_type("H100")


@pytest.mark.parametrize("entry", gpu.CATALOGUE, ids=lambda entry: entry.name)
def test_the_name_we_give_a_profile_is_short_enough_for_azure(entry):
    assert len(gpu.profile_name(entry)) <= 15


def test_only_consumption_profiles_are_serverless():
    assert {entry.name for entry in gpu.CATALOGUE if entry.serverless} == {
        "Consumption", "Consumption-GPU-NC8as-T4", "Consumption-GPU-NC24-A100",
    }  # fmt: skip


def test_a_state_is_known_in_any_case_and_a_new_one_is_kept_as_text():
    assert states.known(states.RunningStatus, "running") is states.RunningStatus.RUNNING
    assert states.known(states.RevisionRunningState, "Hibernating") == "Hibernating"


def test_a_state_is_terminal_when_nothing_more_happens_by_itself():
    assert {state for state in states.ProvisioningState if state.terminal} == {
        states.ProvisioningState.SUCCEEDED, states.ProvisioningState.FAILED, states.ProvisioningState.CANCELED,
    }  # fmt: skip
