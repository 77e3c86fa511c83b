"""The data plane's two streams: a container's output, and the system log (facts §3.10)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from aca_notebook.emulator.arm.faults import replica_not_found, resource_not_found
from aca_notebook.emulator.journal.events import read_events
from aca_notebook.emulator.telemetry import console, system
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, query
from aca_notebook.model.ids import ResourceId, app_id, environment_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
    from pathlib import Path

    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.runtime.controller import Controller
    from aca_notebook.emulator.runtime.file_bells import FileBells
    from aca_notebook.emulator.telemetry.console import ConsoleLine

_APP = "/subscriptions/{subscription}/resourceGroups/{group}/containerApps/{app}"
_ENVIRONMENT = "/subscriptions/{subscription}/resourceGroups/{group}/managedEnvironments/{environment}"
_CONTAINER = f"{_APP}/revisions/{{revision}}/replicas/{{replica}}/containers/{{container}}"
_JOB_CONTAINER = (
    "/subscriptions/{subscription}/resourceGroups/{group}/jobs/{app}/executions/{revision}"
    "/replicas/{replica}/containers/{container}"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_INHABITANTS = ("Microsoft.App/containerApps", "Microsoft.App/jobs")
_TEXT = json.encoder.encode_basestring_ascii
_MOST_LINES = 300
_DEFAULT_LINES = 20
#: Where no bell rings, a file that was written to a moment ago is looked at again soon, one that is quiet ten times a
#: second.
_SOONEST_LOOK_SECONDS, _LATEST_LOOK_SECONDS = 0.01, 0.1
_EVENTS_LOOK_SECONDS = 0.25
#: An app that was deleted and made again does not show what happened to the one before.
_OF_THIS_LIFE = (
    "sequence > coalesce((SELECT max(sequence) FROM events AS earlier "
    "WHERE earlier.app = events.app AND earlier.kind = 'AppWithdrawn'), 0)"
)


class Streams:
    """The stream routes. Open ones end when `close` is called, when their replica or app is gone, or by the caller."""

    def __init__(
        self, *, database: Database, controller: Controller, store: Store, clock: Clock, bells: FileBells
    ) -> None:
        self._bells = bells
        self._database = database
        self._controller = controller
        self._store = store
        self._clock = clock
        self._closing = False

    def routes(self) -> list[Route]:
        """Where `az containerapp logs show` and the SDK's users read logs."""
        return [
            Route(
                "GET", f"{_CONTAINER}/logstream", Door.DATA_PLANE, "LogStream", self._console, checked=Check.RECORDING
            ),
            Route(
                "GET",
                f"{_JOB_CONTAINER}/logstream",
                Door.DATA_PLANE,
                "JobLogStream",
                self._job_console,
                checked=Check.RECORDING,
            ),
            Route(
                "GET", f"{_APP}/eventstream", Door.DATA_PLANE, "EventStream", self._app_events, checked=Check.RECORDING
            ),
            Route(
                "GET",
                f"{_ENVIRONMENT}/eventstream",
                Door.DATA_PLANE,
                "EnvironmentEventStream",
                self._all_events,
                checked=Check.RECORDING,
            ),
        ]

    def close(self) -> None:
        """End every open stream within its next look."""
        self._closing = True

    async def _console(self, request: Request) -> Response:
        return await self._output(request, _app(request), "Revision")

    async def _job_console(self, request: Request) -> Response:
        return await self._output(request, _job(request), "Execution")

    async def _output(self, request: Request, app: ResourceId, whole: str) -> Response:
        """What a container of an app or a job wrote; `whole` is what a replica is one of."""
        names = request.path_params
        self._admit(request, app)
        if not all(_NAME.fullmatch(names[each]) for each in ("revision", "replica", "container")):
            raise replica_not_found(names["replica"])  # a decoded path segment may hold slashes and dots
        path = self._controller.log_file(app.key, names["revision"], names["replica"], names["container"])
        if not path.exists() and not self._is_there(app.key, names["replica"]):
            raise replica_not_found(names["replica"])
        options = _Options(request)
        first = console.greeting(
            names["container"], names["revision"], names["replica"], self._clock.now(), whole=whole
        )

        def goes_on() -> bool:
            return options.follow and not self._closing and self._is_there(app.key, names["replica"])

        async def body() -> AsyncIterator[bytes]:
            async with contextlib.aclosing(self._written(path, options.tail, goes_on)) as written:
                await anext(written)
                yield options.lines(first)  # whoever has read this misses nothing from here on
                async for raw in written:
                    yield options.lines([console.parse_line(line) for line in raw])

        return StreamingResponse(body(), media_type=options.media_type)

    async def _written(self, path: Path, tail: int, goes_on: Callable[[], bool]) -> AsyncGenerator[list[bytes]]:
        """Yield nothing once it is clear where reading begins, then lines as they come, until it is not to go on."""
        async with self._bells.listen(path.parent) as bell:
            reader = await asyncio.to_thread(console.LogReader, path, tail)
            try:
                yield []
                written_at = float("-inf")
                while True:
                    there = goes_on()
                    bell.still()
                    if raw := await asyncio.to_thread(reader.read):
                        written_at = self._clock.monotonic()
                        yield raw
                    elif not there:
                        return
                    elif bell.hears:
                        await bell.wait(_LATEST_LOOK_SECONDS)
                    else:
                        await self._clock.sleep(until_next_look(self._clock.monotonic() - written_at))
            finally:
                reader.close()

    async def _app_events(self, request: Request) -> Response:
        app = _app(request)
        if self._store.get(app) is None and self._store.get(_job(request)) is not None:
            app = _job(request)  # a job's events are where an app's would be (recorded: job_manual_e2e)
        self._admit(request, app)
        return self._events(_Options(request), app, lambda: [app.key], then=())

    async def _all_events(self, request: Request) -> Response:
        names = request.path_params
        environment = environment_id(names["subscription"], names["group"], names["environment"])
        self._admit(request, environment)

        seen: set[str] = set()

        def apps() -> list[str]:
            there = [each for type_ in _INHABITANTS for each in self._store.list(type_, environment.subscription)]
            # Those that have gone since the last look stay: their last events say why.
            seen.update(document["id"].lower() for document in there if _lives_in(document, environment))
            return sorted(seen)

        return self._events(_Options(request), environment, apps, then=(system.COLD_START,))

    def _events(
        self, options: _Options, of: ResourceId, apps: Callable[[], Sequence[str]], *, then: Sequence[dict[str, Any]]
    ) -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield options.records(system.greeting(self._clock.now()))
            last, found = await self._last_events(apps(), options.tail)
            yield options.records([*(line.record() for line in found), *then])
            found = []
            while True:
                if found:
                    yield options.records([line.record() for line in found])
                if not options.follow or self._closing or self._store.get(of) is None:
                    return
                await self._clock.sleep(_EVENTS_LOOK_SECONDS)
                last, found = await self._events_after(apps(), last)

        return StreamingResponse(body(), media_type=options.media_type)

    async def _last_events(self, apps: Sequence[str], tail: int) -> tuple[int, list[system.SystemLine]]:
        last = (await self._database.read("SELECT coalesce(max(sequence), 0) FROM events"))[0][0]
        rows = await self._database.read(
            f"SELECT sequence, kind, body FROM events WHERE sequence <= ? AND {_among('app', apps)} "  # noqa: S608 - marks only
            f"AND {_among('kind', system.KINDS)} AND {_OF_THIS_LIFE} ORDER BY sequence DESC LIMIT ?",
            (last, *apps, *system.KINDS, tail),
        )
        return last, _told(rows[::-1])

    async def _events_after(self, apps: Sequence[str], last: int) -> tuple[int, list[system.SystemLine]]:
        rows = await self._database.read(
            f"SELECT sequence, kind, body FROM events WHERE sequence > ? AND {_among('app', apps)} ORDER BY sequence",  # noqa: S608 - marks only
            (last, *apps),
        )
        return (rows[-1][0] if rows else last), _told(rows)

    def _admit(self, request: Request, resource: ResourceId) -> None:
        """Check that the token was handed out for this resource, and that it is there."""
        claim = str(getattr(request.state, "claims", {}).get("app", ""))
        if claim.lower() != resource.key:
            raise AzureError(403, "AuthorizationFailed", f"The token was not issued for '{resource.name}'.")
        if self._store.get(resource) is None:
            raise resource_not_found(resource)

    def _is_there(self, app_key: str, replica: str) -> bool:
        return any(each.name == replica for each in self._controller.observe(app_key).replicas)


