"""Spans of calls, by OpenTelemetry, sent to Application Insights by Microsoft's exporter.

A call is one trace: its id is made of the call's, or is the caller's own where it sends a `traceparent`. What the
replica did is measured; what came before it is reckoned from the moment the caller says that it sent the request
(`X-Request-Start`) and from when this process began, and says so (`aca.source`).
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from aca_notebook.runner.app import HEALTH
from aca_notebook.runner.trace_ids import read_parent, read_sent, trace_id_of
from aca_notebook.runner.tracing import CONNECTION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Span

    from aca_notebook.runner.services import Service, Services
    from aca_notebook.runner.tracing import Stages

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)

MEASURED, RECKONED = "measured", "reckoned"
_BATCH_MILLISECONDS = 1000
_SHORTEST = 1_000_000  # a wait of less than a millisecond is none
_LONGEST = 3600 * 1_000_000_000  # a caller whose clock is so wrong, or who is so patient, says nothing of use
_FLUSH_MILLISECONDS = 5000
_UNTRACED = frozenset({"/docs", "/openapi.json"})
_EXPORTERS = "azure.monitor.opentelemetry"
_wanted_trace: ContextVar[int] = ContextVar("trace", default=0)
_call: ContextVar[_Call | None] = ContextVar("call", default=None)


@dataclass(slots=True)
class _Call:
    """A call under way: its span, and when its body had come, in nanoseconds since 1970."""

    span: Span
    received: int


class _CallIds(RandomIdGenerator):
    """A trace that begins here has the id that its call stands for."""

    def generate_trace_id(self) -> int:
        return _wanted_trace.get() or super().generate_trace_id()


class LateExporter(SpanExporter):
    """Microsoft's exporter, imported in the thread that sends the first batch: a second that no start waits for."""

    def __init__(self, make: Callable[[], SpanExporter]) -> None:
        self._make = make
        self._made: SpanExporter | None = None
        self._making = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        return self._exporter().export(spans)

    def shutdown(self) -> None:
        """End what was made."""
        if self._made is not None:
            self._made.shutdown()

    def _exporter(self) -> SpanExporter:
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made


