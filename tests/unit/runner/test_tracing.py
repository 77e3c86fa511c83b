"""Spans of calls, taken before they leave the process."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from aca_notebook.runner.app import RunnerApp
from aca_notebook.runner.door import Door
from aca_notebook.runner.trace_ids import trace_id_of
from aca_notebook.runner.tracing import Stages, start
from aca_notebook.runner.tracing_spans import LateExporter, Traces, process_started
from tests.fakes.asgi import request

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

pytestmark = pytest.mark.anyio

KEY = "2a1f0c9e-5d1b-4a7e-9a57-1f2e3d4c5b6a"
PLACE = f"InstrumentationKey={KEY};IngestionEndpoint=https://127.0.0.1:1/"
ENVIRONMENT = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": PLACE, "CONTAINER_APP_NAME": "scorer",
    "CONTAINER_APP_REPLICA_NAME": "scorer--1-x", "CONTAINER_APP_REVISION": "scorer--1",
}  # fmt: skip
SECOND = 1_000_000_000


class Kept(SpanExporter):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


class Traced:
    """A runner whose spans stay here; `by_name` after `close`."""

    def __init__(self, app: RunnerApp, traces: Traces, kept: Kept) -> None:
        self.app = traces.application(app)
        self._traces = traces
        self._kept = kept

    def spans(self) -> dict[str, ReadableSpan]:
        self._traces.close()
        return {each.name: each for each in self._kept.spans}


@pytest.fixture
def traced(loaded) -> Callable[..., Traced]:
    def make(source: str, *exports: str, stages: Stages | None = None, process_began: int = 0) -> Traced:
        services, lines = loaded(source, *exports)
        kept = Kept()
        traces = Traces(ENVIRONMENT, stages or Stages(), kept, process_began)
        services = traces.traced(services)
        app = RunnerApp(services, lines, Door(public=True), threads=2, title="scorer", write_line=[].append)
        return Traced(app, traces, kept)

    return make


def trace_of(span: ReadableSpan) -> str:
    return f"{span.context.trace_id:032x}"


def parent_of(span: ReadableSpan) -> int:
    return span.parent.span_id if span.parent else 0


async def test_a_call_is_a_trace_whose_id_is_made_of_the_calls(traced) -> None:
    made = traced("def score(x): return x", "score:function")
    reply = await request(made.app, "POST", "/score", b'{"x": 1}', x_call_id="call-1")
    spans = made.spans()
    root, run = spans["POST /score"], spans["run score"]
    assert reply.headers["x-call-id"] == "call-1"
    assert {trace_of(root), trace_of(run)} == {trace_id_of("call-1")}
    assert (parent_of(root), parent_of(run)) == (0, root.context.span_id)
    assert root.attributes["aca.call_id"] == "call-1"
    assert root.attributes["http.response.status_code"] == 200
    assert root.resource.attributes["service.name"] == "scorer"
    assert root.resource.attributes["service.instance.id"] == "scorer--1-x"


async def test_a_call_without_an_id_gets_one_that_is_its_traces(traced) -> None:
    made = traced("def score(x): return x", "score:function")
    reply = await request(made.app, "POST", "/score", b'{"x": 1}')
    assert trace_of(made.spans()["POST /score"]) == reply.headers["x-call-id"]


async def test_a_callers_trace_goes_on(traced) -> None:
    made = traced("def score(x): return x", "score:function")
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    await request(made.app, "POST", "/score", b'{"x": 1}', x_call_id="call-1", traceparent=f"00-{trace}-{span}-00")
    root = made.spans()["POST /score"]
    assert (trace_of(root), parent_of(root)) == (trace, int(span, 16))
    assert root.attributes["aca.call_id"] == "call-1"


KINDS = {
    "function": "def f(x): return x",
    "coroutine": "async def f(x): return x",
    "generator": "def f(x):\n    yield x",
    "stream": "async def f(x):\n    yield x",
}


@pytest.mark.parametrize("source", KINDS.values(), ids=KINDS.keys())
async def test_every_kind_of_function_is_a_span_and_answers_as_before(traced, source: str) -> None:
    made = traced(source, "f:function")
    reply = await request(made.app, "POST", "/f", b'{"x": 7}')
    assert reply.json in (7, [7])
    spans = made.spans()
    assert parent_of(spans["run f"]) == spans["POST /f"].context.span_id


async def test_what_a_function_raises_is_an_event_of_its_span(traced) -> None:
    made = traced("def f(x): raise ValueError('negative')", "f:function")
    assert (await request(made.app, "POST", "/f", b'{"x": 1}')).status == 500
    spans = made.spans()
    (event,) = spans["run f"].events
    assert event.attributes["exception.message"] == "negative"
    assert {each.status.status_code for each in spans.values()} == {StatusCode.ERROR}


async def test_a_cold_call_tells_what_it_waited_for(traced) -> None:
    now = time.time_ns()
    moments = iter([now - 9 * SECOND, now - 8 * SECOND, now - 6 * SECOND, now - 5 * SECOND])
    stages = Stages(lambda: next(moments))
    with stages.step("import"):
        pass
    stages.listening()
    made = traced("def f(x): return x", "f:function", stages=stages, process_began=now - 9 * SECOND)
    await request(made.app, "POST", "/f", b'{"x": 1}', x_request_start=f"t={(now - 10 * SECOND) / 1e9:.6f}")
    await request(made.app, "POST", "/f", b'{"x": 1}', x_request_start=f"t={(now - 2 * SECOND) / 1e9:.6f}")
    made._traces.close()
    seconds = [(each.name, round((each.end_time - each.start_time) / SECOND)) for each in made._kept.spans]
    assert seconds[:6] == [
        ("queue", 10), ("replica start", 1), ("python start", 1), ("import", 2), ("start server", 1),
        ("become ready", 5),
    ]  # fmt: skip
    assert [name for name, _ in seconds].count("import") == 1
    assert seconds.count(("queue", 2)) == 1
    sources = {each.name: each.attributes["aca.source"] for each in made._kept.spans}
    assert (sources["queue"], sources["replica start"], sources["import"]) == ("reckoned", "reckoned", "measured")


@pytest.mark.parametrize("sent", ["", "t=now", "t=9999999999", "t=1000000000"])
async def test_a_caller_whose_clock_says_nothing_of_use_has_no_queue(traced, sent: str) -> None:
    made = traced("def f(x): return x", "f:function")
    await request(made.app, "POST", "/f", b'{"x": 1}', x_request_start=sent)
    assert "queue" not in made.spans()


async def test_health_and_documents_are_no_traces(traced) -> None:
    made = traced("def f(x): return x", "f:function")
    for path in ("/_aca/health/live", "/_aca/metrics", "/openapi.json", "/docs"):
        await request(made.app, "GET", path)
    assert made.spans() == {}


def test_a_process_knows_when_it_began() -> None:
    code = (
        "import time; before = time.time_ns(); from aca_notebook.runner.tracing_spans import process_started; "
        "print(before, process_started())"
    )
    began = time.time_ns()
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, said = map(int, ran.stdout.split())
    if said:  # Linux
        assert began - SECOND // 20 <= said <= before + SECOND // 20
    assert process_started() <= time.time_ns()


@pytest.mark.parametrize("environment", [{}, {"ACA_NOTEBOOK_TRACES": "1"}, ENVIRONMENT])
def test_nothing_is_traced_that_was_not_asked_for(environment: dict[str, str]) -> None:
    assert start(environment, Stages()) is None


def test_a_replica_that_is_not_traced_never_imports_opentelemetry() -> None:
    code = "import sys, aca_notebook.runner.__main__; print(any(n.startswith('opentelemetry') for n in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_the_exporter_is_made_when_the_first_batch_goes() -> None:
    made: list[Kept] = []

    def make() -> Kept:
        made.append(Kept())
        return made[-1]

    late = LateExporter(make)
    late.shutdown()
    assert made == []
    late.export([])
    late.export([])
    assert len(made) == 1


def test_what_the_exporter_complains_of_is_logged_without_the_key(capsys) -> None:
    traces = Traces(ENVIRONMENT, Stages(), Kept())
    logging.getLogger("azure.monitor.opentelemetry.exporter.export._base").error("Data drop 400: %s", {"iKey": KEY})
    traces.close()
    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert line == {"event": "traces", "level": "error", "message": "Data drop 400: {'iKey': '***'}"}
