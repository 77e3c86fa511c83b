"""The system log: the journal told in Azure's words (facts §3.10, §8.3; recorded: app_eventstream).

Each event has one line, or none where Azure says nothing about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal import events

if TYPE_CHECKING:
    from datetime import datetime

CONTROLLER = "ContainerAppController"
KEDA = "KEDA"
NORMAL, WARNING = "Normal", "Warning"


@dataclass(frozen=True, slots=True)
class SystemLine:
    """One line of the system log."""

    at: datetime
    app: str
    revision: str
    replica: str
    reason: str
    message: str
    type: str = NORMAL
    source: str = CONTROLLER

    def record(self) -> dict[str, Any]:
        """The line as the event stream sends it; what there is not, is null."""
        return {
            "TimeStamp": f"{self.at:%Y-%m-%d %H:%M:%S}.{self.at.microsecond:06d}0 +0000 UTC",
            "Type": self.type,
            "ContainerAppName": self.app or None,
            "RevisionName": self.revision or None,
            "ReplicaName": self.replica or None,
            "Msg": self.message,
            "Reason": self.reason,
            "EventSource": self.source,
            "Count": 1,
        }


@dataclass(frozen=True, slots=True)
class _Words:
    reason: str
    message: str
    type: str = NORMAL
    source: str = CONTROLLER


_Say = Callable[[Any], _Words]


def _scaled(event: events.ReplicasScaled) -> _Words:
    if event.before == 0:
        return _Words("KEDAScaleTargetActivated", f"Activated from 0 to {event.after}", source=KEDA)
    if event.after == 0:
        return _Words("KEDAScaleTargetDeactivated", f"Deactivated from {event.before} to 0", source=KEDA)
    return _Words("SuccessfulRescale", f"New size: {event.after}; reason: {event.reason}", source=KEDA)


def _exited(event: events.ContainerExited) -> _Words:
    message = (
        f"Container '{event.container}' was terminated with exit code '{event.exit_code}' and reason '{event.reason}'"
    )
    return _Words("ContainerTerminated", message, WARNING if event.exit_code else NORMAL)


def _concluded(event: events.ExecutionConcluded) -> _Words:
    message = f"Execution '{event.revision}' ends as {event.status}. {event.message}".strip()
    return _Words(event.reason or "Completed", message, WARNING if event.status == "Failed" else NORMAL)


def _budget_reached(event: events.BudgetReached) -> _Words:
    spent = f"{event.spent_usd:.2f} USD, {event.percent:.0f} % of the budget of {event.limit}, is spent"
    end = "; the app is stopped, `start` lets it run again" if event.stopped else ""
    return _Words("BudgetReached", f"{spent} (estimated, nothing was billed){end}", WARNING)


#: Azure's word for each event. ReplicaStopped, AppExpired, BudgetReached, IngressMoved and ShortfallNoted are ours:
#: nothing else would say why a replica or an app went, that an address changed, which Azure's never do, or what is not
#: done here.
_WORDS: dict[type[events.Event], _Say] = {
    events.RevisionCreated: lambda _: _Words("RevisionCreation", "Creating new revision"),
    events.RevisionReady: lambda e: _Words("RevisionReady", f"Successfully provisioned revision '{e.revision}'"),
    events.RevisionFailed: lambda e: _Words("Error", f"Revision '{e.revision}' failed: {e.message}", WARNING),
    events.RevisionActivated: lambda e: _Words("RevisionUpdate", f"Activated revision '{e.revision}'"),
    events.RevisionDeactivated: lambda e: _Words("RevisionDeactivating", f"Deactivated revision '{e.revision}'"),
    events.ReplicasScaled: _scaled,
    # Of executions Kubernetes', whose jobs they are.
    events.ReplicaCreated: lambda e: _Words("SuccessfulCreate", f"Created replica '{e.replica}'"),
    events.ExecutionConcluded: _concluded,
    events.ReplicaAssigned: lambda e: _Words(
        "AssigningReplica", f"Replica '{e.replica}' has been scheduled to run on a node. {e.note}".strip()
    ),
    events.ReplicaUnassigned: lambda e: _Words("AssigningReplica", e.message, WARNING),
    events.ImagePulled: lambda e: _Words("PulledImage", f'Successfully pulled image "{e.image}" in {e.seconds:.2f}s.'),
    events.ImagePullFailed: lambda e: _Words(
        "ImagePullBackOff", f'Failed to pull image "{e.image}": {e.message}', WARNING
    ),
    events.ContainerCreated: lambda e: _Words("ContainerCreated", f"Created container '{e.container}'"),
    events.ContainerStarted: lambda e: _Words("ContainerStarted", f"Started container '{e.container}'"),
    events.ContainerUnready: lambda e: _Words("ReplicaUnhealthy", e.message, WARNING),
    events.ProbeFailed: lambda e: _Words("ProbeFailed", f"Probe of {e.probe} failed: {e.message}", WARNING),
    events.ContainerExited: _exited,
    events.IngressMoved: lambda e: _Words(
        "IngressMoved", f"Another program took port {e.before}; the address is now 127.0.0.1:{e.after}", WARNING
    ),
    events.ShortfallNoted: lambda e: _Words("NotActedOn", e.message, WARNING),
    events.AppExpired: lambda e: _Words(
        "AppExpired", f"The app is deleted: it was to last until {e.until} (tag aca-notebook-expires)", WARNING
    ),
    events.BudgetReached: _budget_reached,
    events.ReplicaStopped: lambda e: _Words("ReplicaStopped", f"Replica '{e.replica}' was stopped: {e.reason}"),
}

#: The kinds of event that have a line, as the journal stores them.
KINDS: tuple[str, ...] = tuple(kind.__name__ for kind in _WORDS)


def system_line(event: events.Event) -> SystemLine | None:
    """Return the line for an event, or None when Azure has none."""
    say = _WORDS.get(type(event))
    if say is None:
        return None
    words = say(event)
    return SystemLine(
        at=event.at,
        app=event.app.rpartition("/")[2],
        revision=event.revision,
        replica=getattr(event, "replica", ""),
        reason=words.reason,
        message=words.message,
        type=words.type,
        source=words.source,
    )


#: Stands in an environment's stream between what happened before and what happens from then on (recorded:
#: app_eventstream, where two of the earlier events follow it).
COLD_START: dict[str, Any] = {
    "TimeStamp": None, "Type": None, "ContainerAppName": None, "RevisionName": None, "ReplicaName": None,
    "Msg": "ColdStartEvents", "Reason": None, "EventSource": "EventProcessor", "Count": 0,
}  # fmt: skip


def greeting(now: datetime) -> list[dict[str, Any]]:
    """The two lines that come before any event; their stamps are written otherwise (recorded: app_eventstream)."""
    said = (
        ("StartingGettingEvents", "Connecting to the events collector..."),
        ("ConnectedToEventsServer", "Successfully connected to events server"),
    )
    return [
        SystemLine(now, "", "", "", reason, message).record() | {"TimeStamp": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        for reason, message in said
    ]
