from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.model.trace import PLATFORM, Span, Trace, in_reading_order, platform_spans

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = st.sampled_from("abcdefgh")


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    found = []
    for id_ in draw(st.lists(NAMES, unique=True, min_size=1)):
        began = NOW + timedelta(milliseconds=draw(st.integers(0, 50)))
        found.append(Span(id_, id_, began, float(draw(st.integers(0, 50))), draw(st.one_of(st.just(""), NAMES))))
    return found


@given(spans())
def test_each_span_stands_once_and_below_its_parent(given_spans: list[Span]) -> None:
    found = in_reading_order(given_spans)
    assert sorted(each.id for each in found) == sorted(each.id for each in given_spans)
    place = {each.id: at for at, each in enumerate(found)}
    depth = {each.id: each.depth for each in found}
    assert found[0].depth == 0
    for before, after in itertools.pairwise(found):
        assert after.depth <= before.depth + 1
    for each in found:
        if each.depth:
            assert place[each.parent] < place[each.id]
            assert depth[each.parent] == each.depth - 1
    assert in_reading_order(reversed(given_spans)) == found


@given(spans())
def test_siblings_follow_each_other_in_time(given_spans: list[Span]) -> None:
    found = in_reading_order(given_spans)
    for parent in {each.parent for each in found}:
        moments = [each.began_at for each in found if each.parent == parent and each.depth]
        assert moments == sorted(moments)


def test_a_trace_lasts_from_its_first_beginning_to_its_last_end() -> None:
    root = Span("r", "POST /", NOW, 10.0, properties={"aca.call_id": "c"})
    queue = Span("q", "queue", NOW - timedelta(milliseconds=30), 30.0, "r")
    late = Span("l", "late", NOW + timedelta(milliseconds=5), 20.0, "r")
    trace = Trace("t", "c", in_reading_order([root, queue, late]))
    assert (trace.milliseconds, trace.root.id, trace.is_cold) == (55.0, "r", False)


def test_the_platforms_log_divides_a_replicas_start() -> None:
    start = Span("s", "replica start", NOW, 1000.0, "q", app="scorer")

    def at(milliseconds: int) -> datetime:
        return NOW + timedelta(milliseconds=milliseconds)

    rows = [
        (at(-5), "KEDAScaleTargetActivated", ""), (at(100), "AssigningReplica", ""), (at(700), "PulledImage", ""),
        (at(800), "PulledImage", "again"), (at(1500), "ContainerStarted", "after the wait"),
    ]  # fmt: skip
    found = platform_spans(rows, start)
    assert [(each.name, each.milliseconds, each.parent, each.source) for each in found] == [
        ("schedule", 100.0, "s", PLATFORM), ("pull image", 600.0, "s", PLATFORM),
    ]  # fmt: skip
    assert platform_spans([], start) == ()
