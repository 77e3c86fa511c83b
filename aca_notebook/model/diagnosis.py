"""Why an app is as it is: evidence in, one finding out, in words. Pure; `api.diagnosing` gathers the evidence.

What keeps replicas from being ready is `model.trouble`'s to say, in the same words as a deploy's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from aca_notebook.model.evidence import Evidence, last_exit, shown_lines
from aca_notebook.model.states import (
    RevisionHealthState,
    RevisionProvisioningState,
    RevisionRunningState,
    RunningStatus,
)
from aca_notebook.model.trouble import decide_trouble

if TYPE_CHECKING:
    from aca_notebook.model.trouble import Trouble

__all__ = ["Evidence", "Finding", "Verdict", "decide_why"]


class Verdict(StrEnum):
    """How an app is, in one word."""

    WELL = "well"
    WAITING = "waiting"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is the matter: a sentence, the cause, the platform's own code and words, and what to do about it.

    `evidence` are lines that show it, oldest first; `commands` are magic lines to run next.
    """

    verdict: Verdict
    summary: str
    cause: str = ""
    code: str = ""
    detail: str = ""
    evidence: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


def decide_why(known: Evidence) -> Finding:
    """Return why an app is as it is; the first of the reasons that explains it, the nearest to its cause first."""
    for look in (_changing, _stopped, _refused, _without_revision, _failing, _degraded, _asleep, _serving):
        found = look(known)
        if found is not None:
            return found
    return Finding(
        Verdict.WAITING, "nothing that is known explains its state", code=_state(known),
        evidence=shown_lines(known.system), commands=(f"%aca logs {known.app.name} --type system",),
    )  # fmt: skip


def _changing(known: Evidence) -> Finding | None:
    app = known.app
    if app.settled:
        return None
    trouble = _trouble(known)  # an operation may wait half an hour for a replica that can never be
    if trouble is not None:
        return trouble
    return Finding(
        Verdict.WAITING, f"a write is in progress ({app.provisioning_state})", _doing(known),
        code=app.provisioning_state, evidence=shown_lines(known.system), commands=(f"%aca show {app.name}",),
    )  # fmt: skip


def _stopped(known: Evidence) -> Finding | None:
    if known.app.running_status != RunningStatus.STOPPED:
        return None
    return Finding(
        Verdict.WELL, "it is stopped: no replicas, no answers, nothing to pay", "somebody ran `stop`",
        code=known.app.running_status, commands=(f"%aca start {known.app.name}",),
    )  # fmt: skip


def _refused(known: Evidence) -> Finding | None:
    """The last write failed, which may be for a reason that only the replicas know."""
    app = known.app
    if app.provisioning_state not in {"Failed", "Canceled"}:
        return None
    trouble = _trouble(known)
    if trouble is not None:
        return trouble
    serving = f"; {app.latest_ready_revision} keeps serving" if app.latest_ready_revision else ""
    return Finding(
        Verdict.BROKEN, f"the last write to it ended as {app.provisioning_state}{serving}",
        "what the platform said of it stands below" if known.deployment_errors else "", code=app.provisioning_state,
        detail=known.deployment_errors, evidence=shown_lines(known.system),
        commands=(f"%aca logs {app.name} --type system", f"%aca deploy {app.name}"),
    )  # fmt: skip


def _without_revision(known: Evidence) -> Finding | None:
    if known.latest is not None:
        return None
    return Finding(
        Verdict.BROKEN, "it has no revision: nothing of it can run", code=known.app.provisioning_state,
        detail=known.deployment_errors, evidence=shown_lines(known.system), commands=(f"%aca deploy {known.app.name}",),
    )  # fmt: skip


def _failing(known: Evidence) -> Finding | None:
    latest = known.latest
    if latest is None:
        return None
    bad = latest.provisioning_state == RevisionProvisioningState.FAILED or latest.running_state in {
        RevisionRunningState.FAILED, RevisionRunningState.ACTIVATION_FAILED,
    }  # fmt: skip
    starting = bool(known.replicas) and not any(replica.ready for replica in known.replicas)
    if not bad and not starting:
        return None
    trouble = _trouble(known)
    if trouble is not None:
        return trouble
    if bad:
        return Finding(
            Verdict.BROKEN, f"revision {latest.name} did not become ready", known.serves_instead, code=_state(known),
            evidence=shown_lines(known.system, known.console), commands=(f"%aca logs {known.app.name} --tail 50",),
        )  # fmt: skip
    return Finding(
        Verdict.WAITING, "its first replica is starting", _doing(known), code=_state(known),
        evidence=shown_lines(known.system, known.console), commands=(f"%aca logs {known.app.name} -f",),
    )  # fmt: skip


