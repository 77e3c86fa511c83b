"""A call as a trace: found by its id, drawn as a waterfall, and a DataFrame for who asks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.errors import NotFound, UsageFailed
from aca_notebook.model.trace import MEASURED, Span, SpanEvent, Trace, in_reading_order, platform_spans
from aca_notebook.runner.trace_ids import trace_id_of

if TYPE_CHECKING:
    import pandas as pd

    from aca_notebook.api.access import Access

#: Azure takes this long until what a replica sent can be found: minutes (documented: Log data ingestion time).
LAG = "what a replica sends is found minutes later (locally seconds): ask again"
_AROUND = timedelta(minutes=10)


class CallTrace:
    """One call from end to end. `frame` has a row a span."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    @property
    def call(self) -> str:
        """The call's id."""
        return self.trace.call

    @property
    def spans(self) -> tuple[Span, ...]:
        """Its spans, each below its parent."""
        return self.trace.spans

    @property
    def frame(self) -> pd.DataFrame:
        """A row a span: `began_at` is UTC, `milliseconds` its length, `offset_milliseconds` from the first."""
        import pandas as pd

        first = self.trace.began_at
        rows = [
            {
                "name": each.name, "began_at": each.began_at,
                "offset_milliseconds": (each.began_at - first) / timedelta(milliseconds=1),
                "milliseconds": each.milliseconds, "depth": each.depth, "source": each.source,
                "success": each.success, "result": each.result, "app": each.app, "revision": each.revision,
                "replica": each.replica, "id": each.id, "parent": each.parent,
            }
            for each in self.spans
        ]  # fmt: skip
        frame = pd.DataFrame(rows)
        frame.attrs = {"call": self.trace.call, "trace": self.trace.id, "note": self.trace.note}
        return frame

    def __repr__(self) -> str:
        root = self.trace.root
        return f"<trace of call {self.call}: {root.name}, {self.trace.milliseconds:,.0f} ms, {len(self.spans)} spans>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from aca_notebook.display import traces

        return traces.waterfall(self.trace)


async def trace_of(access: Access, *, call: str = "", app: str = "") -> CallTrace:
    """Return the trace of a call, or of an app's last.

    Raises `UsageFailed` unless one of both is given, `NotFound` while nothing is known of it.
    """
    call = call.strip()
    if bool(call) == bool(app):
        raise UsageFailed(
            "a trace is of a call, or of an app's last",
            code="UsageError",
            hint="%aca trace CALL, or %aca trace --app NAME",
        )
    if call:
        id_ = await access.ask(lambda services: services.traces.trace_of_call(call, trace_id_of(call)))
    else:
        id_ = await access.ask(lambda services: services.traces.last_trace(app))
    if not id_:
        raise NotFound(
            f"nothing is known of call {call!r}" if call else f"no call of {app!r} was traced", code="TraceNotFound",
            detail=LAG, hint="an app is traced when it is deployed with --traces",
        )  # fmt: skip
    spans, events = await asyncio.gather(
        access.ask(lambda services: services.traces.spans(id_)),
        access.ask(lambda services: services.traces.events(id_)),
    )
    return CallTrace(await _with_platform(access, read_trace(id_, call, spans, events)))


def read_trace(id_: str, call: str, rows: tuple[tuple[Any, ...], ...], events: tuple[tuple[Any, ...], ...]) -> Trace:
    """Return the rows of both queries as a trace; what is not the call's own, in a trace of many, is left out."""
    spans = [_span(row) for row in rows]
    if call:
        spans = _of_call(spans, call)
    found = in_reading_order(spans)
    known = {each.id for each in found}
    kept = tuple(SpanEvent(row[0], row[1], row[3], row[2] or "") for row in events if row[2] in known)
    trace = Trace(id_, call, found, kept)
    whole = any("aca.call_id" in each.properties for each in found)  # it ends last, and is sent last
    note = "" if whole else f"spans may be missing; {LAG}"
    return Trace(id_, call or trace.root.properties.get("aca.call_id", ""), found, kept, note)


def _of_call(spans: list[Span], call: str) -> list[Span]:
    """A caller's own trace may hold many calls: keep the one, with all below it."""
    roots = [each for each in spans if each.properties.get("aca.call_id") == call]
    if not roots:
        return spans
    kept = {roots[0].id: roots[0]}
    grown = True
    while grown:
        more = {each.id: each for each in spans if each.parent in kept and each.id not in kept}
        kept |= more
        grown = bool(more)
    return list(kept.values())


def _span(row: tuple[Any, ...]) -> Span:
    at, _, id_, parent, name, milliseconds, success, result, app, replica, revision, properties = row
    import json

    known = json.loads(properties) if isinstance(properties, str) and properties else properties or {}
    return Span(
        str(id_), str(name), at, float(milliseconds or 0.0), str(parent or ""), bool(success), str(result or ""),
        str(known.get("aca.source", MEASURED)), str(app or ""), str(replica or ""), str(revision or ""), known,
    )  # fmt: skip


async def _with_platform(access: Access, trace: Trace) -> Trace:
    """Add what the platform's own log says of a replica that was started for the call."""
    start = next((each for each in trace.spans if each.name == "replica start"), None)
    if start is None or not start.replica:
        return trace
    span = (start.began_at - _AROUND, start.ended_at + _AROUND)
    rows = await access.ask(lambda services: services.traces.platform(start.replica, span))
    more = platform_spans([(row[0], str(row[1]), str(row[2])) for row in rows], start)
    return Trace(trace.id, trace.call, in_reading_order((*trace.spans, *more)), trace.events, trace.note)
