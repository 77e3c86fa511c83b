"""One table of causes: what a deploy gives up for, when, and that `%aca why` says the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aca_notebook.model.deploy import PhaseName
from aca_notebook.model.diagnosis import decide_why
from aca_notebook.model.log import LogLine
from aca_notebook.model.revision import ReplicaState
from aca_notebook.model.trouble import (
    LONGEST_SECONDS,
    PATIENCE_SECONDS,
    REFUSED_TEMPLATE,
    TroubleKind,
    decide_giving_up,
    decide_trouble,
    operation_expired,
    read_refusal,
)
from tests.unit.model.test_diagnosis import APP, BAD, GOOD, STARTING, crashed, evidence, replica, system

PULLS = replica(running_state="Waiting", details="Container is waiting with reason: ImagePullBackOff.")
TROUBLES = {
    TroubleKind.IMPORT_FAILED: evidence(STARTING, GOOD, replica(restart_count=1), import_error="ValueError: no"),
    TroubleKind.UNPLACED: evidence(
        replace(STARTING, gpu="T4"), GOOD, ReplicaState("r", details="AssigningReplica: Full")
    ),
    TroubleKind.PULL_DENIED: evidence(
        STARTING, GOOD, PULLS, system=(system("ImagePullBackOff", "UNAUTHORIZED: authentication required"),)
    ),
    TroubleKind.PULL_FAILED: evidence(STARTING, GOOD, PULLS, system=(system("ErrImagePull", "MANIFEST_UNKNOWN"),)),
    TroubleKind.OUT_OF_MEMORY: evidence(STARTING, GOOD, replica(restart_count=2), system=(crashed(137),)),
    TroubleKind.CRASHING: evidence(STARTING, GOOD, replica(restart_count=2), system=(crashed(1),)),
    TroubleKind.PROBE_FAILED: evidence(
        STARTING, GOOD, replica(running_state="Running"), system=(system("ProbeFailed", "status code: 500"),)
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(TROUBLES))
def test_a_deploy_and_why_name_a_cause_in_the_same_words(kind: TroubleKind) -> None:
    trouble, finding = decide_trouble(TROUBLES[kind]), decide_why(TROUBLES[kind])
    assert trouble is not None
    assert trouble.kind is kind
    assert (finding.summary, finding.cause, finding.code) == (trouble.summary, trouble.cause, trouble.code)
    assert finding.commands == trouble.commands
    assert trouble.commands, "there is something to do"


@pytest.mark.parametrize("kind", list(TROUBLES))
def test_a_deploy_waits_for_what_may_pass_and_not_a_moment_longer(kind: TroubleKind) -> None:
    known, patience = TROUBLES[kind], PATIENCE_SECONDS.get(kind, 0.0)
    trouble = decide_trouble(known)
    assert decide_giving_up(known, trouble, patience, PhaseName.ASSIGNING, 0) is trouble
    if patience:
        assert decide_giving_up(known, trouble, patience - 0.1, PhaseName.ASSIGNING, 0) is None


def test_a_program_that_ended_once_gets_another_time() -> None:
    once = evidence(STARTING, GOOD, replica(restart_count=1), system=(crashed(1),))
    assert decide_giving_up(once, decide_trouble(once), 60, PhaseName.PROBING, 60) is None


@pytest.mark.parametrize("phase", list(LONGEST_SECONDS))
def test_a_phase_in_which_nothing_is_seen_to_be_wrong_has_an_end_too(phase: PhaseName) -> None:
    known, longest = evidence(STARTING, GOOD, replica(running_state="Waiting")), LONGEST_SECONDS[phase]
    assert decide_giving_up(known, None, 0, phase, longest - 1) is None
    given_up = decide_giving_up(known, None, 0, phase, longest)
    assert given_up is not None
    assert f"within {longest / 60:.0f} minutes" in given_up.summary
    assert given_up.commands == ("%aca why scorer",)


@pytest.mark.parametrize(
    ("detail", "kind"),
    [
        (
            ("The following field(s) are either invalid or missing. Field 'configuration.secrets' is invalid with "
            "details: 'Invalid value: \"hf-token\": Unable to get value using Managed identity system for secret "
            "hf-token.';."), TroubleKind.SECRET_UNREADABLE,
        ),
        (
            ("Field 'template.containers.scorer.image' is invalid with details: 'Invalid value: \"r.azurecr.io/a:1\": "
            "GET https:…: UNAUTHORIZED: authentication required';."), TroubleKind.PULL_DENIED,
        ),
        (
            ("Field 'template.containers.scorer.image' is invalid with details: 'Invalid value: \"r.azurecr.io/a:1\": "
            "GET https:…: MANIFEST_UNKNOWN: manifest unknown';."), TroubleKind.PULL_FAILED,
        ),
        ("Field 'template.scale' is invalid.", None),
    ],
)  # fmt: skip
def test_a_refused_write_is_read_for_its_cause(detail: str, kind: TroubleKind | None) -> None:
    trouble = read_refusal("scorer", REFUSED_TEMPLATE, detail)
    assert (trouble and trouble.kind) == kind
    if trouble is not None:
        assert trouble.detail == detail, "the platform's words are quoted"
        assert ("hf-token" in trouble.summary) == (kind is TroubleKind.SECRET_UNREADABLE)
    assert read_refusal("scorer", "SomethingElse", detail) is None


def test_a_program_that_its_probe_ended_is_not_said_to_have_crashed() -> None:
    lines = (system("ProbeFailed", "connection refused"), crashed(143))
    trouble = decide_trouble(evidence(STARTING, GOOD, replica(restart_count=1), system=lines))
    assert trouble is not None
    assert (trouble.kind, trouble.code) == (TroubleKind.PROBE_FAILED, "ProbeFailed")


def test_an_operation_that_expired_is_told_as_such() -> None:
    assert operation_expired("scorer", "ContainerAppOperationError", "… Error details: Operation expired.") is not None
    assert operation_expired("scorer", "InternalServerError", "An internal error occurred.") is None


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ((crashed(1), crashed(1), crashed(1)), TroubleKind.CRASHING),
        ((system("ErrImagePull", "not found"),), TroubleKind.PULL_FAILED),
        ((system("ProbeFailed", "connection refused"), crashed(143)), TroubleKind.PROBE_FAILED),
        ((crashed(143),), None),
        ((), None),
    ],
    ids=["crashed", "no image", "probed, and then stopped", "stopped", "nothing"],
)
def test_a_revision_that_was_deactivated_is_explained_by_what_its_replicas_last_failed_of(lines, kind) -> None:
    trouble = decide_trouble(evidence(APP, BAD, system=tuple(lines), console=(LogLine("boom"),)))
    assert (trouble and trouble.kind) == kind


def test_what_a_replica_that_is_gone_wrote_is_looked_for_in_the_tables() -> None:
    crash = TROUBLES[TroubleKind.CRASHING]
    there, gone = decide_trouble(crash), decide_trouble(replace(crash, replicas=(), revisions=FAILED, system=TWICE))
    assert there is not None
    assert gone is not None
    assert (there.cause, there.commands) == ("it wrote nothing", ("%aca logs scorer --tail 50",))
    assert "log tables" in gone.cause
    assert gone.commands == ("%aca query errors --app scorer",)


FAILED = (replace(BAD, provisioning_state="Failed"),)
TWICE = (crashed(1), crashed(1))
