"""Why an app is as it is: evidence in, one finding out, in words. Pure; `api.diagnosing` gathers the evidence.

Reasons of system lines, replica details and exit codes are Azure's (facts §3.8, §3.10, §8.3; recorded: app_eventstream,
app_failed_registry_msi). A sentence of the platform's is quoted, never rewritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from aca_notebook.model.states import (
    ContainerRunningState,
    RevisionHealthState,
    RevisionProvisioningState,
    RevisionRunningState,
    RunningStatus,
)

if TYPE_CHECKING:
    from aca_notebook.model.app import AppState
    from aca_notebook.model.log import LogLine
    from aca_notebook.model.revision import ContainerState, ReplicaState, RevisionState

_SHOWN = 6
#: How the details of a replica begin that no node has taken.
UNPLACED = "AssigningReplica"
_PULLING = ("PullingImage", "ImagePull", "ErrImagePull")
_PULL_REASONS = {"ImagePullBackOff", "ErrImagePull", "ImagePullFailed"}
_UNAUTHORIZED = ("unauthorized", "authentication required", "403", "forbidden", "denied")
_EXITED = "ContainerTerminated"
_OUT_OF_MEMORY, _NOT_EXECUTABLE, _NOT_FOUND, _SEGFAULT = 137, 126, 127, 139


class Verdict(StrEnum):
    """How an app is, in one word."""

    WELL = "well"
    WAITING = "waiting"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an app at one moment.

    `revisions` oldest first; `replicas` are the latest revision's; `system` and `console` the last lines, oldest first;
    `import_error` is the runner's own account of a cell that could not be imported; `deployment_errors` Azure's words
    of the last write that failed.
    """

    app: AppState
    revisions: tuple[RevisionState, ...] = ()
    replicas: tuple[ReplicaState, ...] = ()
    system: tuple[LogLine, ...] = ()
    console: tuple[LogLine, ...] = ()
    import_error: str = ""
    deployment_errors: str = ""

    @property
    def latest(self) -> RevisionState | None:
        """The newest revision."""
        name = self.app.latest_revision
        return next((each for each in reversed(self.revisions) if each.name == name), None)

    @property
    def containers(self) -> tuple[ContainerState, ...]:
        """Those of the latest revision's replicas."""
        return tuple(container for replica in self.replicas for container in replica.containers)


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
        evidence=_lines(known.system), commands=(f"%aca logs {known.app.name} --type system",),
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
        code=app.provisioning_state, evidence=_lines(known.system), commands=(f"%aca show {app.name}",),
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
        detail=known.deployment_errors, evidence=_lines(known.system),
        commands=(f"%aca logs {app.name} --type system", f"%aca deploy {app.name}"),
    )  # fmt: skip


def _without_revision(known: Evidence) -> Finding | None:
    if known.latest is not None:
        return None
    return Finding(
        Verdict.BROKEN, "it has no revision: nothing of it can run", code=known.app.provisioning_state,
        detail=known.deployment_errors, evidence=_lines(known.system), commands=(f"%aca deploy {known.app.name}",),
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
            Verdict.BROKEN, f"revision {latest.name} did not become ready", _serves_instead(known), code=_state(known),
            evidence=_lines(known.system, known.console), commands=(f"%aca logs {known.app.name} --tail 50",),
        )  # fmt: skip
    return Finding(
        Verdict.WAITING, "its first replica is starting", _doing(known), code=_state(known),
        evidence=_lines(known.system, known.console), commands=(f"%aca logs {known.app.name} -f",),
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
        unready[0].details, code=_state(known), evidence=_lines(known.system),
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
            code=_state(known), evidence=_lines(known.system),
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
            Verdict.WAITING, f"{count}, after {restarts} restart{'s' if restarts > 1 else ''}", _last_exit(known),
            code=_state(known), evidence=_lines(known.system), commands=(f"%aca query restarts --app {app.name}",),
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
            code=_state(known), evidence=_lines(known.system),
            commands=(f"%aca deploy {app.name} --max-replicas {2 * app.max_replicas}", f"%aca metrics {app.name}"),
        )  # fmt: skip
    held = f"it keeps {app.min_replicas} at least" if app.min_replicas else ""
    goes = f"the last goes {app.cooldown_seconds:.0f} s after the last request" if not held else ""
    return Finding(Verdict.WELL, f"{count} and serve" if len(ready) > 1 else f"{count} and serves", held or goes,
                   code=_state(known))  # fmt: skip


def _trouble(known: Evidence) -> Finding | None:
    """Why replicas of the latest revision do not become ready, where something definite says so."""
    for look in (_import_failed, _unplaced, _image, _crashing, _probing):
        found = look(known)
        if found is not None:
            return found
    return None


def _import_failed(known: Evidence) -> Finding | None:
    if not known.import_error:
        return None
    return Finding(
        Verdict.BROKEN, "the cell cannot be imported there", known.import_error, code="ImportFailed",
        detail=_serves_instead(known), evidence=_lines(known.system),
        commands=(f"%aca logs {known.app.name} --tail 50",),
    )  # fmt: skip


