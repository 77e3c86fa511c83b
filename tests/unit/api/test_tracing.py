from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aca_notebook.api.tracing import CallTrace, read_trace, trace_of
from aca_notebook.errors import NotFound, UsageFailed

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def row(id_: str, parent: str, name: str, start: float = 0.0, **properties: str) -> tuple:
    at = NOW + timedelta(milliseconds=start)
    return (at, "request", id_, parent, name, 5.0, True, "200", "scorer", "scorer--1-x", "scorer--1", properties)


def test_rows_become_a_trace_with_a_frame() -> None:
    rows = (
        row("r", "", "POST /score", 10, **{"aca.call_id": "c1"}),
        row("q", "r", "queue", 0, **{"aca.source": "reckoned"}),
        row("x", "r", "run score", 11),
    )
    events = ((NOW, "exception", "x", "ValueError: no"), (NOW, "event", "elsewhere", "not of this call"))
    found = CallTrace(read_trace("t", "c1", rows, events))
    assert [(each.name, each.depth, each.source) for each in found.spans] == [
        ("POST /score", 0, "measured"), ("queue", 1, "reckoned"), ("run score", 1, "measured"),
    ]  # fmt: skip
    assert [each.words for each in found.trace.events] == ["ValueError: no"]
    frame = found.frame
    assert frame["offset_milliseconds"].tolist() == [10.0, 0.0, 11.0]
    assert str(frame["began_at"].dt.tz) == "UTC"
    assert frame.attrs == {"call": "c1", "trace": "t", "note": ""}
    assert repr(found) == "<trace of call c1: POST /score, 16 ms, 3 spans>"


def test_of_a_callers_trace_with_many_calls_the_one_asked_for_is_shown() -> None:
    rows = (
        row("a", "", "POST /score", 0, **{"aca.call_id": "c1"}), row("a1", "a", "run score"),
        row("b", "", "POST /score", 50, **{"aca.call_id": "c2"}), row("b1", "b", "run score"),
        row("b2", "b1", "tokenise"),
    )  # fmt: skip
    assert {each.id for each in read_trace("t", "c2", rows, ()).spans} == {"b", "b1", "b2"}
    assert len(read_trace("t", "", rows, ()).spans) == 5


def test_a_trace_whose_end_has_not_come_in_says_so() -> None:
    found = read_trace("t", "c1", (row("q", "r", "queue"),), ())
    assert found.note.startswith("spans may be missing")


class Nothing:
    """What is asked answers that there is nothing."""

    async def ask(self, question) -> str:
        del question
        return ""


@pytest.mark.anyio
async def test_a_trace_that_is_not_there_says_why_it_may_not_be() -> None:
    with pytest.raises(NotFound) as missing:
        await trace_of(Nothing(), call="c1")
    first, second, third = missing.value.lines()
    assert "'c1'" in first
    assert "minutes later" in second
    assert "--traces" in third
    for call, app in (("", ""), ("c1", "scorer")):
        with pytest.raises(UsageFailed):
            await trace_of(Nothing(), call=call, app=app)
