"""How many replicas a revision should have: KEDA's decisions between 0 and 1, the HPA's from 1 to N.

Pure: the load and the time are arguments, and what must be remembered between two looks is a value in and out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.emulator.scaling.load import Load

SCALE_DOWN_WINDOW_SECONDS = 300.0
_SYNC_SECONDS = 15.0  # how often the HPA looks, and so how often it steps
_FIRST_STEP = 4  # the HPA adds four replicas or doubles them, whichever is more: 1, 4, 8, 16 ...
_RESOURCES = frozenset({"cpu", "memory"})
_TOLERANCE = 0.1  # of the HPA, for utilisation
_ROUNDING = 1e-9


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
    rules: tuple[ScaleRule, ...] = ()


@dataclass(frozen=True, slots=True)
class ScalingState:
    """What is remembered between two looks, in monotonic seconds.

    `recommendations` are (when, replicas) of the scale-down window, newest last.
    """

    replicas: int
    last_active: float
    stepped: float = -math.inf
    recommendations: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """How many replicas, why, what to remember, and when to look again at the latest."""

    replicas: int
    reason: str
    state: ScalingState
    look_again_seconds: float


def decide_replicas(scale: Scale, load: Load, state: ScalingState, now: float) -> Decision:
    """Return how many replicas a revision should have now; always within the scale's limits."""
    steady = any(rule.kind in _RESOURCES for rule in scale.rules)  # cpu and memory rules never reach zero
    floor = max(scale.min_replicas, 1 if steady else 0)
    last_active = now if load.active else state.last_active
    idle_seconds = now - last_active
    if not load.active and floor == 0 and (state.replicas == 0 or idle_seconds >= scale.cooldown_seconds):
        return Decision(0, "no activity for the cooldown period", ScalingState(0, last_active), _SYNC_SECONDS)
    low, high = max(1, floor), max(1, floor, scale.max_replicas)
    asked = min(max(_recommend(scale, load, state.replicas), low), high)
    window = (*((at, n) for at, n in state.recommendations if now - at < SCALE_DOWN_WINDOW_SECONDS), (now, asked))
    current = min(max(state.replicas, low), high)
    replicas, stepped = current, now if current != state.replicas else state.stepped
    if asked > current and now - stepped >= _SYNC_SECONDS:
        replicas, stepped = min(asked, max(_FIRST_STEP, 2 * current)), now
    elif asked < current:
        replicas = min(current, max(n for _, n in window))
    again = _SYNC_SECONDS
    if floor == 0 and not load.active:
        again = min(again, scale.cooldown_seconds - idle_seconds)
    reason = _reason(state.replicas, replicas, load)
    return Decision(replicas, reason, ScalingState(replicas, last_active, stepped, _thin(window)), again)


def _recommend(scale: Scale, load: Load, replicas: int) -> int:
    asked = 0.0
    for rule in scale.rules:
        if rule.kind == "http":
            asked = max(asked, load.requests_per_second / rule.target)
        elif rule.kind == "tcp":
            asked = max(asked, load.in_flight / rule.target)
        elif rule.kind in _RESOURCES:
            used = load.cpu_percents if rule.kind == "cpu" else load.memory_percents
            asked = max(asked, replicas_by_utilisation(used, rule.target, replicas))
    return math.ceil(asked - _ROUNDING)


def replicas_by_utilisation(used: Sequence[float], target: float, replicas: int) -> int:
    """Return how many replicas would use `target` percent each, as the HPA reckons it.

    `used` are percents of those of the `replicas` that were sampled. The others count against a change: as idle when
    there is too little, as fully used when there is too much. Within a tenth of the target nothing changes.
    """
    if not used or replicas == 0:
        return replicas
    first = sum(used) / len(used) / target
    missing = max(0, replicas - len(used))
    assumed = max(100.0, target) if first < 1 else 0.0
    ratio = (sum(used) + missing * assumed) / (len(used) + missing) / target
    if abs(ratio - 1) <= _TOLERANCE or (first < 1) != (ratio < 1):
        return replicas
    wanted = math.ceil(ratio * (len(used) + missing) - _ROUNDING)
    return min(wanted, replicas) if ratio < 1 else max(wanted, replicas)


def _reason(before: int, after: int, load: Load) -> str:
    if before == 0 and after > 0:
        return "a request came" if load.active else "the minimum is kept"
    return "more load" if after > before else "less load"


def _thin(window: tuple[tuple[float, int], ...]) -> tuple[tuple[float, int], ...]:
    """Drop recommendations that a newer and higher one hides: the window's maximum stays what it was."""
    kept: list[tuple[float, int]] = []
    for at, replicas in window:
        while kept and kept[-1][1] <= replicas:
            kept.pop()
        kept.append((at, replicas))
    return tuple(kept)
