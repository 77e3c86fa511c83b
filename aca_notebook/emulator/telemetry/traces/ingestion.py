"""Where exporters send what they have: Application Insights' ingestion, and the live stream that nobody watches.

The way in is the instrumentation key, which each item carries (documented; SDK: azure-monitor-opentelemetry-exporter).
What is answered with 200 is on the disk: Azure promises less.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from aca_notebook.emulator.telemetry.traces.envelopes import Refusal, Row, Unreadable, key_of, read_item, read_items
from aca_notebook.emulator.telemetry.traces.tables import ITEMS
from aca_notebook.emulator.wire import Check, Door, Offer, Route

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from typing import Protocol

    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.telemetry.logs.collector import Collector
    from aca_notebook.emulator.telemetry.logs.store import LogStore

    class Components(Protocol):
        """Who knows which component a key is of."""

        def component_of(self, key: str) -> Component | None:
            """Return it, None for a key of none."""
            ...


#: As Azure says it (seen: appinsights-rs issue 221).
_NO_KEY = Refusal("Invalid instrumentation key")
_STRUCTURE = json.dumps([{
    "form": "VARCHAR", "micros": "BIGINT", "operation_id": "VARCHAR", "operation": "VARCHAR", "parent": "VARCHAR",
    "id": "VARCHAR", "name": "VARCHAR", "milliseconds": "DOUBLE", "success": "BOOLEAN", "result": "VARCHAR",
    "role": "VARCHAR", "instance": "VARCHAR", "sdk": "VARCHAR", "items": "INTEGER", "bytes": "BIGINT",
    "tags": "VARCHAR", "properties": "VARCHAR", "measurements": "VARCHAR", "more": "VARCHAR",
}])  # fmt: skip
#: Rows come as one JSON text: DuckDB reads it twenty times as fast as it takes row after row.
_KEEP = f"""
INSERT INTO {ITEMS}
SELECT make_timestamp(r.micros), $workspace, r.form, $resource, $received::TIMESTAMP, r.operation_id, r.operation,
       r.parent, r.id, r.name, r.milliseconds, r.success, r.result, r.role, r.instance, r.sdk, r.items, r.bytes,
       r.tags, r.properties, r.measurements, r.more
FROM (SELECT unnest(from_json($rows::JSON, '{_STRUCTURE}')) AS r)
"""  # noqa: S608  # constants


@dataclass(frozen=True, slots=True)
class Component:
    """Where the items of a key go: a component by its id in lower case, its workspace by customer id."""

    resource: str
    app_id: str
    workspace: str


class Ingestion:
    """Takes items in."""

    def __init__(self, components: Components, collector: Collector, clock: Clock) -> None:
        self._components = components
        self._collector = collector
        self._clock = clock

    def routes(self) -> list[Route]:
        """Where exporters of any language send to."""
        door = Door.INSTRUMENTATION_KEY
        live = "/QuickPulseService.svc"
        return [
            Route("POST", "/v2.1/track", door, "Ingestion_Track", self._track, checked=Check.SDK),
            Route("POST", "/v2/track", door, "Ingestion_TrackV2", self._track),
            Route("GET", "/api/profiles/{key}/appId", door, "Ingestion_AppId", self._app_id),
            Route("POST", f"{live}/ping", door, "LiveMetrics_Ping", _nobody_watches, Offer.STORED),
            Route("POST", f"{live}/post", door, "LiveMetrics_Post", _nobody_watches, Offer.STORED),
        ]

    async def _track(self, request: Request) -> Response:
        body = await request.body()
        try:
            items = await asyncio.to_thread(read_items, body, request.headers.get("content-encoding", ""))
        except Unreadable as bad:
            return _answer(1, {0: Refusal(str(bad))}, "")
        now = self._clock.now()
        components = {key: self._components.component_of(key) for key in {key_of(item) for item in items}}
        read = await asyncio.to_thread(_read, items, components, now)
        refused = {place: each for place, each in enumerate(read) if isinstance(each, Refusal)}
        taken: dict[str, list[Row]] = {}
        for item, each in zip(items, read, strict=True):
            if isinstance(each, Row):
                taken.setdefault(key_of(item), []).append(each)
        if taken:
            store = await self._collector.store()
            for key, rows in taken.items():
                component = components[key]
                if component is not None:
                    await asyncio.to_thread(keep, store, component, rows, now)
        known = next((each for each in components.values() if each is not None), None)
        return _answer(len(items), refused, known.app_id if known else "")

    async def _app_id(self, request: Request) -> Response:
        """Older exporters ask for the id by the key."""
        component = self._components.component_of(str(request.path_params["key"]).lower())
        if component is None:
            return Response(status_code=404)
        return PlainTextResponse(component.app_id)


def keep(store: LogStore, component: Component, rows: Iterable[Row], received: datetime) -> None:
    """Write items; they are on the disk when this returns."""
    values = {
        "workspace": component.workspace, "resource": component.resource, "received": received.replace(tzinfo=None),
        "rows": json.dumps([row.as_json() for row in rows]),
    }  # fmt: skip
    store.write(_KEEP, values)


def _read(items: list[Any], components: dict[str, Component | None], now: datetime) -> list[Row | Refusal]:
    return [_NO_KEY if components[key_of(item)] is None else read_item(item, now) for item in items]


def _answer(received: int, refused: dict[int, Refusal], app_id: str) -> Response:
    """200 for all, 206 for some, 400 for none of the items taken in."""
    errors = [{"index": at, "statusCode": each.status, "message": each.message} for at, each in refused.items()]
    body: dict[str, Any] = {
        "itemsReceived": received, "itemsAccepted": received - len(errors), "appId": app_id or None, "errors": errors,
    }  # fmt: skip
    status = 200 if not errors else 206 if len(errors) < received else 400
    return JSONResponse(body, status)


async def _nobody_watches(_: Request) -> Response:
    """What live metrics are told while no portal shows them: an exporter then asks again a minute later at most."""
    headers = {"x-ms-qps-subscribed": "false", "x-ms-qps-service-polling-interval-hint": "60000"}
    return Response(status_code=200, headers=headers)
