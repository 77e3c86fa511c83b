"""Right-sizing: from what an app used to what it should ask for, with the evidence and the difference a month. Pure.

Peaks keep headroom: nothing proposed here would have been too small for what was seen. Sizes are pairs that Container
Apps takes (facts §13: 0.25 vCPU and 0.5 GiB up to 4 and 8, in steps). With too little to go by there is no advice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aca_notebook.model.gpu import GPU_NAMES
from aca_notebook.model.price import ReplicaSize, replica_cost
from aca_notebook.model.quantities import GIB, format_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aca_notebook.model.rate import PriceList

#: How much of a replica a peak may take.
CPU_HEADROOM, MEMORY_HEADROOM = 0.7, 0.8
#: Less than this is too little to advise on.
LEAST_RUNNING_SECONDS = 3600.0
LEAST_REQUESTS = 100.0
#: The consumption plan's sizes, in vCPU; memory is twice as many GiB.
STEPS = tuple(step / 4 for step in range(1, 17))
_BUSY, _LAZY = 0.9, 0.4
_SHORT_COOLDOWN_SECONDS = 60.0
_MOST_CONCURRENCY = 1000
_MOST_REPLICAS = 1000
_MONTH_SECONDS = 86400 * 365.25 / 12
_QUIET_SHARE = 0.5
_UNUSED_GPU_PERCENT = 1.0
_SMALLER_GPU = ("A100", "T4")


@dataclass(frozen=True, slots=True)
class AppSettings:
    """What an app asks for now; `dedicated` names a profile whose nodes are paid for, and not its replicas."""

    cpu_cores: float
    memory_bytes: int
    min_replicas: int
    max_replicas: int
    concurrency: int
    cooldown_seconds: float
    gpu: str = ""
    gpus: int = 0
    dedicated: str = ""

    @property
    def size(self) -> ReplicaSize:
        """What one replica occupies."""
        return ReplicaSize(self.cpu_cores, self.memory_bytes, self.gpu, self.gpus)


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen over `span_seconds`; None where nobody measured it.

    `replica_seconds` is how long replicas ran, `busy_seconds` the part of it in buckets with a request. Peaks are one
    replica's. `at_limit_share` is the share of running buckets with as many replicas as the maximum allows, `pauses`
    how often requests ceased for a while.
    """

    span_seconds: float
    replica_seconds: float
    busy_seconds: float
    requests: float
    cpu_peak_cores: float | None = None
    cpu_typical_cores: float | None = None
    memory_peak_bytes: float | None = None
    gpu_peak_percent: float | None = None
    gpu_memory_peak_bytes: float | None = None
    replicas_peak: float = 0.0
    at_limit_share: float = 0.0
    restarts: float = 0.0
    pauses: int = 0

    @property
    def idle_share(self) -> float:
        """The share of the running time without a request."""
        return 1.0 - self.busy_seconds / self.replica_seconds if self.replica_seconds else 0.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """One setting to change: `name` as people write it (`cpu`, `min_replicas`), both values in words, and why."""

    name: str
    now: str
    proposed: str
    why: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What to change. `refusal` says why there is none; `monthly_…` are dollars a month, if it goes on like this."""

    settings: AppSettings
    wanted: AppSettings
    observed: Observed
    proposals: tuple[Proposal, ...] = ()
    monthly_now: float = 0.0
    monthly_wanted: float = 0.0
    refusal: str = ""

    @property
    def saves(self) -> float:
        """Dollars a month less; negative where safety costs more."""
        return self.monthly_now - self.monthly_wanted


def decide_advice(settings: AppSettings, observed: Observed, prices: PriceList) -> Advice:
    """Return what to change, or why nothing can be said."""
    refusal = _too_little(observed)
    if refusal:
        return Advice(settings, settings, observed, refusal=refusal)
    wanted, proposals = settings, []
    # What waits because of a minimum tells nothing of the cooldown.
    waits = () if settings.min_replicas else (_cooldown,)
    for step in (_gpu, _size, _floor, _ceiling, _concurrency, *waits):
        for changed, proposal in step(wanted, observed):
            wanted = changed
            proposals.append(proposal)
    now = _monthly(settings, settings, observed, prices)
    return Advice(settings, wanted, observed, tuple(proposals), now, _monthly(settings, wanted, observed, prices))


def fitting(cpu_cores: float, memory_bytes: float) -> tuple[float, int] | None:
    """Return the smallest pair with at least so much of both, or None when the largest is too small."""
    found = next((step for step in STEPS if step >= cpu_cores and step * 2 * GIB >= memory_bytes), None)
    return None if found is None else (found, round(found * 2 * GIB))


def _too_little(observed: Observed) -> str:
    lacks = []
    if observed.replica_seconds < LEAST_RUNNING_SECONDS:
        ran, need = observed.replica_seconds / 60, LEAST_RUNNING_SECONDS / 60
        lacks.append(f"replicas ran for {ran:.0f} of the {need:.0f} minutes it takes")
    if observed.requests < LEAST_REQUESTS:
        lacks.append(f"{observed.requests:.0f} of the {LEAST_REQUESTS:.0f} requests it takes were answered")
    if not lacks and (observed.cpu_peak_cores is None or observed.memory_peak_bytes is None):
        lacks.append("nobody measured CPU and memory")
    return "; ".join(lacks)


def _gpu(settings: AppSettings, observed: Observed) -> Iterator[tuple[AppSettings, Proposal]]:
    peak, held = observed.gpu_peak_percent, observed.gpu_memory_peak_bytes
    if not settings.gpu or peak is None:
        return
    fits = fitting(
        (observed.cpu_peak_cores or 0.0) / CPU_HEADROOM, (observed.memory_peak_bytes or 0.0) / MEMORY_HEADROOM
    )
    if fits is not None and peak < _UNUSED_GPU_PERCENT and (held is None or held < 0.5 * GIB):
        why = f"the GPU was never busier than {peak:.0f} %: the app runs on the CPU"
        yield replace(settings, gpu="", gpus=0), Proposal("gpu", settings.gpu, "none", why)
        return
    large, small = _SMALLER_GPU
    room = GPU_NAMES[small].gpu_memory_gib * GIB * MEMORY_HEADROOM
    if settings.gpu == large and peak < 100 * _LAZY and held is not None and held <= room:
        why = f"at most {peak:.0f} % busy and {held / GIB:.1f} GiB of GPU memory: a {small} has room for that"
        cores, memory = min(settings.cpu_cores, GPU_NAMES[small].cores), GPU_NAMES[small].memory_gib * GIB
        smaller = replace(settings, gpu=small, cpu_cores=cores, memory_bytes=min(settings.memory_bytes, memory))
        yield smaller, Proposal("gpu", large, small, why)


def _size(settings: AppSettings, observed: Observed) -> Iterator[tuple[AppSettings, Proposal]]:
    """Fit both to the peaks; a GPU's profile, or a dedicated one, has sizes of its own."""
    if settings.gpu or settings.dedicated:
        return
    cpu, memory = observed.cpu_peak_cores or 0.0, observed.memory_peak_bytes or 0.0
    pair = fitting(cpu / CPU_HEADROOM, memory / MEMORY_HEADROOM)
    if pair is None:
        return  # more than a consumption replica can be: concurrency or a dedicated profile help, not size
    if pair == (settings.cpu_cores, settings.memory_bytes):
        return
    changed = replace(settings, cpu_cores=pair[0], memory_bytes=pair[1])
    room = f"{cpu:.2f} vCPU and {memory / GIB:.2f} GiB at most, with room for {1 / CPU_HEADROOM - 1:.0%} more CPU"
    yield (
        changed,
        Proposal(
            "cpu and memory", f"{settings.cpu_cores:g} vCPU, {format_memory(settings.memory_bytes)}",
            f"{pair[0]:g} vCPU, {format_memory(pair[1])}", f"a replica used {room}",
        ),
    )  # fmt: skip


