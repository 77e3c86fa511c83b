"""Why replicas do not become ready: the one table of causes, which a deploy and `%aca why` both go by.

Reasons of system lines, replica details, exit codes and refusals are Azure's (facts §3.7, §3.13, §8.3, §13; recorded:
app_eventstream, app_failed_registry_msi; seen: azure-container-apps issues 722, 1168, 1174, 1371, 1579). A sentence of
the platform's is quoted, never rewritten. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from aca_notebook.model.deploy import PhaseName
from aca_notebook.model.evidence import EXITED, exit_code, last_exit, last_line
from aca_notebook.model.states import ContainerRunningState, RevisionProvisioningState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.model.evidence import Evidence
    from aca_notebook.model.log import LogLine

#: How the details of a replica begin that no node has taken.
UNPLACED = "AssigningReplica"
#: What Azure's refusal says of a template that it cannot take, and an emulator of one too (facts §13.1).
REFUSED_TEMPLATE = "InvalidParameterValueInContainerTemplate"
_PULLING = ("PullingImage", "ImagePull", "ErrImagePull")
_PULL_REASONS = ("ImagePullBackOff", "ErrImagePull", "ImagePullFailed")
_PROBE_REASONS = ("ProbeFailed", "ReplicaUnhealthy")
_UNAUTHORIZED = ("unauthorized", "authentication required", "403", "forbidden", "denied")
_OUT_OF_MEMORY, _NOT_EXECUTABLE, _NOT_FOUND, _SEGFAULT = 137, 126, 127, 139
_PULL_ROLE = "!az role assignment create --role AcrPull --assignee PRINCIPAL_ID --scope REGISTRY_ID"
#: A program that ended so often will not stay: Kubernetes waits ever longer before it starts it again.
_RESTARTS = 2
_STOPPED = "exit code '143'"  # TERM: somebody stopped it
#: How an end reads that a probe brought about: Azure gives the reason (seen: azure-container-apps issue 1371).
_STOPPED_BY_PROBE = ("ProbeFailure", _STOPPED)


class TroubleKind(StrEnum):
    """What can keep a replica from being ready."""

    IMPORT_FAILED = "import failed"
    UNPLACED = "unplaced"
    PULL_DENIED = "pull denied"
    PULL_FAILED = "pull failed"
    OUT_OF_MEMORY = "out of memory"
    CRASHING = "crashing"
    PROBE_FAILED = "probe failed"
    SECRET_UNREADABLE = "secret unreadable"  # noqa: S105  # what is the matter, not a secret
    EXPIRED = "expired"
    TOO_LONG = "too long"


#: Those in which a program ends.
_ENDS = {TroubleKind.OUT_OF_MEMORY, TroubleKind.CRASHING}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is the matter: a sentence, its likely cause, the platform's code and words, and lines to run next."""

    kind: TroubleKind
    summary: str
    cause: str = ""
    code: str = ""
    detail: str = ""
    commands: tuple[str, ...] = ()


#: For how many seconds a trouble may show before a deploy gives up: some pass by themselves. A GPU may come free; a
#: role is in effect after minutes (facts §3.13: Azure itself tries for fifteen); a registry may be away for a moment;
#: a model that loads does not answer its startup probe, for which Azure has 240 tries.
PATIENCE_SECONDS: Mapping[TroubleKind, float] = {
    TroubleKind.UNPLACED: 300.0,
    TroubleKind.PULL_DENIED: 600.0,
    TroubleKind.PULL_FAILED: 60.0,
    TroubleKind.PROBE_FAILED: 300.0,
}
#: For how many seconds a phase may last in which nothing is seen to be wrong; an image of several GB is pulled in five
#: minutes, and Azure ends every operation after fifteen.
LONGEST_SECONDS: Mapping[PhaseName, float] = {
    PhaseName.REVISION: 600.0,
    PhaseName.ASSIGNING: 600.0,
    PhaseName.PULLING: 840.0,
    PhaseName.STARTING: 300.0,
    PhaseName.PROBING: 600.0,
}
_SLOW: Mapping[PhaseName, tuple[str, str]] = {
    PhaseName.REVISION: ("the platform made no revision of it", "the region may be busy: try later, or another region"),
    PhaseName.ASSIGNING: (
        "no replica of it got a place to run",
        "the region may be full: try later, or another region",
    ),
    PhaseName.PULLING: ("its image did not come", "the image may be too large, or its registry far away"),
    PhaseName.STARTING: ("its program was not started", "the platform's node may be at fault: deploy again"),
    PhaseName.PROBING: (
        "its program runs and does not answer",
        "it may still be loading: `--keep-failed` lets it go on",
    ),
}


