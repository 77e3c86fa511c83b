import pytest

from aca_notebook.api.diagnosing import before_the_end
from aca_notebook.model.log import LogLine


@pytest.mark.parametrize(
    ("reasons", "left"),
    [
        pytest.param("ContainerStarted ProbeFailed", "ContainerStarted ProbeFailed", id="on"),
        pytest.param(
            "ContainerStarted ProbeFailed RevisionDeactivating ContainerTerminated ReplicaStopped",
            "ContainerStarted ProbeFailed", id="switched off",
        ),
        pytest.param(
            "RevisionDeactivating ContainerTerminated AssigningReplica ContainerStarted ContainerTerminated",
            "RevisionDeactivating ContainerTerminated AssigningReplica ContainerStarted ContainerTerminated",
            id="switched on again",
        ),
        pytest.param("", "", id="nothing"),
    ],
)  # fmt: skip
def test_how_programs_ended_when_their_revision_was_switched_off_explains_nothing(reasons: str, left: str) -> None:
    lines = tuple(LogLine(reason, reason=reason) for reason in reasons.split())
    assert [line.reason for line in before_the_end(lines)] == left.split()
