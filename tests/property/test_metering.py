"""Metering: what is counted adds up however time is cut, is never negative, and is what a plain count says."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.emulator.journal.events import ReplicaAssigned
from aca_notebook.emulator.telemetry.history import Metered
from aca_notebook.emulator.telemetry.metering import Activity, usage_of
from aca_notebook.emulator.telemetry.metrics import Span, minute_of
from aca_notebook.model import meter
from aca_notebook.model.price import ReplicaSize, charges, is_idle, price_list
from aca_notebook.model.quantities import GIB

START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = 6
WHOLE = START + timedelta(hours=HOURS)
SECONDS = st.integers(0, HOURS * 3600 * 1000).map(lambda thousandth: thousandth / 1000)


@st.composite
def replicas(draw: st.DrawFn) -> Metered:
    """Some replicas of two revisions: small ones with a minimum, and those with a GPU."""
    spans, assigned = [], {}
    for index in range(draw(st.integers(0, 6))):
        revision = draw(st.sampled_from(("a", "b")))
        begin, end = sorted((draw(SECONDS), draw(SECONDS)))
        running = draw(st.booleans()) and index == 0
        name = (revision, f"{revision}-{index}")
        at = START + timedelta(seconds=begin)
        spans.append(Span(*name, at, None if running else START + timedelta(seconds=end)))
        assigned[name] = ReplicaAssigned(
            at=at, app="app", revision=revision, replica=name[1], cpu_cores=draw(st.sampled_from((0.25, 2.0))),
            memory_bytes=GIB, gpu_model="T4" if revision == "b" else "", gpu_count=1 if revision == "b" else 0,
            min_replicas=draw(st.sampled_from((0, 1, 2))),
        )  # fmt: skip
    return Metered(START, tuple(spans), assigned)


@st.composite
def activity(draw: st.DrawFn, history: Metered) -> dict[tuple[str, str], dict[int, Activity]]:
    found = {}
    for span in history.spans:
        minutes = draw(st.lists(st.integers(0, HOURS * 60 - 1), max_size=8, unique=True))
        found[span.revision, span.replica] = {
            minute_of(START) + minute: Activity(
                draw(st.sampled_from((0.0, 3.0))), draw(st.sampled_from((None, 0.001, 0.5))),
                draw(st.sampled_from((None, 0.0, 1e6))),
            )
            for minute in minutes
        }  # fmt: skip
    return found


@st.composite
def cases(draw: st.DrawFn) -> tuple[Metered, dict[tuple[str, str], dict[int, Activity]]]:
    history = draw(replicas())
    return history, draw(activity(history))


def sums(*parts: list) -> Counter:
    found: Counter = Counter()
    for part in parts:
        for each in part:
            found[each.hour, each.revision, each.meter] += each.quantity
    return found


def same(one: Counter, other: Counter) -> bool:
    return all(math.isclose(one[key], other[key], rel_tol=1e-9, abs_tol=1e-6) for key in {*one, *other})


@settings(max_examples=150, deadline=None)
@given(cases(), st.lists(st.integers(0, HOURS * 60), max_size=3))
def test_usage_is_additive_over_any_cut_at_a_minute_and_never_negative(case: tuple, cuts: list[int]) -> None:
    history, done = case
    whole = usage_of(history, done, START, WHOLE)
    edges = [START, *(START + timedelta(minutes=cut) for cut in sorted(cuts)), WHOLE]
    parts = [usage_of(history, done, a, b) for a, b in itertools.pairwise(edges)]
    assert same(sums(whole), sums(*parts))
    assert all(each.quantity > 0 for each in whole)
    assert all(
        (charge.amount or 0.0) >= 0 for charge in charges({e.meter: e.quantity for e in whole}, price_list("eastus"))
    )


@settings(max_examples=100, deadline=None)
@given(cases())
def test_usage_is_what_counting_second_by_second_says(case: tuple) -> None:
    """Of hundredths of seconds, a plain loop over the minutes of each stay."""
    history, done = case
    naive: Counter = Counter()
    for span in history.spans:
        begun = history.assigned[span.revision, span.replica]
        end = WHOLE if span.end is None else span.start + timedelta(
            seconds=math.ceil((span.end - span.start).total_seconds())
        )  # fmt: skip
        for minute in range(HOURS * 60):
            at, until = START + timedelta(minutes=minute), START + timedelta(minutes=minute + 1)
            seconds = (min(end, until, WHOLE) - max(span.start, at)).total_seconds()
            if seconds <= 0:
                continue
            seen = done.get((span.revision, span.replica), {}).get(minute_of(at))
            company = sum(
                other.overlaps(at, until) for other in history.spans
                if other.revision == span.revision and _near(other)
            )  # fmt: skip
            idle = not begun.gpu_model and seen is not None and is_idle(
                min_replicas=begun.min_replicas, replicas=company, requests=seen.requests, cores=seen.cores,
                bytes_a_second=(seen.received_and_sent_bytes or 0.0) / 60,
            )  # fmt: skip
            naive[meter.VCPU_IDLE if idle else meter.VCPU_ACTIVE] += begun.cpu_cores * seconds
            naive[meter.MEMORY_IDLE if idle else meter.MEMORY_ACTIVE] += seconds
            if begun.gpu_model:
                naive[meter.GPU_T4] += seconds
    for minutes in done.values():
        naive[meter.REQUESTS] += sum(each.requests for each in minutes.values())
    counted: Counter = Counter()
    for each in usage_of(history, done, START, WHOLE):
        counted[each.meter] += each.quantity
    assert same(
        Counter({(k, "", ""): v for k, v in naive.items()}), Counter({(k, "", ""): v for k, v in counted.items()})
    )


def _near(span: Span) -> bool:
    return span.end is None or span.end > span.start


def test_an_a100_hour_is_what_facts_say() -> None:
    """24 vCPU, 220 GiB and an A100 for an hour: 6.354 USD in East US, reckoned by hand."""
    name = ("a", "a-1")
    begun = ReplicaAssigned(
        at=START, app="app", revision="a", replica="a-1", cpu_cores=24.0, memory_bytes=220 * GIB, gpu_model="A100",
        gpu_count=1, min_replicas=1,
    )  # fmt: skip
    history = Metered(START, (Span(*name, START, START + timedelta(hours=1)),), {name: begun})
    found = usage_of(history, {}, START, WHOLE)
    due = charges({each.meter: each.quantity for each in found}, price_list("eastus"))
    assert round(sum(charge.amount or 0.0 for charge in due), 4) == 6.3540
    assert ReplicaSize(24.0, 220 * GIB, "A100", 1).gpus == 1


def test_a_stay_is_rounded_up_to_a_second() -> None:
    name = ("a", "a-1")
    begun = ReplicaAssigned(at=START, app="app", revision="a", replica="a-1", cpu_cores=1.0, memory_bytes=GIB)
    history = Metered(START, (Span(*name, START, START + timedelta(seconds=0.2)),), {name: begun})
    assert {each.meter: each.quantity for each in usage_of(history, {}, START, WHOLE)} == {
        meter.VCPU_ACTIVE: 1.0, meter.MEMORY_ACTIVE: 1.0,
    }  # fmt: skip
