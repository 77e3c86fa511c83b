"""What an app does just now."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AppUsage:
    """One app over a span: the latest of what is a level, the rate of what is counted; None where nothing is known.

    `cpu_cores` and `memory_bytes` are a replica's average, as Azure Monitor has it.
    """

    app: str
    replicas: float | None = None
    cpu_cores: float | None = None
    memory_bytes: float | None = None
    gpu_percent: float | None = None
    requests_per_minute: float = 0.0
    failed_per_minute: float = 0.0
    response_seconds: float | None = None
    restarts: float | None = None