def _unplaced(known: Evidence) -> Finding | None:
    waiting = [each for each in known.replicas if not each.containers and each.details.startswith(UNPLACED)]
    if not waiting:
        return None
    gpu = f"a free GPU ({known.app.gpu})" if known.app.gpu else "room for it"
    return Finding(
        Verdict.BROKEN, f"replica {waiting[0].name} has no place to run", f"no node has {gpu}",
        code=UNPLACED, detail=waiting[0].details, evidence=_lines(known.system),
        commands=("%aca gpu", f"%aca down {known.app.name}"),
    )  # fmt: skip


def _image(known: Evidence) -> Finding | None:
    """Only what replicas wait for now: an old line of a pull that came right later explains nothing."""
    stuck = [each for each in known.containers if any(word in each.details for word in _PULLING)]
    failed = _last(known.system, _PULL_REASONS)
    if not stuck or failed is None:
        return None
    words = failed.text.lower()
    if any(word in words for word in _UNAUTHORIZED):
        return Finding(
            Verdict.BROKEN, f"its image cannot be pulled: {known.app.image}",
            "the app's identity may not read the registry: it needs the role AcrPull there", code=failed.reason,
            detail=failed.text, evidence=_lines(known.system),
            commands=("!az role assignment create --role AcrPull --assignee PRINCIPAL_ID --scope REGISTRY_ID",),
        )  # fmt: skip
    return Finding(
        Verdict.BROKEN, f"its image cannot be pulled: {known.app.image}", "the registry has no such image, or is away",
        code=failed.reason, detail=failed.text, evidence=_lines(known.system),
        commands=(f"%aca deploy {known.app.name}",),
    )  # fmt: skip


def _crashing(known: Evidence) -> Finding | None:
    broken = [each for each in known.containers if not each.ready and each.restart_count]
    if not broken:
        return None
    code = _exit_code(known)
    restarts = max(each.restart_count for each in broken)
    times = f"{restarts} time{'s' if restarts > 1 else ''}"
    name = known.app.name
    logs = f"%aca logs {name} --tail 50"
    if code == _OUT_OF_MEMORY:
        gib = known.app.memory_bytes / 2**30
        return Finding(
            Verdict.BROKEN, f"its program was killed {times}: it needed more than its {gib:g} GiB of memory",
            "exit code 137 is the kernel's KILL, which comes when memory is used up", code=_EXITED,
            detail=_last_exit(known), evidence=_lines(known.system, known.console),
            commands=(f"%aca deploy {name} --memory {2 * gib:g}Gi", f"%aca metrics {name}"),
        )  # fmt: skip
    cause = {
        _NOT_EXECUTABLE: "its command is no program that can be run",
        _NOT_FOUND: "its command is not in the image",
        _SEGFAULT: "a library of it crashed (segmentation fault)",
        0: "it ended by itself; an app's program must go on",
    }.get(code if code is not None else -1, "")
    said = "" if code is None else f" with exit code {code}"
    return Finding(
        Verdict.BROKEN, f"its program ends{said} soon after each start; started again {times}",
        cause or ("what it wrote last stands below" if known.console else "it wrote nothing"), code=_EXITED,
        detail=_last_exit(known), evidence=_lines(known.system, known.console), commands=(logs,),
    )  # fmt: skip


def _probing(known: Evidence) -> Finding | None:
    waits = [
        each for each in known.containers if not each.ready and each.running_state == ContainerRunningState.RUNNING
    ]
    failed = _last(known.system, {"ProbeFailed", "ReplicaUnhealthy"})
    if not waits or failed is None:
        return None
    refused = "refused" in failed.text or ("failed: " in failed.text and "port" in failed.text)
    return Finding(
        Verdict.BROKEN, "its program runs and does not pass its probe",
        "nothing listens at the port that is probed, or it is still loading" if refused else "it answers, and not well",
        code=failed.reason, detail=failed.text, evidence=_lines(known.system, known.console),
        commands=(f"%aca logs {known.app.name} --tail 50",),
    )  # fmt: skip


def _doing(known: Evidence) -> str:
    """What the newest replica is at, in the platform's words."""
    for replica in reversed(known.replicas):
        details = replica.details or next((each.details for each in replica.containers if each.details), "")
        if details:
            return details
    return str(known.system[-1]) if known.system else ""


def _serves_instead(known: Evidence) -> str:
    older = known.app.latest_ready_revision
    return f"{older} keeps serving" if older and older != known.app.latest_revision else ""


def _state(known: Evidence) -> str:
    latest = known.latest
    return (latest.running_state or latest.provisioning_state) if latest else known.app.provisioning_state


def _exit_code(known: Evidence) -> int | None:
    """The last one that the system log names."""
    line = _last(known.system, {_EXITED})
    _, marked, rest = line.text.partition("exit code '") if line else ("", "", "")
    digits = rest.partition("'")[0]
    return int(digits) if marked and digits.lstrip("-").isdigit() else None


def _last_exit(known: Evidence) -> str:
    line = _last(known.system, {_EXITED})
    return line.text if line else ""


def _last(lines: tuple[LogLine, ...], reasons: set[str]) -> LogLine | None:
    return next((line for line in reversed(lines) if line.reason in reasons), None)


def _lines(*logs: tuple[LogLine, ...]) -> tuple[str, ...]:
    return tuple(str(line) for log in logs for line in log[-_SHOWN:])