def decide_trouble(known: Evidence) -> Trouble | None:
    """Return why replicas of the latest revision do not become ready, where something definite says so.

    Of a revision that failed and has no replicas any more, the system log tells what they last failed of.
    """
    for look in (_import_failed, _unplaced, _image, _crashing, _probing, _past):
        found = look(known)
        if found is not None:
            return found
    return None


def decide_giving_up(
    known: Evidence, trouble: Trouble | None, showing_seconds: float, phase: PhaseName, phase_seconds: float
) -> Trouble | None:  # fmt: skip
    """Return why a deploy had better stop waiting, or None while it may still come right.

    `trouble` has shown for `showing_seconds`; the revision has been in `phase` for `phase_seconds`. A program that
    ended once gets another time.
    """
    once = trouble is not None and trouble.kind in _ENDS and not _will_not_stay(known)
    if trouble is not None and not once and showing_seconds >= PATIENCE_SECONDS.get(trouble.kind, 0.0):
        return trouble
    longest = LONGEST_SECONDS.get(phase)
    if longest is None or phase_seconds < longest:
        return None
    if trouble is not None:
        return trouble
    summary, cause = _SLOW[phase]
    return Trouble(
        TroubleKind.TOO_LONG, f"{summary} within {longest / 60:.0f} minutes", cause, code="TooLong",
        detail=f"it was {phase} all the while", commands=(f"%aca why {known.app.name}",),
    )  # fmt: skip


def read_refusal(app: str, code: str, detail: str) -> Trouble | None:
    """Return what a write was refused for, where it is one of the causes of this table."""
    words = detail.lower()
    if code != REFUSED_TEMPLATE:
        return None
    if "configuration.secrets" in words:
        named = re.search(r"Invalid value: \"([^\"]+)\"", detail)
        which = f"the secret {named[1]!r}" if named else "a secret of it"
        return Trouble(
            TroubleKind.SECRET_UNREADABLE, f"{which} cannot be read from its Key Vault",
            "its identity may not read that vault (role Key Vault Secrets User), or the secret is not there",
            code, detail,
            (
                "!az role assignment create --role 'Key Vault Secrets User' --assignee PRINCIPAL_ID --scope VAULT_ID",
                f"%aca secret list --app {app}",
            ),
        )  # fmt: skip
    if ".image" not in words:
        return None
    if any(word in words for word in _UNAUTHORIZED):
        return _denied("", code, detail)
    return Trouble(
        TroubleKind.PULL_FAILED, "its image cannot be pulled", "the registry has no such image, or is away",
        code, detail, (f"%aca deploy {app}",),
    )  # fmt: skip


def operation_expired(app: str, code: str, detail: str) -> Trouble | None:
    """Return that the platform gave up by itself, where its words say so (recorded: app_failed_registry_msi)."""
    if "operation expired" not in detail.lower():
        return None
    return Trouble(
        TroubleKind.EXPIRED, "the platform gave up after fifteen minutes", "no replica of it became ready in that time",
        code, detail, (f"%aca why {app}",),
    )  # fmt: skip


def _import_failed(known: Evidence) -> Trouble | None:
    if not known.import_error:
        return None
    return Trouble(
        TroubleKind.IMPORT_FAILED, "the cell cannot be imported there", known.import_error, "ImportFailed",
        known.serves_instead, (_where_it_wrote(known),),
    )  # fmt: skip


def _unplaced(known: Evidence) -> Trouble | None:
    waiting = [each for each in known.replicas if not each.containers and each.details.startswith(UNPLACED)]
    if not waiting:
        return None
    gpu = f"a free GPU ({known.app.gpu})" if known.app.gpu else "room for it"
    return Trouble(
        TroubleKind.UNPLACED, f"replica {waiting[0].name} has no place to run", f"no node has {gpu}", UNPLACED,
        waiting[0].details, ("%aca gpu", f"%aca down {known.app.name}"),
    )  # fmt: skip


def _image(known: Evidence) -> Trouble | None:
    """Only what replicas wait for now: an old line of a pull that came right later explains nothing."""
    stuck = [each for each in known.containers if any(word in each.details for word in _PULLING)]
    failed = last_line(known.system, *_PULL_REASONS)
    return _not_pulled(known, failed) if stuck and failed is not None else None


