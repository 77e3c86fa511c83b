"""Why an app is as it is: the nearest cause is named, with the platform's word and what to run next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aca_notebook.model.app import AppState
from aca_notebook.model.diagnosis import Evidence, Verdict, decide_why
from aca_notebook.model.ids import ResourceId
from aca_notebook.model.log import LogLine, LogSource
from aca_notebook.model.revision import ContainerState, ReplicaState, RevisionState
from aca_notebook.model.states import (
    ContainerRunningState,
    ProvisioningState,
    RevisionHealthState,
    RevisionProvisioningState,
    RevisionRunningState,
    RunningStatus,
)

APP = AppState(
    ResourceId("sub", "group", "Microsoft.App", ("containerApps",), ("scorer",)),
    provisioning_state="Succeeded", running_status="Running", latest_revision="scorer--2",
    latest_ready_revision="scorer--2", image="reg.io/scorer:1", memory_bytes=2**30, max_replicas=3, concurrency=10,
)  # fmt: skip
GOOD = RevisionState("scorer--2", provisioning_state="Provisioned", health_state="Healthy", running_state="Running")
BAD = replace(GOOD, provisioning_state="Failed", health_state="Unhealthy", running_state="Failed")
READY = ReplicaState("scorer--2-a", containers=(ContainerState("scorer", ready=True, running_state="Running"),))


def system(reason: str, text: str) -> LogLine:
    return LogLine(text, datetime(2026, 1, 1, tzinfo=UTC), LogSource.SYSTEM, "scorer--2", reason=reason)


def crashed(code: int) -> LogLine:
    return system(
        "ContainerTerminated", f"Container 'scorer' was terminated with exit code '{code}' and reason 'Error'"
    )


def replica(**fields: object) -> ReplicaState:
    return ReplicaState("scorer--2-a", containers=(ContainerState("scorer", **fields),))


def evidence(app: AppState = APP, revision: RevisionState | None = GOOD, *replicas: ReplicaState, **more) -> Evidence:
    return Evidence(app, (revision,) if revision else (), replicas, **more)


CRASHING = replica(restart_count=3, running_state="Waiting", details="CrashLoopBackOff")
STARTING = replace(APP, provisioning_state="InProgress", latest_ready_revision="scorer--1")


@pytest.mark.parametrize(
    ("known", "verdict", "says", "code", "runs"),
    [
        (evidence(APP, GOOD, READY), Verdict.WELL, "1 replica is ready and serves", "Running", ""),
        (evidence(), Verdict.WELL, "sleeps at zero", "Running", "--min-replicas 1"),
        (evidence(replace(APP, running_status="Stopped")), Verdict.WELL, "is stopped", "Stopped", "%aca start scorer"),
        (evidence(STARTING, None), Verdict.WAITING, "a write is in progress", "InProgress", "%aca show scorer"),
        (
            evidence(replace(APP, provisioning_state="Failed"), GOOD, READY, deployment_errors="GET https: 401"),
            Verdict.BROKEN, "ended as Failed; scorer--2 keeps serving", "Failed", "%aca deploy scorer",
        ),
        (evidence(APP, None), Verdict.BROKEN, "has no revision", "Succeeded", "%aca deploy scorer"),
        (
            evidence(STARTING, GOOD, CRASHING, import_error="ModuleNotFoundError: No module named 'torch'"),
            Verdict.BROKEN, "cannot be imported", "ImportFailed", "%aca logs scorer",
        ),
        (
            evidence(replace(STARTING, gpu="A100"), GOOD, ReplicaState("r", details="AssigningReplica: Full")),
            Verdict.BROKEN, "has no place to run", "AssigningReplica", "%aca gpu",
        ),
        (
            evidence(
                APP, BAD, replica(running_state="Waiting", details="Container is waiting: ImagePullBackOff"),
                system=(system("ImagePullBackOff", "UNAUTHORIZED: authentication required"),),
            ),
            Verdict.BROKEN, "image cannot be pulled: reg.io/scorer:1", "ImagePullBackOff", "AcrPull",
        ),
        (
            evidence(APP, BAD, CRASHING, system=(crashed(137),)),
            Verdict.BROKEN, "needed more than its 1 GiB", "ContainerTerminated", "--memory 2Gi",
        ),
        (
            evidence(APP, BAD, CRASHING, system=(crashed(1),), console=(LogLine("boom"),)),
            Verdict.BROKEN, "ends with exit code 1 soon after each start; started again 3 times", "ContainerTerminated",
            "%aca logs scorer",
        ),
        (
            evidence(APP, BAD, CRASHING), Verdict.BROKEN, "its program ends soon after", "ContainerTerminated",
            "%aca logs scorer",
        ),
        (
            evidence(
                APP, BAD, replica(running_state="Running"),
                system=(system("ProbeFailed", "Probe of Startup failed: connection to port 80 failed: refused"),),
            ),
            Verdict.BROKEN, "does not pass its probe", "ProbeFailed", "%aca logs scorer",
        ),
        (evidence(APP, BAD), Verdict.BROKEN, "revision scorer--2 did not become ready", "Failed", "%aca logs scorer"),
        (
            evidence(APP, GOOD, replica(running_state="Waiting", details="Pulling image")),
            Verdict.WAITING, "first replica is starting", "Running", "%aca logs scorer -f",
        ),
        (
            evidence(APP, GOOD, READY, replica(running_state="Waiting", details="Pulling image")),
            Verdict.WAITING, "1 of 2 replicas are ready", "Running", "--type system",
        ),
        (
            evidence(APP, GOOD, READY, READY, READY), Verdict.WAITING, "all that it may have", "Running",
            "--max-replicas 6",
        ),
        (
            evidence(APP, GOOD, replica(ready=True, restart_count=1, running_state="Running"), system=(crashed(1),)),
            Verdict.WAITING, "after 1 restart", "Running", "%aca query restarts --app scorer",
        ),
        (
            evidence(replace(APP, gpu="T4", gpu_note="this machine has none"), GOOD, READY),
            Verdict.WAITING, "without the GPU", "Running", "%aca gpu",
        ),
        (
            evidence(replace(APP, min_replicas=1)), Verdict.WAITING, "nothing that is known explains", "Running",
            "--type system",
        ),
    ],
)  # fmt: skip
def test_the_nearest_cause_is_named_with_the_platforms_word_and_what_to_run(known, verdict, says, code, runs) -> None:
    found = decide_why(known)
    assert (found.verdict, found.code) == (verdict, code)
    assert says in found.summary
    assert runs in " ".join(found.commands)


def test_an_old_failure_to_pull_explains_nothing_once_the_image_is_there() -> None:
    old = (system("ImagePullBackOff", "not found"),)
    assert decide_why(evidence(APP, GOOD, READY, system=old)).verdict is Verdict.WELL


def test_what_shows_it_are_the_last_lines_of_both_logs() -> None:
    lines = tuple(system("ContainerStarted", f"start {number}") for number in range(9))
    found = decide_why(evidence(APP, BAD, CRASHING, system=lines, console=(LogLine("boom"),)))
    assert found.evidence[0].endswith("start 3")
    assert found.evidence[-1] == "boom"


CONTAINERS = some.builds(
    ContainerState, some.just("c"), ready=some.booleans(), restart_count=some.integers(0, 3),
    running_state=some.sampled_from(ContainerRunningState), details=some.sampled_from(["", "PullingImage", "x"]),
)  # fmt: skip
REPLICAS = some.builds(
    ReplicaState, some.just("r"), details=some.sampled_from(["", "AssigningReplica: Full"]),
    containers=some.lists(CONTAINERS, max_size=2).map(tuple),
)  # fmt: skip
REVISIONS = some.builds(
    RevisionState, some.just("scorer--2"), provisioning_state=some.sampled_from(RevisionProvisioningState),
    health_state=some.sampled_from(RevisionHealthState), running_state=some.sampled_from(RevisionRunningState),
)  # fmt: skip
REASONS = some.sampled_from(["ImagePullBackOff", "ProbeFailed", "ContainerTerminated", "AssigningReplica", "Error"])


@given(
    some.sampled_from(ProvisioningState), some.sampled_from(RunningStatus), some.integers(0, 2),
    some.none() | REVISIONS, some.lists(REPLICAS, max_size=3),
    some.lists(some.builds(system, REASONS, some.text(max_size=20)), max_size=4),
)  # fmt: skip
def test_whatever_the_platform_says_there_is_a_finding_and_a_broken_one_says_what_to_run(
    provisioning, running, least, revision, replicas, lines
) -> None:
    app = replace(APP, provisioning_state=provisioning, running_status=running, min_replicas=least)
    found = decide_why(evidence(app, revision, *replicas, system=tuple(lines)))
    assert found.summary
    if found.verdict is Verdict.BROKEN:
        assert found.commands
    if found.verdict is Verdict.WELL and running != RunningStatus.STOPPED:
        assert not any(replica.containers and not replica.ready for replica in replicas)
