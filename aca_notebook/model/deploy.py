"""A deployment as values: what it would do (the plan) and how far it is (the progress)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Shipped:
    """One thing that leaves the notebook: `kind` is `code`, `data`, `module`, `package` or `runner`."""

    name: str
    kind: str
    size_bytes: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class DeployPlan:
    """All that a deployment would do; nothing is spent before one exists.

    `hourly_active_usd` and `hourly_idle_usd` are one replica's; at zero replicas nothing is charged. `request_usd` is
    the price of one request, `call_seconds` how long a call is taken to be, `charges` whether anybody is billed there.
    `unchanged` means the app already runs this bundle with these settings, so nothing would be sent. `traces` is the
    component of Application Insights that calls are traced to. `expiry_enforced` is whether anything takes the app
    down at `expires_at`. `hosting` is what was asked of image, ingress, rules and the like, as words and values.
    """

    app: str
    target: str
    resource_group: str
    environment: str
    location: str
    digest: str = ""
    python: str = ""
    entry: str = ""
    functions: tuple[str, ...] = ()
    ships: tuple[Shipped, ...] = ()
    workload_profile: str = "Consumption"
    gpu: str = ""
    gpus: int = 0
    cpu_cores: float = 0.5
    memory_bytes: int = 2**30
    min_replicas: int = 0
    max_replicas: int = 10
    cooldown_seconds: float = 300.0
    concurrency: int = 10
    public: bool = False
    traces: str = ""
    expires_at: datetime | None = None
    expiry_enforced: bool = True
    hourly_active_usd: float = 0.0
    hourly_idle_usd: float = 0.0
    price_region: str = ""
    price_source: str = ""
    price_as_of: date | None = None
    request_usd: float = 0.0
    call_seconds: float = 1.0
    charges: bool = True
    updates: bool = False
    unchanged: bool = False
    adds_workload_profile: bool = False
    warnings: tuple[str, ...] = ()
    hosting: tuple[tuple[str, str], ...] = ()

    @property
    def size_bytes(self) -> int:
        """Everything that ships, before compression."""
        return sum(item.size_bytes for item in self.ships)

    def thousand_calls_usd(self, together: int = 1) -> float:
        """What a thousand calls of `call_seconds` cost while `together` of them share a replica that is never free.

        Starting a replica and waiting for the next call come on top.
        """
        return 1000 * (self.hourly_active_usd / 3600 * self.call_seconds / together + self.request_usd)


class PhaseName(StrEnum):
    """The steps of a deployment, in order; from `REVISION` on they are the platform's (`model.bring_up`)."""

    CAPTURE = "capture"  #: find what the cell needs, pin its packages, make the bundle
    UPLOAD = "upload"  #: send it to the registry
    BUILD = "build"  #: the registry makes the image
    ROLE = "role"  #: the identity that pulls the image may do so
    REVISION = "revision"  #: the platform takes the app's new template and makes a revision of it
    ASSIGNING = "assigning"  #: its first replica gets a place to run, and its GPU
    PULLING = "pulling"  #: the image comes there
    STARTING = "starting"  #: the container is made and its program begins
    PROBING = "probing"  #: the program imports the cell and passes its startup probe
    READY = "ready"  #: the platform says so, and gives the revision its requests


class PhaseState(StrEnum):
    """How a phase stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Phase:
    """One step: `seconds` is how long it took, or has taken; `note` says what it did, in a few words."""

    name: PhaseName
    state: PhaseState = PhaseState.PENDING
    seconds: float = 0.0
    note: str = ""


class DeployState(StrEnum):
    """How the whole deployment stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    INTERRUPTED = "interrupted"
    DETACHED = "detached"


@dataclass(frozen=True, slots=True)
class DeployProgress:
    """A deployment at one moment: what a card shows.

    `error` is empty unless it failed: three lines as `AcaError.lines()`; `traceback` is the cell's own. `gpu_note` is
    the platform's sentence when the replica runs without the GPU it asked for.
    """

    plan: DeployPlan
    phases: tuple[Phase, ...]
    state: DeployState = DeployState.RUNNING
    url: str = ""
    revision: str = ""
    log_tail: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    traceback: str = ""
    gpu_note: str = ""

    @property
    def app(self) -> str:
        """The app's name."""
        return self.plan.app

    @property
    def seconds(self) -> float:
        """All phases together."""
        return sum(phase.seconds for phase in self.phases)
