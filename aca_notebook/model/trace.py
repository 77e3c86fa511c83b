"""One call from end to end: its spans, in the order and depth a reader follows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

#: How a time is known.
MEASURED, RECKONED, PLATFORM = "measured", "reckoned", "platform"
#: What only a call has that waited for its replica to start.
_STARTING = frozenset({"replica start", "python start", "import", "start server"})


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of a call: `parent` is another's id, or the caller's. `source` is how its times are known."""

    id: str
    name: str
    began_at: datetime
    milliseconds: float
    parent: str = ""
    success: bool = True
    result: str = ""
    source: str = MEASURED
    app: str = ""
    replica: str = ""
    revision: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    depth: int = 0

    @property
    def ended_at(self) -> datetime:
        """When it ended."""
        return self.began_at + timedelta(milliseconds=self.milliseconds)


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something raised or noted at one moment of a call."""

    at: datetime
    kind: str
    words: str
    span: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """A call: `spans` are in the order they are read, each under its parent. `note` says what may be missing."""

    id: str
    call: str
    spans: tuple[Span, ...]
    events: tuple[SpanEvent, ...] = ()
    note: str = ""

    @property
    def root(self) -> Span:
        """The request itself; in a trace of many, the first."""
        return next((each for each in self.spans if "aca.call_id" in each.properties), self.spans[0])

    @property
    def began_at(self) -> datetime:
        """When the first of its spans began."""
        return min(each.began_at for each in self.spans)

    @property
    def milliseconds(self) -> float:
        """From the first beginning to the last end."""
        return (max(each.ended_at for each in self.spans) - self.began_at) / timedelta(milliseconds=1)

    @property
    def is_cold(self) -> bool:
        """Whether the call waited for its replica to start."""
        return any(each.name in _STARTING for each in self.spans)


def in_reading_order(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans so that each stands below its parent, and those of one parent in the order of their beginning.

    A span whose parent is not among them stands at the top; what would go round in a circle does, too.
    """
    from dataclasses import replace

    given = sorted(
        {each.id: each for each in spans}.values(), key=lambda each: (each.began_at, -each.milliseconds, each.id)
    )
    known = {each.id for each in given}
    below: dict[str, list[Span]] = {}
    for each in given:
        below.setdefault(each.parent if each.parent in known and each.parent != each.id else "", []).append(each)
    found: dict[str, Span] = {}

    def follow(start: list[Span], depth: int) -> None:
        waiting = [(each, depth) for each in reversed(start)]
        while waiting:
            span, level = waiting.pop()
            if span.id in found:
                continue
            found[span.id] = replace(span, depth=level)
            waiting += [(each, level + 1) for each in reversed(below.get(span.id, []))]

    follow(below.get("", []), 0)
    follow([each for each in given if each.id not in found], 0)  # circles
    return tuple(found.values())


def platform_spans(rows: Iterable[tuple[datetime, str, str]], replica_start: Span) -> tuple[Span, ...]:
    """Return what the platform's log says of a replica's start as spans below it: schedule, pull, create.

    `rows` are moment, reason and sentence. Moments outside of the wait say nothing of it.
    """
    first: dict[str, datetime] = {}
    for at, reason, _ in rows:
        first.setdefault(reason, at)
    steps = (("schedule", "AssigningReplica"), ("pull image", "PulledImage"), ("create container", "ContainerStarted"))
    found: list[Span] = []
    began = replica_start.began_at
    for name, reason in steps:
        if reason not in first or not began <= first[reason] <= replica_start.ended_at:
            continue
        at = first[reason]
        length = (at - began) / timedelta(milliseconds=1)
        found.append(
            Span(
                f"{replica_start.id}-{name}",
                name,
                began,
                length,
                replica_start.id,
                source=PLATFORM,
                app=replica_start.app,
            )
        )
        began = at
    return tuple(found)
