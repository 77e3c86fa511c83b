"""How busy a revision is: requests of the past 15 seconds, those still open, and what its replicas use."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

WINDOW_SECONDS = 15
_FRESH_SECONDS = 30.0  # a replica not sampled for this long counts as one without a sample


@dataclass(frozen=True, slots=True)
class Load:
    """What rules look at; `cpu_percents` are of each sampled replica's own share, and so are `memory_percents`."""

    requests_per_second: float = 0.0
    in_flight: int = 0
    cpu_percents: tuple[float, ...] = ()
    memory_percents: tuple[float, ...] = ()

    @property
    def active(self) -> bool:
        """Whether anybody asks for anything."""
        return self.in_flight > 0 or self.requests_per_second > 0


@dataclass(frozen=True, slots=True)
class ReplicaUsage:
    """One sample of a replica: percent of its share, and the bytes that each of its containers holds."""

    app_key: str
    revision: str
    replica: str
    cpu_percent: float
    memory_percent: float
    container_bytes: Mapping[str, int] = field(default_factory=dict)


class UsageObserver(Protocol):
    """Who is told of each sample: the scaler's rules and the memory limits look at them."""

    def replica_used(self, usage: ReplicaUsage) -> None:
        """Take a sample."""
        ...


class LoadWindow:
    """Counts arrivals by second, keeps samples; `now` is monotonic seconds and must not go back."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._seconds: deque[list[int]] = deque()
        self._samples: dict[str, deque[tuple[float, ReplicaUsage]]] = {}

    def arrived(self, now: float) -> None:
        """One request has come."""
        self.in_flight += 1
        second = int(now)
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += 1
        else:
            self._seconds.append([second, 1])
            self._forget(second)

    def finished(self) -> None:
        """One request is done with."""
        self.in_flight -= 1

    def used(self, usage: ReplicaUsage, now: float) -> None:
        """A replica was sampled."""
        self._samples.setdefault(usage.replica, deque()).append((now, usage))

    def measure(self, now: float) -> Load:
        """Return the load of the past `WINDOW_SECONDS`: CPU is its mean, memory its last sample."""
        self._forget(int(now))
        self._forget_samples(now)
        cpu, memory = [], []
        for samples in self._samples.values():
            recent = [usage.cpu_percent for at, usage in samples if now - at <= WINDOW_SECONDS]
            cpu.append(sum(recent) / len(recent) if recent else samples[-1][1].cpu_percent)
            memory.append(samples[-1][1].memory_percent)
        requests = sum(count for _, count in self._seconds)
        return Load(requests / WINDOW_SECONDS, self.in_flight, tuple(cpu), tuple(memory))

    def _forget(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second - WINDOW_SECONDS:
            self._seconds.popleft()

    def _forget_samples(self, now: float) -> None:
        for replica, samples in list(self._samples.items()):
            while samples and now - samples[0][0] > _FRESH_SECONDS:
                samples.popleft()
            if not samples:
                del self._samples[replica]