def _degraded(known: Evidence) -> Finding | None:
    unready = [replica for replica in known.replicas if not replica.ready]
    if not unready:
        return None
    trouble = _trouble(known)
    if trouble is not None:
        return trouble
    return Finding(
        Verdict.WAITING, f"{len(known.replicas) - len(unready)} of {len(known.replicas)} replicas are ready",
        unready[0].details, code=_state(known), evidence=shown_lines(known.system),
        commands=(f"%aca logs {known.app.name} --type system",),
    )  # fmt: skip


def _asleep(known: Evidence) -> Finding | None:
    app, latest = known.app, known.latest
    if latest is None or known.replicas or latest.health_state == RevisionHealthState.UNHEALTHY:
        return None
    if app.min_replicas == 0:
        return Finding(
            Verdict.WELL, "it sleeps at zero replicas: nothing to pay, and the next call starts one",
            f"no request for {app.cooldown_seconds:.0f} s, its cooldown; the first call waits for the start",
            code=_state(known), evidence=shown_lines(known.system),
            commands=(f"%aca deploy {app.name} --min-replicas 1",),
        )  # fmt: skip
    return None


def _serving(known: Evidence) -> Finding | None:
    app = known.app
    ready = [replica for replica in known.replicas if replica.ready]
    if not ready:
        return None
    count = f"{len(ready)} replica{'s are' if len(ready) > 1 else ' is'} ready"
    restarts = sum(container.restart_count for container in known.containers)
    if restarts:
        return Finding(
            Verdict.WAITING, f"{count}, after {restarts} restart{'s' if restarts > 1 else ''}", last_exit(known),
            code=_state(known), evidence=shown_lines(known.system), commands=(f"%aca query restarts --app {app.name}",),
        )  # fmt: skip
    if app.gpu_note:
        return Finding(
            Verdict.WAITING, f"{count}, without the GPU that it asked for", app.gpu_note, code=_state(known),
            commands=("%aca gpu",),
        )  # fmt: skip
    if len(ready) >= app.max_replicas > 0 and len(ready) > max(app.min_replicas, 1):
        return Finding(
            Verdict.WAITING, f"{count}, which is all that it may have: further requests wait",
            f"each replica takes {app.concurrency} requests at once, and there may be {app.max_replicas}",
            code=_state(known), evidence=shown_lines(known.system),
            commands=(f"%aca deploy {app.name} --max-replicas {2 * app.max_replicas}", f"%aca metrics {app.name}"),
        )  # fmt: skip
    held = f"it keeps {app.min_replicas} at least" if app.min_replicas else ""
    goes = f"the last goes {app.cooldown_seconds:.0f} s after the last request" if not held else ""
    return Finding(Verdict.WELL, f"{count} and serve" if len(ready) > 1 else f"{count} and serves", held or goes,
                   code=_state(known))  # fmt: skip


def _trouble(known: Evidence) -> Finding | None:
    trouble = decide_trouble(known)
    return None if trouble is None else _broken(known, trouble)


def _broken(known: Evidence, trouble: Trouble) -> Finding:
    return Finding(
        Verdict.BROKEN, trouble.summary, trouble.cause, trouble.code, trouble.detail,
        shown_lines(known.system, known.console), trouble.commands,
    )  # fmt: skip


def _doing(known: Evidence) -> str:
    """What the newest replica is at, in the platform's words."""
    for replica in reversed(known.replicas):
        details = replica.details or next((each.details for each in replica.containers if each.details), "")
        if details:
            return details
    return str(known.system[-1]) if known.system else ""


def _state(known: Evidence) -> str:
    latest = known.latest
    return (latest.running_state or latest.provisioning_state) if latest else known.app.provisioning_state
