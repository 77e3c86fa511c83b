"""How busy a revision is: requests of the past 15 seconds, and those still open."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Load:
    """What rules look at; utilisation is percent of what the replicas have, None when not sampled."""

    requests_per_second: float = 0.0
    in_flight: int = 0
    cpu_percent: float | None = None
    memory_percent: float | None = None

    @property
    def active(self) -> bool:
        """Whether anybody asks for anything."""
        return self.in_flight > 0 or self.requests_per_second > 0


class LoadWindow:
    """Counts arrivals by second; `now` is monotonic seconds and must not go back."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._seconds: deque[list[int]] = deque()

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

    def measure(self, now: float) -> Load:
        """Return the load of the past `WINDOW_SECONDS`."""
        self._forget(int(now))
        return Load(sum(count for _, count in self._seconds) / WINDOW_SECONDS, self.in_flight)

    def _forget(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second - WINDOW_SECONDS:
            self._seconds.popleft()
