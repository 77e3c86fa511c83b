"""Azure Monitor's metrics of environments, jobs and session pools (facts §9).

They are described as Azure describes them, so a client that lists them finds them. How many instances of a pool wait
and are in use is known for a day, as long as this emulator runs. Nothing here measures the others: a query answers with
no points, as Azure's does for what has not been measured yet.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.faults import resource_not_found
from aca_notebook.emulator.telemetry.catalogue import OTHERS, Family
from aca_notebook.emulator.telemetry.metric_questions import MetricsQuery, checked_query
from aca_notebook.emulator.telemetry.metrics import Cell
from aca_notebook.emulator.telemetry.monitor import definitions, timeseries, zulu
from aca_notebook.emulator.wire import Door, Offer, Route, query
from aca_notebook.model.ids import ResourceId

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.store import Store

#: Returns what a metric of a resource, by its key, was between two moments, as far as that has passed; None if unknown.
Measure = Callable[[str, str, datetime, datetime, datetime], Cell | None]
_RESOURCE = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.App"


class PlatformMetrics:
    """The metrics routes of every type of resource but apps."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._measures: dict[str, Measure] = {}

    def measure(self, kind: str, measure: Measure) -> None:
        """Have the metrics of a type answered with points."""
        self._measures[kind] = measure

    def routes(self) -> list[Route]:
        """Definitions, namespaces and values of each type."""
        return [route for kind, family in OTHERS.items() for route in self._of(kind, family)]

    def _points(self, kind: str, resource: ResourceId, asked: MetricsQuery, index: int) -> list[dict[str, Any]]:
        measure, metric, wanted = self._measures.get(kind), asked.metrics[index], asked.filters[index]
        if measure is None:
            return []
        dimensions = dict.fromkeys(metric.dimensions, resource.name)
        now, buckets = self._clock.now(), asked.buckets
        cells = [measure(resource.key, metric.name, *buckets.bounds(each), now) for each in range(len(buckets))]
        lines = [(wanted.part(dimensions), cells)] if wanted.passes(dimensions) else []
        return timeseries(asked, metric, wanted.rolled_up(asked.rolled_up), lines)

    def _of(self, kind: str, family: Family) -> list[Route]:
        def found(request: Request) -> tuple[ResourceId, str]:
            names = request.path_params
            resource = ResourceId(names["subscription"], names["group"], "Microsoft.App", (kind,), (names["name"],))
            document = self._store.get(resource)
            if document is None:
                raise resource_not_found(resource)
            return resource, str(document.get("location", "")).lower().replace(" ", "")

        async def defined(request: Request) -> Response:
            resource, _ = found(request)
            return definitions(request, resource, family)

        async def namespaces(request: Request) -> Response:
            resource, _ = found(request)
            return JSONResponse(family.namespaces(resource))

        async def values(request: Request) -> Response:
            resource, location = found(request)
            asked = checked_query(lambda name: query(request, name), self._clock.now(), family)
            return JSONResponse(
                {
                    "cost": 0,
                    "timespan": f"{zulu(asked.buckets.start)}/{zulu(asked.buckets.end)}",
                    "interval": asked.interval,
                    "value": [
                        metric.heading(resource)
                        | {"errorCode": "Success", "timeseries": self._points(kind, resource, asked, index)}
                        for index, metric in enumerate(asked.metrics)
                    ],
                    "namespace": family.namespace,
                    "resourceregion": location,
                }
            )

        insights = f"{_RESOURCE}/{kind}/{{name}}/providers/Microsoft.Insights"
        noun = f"{kind[0].upper()}{kind[1:]}Metrics"
        offer = Offer.WORKS if kind in self._measures else Offer.STORED
        return [
            Route("GET", f"{insights}/metrics", Door.ARM, f"{noun}_List", values, offer),
            Route("GET", f"{insights}/metricDefinitions", Door.ARM, f"{noun}_ListDefinitions", defined, offer),
            Route("GET", f"{insights}/metricNamespaces", Door.ARM, f"{noun}_ListNamespaces", namespaces, offer),
        ]
