"""The state transitions of apps, in the past tense.

Appended once, in order. Replica state, system logs, restart counts, replica metrics and metering are folds over them,
so they cannot disagree. No event carries a secret value.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all share: when, and the app (the id's lower-case key) and revision it happened to."""

    at: datetime
    app: str
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaEvent(Event):
    """Something that happened to one replica."""

    replica: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEvent(ReplicaEvent):
    """Something that happened to one container of a replica."""

    container: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionCreated(Event):
    """A template became a revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionReady(Event):
    """A replica of the revision passed its probes for the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionFailed(Event):
    """The revision did not become ready; `reason` is a word, `message` a sentence."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionActivated(Event):
    """The revision may have replicas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionDeactivated(Event):
    """The revision may have no replica any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRemoved(Event):
    """The app has no such revision any more, and nothing of it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicasScaled(Event):
    """A scaling decision changed how many replicas are wanted."""

    before: int
    after: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaAssigned(ReplicaEvent):
    """A replica was wanted and has a place to run; metering starts here.

    `gpus` are the devices it leases; `note` says when it asked for some and this machine has none. What is charged for
    is what was asked for: `cpu_cores`, `memory_bytes` and `gpu_count` GPUs of `gpu_model`, beside the fewest replicas
    its revision keeps, below which nothing is idle. The template is gone with its app; what it cost is not.
    """

    gpus: tuple[str, ...] = ()
    note: str = ""
    cpu_cores: float = 0.0
    memory_bytes: int = 0
    gpu_model: str = ""
    gpu_count: int = 0
    min_replicas: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaStopping(ReplicaEvent):
    """The replica gets no more requests and is asked to end; `reason` says who wanted it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaUnassigned(ReplicaEvent):
    """A replica is wanted and has no place yet: no GPU free, or no such image."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePulled(ContainerEvent):
    """The image was found; `seconds` is how long that took."""

    image: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePullFailed(ContainerEvent):
    """The image is not one this machine can run; `message` names the command that would add it.

    `denied` means that its registry does not let the app have it: a role may be in effect later.
    """

    image: str
    message: str
    denied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerCreated(ContainerEvent):
    """A shim waits for the word to start the program.

    Recorded before that word, so that a restart after kill -9 can find and end what ran: `pid` and `start_ticks` are
    the shim's (field 22 of /proc/PID/stat, 0 where there is none), `mark` stands in the program's environment.
    """

    pid: int
    start_ticks: int
    mark: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStarted(ContainerEvent):
    """The program runs; `pid` is its process."""

    pid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerReady(ContainerEvent):
    """Startup and readiness probes pass; traffic may come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerUnready(ContainerEvent):
    """A readiness probe that had passed failed too often; no traffic for now."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFailed(ContainerEvent):
    """A probe failed its threshold; `probe` is Startup, Readiness or Liveness."""

    probe: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerExited(ContainerEvent):
    """The program ended; `reason` is Azure's word (Completed, Error, OOMKilled, ProbeFailure, Deleted)."""

    exit_code: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaStopped(ReplicaEvent):
    """The replica and all it started are gone; metering ends here. `reason` says who wanted it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressMoved(Event):
    """Another program took the app's port; its address has changed."""

    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortfallNoted(Event):
    """The app asks for something that is stored and not acted on, or only in part; `message` is a sentence."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppExpired(Event):
    """The app's time is over, and it is about to be deleted; `until` is its tag."""

    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReached(Event):
    """So much of a budget that covers the app is spent; with `stopped` the app is about to be stopped for it.

    `limit` is the budget as people write it (`5 USD/day`); `spent_usd` is an estimate: nothing was billed.
    """

    budget: str
    limit: str
    percent: float
    spent_usd: float
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStarted(Event):
    """A job was started: from here on `revision` is the execution's name, and its replicas are the execution's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaCreated(ReplicaEvent):
    """An execution tries to complete one of its replicas: the `attempt`th try, from 0, at the `slot`th completion."""

    slot: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionConcluded(Event):
    """It is clear how an execution ends; what still runs of it is being ended. `status` is Azure's word."""

    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEnded(Event):
    """Nothing of the execution is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppWithdrawn(Event):
    """The app is gone with all it ran; one of the same name starts afresh."""


_KINDS: dict[str, type[Event]] = {}


def _register(base: type[Event]) -> None:
    for kind in base.__subclasses__():
        _KINDS[kind.__name__] = kind
        _register(kind)


_register(Event)


def encode_event(event: Event) -> tuple[str, str]:
    """Return the event's kind and its body as JSON."""
    body = asdict(event)
    body["at"] = event.at.isoformat()
    return type(event).__name__, json.dumps(body, separators=(",", ":"))


def read_events(rows: Iterable[tuple[int, str, str]]) -> Iterator[tuple[int, Event]]:
    """Yield `(sequence, event)` for rows of sequence, kind and body.

    Kinds that a later version wrote are left out, and logged: an older emulator opens the file all the same.
    """
    unknown: Counter[str] = Counter()
    for sequence, kind, body in rows:
        if kind in _KINDS:
            yield sequence, decode_event(kind, body)
        else:
            unknown[kind] += 1
    for kind, count in unknown.items():
        logger.warning("%d journal events of the unknown kind %s are left out", count, kind)


def decode_event(kind: str, text: str) -> Event:
    """Read what `encode_event` wrote; fields it does not know are dropped, so that older code can read newer files.

    Raises `ValueError` for a kind that is unknown.
    """
    known_kind = _KINDS.get(kind)
    if known_kind is None:
        raise ValueError(f"unknown journal event {kind!r}")
    names = {each.name for each in fields(known_kind)}
    body: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in json.loads(text).items()
        if key in names
    }
    body["at"] = parse_instant(body["at"])
    return known_kind(**body)