def _floor(settings: AppSettings, observed: Observed) -> Iterator[tuple[AppSettings, Proposal]]:
    if settings.min_replicas and observed.idle_share > _QUIET_SHARE:
        why = (
            f"{observed.idle_share:.0%} of the running time was without a request; the next one then waits for a start"
        )
        yield replace(settings, min_replicas=0), Proposal("min_replicas", str(settings.min_replicas), "0", why)


def _ceiling(settings: AppSettings, observed: Observed) -> Iterator[tuple[AppSettings, Proposal]]:
    if observed.at_limit_share > 0.1 and _load(settings, observed) > _BUSY:
        more = min(_MOST_REPLICAS, settings.max_replicas * 2)
        if more > settings.max_replicas:
            why = f"all {settings.max_replicas} ran and were busy in {observed.at_limit_share:.0%} of the time"
            yield (
                replace(settings, max_replicas=more),
                Proposal("max_replicas", str(settings.max_replicas), str(more), why),
            )


def _concurrency(settings: AppSettings, observed: Observed) -> Iterator[tuple[AppSettings, Proposal]]:
    """Let a replica take what its CPU carries; only where more than one was started is there anything to save."""
    load = _load(settings, observed)
    if settings.gpu or not load:
        return
    wanted, why = settings.concurrency, ""
    if observed.replicas_peak > 1 and load < _LAZY:
        wanted = min(_MOST_CONCURRENCY, settings.concurrency * 2)
        why = f"up to {observed.replicas_peak:.0f} replicas ran, each at {load:.0%} of its CPU at most"
    elif load > _BUSY and observed.replicas_peak < settings.max_replicas:
        wanted = max(1, math.floor(settings.concurrency * CPU_HEADROOM / load))
        why = f"a replica was at {load:.0%} of its CPU before another started"
    if wanted != settings.concurrency:
        yield (
            replace(settings, concurrency=wanted),
            Proposal("concurrency", str(settings.concurrency), str(wanted), why),
        )


