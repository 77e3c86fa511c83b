"""What a session pool does and when: how many instances wait, who gets one, when a session ends. Pure.

Moments are seconds of a monotonic clock.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: What an identifier may be (facts §5.2).
_IDENTIFIER = re.compile(r"""[a-zA-Z0-9_|}{\[\]:";'<>?/.,@#$%^&*()_\-+=!~`]{4,128}""")
#: How many instances of the platform's own containers wait; Azure keeps enough and says no number.
READY_BUILT_IN = 1
#: `az containerapp sessionpool create` asks for five without being told, which Azure drops (recorded: sessionpool_e2e).
MOST_READY_BUILT_IN = 3
#: A container that nobody told how long to live goes after a day, as documented for OnContainerExit.
LONGEST_SECONDS = 86_400.0


class Kind(StrEnum):
    """What runs in the sessions of a pool; values are Azure's container types."""

    PYTHON = "PythonLTS"
    NODE = "NodeLTS"
    SHELL = "Shell"
    CUSTOM = "CustomContainer"


class Lifecycle(StrEnum):
    """What ends a session that nobody stops."""

    TIMED = "Timed"  #: a time without calls
    ON_EXIT = "OnContainerExit"  #: its container's own end


@dataclass(frozen=True, slots=True)
class Rules:
    """What a pool's document says. `max_alive_seconds` is infinite where only the cooldown ends a session."""

    kind: Kind
    most_sessions: int
    ready: int
    lifecycle: Lifecycle
    cooldown_seconds: float
    max_alive_seconds: float
    egress: bool
    template: str = ""  #: what custom containers are made of, as a text that differs when it does

    def makes_as(self, other: Rules) -> bool:
        """Tell whether instances made by these rules serve the others."""
        return (self.kind, self.egress, self.template) == (other.kind, other.egress, other.template)


@dataclass(frozen=True, slots=True)
class Life:
    """One allocated session's time: when it began and was last used; `calls` are being answered now."""

    created: float
    used: float
    calls: int = 0


def read_rules(document: Mapping[str, Any]) -> Rules:
    """Return what a stored pool says."""
    properties = document["properties"]
    kind = Kind(properties["containerType"])
    scale = properties["scaleConfiguration"]
    lifecycle = properties["dynamicPoolConfiguration"]["lifecycleConfiguration"]
    type_ = Lifecycle(lifecycle.get("lifecycleType") or Lifecycle.TIMED)
    most = int(scale["maxConcurrentSessions"])
    asked = scale.get("readySessionInstances")
    ready = READY_BUILT_IN if asked is None else int(asked)
    if kind is not Kind.CUSTOM:
        ready = min(ready, MOST_READY_BUILT_IN)
    alive = lifecycle.get("maxAlivePeriodInSeconds") or (LONGEST_SECONDS if type_ is Lifecycle.ON_EXIT else None)
    return Rules(
        kind=kind,
        most_sessions=most,
        ready=min(most, ready),
        lifecycle=type_,
        cooldown_seconds=float(lifecycle.get("cooldownPeriodInSeconds") or 300),
        max_alive_seconds=float("inf") if alive is None else float(alive),
        egress=properties["sessionNetworkConfiguration"].get("status") == "EgressEnabled",
        template=json.dumps(properties.get("customContainerTemplate"), sort_keys=True) if kind is Kind.CUSTOM else "",
    )


def is_identifier(text: str) -> bool:
    """Tell whether a text can name a session."""
    return _IDENTIFIER.fullmatch(text) is not None


def has_room(rules: Rules, allocated: int) -> bool:
    """Tell whether one more session may be allocated."""
    return allocated < rules.most_sessions


def missing(rules: Rules, *, ready: int, starting: int, allocated: int) -> int:
    """Return how many instances to start, so that as many wait as should and no more than could be allocated."""
    wanted = min(rules.ready, max(0, rules.most_sessions - allocated))
    return max(0, wanted - ready - starting)


def surplus(rules: Rules, *, ready: int, allocated: int) -> int:
    """Return how many waiting instances are too many, after the pool was changed."""
    return max(0, ready - min(rules.ready, max(0, rules.most_sessions - allocated)))


def ends_at(rules: Rules, life: Life) -> float:
    """Return when a session ends unless it is used again; a call that is being answered holds the cooldown off."""
    oldest = life.created + rules.max_alive_seconds
    if rules.lifecycle is Lifecycle.ON_EXIT or life.calls:
        return oldest
    return min(oldest, life.used + rules.cooldown_seconds)


def next_end(rules: Rules, lives: Iterable[Life]) -> float:
    """Return when the first of some sessions ends; infinite for none."""
    return min((ends_at(rules, life) for life in lives), default=float("inf"))


def why_ended(rules: Rules, life: Life, now: float) -> str:
    """Say what ended a session whose time was over."""
    if now >= life.created + rules.max_alive_seconds:
        return f"it had lived for {rules.max_alive_seconds:.0f} s, as long as its pool lets one"
    return f"nobody had used it for {rules.cooldown_seconds:.0f} s, its pool's cooldown period"
