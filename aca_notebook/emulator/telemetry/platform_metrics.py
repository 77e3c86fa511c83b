"""Azure Monitor's metrics of environments, jobs and session pools (facts §9).

They are described as Azure describes them, so a client that lists them finds them. Nothing here measures them: a query
answers with no points, as Azure's does for what has not been measured yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.faults import resource_not_found
from aca_notebook.emulator.telemetry.catalogue import OTHERS, Family
from aca_notebook.emulator.telemetry.monitor import checked_query, definitions, zulu
from aca_notebook.emulator.wire import Door, Offer, Route, query
from aca_notebook.model.ids import ResourceId

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.store import Store

_RESOURCE = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.App"


class PlatformMetrics:
    """The metrics routes of every type of resource but apps."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def routes(self) -> list[Route]:
        """Definitions, namespaces and values of each type."""
        return [route for kind, family in OTHERS.items() for route in self._of(kind, family)]

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
            unmeasured = {"errorCode": "Success", "timeseries": []}
            return JSONResponse(
                {
                    "cost": 0,
                    "timespan": f"{zulu(asked.buckets.start)}/{zulu(asked.buckets.end)}",
                    "interval": asked.interval,
                    "value": [metric.heading(resource) | unmeasured for metric in asked.metrics],
                    "namespace": family.namespace,
                    "resourceregion": location,
                }
            )

        insights = f"{_RESOURCE}/{kind}/{{name}}/providers/Microsoft.Insights"
        noun, offer = f"{kind[0].upper()}{kind[1:]}Metrics", Offer.STORED
        return [
            Route("GET", f"{insights}/metrics", Door.ARM, f"{noun}_List", values, offer),
            Route("GET", f"{insights}/metricDefinitions", Door.ARM, f"{noun}_ListDefinitions", defined, offer),
            Route("GET", f"{insights}/metricNamespaces", Door.ARM, f"{noun}_ListNamespaces", namespaces, offer),
        ]