def _cooldown(settings: AppSettings, observed: Observed) -> Iterator[tuple[AppSettings, Proposal]]:
    worth = settings.cooldown_seconds > _SHORT_COOLDOWN_SECONDS and observed.idle_share > _QUIET_SHARE
    if worth and not settings.min_replicas:
        why = f"{observed.idle_share:.0%} of the running time was waiting after the last request"
        yield (
            replace(settings, cooldown_seconds=_SHORT_COOLDOWN_SECONDS),
            Proposal("cooldown", f"{settings.cooldown_seconds:g} s", f"{_SHORT_COOLDOWN_SECONDS:g} s", why),
        )


def _load(settings: AppSettings, observed: Observed) -> float:
    """How much of its CPU a replica used at its peak."""
    return (observed.cpu_peak_cores or 0.0) / settings.cpu_cores if settings.cpu_cores else 0.0


def _monthly(before: AppSettings, settings: AppSettings, observed: Observed, prices: PriceList) -> float:
    """What a month like the one seen costs, at the active rate: an upper bound where a minimum waits idle."""
    if settings.dedicated or not observed.span_seconds:
        return 0.0
    idle = max(0.0, observed.replica_seconds - observed.busy_seconds)
    if before.min_replicas and not settings.min_replicas:  # what is left of the waiting is a cooldown after each pause
        idle = min(idle, observed.pauses * before.cooldown_seconds)
    if settings.cooldown_seconds < before.cooldown_seconds:
        idle *= settings.cooldown_seconds / before.cooldown_seconds
    seconds = (observed.busy_seconds + idle) * _MONTH_SECONDS / observed.span_seconds
    return replica_cost(settings.size, seconds, prices).total
