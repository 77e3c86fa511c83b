"""Which workload profile an app runs on, from the ways people name one."""

from __future__ import annotations

import pytest

from aca_notebook.api.placing import Place, placed
from aca_notebook.errors import UsageFailed
from aca_notebook.model.gpu import CONSUMPTION, SERVERLESS_A100, SERVERLESS_T4, find_profile_type
from aca_notebook.model.hosting import Hosting

NC24 = find_profile_type("NC24-A100")
THERE = {"Consumption": CONSUMPTION, "gpu-t4": SERVERLESS_T4, "training": NC24}


def place(gpu: str = "", count: int = 0, **hosting: str) -> Place:
    return placed(gpu, count, Hosting(**hosting), THERE)


def test_without_a_word_it_is_the_consumption_profile() -> None:
    assert place() == Place(CONSUMPTION, "Consumption")


@pytest.mark.parametrize("gpu", ["T4", "nvidia-t4", "Tesla-T4"])
def test_a_gpu_by_any_of_its_names_is_the_profile_that_is_there(gpu: str) -> None:
    assert place(gpu) == Place(SERVERLESS_T4, "gpu-t4")


def test_a_profile_that_is_not_there_is_added_where_only_replicas_cost() -> None:
    assert place("A100") == Place(SERVERLESS_A100, "gpu-a100", added=True)
    assert place(workload_profile_type="Consumption-GPU-NC24-A100").added
    with pytest.raises(UsageFailed, match="NC48-A100, whose nodes cost by the hour"):
        place(workload_profile_type="NC48-A100")


def test_the_words_of_guides_are_said_to_be_what_they_are() -> None:
    (note,) = place("nvidia-a100", 1).notes
    assert "workload profile 'gpu-a100' of type Consumption-GPU-NC24-A100" in note


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        (("A100", 2), "GpuCountUnavailable", "NC48-A100"),
        (("T4", 2), "GpuCountUnavailable", "--max-replicas 2"),
        (("H100", 1), "UnknownGpu", "--gpu T4 or --gpu A100"),
        (("", 1), "UnknownGpu", "--gpu T4"),
    ],
)
def test_gpus_that_there_are_not_are_refused_with_those_there_are(asked: tuple[str, int], code: str, says: str) -> None:
    with pytest.raises(UsageFailed) as refused:
        place(*asked)
    assert refused.value.code == code
    assert says in "\n".join(refused.value.lines())


@pytest.mark.parametrize(
    ("hosting", "code", "says"),
    [
        ({"workload_profile_type": "GPU-A100"}, "WorkloadProfileTypeNotFound", "Consumption-GPU-NC24-A100"),
        ({"workload_profile_type": "zzz"}, "WorkloadProfileTypeNotFound", "%aca gpu"),
        ({"workload_profile": "gpu-profile"}, "WorkloadProfileNotFound", "Consumption, gpu-t4, training"),
    ],
)
def test_a_profile_that_is_none_is_refused_with_those_there_are(hosting: dict[str, str], code: str, says: str) -> None:
    with pytest.raises(UsageFailed) as refused:
        place(**hosting)
    assert refused.value.code == code
    assert says in "\n".join(refused.value.lines())


def test_a_profile_and_a_gpu_agree_or_are_refused() -> None:
    assert place("A100", workload_profile="TRAINING").name == "training"
    with pytest.raises(UsageFailed, match="not T4"):
        place("T4", workload_profile="training")
