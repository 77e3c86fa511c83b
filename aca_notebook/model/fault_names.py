"""The names of the fault kinds alone: what a line's grammar needs, long before anybody asks what they mean.

A test holds them against the kinds, which take ten times as long to load.
"""

from __future__ import annotations

FAULT_NAMES = (
    "throttle", "outage", "drop-connection", "slow-answer", "expired-token", "forbidden", "lost-logs",
    "slow-operation", "fail-operation", "stuck-operation", "stuck-gpu", "image-pull-failure", "probe-failure",
    "request-timeout", "app-outage", "drop-call", "short-token", "role-delay", "quota",
    "missing-metric",
)  # fmt: skip
