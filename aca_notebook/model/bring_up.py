"""How far a new revision is on its way to serving: a pure fold over what is seen of it and what the system log tells.

Sightings may come late, twice and in any order: of each phase the earliest moment counts, and whatever shows a later
phase shows the earlier ones too. Reasons of system lines are Azure's (recorded: app_eventstream; seen:
azure-container-apps issues 723, 783, 1228, 1371; facts §3.7, §8.3).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from aca_notebook.model.deploy import PhaseName
from aca_notebook.model.states import ContainerRunningState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aca_notebook.model.log import LogLine
    from aca_notebook.model.revision import ContainerState, ReplicaState

#: The phases that the platform does, in order.
STEPS = (
    PhaseName.REVISION, PhaseName.ASSIGNING, PhaseName.PULLING, PhaseName.STARTING, PhaseName.PROBING, PhaseName.READY,
)  # fmt: skip
_ORDER = {name: place for place, name in enumerate(STEPS)}

#: Which phase has begun when the system log gives this reason.
_BEGUN_BY = {
    "RevisionCreation": PhaseName.ASSIGNING,
    "SuccessfulCreate": PhaseName.ASSIGNING,
    "AssigningReplicaFailed": PhaseName.ASSIGNING,
    "PullingImage": PhaseName.PULLING,
    "ImagePullBackOff": PhaseName.PULLING,
    "ErrImagePull": PhaseName.PULLING,
    "ImagePullFailed": PhaseName.PULLING,
    "PulledImage": PhaseName.STARTING,
    "ImagePulled": PhaseName.STARTING,
    "ContainerCreated": PhaseName.STARTING,
    "ContainerStarted": PhaseName.PROBING,
    "ProbeFailed": PhaseName.PROBING,
    "RevisionReady": PhaseName.READY,
}
_PLACED = "scheduled to run"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A phase has begun: heard of at `seen_at`, on our clock; `stamped_at` by the platform's own, where it says."""

    phase: PhaseName
    seen_at: float
    stamped_at: float | None = None


@dataclass(frozen=True, slots=True)
class BringUp:
    """What is known of a revision that was asked for at `began_at`, in seconds of our clock.

    The platform's clock is not ours: the smallest lag between a stamp and its arrival is taken for the difference, so
    that no phase is dated later than it was heard of.
    """

    began_at: float
    seen: Mapping[PhaseName, float] = field(default_factory=lambda: MappingProxyType({}))
    stamped: Mapping[PhaseName, float] = field(default_factory=lambda: MappingProxyType({}))
    lag: float = float("inf")

    def saw(self, sightings: Iterable[Sighting]) -> BringUp:
        """Take sightings in."""
        seen, stamped, lag = dict(self.seen), dict(self.stamped), self.lag
        for each in sightings:
            if each.stamped_at is None:
                seen[each.phase] = min(seen.get(each.phase, each.seen_at), each.seen_at)
            else:
                stamped[each.phase] = min(stamped.get(each.phase, each.stamped_at), each.stamped_at)
                lag = min(lag, each.seen_at - each.stamped_at)
        return replace(self, seen=MappingProxyType(seen), stamped=MappingProxyType(stamped), lag=lag)

    @property
    def phase(self) -> PhaseName:
        """The furthest that it has come to."""
        return max((*self.seen, *self.stamped), key=_ORDER.__getitem__, default=PhaseName.REVISION)

    def begun_at(self) -> dict[PhaseName, float]:
        """Return when each phase that it has come to began, on our clock, in order."""
        found: dict[PhaseName, float] = {}
        after = float("inf")
        for name in reversed(STEPS[: _ORDER[self.phase] + 1]):
            moments = [self.seen[name]] if name in self.seen else []
            moments += [self.stamped[name] + self.lag] if name in self.stamped else []
            after = min((after, *moments))
            found[name] = max(after, self.began_at)
        found[PhaseName.REVISION] = self.began_at
        return dict(reversed(found.items()))

    def seconds(self, now: float) -> dict[PhaseName, float]:
        """Return how long each phase took, or has taken by `now`; together they are all the time there was."""
        begun = self.begun_at()
        ends = [*list(begun.values())[1:], max(now, self.began_at, *begun.values())]
        return {name: end - began for (name, began), end in zip(begun.items(), ends, strict=True)}


def phase_of_line(line: LogLine) -> PhaseName | None:
    """Return the phase that has begun by a line of the system log, None where it tells of none."""
    if line.reason == "AssigningReplica":
        return PhaseName.PULLING if _PLACED in line.text else PhaseName.ASSIGNING
    return _BEGUN_BY.get(line.reason)


def phase_of_replica(replica: ReplicaState) -> PhaseName:
    """Return the phase that a replica is in; one whose program ended has begun to be probed before."""
    if not replica.containers:
        return PhaseName.ASSIGNING
    if replica.ready:
        return PhaseName.READY
    return min((_phase_of_container(each) for each in replica.containers), key=_ORDER.__getitem__)


def _phase_of_container(container: ContainerState) -> PhaseName:
    if container.ready:
        return PhaseName.READY
    if container.restart_count or container.running_state in {
        ContainerRunningState.RUNNING, ContainerRunningState.TERMINATED,
    }:  # fmt: skip
        return PhaseName.PROBING
    return PhaseName.PULLING  # whatever it waits for: its image is the first thing
