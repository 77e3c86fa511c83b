"""Azure Monitor's metrics of a container app (facts §9.2)."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.clock import truncate
from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.faults import resource_not_found
from aca_notebook.emulator.faults.board import NoFaults
from aca_notebook.emulator.telemetry import metrics
from aca_notebook.emulator.telemetry.catalogue import (
    APPS,
    NAMESPACE,
    REPLICA,
    REVISION,
    STATUS,
    STATUS_CATEGORY,
    Family,
    Metric,
)
from aca_notebook.emulator.telemetry.metric_questions import MetricsQuery, checked_query
from aca_notebook.emulator.telemetry.metrics import Buckets, Cell, minute_of
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, query
from aca_notebook.model.fault import Subject
from aca_notebook.model.fault_kinds import MissingMetric, Seam
from aca_notebook.model.ids import ResourceId, app_id, parse_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.faults.board import Strikes
    from aca_notebook.emulator.telemetry.filters import Filter
    from aca_notebook.emulator.telemetry.history import Histories, Metered
    from aca_notebook.emulator.telemetry.series import Key, Series

_APP = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.App/containerApps/{app}"
_INSIGHTS = f"{_APP}/providers/Microsoft.Insights"
_BATCH = "/subscriptions/{subscription}/metrics:getBatch"
_TYPE = "Microsoft.App/containerApps"
_MOST_RESOURCES = 50
#: Metrics that are another one as a percentage of the replica's limit.
_DERIVED = {"CpuPercentage": "UsageNanoCores", "MemoryPercentage": "WorkingSetBytes"}
_MINUTE = timedelta(minutes=1)

#: One line of an answer: the values of the dimensions that the filter names, and its points.
_Line = tuple[tuple[str, ...], list[Cell | None]]


class Monitor:
    """The metrics routes; `fresh` sees to it that what runs has been looked at just now."""

    def __init__(
        self, *, series: Series, histories: Histories, store: Store, clock: Clock,
        fresh: Callable[[], Awaitable[None]], faults: Strikes | None = None,
    ) -> None:  # fmt: skip
        self._series = series
        self._histories = histories
        self._store = store
        self._clock = clock
        self._fresh = fresh
        self._faults = faults or NoFaults()

    def routes(self) -> list[Route]:
        """Definitions, namespaces and values."""
        return [
            Route("GET", f"{_INSIGHTS}/metrics", Door.ARM, "Metrics_List", self._list, checked=Check.SDK),
            Route(
                "GET",
                f"{_INSIGHTS}/metricDefinitions",
                Door.ARM,
                "MetricDefinitions_List",
                self._definitions,
                checked=Check.SDK,
            ),
            Route("POST", _BATCH, Door.METRICS, "Metrics_Batch", self._batch, checked=Check.SDK),
            Route("GET", f"{_INSIGHTS}/metricNamespaces", Door.ARM, "MetricNamespaces_List", self._namespaces),
        ]

    async def _definitions(self, request: Request) -> Response:
        app, _ = self._app(request)
        return definitions(request, app, self._family(app))

    async def _namespaces(self, request: Request) -> Response:
        app, _ = self._app(request)
        return JSONResponse(APPS.namespaces(app))

    async def _list(self, request: Request) -> Response:
        app, document = self._app(request)
        asked = checked_query(lambda name: query(request, name), self._clock.now(), self._family(app))
        await self._refresh(asked)
        return JSONResponse(await self._answer(app, document, asked))

    async def _batch(self, request: Request) -> Response:
        """Answer the same question about each of several resources (facts §9.2)."""
        named = (await json_body(request)).get("resourceids")
        if not isinstance(named, list) or not 0 < len(named) <= _MOST_RESOURCES:
            raise AzureError(400, "BadRequest", f"resourceids must be a list of 1 to {_MOST_RESOURCES} resource ids.")
        if not query(request, "metricnamespace"):
            raise AzureError(400, "BadRequest", "The parameter metricnamespace is required.")
        apps = [self._named(str(each)) for each in named]
        start, end = query(request, "starttime"), query(request, "endtime") or zulu(self._clock.now())
        renamed = {"timespan": f"{start}/{end}" if start else "", "$filter": query(request, "filter")}
        missing = {each for app, _ in apps for each in self._missing(app)}
        asked = checked_query(
            lambda name: renamed.get(name) or query(request, name), self._clock.now(), APPS.without(missing)
        )
        await self._refresh(asked)
        answers = await asyncio.gather(*(self._answer(app, document, asked) for app, document in apps))
        values = [
            answer
            | {"resourceid": str(app), "starttime": zulu(asked.buckets.start), "endtime": zulu(asked.buckets.end)}
            for (app, _), answer in zip(apps, answers, strict=True)
        ]
        return JSONResponse({"values": values})

    def _family(self, app: ResourceId) -> Family:
        return APPS.without(self._missing(app))

    def _missing(self, app: ResourceId) -> set[str]:
        """The metrics that a fault takes away from an app."""
        if not self._faults.at(Seam.METRIC):
            return set()
        return {each.metric for each in self._faults.lasting(Subject(str(app)), MissingMetric)}

    async def values(self, resource: ResourceId, ask: Callable[[str], str]) -> dict[str, Any]:
        """Answer what the emulator itself asks about a resource, as the REST API answers it.

        Raises `AzureError` as that does.
        """
        app, document = self._found(resource)
        return await self._answer(app, document, checked_query(ask, self._clock.now(), APPS))

    async def _refresh(self, asked: MetricsQuery) -> None:
        """See to it that what runs has been looked at, where the question reaches into the present minute."""
        reaches_now = asked.buckets.end >= truncate(self._clock.now(), _MINUTE)
        if reaches_now and any(metric.sampled for metric in asked.metrics):
            await self._fresh()

    async def _answer(self, app: ResourceId, document: dict[str, Any], asked: MetricsQuery) -> dict[str, Any]:
        now = self._clock.now()
        answers = []
        for metric, wanted in zip(asked.metrics, asked.filters, strict=True):
            lines = await self._lines(app, metric, wanted.rolled_up(asked.rolled_up), asked.buckets, now)
            entry = metric.heading(app) | {"errorCode": "Success"}
            answers.append(entry | {"timeseries": timeseries(asked, metric, wanted.rolled_up(asked.rolled_up), lines)})
        return {
            "cost": 0,
            "timespan": f"{zulu(asked.buckets.start)}/{zulu(asked.buckets.end)}",
            "interval": asked.interval,
            "value": answers,
            "namespace": NAMESPACE,
            "resourceregion": str(document.get("location", "")).lower().replace(" ", ""),
        }

    async def _lines(
        self, app: ResourceId, metric: Metric, wanted: Filter, buckets: Buckets, now: datetime
    ) -> list[_Line]:
        if metric.name in {"Replicas", "RestartCount"}:
            history = await self._histories.read(app.key)
            return await asyncio.to_thread(_from_history, history, metric, wanted, buckets, now)
        stored = await self._series.read(
            app.key, _DERIVED.get(metric.name, metric.name), minute_of(buckets.start), _last_minute(buckets),
            grain=buckets.minutes,
        )  # fmt: skip
        return await asyncio.to_thread(_from_series, stored, metric, wanted, buckets)

    def _app(self, request: Request) -> tuple[ResourceId, dict[str, Any]]:
        names = request.path_params
        return self._found(app_id(names["subscription"], names["group"], names["app"]))

    def _named(self, text: str) -> tuple[ResourceId, dict[str, Any]]:
        try:
            return self._found(parse_id(text))
        except ValueError as bad:
            raise AzureError(400, "BadRequest", f"'{text}' is not a resource id.") from bad

    def _found(self, app: ResourceId) -> tuple[ResourceId, dict[str, Any]]:
        document = self._store.get(app) if app.type == _TYPE else None
        if document is None:
            raise resource_not_found(app)
        return app, document


def definitions(request: Request, resource: ResourceId, family: Family) -> Response:
    """Answer with what `family` has; refuse the namespace of another."""
    try:
        family.check_namespace(query(request, "metricnamespace"))
    except ValueError as bad:
        raise AzureError(400, "BadRequest", str(bad)) from bad
    return JSONResponse(family.definitions(resource))


def _from_series(
    stored: Mapping[Key, Mapping[int, Cell]], metric: Metric, wanted: Filter, buckets: Buckets
) -> list[_Line]:
    parts: dict[tuple[str, ...], list[Mapping[int, Cell]]] = {}
    for key, minutes in stored.items():
        dimensions = _dimensions(key)
        if wanted.passes(dimensions):
            cells: Mapping[int, Cell] = minutes
            if metric.name in _DERIVED:
                cells = {minute: cell.scaled(100 / key.capacity) for minute, cell in minutes.items() if key.capacity}
            parts.setdefault(wanted.part(dimensions), []).append(cells)
    return [(part, metrics.aggregate(found, buckets)) for part, found in sorted(parts.items())]


def _from_history(history: Metered, metric: Metric, wanted: Filter, buckets: Buckets, now: datetime) -> list[_Line]:
    last = buckets.start + len(buckets) * buckets.grain
    parts: dict[tuple[str, ...], list[metrics.Span]] = {}
    for span in history.spans:
        dimensions = {REVISION: span.revision, REPLICA: span.replica}
        if span.overlaps(buckets.start, last) and wanted.passes(dimensions):
            parts.setdefault(wanted.part(dimensions), []).append(span)
    if not wanted.split:
        parts.setdefault((), [])
    if metric.name == "RestartCount":
        return [(part, metrics.restarts(spans, buckets, now=now)) for part, spans in sorted(parts.items())]
    since = history.since or now
    return [(part, metrics.replicas(spans, buckets, since=since, now=now)) for part, spans in sorted(parts.items())]


def _dimensions(key: Key) -> dict[str, str]:
    status = {STATUS: str(key.status), STATUS_CATEGORY: f"{key.status // 100}xx"} if key.status else {}
    return {REVISION: key.revision, REPLICA: key.replica, **status}


def timeseries(asked: MetricsQuery, metric: Metric, wanted: Filter, lines: Sequence[_Line]) -> list[dict[str, Any]]:
    """Write the lines as Azure does: the best ones by `orderby` when there is a filter, one empty one without."""
    empty: list[_Line] = [((), [None] * len(asked.buckets))]
    lines = _ordered(lines, asked.order)[: asked.top] if wanted.split else lines or empty
    aggregations = asked.aggregations or (metric.primary,)
    return [
        {
            "metadatavalues": [
                {"name": {"value": name.lower(), "localizedValue": name.lower()}, "value": value}
                for name, value in zip(wanted.split, part, strict=True)
            ],
            "data": []
            if asked.only_metadata
            else [
                {"timeStamp": zulu(asked.buckets.bounds(index)[0])} | _point(cell, aggregations)
                for index, cell in enumerate(cells)
            ],
        }
        for part, cells in lines
    ]


def _point(cell: Cell | None, aggregations: Iterable[str]) -> dict[str, float]:
    return {} if cell is None else {name.lower(): getattr(cell, name.lower()) for name in aggregations}


def _ordered(lines: Sequence[_Line], order: tuple[str, bool] | None) -> list[_Line]:
    if order is None:
        return list(lines)
    aggregation, descending = order

    def weight(line: _Line) -> float:
        whole: Cell | None = None
        for cell in line[1]:
            if cell is not None:
                whole = cell if whole is None else whole.merged(cell)
        return 0.0 if whole is None else float(getattr(whole, aggregation))

    return sorted(lines, key=weight, reverse=descending)


def _last_minute(buckets: Buckets) -> int:
    return minute_of(buckets.start + len(buckets) * buckets.grain)


def zulu(moment: datetime) -> str:
    """Write a moment as Azure Monitor does, to the second."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
