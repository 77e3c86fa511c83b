"""What the card of a start says of a replica: what it waits for, and nothing when it runs."""

from __future__ import annotations

from typing import Any

import pytest

from aca_notebook.api.starting import Starting
from aca_notebook.clock import SystemClock
from aca_notebook.errors import QuotaExceeded, ServiceFailed
from aca_notebook.model.revision import ContainerState, ReplicaState

FULL = "AssigningReplica: WorkLoad Profile Full"


class Board:
    said = ""

    def note(self, _phase: object, said: str) -> None:
        self.said = said


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
        (ReplicaState("r", details=FULL), f"{FULL}; waiting for a place to run"),
    ],
    ids=["pulls", "has no node", "runs", "is ready", "has no container yet", "has no place to run"],
)
def test_a_note_tells_what_a_replica_waits_for(replica: ReplicaState, said: str) -> None:
    board, access = Board(), None
    anything: Any = (board, access)
    starting = Starting("scorer", anything[1], anything[0], SystemClock(), updates=False)
    starting._note(replica)
    assert board.said == said


@pytest.mark.parametrize(
    ("replica", "failed", "message", "hint"),
    [
        (ReplicaState("r", details=FULL), ServiceFailed("x"), FULL, "`%aca gpu`"),
        (ReplicaState("r"), QuotaExceeded("no room", hint="another region"), "no room", "another region"),
        (ReplicaState("r"), ServiceFailed("x"), "did not become ready", "%aca why"),
        (ReplicaState("r"), None, "did not become ready", "%aca why"),
    ],
)
def test_a_revision_that_is_not_ready_is_explained_by_what_is_known_of_it(replica, failed, message, hint) -> None:
    anything: Any = (Board(), None)
    starting = Starting("scorer", anything[1], anything[0], SystemClock(), updates=False)
    starting._note(replica)
    said, advice = starting._explained(failed)
    assert message in said
    assert hint in advice
