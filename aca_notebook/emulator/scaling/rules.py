"""How many replicas a revision should have: KEDA's decisions between 0 and 1, the HPA's from 1 to N.

Pure: the load and the time are arguments, and what must be remembered between two looks is a value in and out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScaleRule:
    """One rule: `kind` is http, tcp, cpu, memory or the KEDA scaler's name; `target` is per replica.

    Units of `target`: http concurrent requests, tcp connections, cpu and memory percent of the replica's share.
    """

    name: str
    kind: str
    target: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The `scale` block of a template, with Azure's defaults filled in (facts §3.3)."""

    min_replicas: int = 0
    max_replicas: int = 10
    cooldown_seconds: float = 300.0
    polling_seconds: float = 30.0
    rules: tuple[ScaleRule, ...] = ()