class Traces:
    """Owns the tracer, and the thread that sends what it made. `close` sends what is left."""

    def __init__(
        self, environment: Mapping[str, str], stages: Stages, exporter: SpanExporter | None = None,
        process_began: int = 0,
    ) -> None:  # fmt: skip
        connection = environment[CONNECTION]
        _quiet_logs(connection)
        self._stages = stages
        self._began = process_began or process_started() or stages.began
        resource = Resource.create({
            "service.name": environment.get("CONTAINER_APP_NAME", "app"),
            "service.instance.id": environment.get("CONTAINER_APP_REPLICA_NAME", ""),
            "service.version": environment.get("CONTAINER_APP_REVISION", ""),
        })  # fmt: skip
        sampler = None if "OTEL_TRACES_SAMPLER" in environment else ALWAYS_ON
        self._provider = TracerProvider(sampler=sampler, resource=resource, id_generator=_CallIds())
        late = exporter or LateExporter(functools.partial(_azure_exporter, connection))
        self._processor = BatchSpanProcessor(late, schedule_delay_millis=_BATCH_MILLISECONDS)
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer("aca_notebook.runner")

    def install(self) -> None:
        """Let the cell's own spans, and those of what it brought along, come here too. Once a process."""
        trace.set_tracer_provider(self._provider)
        _instrument()

    def close(self) -> None:
        """Send what is left, for some seconds at most."""
        self._processor.force_flush(_FLUSH_MILLISECONDS)
        self._provider.shutdown()

    def traced(self, services: Services) -> Services:
        """Return the same services, each function of which is a span."""
        by_path = {path: replace(each, call=self._around(each)) for path, each in services.by_path.items()}
        return replace(services, by_path=by_path)

    def application(self, app: ASGIApp) -> ASGIApp:
        """Return the same application, each call of which is a trace."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and (_is_call(scope["path"]) or self._woke(scope)):
                await self._trace(app, scope, receive, send)
            else:
                await app(scope, receive, send)

        return traced

    def _woke(self, scope: Scope) -> bool:
        """Whether a request that is no call waited for this replica's start: a client reads the description first."""
        if scope["path"] in HEALTH:
            return False
        sent = read_sent(dict(scope["headers"]).get(b"x-request-start", b"").decode("latin-1"))
        return sent is not None and self._stages.ready is not None and sent < self._stages.ready

    async def _trace(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = time.time_ns()
        headers = dict(scope["headers"])
        call_id = headers.get(b"x-call-id", b"").decode("latin-1")
        if not call_id:
            call_id = uuid.uuid4().hex
            scope["headers"] = [*scope["headers"], (b"x-call-id", call_id.encode())]
        span = self._begin(scope, headers, call_id, arrived)
        call = _Call(span, arrived)
        token = _call.set(call)

        async def receiving() -> Message:
            message = await receive()
            call.received = time.time_ns()
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
                if message["status"] >= 500:
                    span.set_status(Status(StatusCode.ERROR))
            await send(message)

        try:
            with trace.use_span(span, end_on_exit=True):
                await app(scope, receiving, sending)
        finally:
            _call.reset(token)

    def _begin(self, scope: Scope, headers: Mapping[bytes, bytes], call_id: str, arrived: int) -> Span:
        parent = _parent(headers.get(b"traceparent", b"").decode("latin-1"))
        token = _wanted_trace.set(int(trace_id_of(call_id), 16))
        try:
            span = self._tracer.start_span(
                f"{scope['method']} {scope['path']}", context=parent, kind=SpanKind.SERVER, start_time=arrived,
                attributes={
                    "http.request.method": scope["method"], "url.path": scope["path"], "url.scheme": "https",
                    "server.address": headers.get(b"host", b"").decode("latin-1"), "aca.call_id": call_id,
                    "aca.source": MEASURED,
                },
            )  # fmt: skip
        finally:
            _wanted_trace.reset(token)
        sent = read_sent(headers.get(b"x-request-start", b"").decode("latin-1"))
        if sent is not None and _SHORTEST < arrived - sent < _LONGEST:
            self._waits(trace.set_span_in_context(span), sent, arrived)
        return span

    def _waits(self, of: Context, sent: int, arrived: int) -> None:
        """Tell what came before the replica had the request, and what of it this replica's start was."""
        queue = self._note("queue", of, sent, arrived, RECKONED)
        ready = self._stages.ready
        if ready is None or sent >= ready:
            return
        inside = trace.set_span_in_context(queue)
        if sent < self._began:
            self._note("replica start", inside, sent, self._began, RECKONED)
        first = min((each.began for each in self._stages.finished), default=ready)
        if first - self._began > _SHORTEST:
            self._note("python start", inside, self._began, first, MEASURED)
        last = max((each.ended for each in self._stages.finished), default=first)
        steps = [(each.name, each.began, each.ended) for each in self._stages.finished]
        for name, began, ended in (*steps, ("start server", last, ready), ("become ready", ready, arrived)):
            if ended > sent and ended - began > _SHORTEST:
                self._note(name, inside, began, ended, MEASURED)

    def _note(self, name: str, of: Context, began: int, ended: int, source: str) -> Span:
        span = self._tracer.start_span(name, context=of, start_time=began, attributes={"aca.source": source})
        span.end(ended)
        return span

    def _around(self, service: Service) -> Callable[..., Any]:
        """Return a function as a span; a generator is one until its end."""
        call = service.call
        if inspect.isasyncgenfunction(call):

            async def streaming(*positional: Any, **named: Any) -> Any:
                with self._running(service.path):
                    async for each in call(*positional, **named):
                        yield each

            return streaming
        if inspect.iscoroutinefunction(call):

            async def awaited(*positional: Any, **named: Any) -> Any:
                with self._running(service.path):
                    return await call(*positional, **named)

            return awaited

        def called(*positional: Any, **named: Any) -> Any:
            with self._running(service.path):
                value = call(*positional, **named)
                return list(value) if inspect.isgenerator(value) else value

        return called

    @contextmanager
    def _running(self, path: str) -> Iterator[None]:
        under_way = _call.get()
        began = time.time_ns()
        if under_way is not None and began - under_way.received > _SHORTEST:
            self._note("wait and read", trace.set_span_in_context(under_way.span), under_way.received, began, MEASURED)
        attributes = {"aca.function": path, "aca.source": MEASURED}
        with self._tracer.start_as_current_span(f"run {path}", start_time=began, attributes=attributes):
            yield


def process_started() -> int:
    """Return when this process began, in nanoseconds since 1970, to a hundredth of a second; on Linux alone, else 0.

    The kernel counts from its own boot, which `/proc/stat` tells by the second only: so it is reckoned from now.
    """
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return 0
    return time.time_ns() - int(age * 1e9)


def _is_call(path: str) -> bool:
    return path not in _UNTRACED and not path.startswith("/_aca/")


def _parent(traceparent: str) -> Context | None:
    found = read_parent(traceparent)
    if found is None:
        return trace.set_span_in_context(trace.INVALID_SPAN)
    flags = TraceFlags(TraceFlags.SAMPLED)
    context = SpanContext(int(found[0], 16), int(found[1], 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(NonRecordingSpan(context))


def _azure_exporter(connection: str) -> SpanExporter:
    from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter

    made: SpanExporter = AzureMonitorTraceExporter(connection_string=connection)
    return made


def _instrument() -> None:
    """Let what the cell brought along make spans of outgoing calls: `--pip opentelemetry-instrumentation-httpx`."""
    for found in metadata.entry_points(group="opentelemetry_instrumentor"):
        try:
            found.load()().instrument()
        except Exception:  # what it is about may not be there, and calls are answered all the same
            logger.debug("%s makes no spans", found.name, exc_info=True)


class _Quiet(logging.Handler):
    """Writes what the exporter complains of as one line of the replica's log, without the key."""

    def __init__(self, connection: str) -> None:
        super().__init__(logging.WARNING)
        pairs = dict(part.partition("=")[::2] for part in connection.split(";"))
        self._secrets = [each for each in (connection, pairs.get("InstrumentationKey", "")) if each]

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        for each in self._secrets:
            said = said.replace(each, "***")
        line = {"event": "traces", "level": record.levelname.lower(), "message": said[:500]}
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")


def _quiet_logs(connection: str) -> None:
    for name in (_EXPORTERS, "opentelemetry.sdk"):
        complaining = logging.getLogger(name)
        complaining.handlers = [_Quiet(connection)]
        complaining.propagate = False


__all__ = ["MEASURED", "RECKONED", "LateExporter", "Traces", "process_started"]
