"""What the card of a start says of a replica: what it waits for, and nothing when it runs."""

from __future__ import annotations

import pytest

from aca_notebook.api.starting import _waits_for
from aca_notebook.model.revision import ContainerState, ReplicaState

FULL = "AssigningReplica: WorkLoad Profile Full"


def container(state: str, details: str, *, ready: bool = False) -> tuple[ContainerState, ...]:
    return (ContainerState("scorer", running_state=state, details=details, ready=ready),)


@pytest.mark.parametrize(
    ("replica", "said"),
    [
        (ReplicaState("r", containers=container("Waiting", "Pulling image")), "Pulling image"),
        (ReplicaState("r", details="no node", containers=container("Waiting", "")), "no node"),
        (ReplicaState("r", containers=container("Running", "Container started at: 11/23/2026 7:36:49 AM.")), ""),
        (ReplicaState("r", containers=container("Running", "x", ready=True)), ""),
        (ReplicaState("r"), ""),
        (ReplicaState("r", details=FULL), FULL),
    ],
    ids=["pulls", "has no node", "runs", "is ready", "has no container yet", "has no place to run"],
)
def test_a_note_tells_what_a_replica_waits_for(replica: ReplicaState, said: str) -> None:
    assert _waits_for(replica) == said
