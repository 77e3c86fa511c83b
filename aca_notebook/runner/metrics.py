"""Counts of calls in Prometheus' text format."""

from __future__ import annotations

import bisect
from collections import defaultdict

BUCKETS_SECONDS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    240.0,
)


class CallMetrics:
    """Counts calls by function and status, their seconds in buckets, and those in flight.

    Only the event loop's thread touches it.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self._calls: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._queue_seconds: defaultdict[str, float] = defaultdict(float)
        self._buckets: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(BUCKETS_SECONDS) + 1))

    def finished(self, function: str, status: int, *, queue_seconds: float, run_seconds: float) -> None:
        """Count one call."""
        self._calls[function, status] += 1
        self._seconds[function] += run_seconds
        self._queue_seconds[function] += queue_seconds
        self._buckets[function][bisect.bisect_left(BUCKETS_SECONDS, run_seconds)] += 1

    def text(self) -> str:
        """Write everything in Prometheus' text format, version 0.0.4."""
        lines = ["# HELP aca_calls_total Calls answered.", "# TYPE aca_calls_total counter"]
        for (function, status), count in sorted(self._calls.items()):
            lines.append(f'aca_calls_total{{function="{function}",status="{status}"}} {count}')
        lines += [
            "# HELP aca_call_queue_seconds_total Seconds calls waited for a thread.",
            "# TYPE aca_call_queue_seconds_total counter",
        ]
        for function, seconds in sorted(self._queue_seconds.items()):
            lines.append(f'aca_call_queue_seconds_total{{function="{function}"}} {seconds:.6f}')
        lines += ["# HELP aca_call_seconds Seconds the function itself took.", "# TYPE aca_call_seconds histogram"]
        for function, counts in sorted(self._buckets.items()):
            running = 0
            for bound, count in zip((*map(str, BUCKETS_SECONDS), "+Inf"), counts, strict=True):
                running += count
                lines.append(f'aca_call_seconds_bucket{{function="{function}",le="{bound}"}} {running}')
            lines.append(f'aca_call_seconds_sum{{function="{function}"}} {self._seconds[function]:.6f}')
            lines.append(f'aca_call_seconds_count{{function="{function}"}} {running}')
        lines += ["# HELP aca_calls_in_flight Calls being answered.", "# TYPE aca_calls_in_flight gauge"]
        lines.append(f"aca_calls_in_flight {self.in_flight}")
        return "\n".join(lines) + "\n"
