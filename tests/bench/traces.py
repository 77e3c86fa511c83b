"""What a trace costs: a call that is traced, items taken in, and a waterfall of a thousand spans."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from aca_notebook.display import traces as cards
from aca_notebook.emulator.telemetry.logs.store import LogStore
from aca_notebook.emulator.telemetry.traces.envelopes import Row, read_item, read_items
from aca_notebook.emulator.telemetry.traces.ingestion import Component, keep
from aca_notebook.model.trace import Span, Trace, in_reading_order
from aca_notebook.runner.app import RunnerApp
from aca_notebook.runner.door import Door
from aca_notebook.runner.failures import CellLines
from aca_notebook.runner.services import Service, Services
from aca_notebook.runner.signature import Signature
from aca_notebook.runner.tracing import CONNECTION, Stages
from aca_notebook.runner.tracing_spans import Traces
from tests.bench.figures import Figure
from tests.fakes.asgi import request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALLS = 1000
BATCH = 512  # what OpenTelemetry sends at once
BATCHES = 20
SPANS = 1000
CALL = "0af7651916cd43dd8448eb211c80319c"
NOW = datetime(2026, 5, 31, tzinfo=UTC)


def trace_costs(home: Path, rounds: int = 5) -> list[Figure]:
    """A call traced against one that is not; items a second against DuckDB's own reader; a drawing."""
    return [*_calls(rounds), *_taken_in(home, rounds), *_drawn(rounds)]


class _Nowhere(SpanExporter):
    def export(self, spans: object) -> SpanExportResult:
        del spans
        return SpanExportResult.SUCCESS


def _score(x: float) -> float:
    return x


def _calls(rounds: int) -> list[Figure]:
    services = Services({"f": Service("f", _score, Signature(_score, "f"), is_async=False, doc="")}, None, "f", [])
    traces = Traces({CONNECTION: "InstrumentationKey=x"}, Stages(), _Nowhere())
    plain = _runner(services)
    traced = traces.application(_runner(traces.traced(services)))
    taken, peer = [], []
    for _ in range(rounds):
        taken.append(_call_all(traced))
        peer.append(_call_all(plain))
    traces.close()
    note = "in the runner itself, without a network: what tracing adds to a call is the difference"
    return [Figure("traces: a traced call", "ms", tuple(taken), 10.0, "the same call untraced", tuple(peer), note=note)]


def _runner(services: Services) -> RunnerApp:
    lines = CellLines("cell.py", ())
    return RunnerApp(services, lines, Door(public=True), threads=2, title="x", write_line=lambda _: None)


def _call_all(app: object) -> float:
    async def call() -> None:
        for _ in range(CALLS):
            await request(app, "POST", "/f", b'{"x": 1}', x_call_id=CALL)

    return _timed(lambda: asyncio.run(call())) / CALLS * 1000


def _taken_in(home: Path, rounds: int) -> list[Figure]:
    body = json.dumps([_item(number) for number in range(BATCH)]).encode()
    (home / "items.json").write_bytes(body)
    store = LogStore(home / "logs.duckdb")
    component = Component("/subscriptions/s/components/c", "app", "workspace")

    def ours() -> None:
        for _ in range(BATCHES):
            read = [read_item(item, NOW) for item in read_items(body, "")]
            keep(store, component, [each for each in read if isinstance(each, Row)], NOW)

    with duckdb.connect(str(home / "peer.duckdb")) as connection:
        connection.execute(f"CREATE TABLE items AS SELECT * FROM read_json('{home}/items.json') LIMIT 0")

        def theirs() -> None:
            for _ in range(BATCHES):
                connection.execute(f"INSERT INTO items SELECT * FROM read_json('{home}/items.json')")

        taken, peer = [], []
        for _ in range(rounds):
            taken.append(BATCH * BATCHES / _timed(ours))
            peer.append(BATCH * BATCHES / _timed(theirs))
    store.close()
    name = "traces: items taken in, each batch on the disk"
    return [
        Figure(name, "items/s", tuple(taken), 0.1, "DuckDB's reader of JSON", tuple(peer), higher_is_better=True)
    ]  # fmt: skip


def _item(number: int) -> dict[str, object]:
    base = {"id": f"{number:016x}", "name": "run f", "duration": "0.00:00:00.010", "success": True, "type": "InProc",
            "resultCode": "0", "properties": {"aca.source": "measured", "aca.function": "f"}}  # fmt: skip
    return {
        "name": "Microsoft.ApplicationInsights.RemoteDependency", "time": NOW.isoformat(), "iKey": "x",
        "tags": {"ai.operation.id": CALL, "ai.operation.parentId": "b7ad6b7169203331", "ai.cloud.role": "scorer"},
        "data": {"baseType": "RemoteDependencyData", "baseData": base},
    }  # fmt: skip


def _drawn(rounds: int) -> list[Figure]:
    spans = [
        Span(f"{number}", f"step {number}", NOW + timedelta(milliseconds=number), 5.0, f"{number // 3}")
        for number in range(SPANS)
    ]
    taken = [_timed(lambda: cards.waterfall(Trace(CALL, CALL, in_reading_order(spans)))) for _ in range(rounds)]
    return [Figure(f"traces: a waterfall of {SPANS} spans drawn", "s", tuple(taken), 0.5)]


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