def until_next_look(quiet_seconds: float) -> float:
    """Return a tenth of the time since the last line, within bounds: whoever waits for the next waits little longer."""
    return min(max(quiet_seconds / 10, _SOONEST_LOOK_SECONDS), _LATEST_LOOK_SECONDS)


def _app(request: Request) -> ResourceId:
    names = request.path_params
    return app_id(names["subscription"], names["group"], names["app"])


def _job(request: Request) -> ResourceId:
    names = request.path_params
    return ResourceId(names["subscription"], names["group"], "Microsoft.App", ("jobs",), (names["app"],))


class _Options:
    """What the query asks for, and how lines look in that form."""

    def __init__(self, request: Request) -> None:
        self.follow = query(request, "follow", "false").lower() == "true"
        self.json = _choice(query(request, "output", "json"), "output", ("json", "text")) == "json"
        self.tail = _tail(query(request, "tailLines", str(_DEFAULT_LINES)))
        self.media_type = "application/x-ndjson" if self.json else "text/plain"

    def lines(self, lines: Sequence[ConsoleLine]) -> bytes:
        """Console lines as bytes."""
        if self.json:  # what `records` would make of them, in a third of its time: there may be very many
            return "".join(
                [f'{{"TimeStamp":{_TEXT(line.stamp)},"Log":{_TEXT(line.text)}}}\n' for line in lines]
            ).encode()
        return "".join(f"{line.plain()}\n" for line in lines).encode()

    def records(self, records: Sequence[dict[str, Any]]) -> bytes:
        """Records as bytes; those of events, when text is asked for."""
        if self.json:
            return "".join(f"{json.dumps(record, separators=(',', ':'))}\n" for record in records).encode()
        return "".join(f"{record['TimeStamp']}  {record['Msg']}\n" for record in records).encode()


def _tail(text: str) -> int:
    if not text.isdigit() or int(text) > _MOST_LINES:
        raise AzureError(400, "InvalidParameter", f"tailLines must be between 0 and {_MOST_LINES}, not '{text}'.")
    return int(text)


def _choice(text: str, name: str, choices: Sequence[str]) -> str:
    if text.lower() not in choices:
        raise AzureError(400, "InvalidParameter", f"{name} must be {' or '.join(choices)}, not '{text}'.")
    return text.lower()


def _among(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({','.join('?' * len(values))})"


def _told(rows: Sequence[tuple[int, str, str]]) -> list[system.SystemLine]:
    lines = (system.system_line(event) for _, event in read_events(rows))
    return [line for line in lines if line is not None]


def _lives_in(document: dict[str, Any], environment: ResourceId) -> bool:
    properties = document.get("properties", {})
    named = properties.get("environmentId") or properties.get("managedEnvironmentId") or ""
    return bool(named.lower() == environment.key)
