"""Notes what the ingress reports."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class FakeObserver:
    statuses: list[int] = field(default_factory=list)

    def request_finished(self, *facts) -> None:
        """Takes what `RequestObserver.request_finished` does; the fourth fact is the status."""
        self.statuses.append(facts[3])