def _not_pulled(known: Evidence, failed: LogLine) -> Trouble:
    image = known.app.image
    if any(word in failed.text.lower() for word in _UNAUTHORIZED):
        return _denied(image, failed.reason, failed.text)
    return Trouble(
        TroubleKind.PULL_FAILED, f"its image cannot be pulled: {image}", "the registry has no such image, or is away",
        failed.reason, failed.text, (f"%aca deploy {known.app.name}",),
    )  # fmt: skip


def _denied(image: str, code: str, detail: str) -> Trouble:
    return Trouble(
        TroubleKind.PULL_DENIED, f"its image cannot be pulled{image and f': {image}'}",
        "the app's identity may not read the registry: it needs the role AcrPull there", code, detail, (_PULL_ROLE,),
    )  # fmt: skip


def _crashing(known: Evidence) -> Trouble | None:
    broken = [each for each in known.containers if not each.ready and each.restart_count]
    if not broken:
        return None
    probed = last_line(known.system, *_PROBE_REASONS)
    if probed is not None and any(word in last_exit(known) for word in _STOPPED_BY_PROBE):
        return _not_answering(known, probed)
    return _ended(known, max(each.restart_count for each in broken))


def _ended(known: Evidence, restarts: int) -> Trouble:
    code = exit_code(known)
    times = f"{restarts} time{'s' if restarts > 1 else ''}"
    name = known.app.name
    if code == _OUT_OF_MEMORY:
        gib = known.app.memory_bytes / 2**30
        return Trouble(
            TroubleKind.OUT_OF_MEMORY, f"its program was killed {times}: it needed more than its {gib:g} GiB of memory",
            "exit code 137 is the kernel's KILL, which comes when memory is used up", EXITED, last_exit(known),
            (f"%aca deploy {name} --memory {2 * gib:g}Gi", f"%aca metrics {name}"),
        )  # fmt: skip
    cause = {
        _NOT_EXECUTABLE: "its command is no program that can be run",
        _NOT_FOUND: "its command is not in the image",
        _SEGFAULT: "a library of it crashed (segmentation fault)",
        0: "it ended by itself; an app's program must go on",
    }.get(code if code is not None else -1, "")
    said = "" if code is None else f" with exit code {code}"
    return Trouble(
        TroubleKind.CRASHING, f"its program ends{said} soon after each start; started again {times}",
        cause or _wrote(known), EXITED, last_exit(known),
        (_where_it_wrote(known),),
    )  # fmt: skip


def _where_it_wrote(known: Evidence) -> str:
    """Return the line that shows a program's output: once its replica is gone, only the log tables have it."""
    name = known.app.name
    return f"%aca logs {name} --tail 50" if known.replicas else f"%aca query errors --app {name}"


def _wrote(known: Evidence) -> str:
    if known.console:
        return "what it wrote last stands below"
    return "it wrote nothing" if known.replicas else "what it wrote, the log tables may tell in some minutes"


def _will_not_stay(known: Evidence) -> bool:
    """Whether a program has ended so often that it is not worth the wait for another time."""
    return any(not each.ready and each.restart_count >= _RESTARTS for each in known.containers)


def _probing(known: Evidence) -> Trouble | None:
    waits = [
        each for each in known.containers if not each.ready and each.running_state == ContainerRunningState.RUNNING
    ]
    failed = last_line(known.system, *_PROBE_REASONS)
    return _not_answering(known, failed) if waits and failed is not None else None


def _not_answering(known: Evidence, failed: LogLine) -> Trouble:
    refused = "refused" in failed.text or ("failed: " in failed.text and "port" in failed.text)
    return Trouble(
        TroubleKind.PROBE_FAILED, "its program runs and does not pass its probe",
        "nothing listens at the port that is probed, or it is still loading" if refused else "it answers, and not well",
        failed.reason, failed.text, (f"%aca logs {known.app.name} --tail 50",),
    )  # fmt: skip


def _past(known: Evidence) -> Trouble | None:
    """What the replicas last failed of that a failed revision had: it was deactivated, so none is there to be asked."""
    latest = known.latest
    if latest is None or known.replicas or latest.provisioning_state != RevisionProvisioningState.FAILED:
        return None
    ends = [line for line in known.system if line.reason == EXITED and _STOPPED not in line.text]
    failed = last_line(known.system, *_PULL_REASONS, *_PROBE_REASONS)
    if ends and (failed is None or known.system.index(ends[-1]) > known.system.index(failed)):
        return _ended(known, len(ends) - 1) if len(ends) > 1 else None
    if failed is None:
        return None
    return (_not_pulled if failed.reason in _PULL_REASONS else _not_answering)(known, failed)
