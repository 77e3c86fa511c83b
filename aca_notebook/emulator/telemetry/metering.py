"""What the meters counted, hour by hour: a fold of when replicas were there and of what they did. Pure.

Azure charges per second and replica, a stay rounded up to whole seconds, from assignment to stop (facts §10.5). A
minute in which a replica met the rule for idle is charged at the idle rate; requests are those the ingress answered.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aca_notebook.clock import truncate
from aca_notebook.emulator.telemetry.metrics import MINUTE_SECONDS, minute_of
from aca_notebook.model.meter import REQUESTS
from aca_notebook.model.price import IDLE_CORES, ReplicaSize, is_idle, replica_usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aca_notebook.emulator.journal.events import ReplicaAssigned
    from aca_notebook.emulator.telemetry.history import Metered
    from aca_notebook.emulator.telemetry.metrics import Span
    from aca_notebook.model.meter import Meter

HOUR = timedelta(hours=1)
MINUTES_AN_HOUR = 60
_MINUTE = timedelta(minutes=1)
#: A revision and a replica of it.
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Activity:
    """What one replica did in one minute; None where nobody measured it."""

    requests: float = 0.0
    cores: float | None = None
    received_and_sent_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """So much of a meter, counted for one revision in the hour that begins at `hour`."""

    hour: datetime
    revision: str
    meter: Meter
    quantity: float


def usage_of(
    history: Metered, activity: Mapping[Name, Mapping[int, Activity]], since: datetime, until: datetime
) -> list[Usage]:
    """Return what an app's meters counted in `[since, until)`; `activity` is by minute since the epoch.

    It is additive: two halves of a time add up to the whole.
    """
    sums: dict[tuple[datetime, str, Meter], float] = defaultdict(float)
    for stay in _stays(history, since, until):
        for begin, end, idle in _parts(stay, activity.get(stay.name, {})):
            for each, quantity in replica_usage(stay.size, (end - begin).total_seconds(), idle=idle).items():
                sums[truncate(begin, HOUR), stay.name[0], each] += quantity
    for (revision, _), minutes in activity.items():
        for minute, done in minutes.items():
            at = _moment(minute)
            if done.requests and since <= at < until:
                sums[truncate(at, HOUR), revision, REQUESTS] += done.requests
    return [Usage(*key, quantity) for key, quantity in sorted(sums.items(), key=_order) if quantity]


@dataclass(frozen=True, slots=True)
class _Stay:
    """The part of a replica's time that is asked about; `company` are the times of all replicas of its revision."""

    name: Name
    begin: datetime
    end: datetime
    size: ReplicaSize
    min_replicas: int
    company: Sequence[Span]


def _stays(history: Metered, since: datetime, until: datetime) -> Iterator[_Stay]:
    by_revision: dict[str, list[Span]] = defaultdict(list)
    near = [span for span in history.spans if span.start < until and _whole_end(span, until) > since]
    for span in near:
        by_revision[span.revision].append(span)
    for span in near:
        name = (span.revision, span.replica)
        begun = history.assigned.get(name)
        if begun is not None and begun.cpu_cores:  # an older emulator did not write down what it was
            begin, end = max(span.start, since), min(_whole_end(span, until), until)
            if end > begin:
                yield _Stay(name, begin, end, _size(begun), begun.min_replicas, by_revision[span.revision])


def _whole_end(span: Span, until: datetime) -> datetime:
    """When a stay ends as it is charged: a whole number of seconds after it began."""
    if span.end is None:
        return until
    return span.start + timedelta(seconds=math.ceil((span.end - span.start).total_seconds()))


def _parts(stay: _Stay, activity: Mapping[int, Activity]) -> Iterator[tuple[datetime, datetime, bool]]:
    """Yield a stay in parts that lie in one hour each, and whether a part is charged as idle."""
    if not may_idle(stay.size.gpu, stay.min_replicas):
        yield from _hours(stay.begin, stay.end)
        return
    begin, first = stay.begin, minute_of(stay.begin)
    idle = _idle(stay, first, activity)
    for minute in range(first + 1, math.ceil(stay.end.timestamp() / MINUTE_SECONDS)):
        now = _idle(stay, minute, activity)
        if now != idle or minute % MINUTES_AN_HOUR == 0:
            at = _moment(minute)
            yield begin, at, idle
            begin, idle = at, now
    yield begin, stay.end, idle


def _hours(begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, bool]]:
    while begin < end:
        until = min(truncate(begin, HOUR) + HOUR, end)
        yield begin, until, False
        begin = until


def may_idle(gpu: str, min_replicas: int) -> bool:
    """Whether such a replica is ever charged as idle: one of a minimum, without a GPU."""
    return min_replicas > 0 and not gpu


def _idle(stay: _Stay, minute: int, activity: Mapping[int, Activity]) -> bool:
    done = activity.get(minute)
    # Not measured is not idle: an estimate may be too high, never too low. What is cheap to ask comes first.
    if done is None or done.requests or done.cores is None or done.cores >= IDLE_CORES:
        return False
    at = _moment(minute)
    there = sum(span.overlaps(at, at + _MINUTE) for span in stay.company)
    moved = done.received_and_sent_bytes
    return is_idle(
        min_replicas=stay.min_replicas, replicas=there, requests=done.requests, cores=done.cores,
        bytes_a_second=0.0 if moved is None else moved / MINUTE_SECONDS,
    )  # fmt: skip


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * MINUTE_SECONDS, UTC)


def _size(begun: ReplicaAssigned) -> ReplicaSize:
    return ReplicaSize(begun.cpu_cores, begun.memory_bytes, begun.gpu_model, begun.gpu_count)


def _order(item: tuple[tuple[datetime, str, Meter], float]) -> tuple[datetime, str, str]:
    (hour, revision, meter), _ = item
    return hour, revision, meter.name
