"""The query API of Log Analytics: one workspace, one resource, or a batch (facts §8.2)."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.telemetry.logs.answers import answer_body
from aca_notebook.emulator.telemetry.logs.refusals import QueryRefused
from aca_notebook.emulator.telemetry.logs.store import Question
from aca_notebook.emulator.telemetry.monitor import read_timespan
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, query

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.settings import Pace
    from aca_notebook.emulator.telemetry.logs.collector import Collector

_WORKSPACE = "Microsoft.OperationalInsights/workspaces"
_MOST_ROWS = 500_000
_MOST_BATCH = 100
#: "Minutes" (facts §8.3).
_LAG_SECONDS = 120.0
_WAIT_SECONDS, _MOST_WAIT_SECONDS = 180.0, 600.0
_EPOCH, _NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Preferences:
    """What the header `Prefer` asks for."""

    wait_seconds: float
    statistics: bool
    render: bool


class LogQueries:
    """Answers queries. At Azure's own pace a line is found minutes after it was written."""

    def __init__(self, *, collector: Collector, store: Store, clock: Clock, pace: Pace) -> None:
        self._collector = collector
        self._store = store
        self._clock = clock
        self._pace = pace

    def routes(self) -> list[Route]:
        """Where `LogsQueryClient` and `az monitor log-analytics query` ask."""
        one, door = "/v1/workspaces/{workspace}/query", Door.LOGS
        of_resource = (
            "/v1/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/{type}/{resource}/query"
        )
        return [
            Route("POST", one, door, "Query_Execute", self._post, checked=Check.SDK),
            Route("GET", one, door, "Query_Get", self._get),
            Route("POST", of_resource, door, "Query_ResourceExecute", self._post_resource, checked=Check.SDK),
            Route("GET", of_resource, door, "Query_ResourceGet", self._get_resource),
            Route("POST", "/v1/$batch", door, "Query_Batch", self._batch, checked=Check.SDK),
        ]

    async def _post(self, request: Request) -> Response:
        workspaces = [str(request.path_params["workspace"])]
        return JSONResponse(await self._answer(workspaces, await json_body(request), _preferences(request)))

    async def _get(self, request: Request) -> Response:
        asked = {"query": query(request, "query"), "timespan": query(request, "timespan")}
        return JSONResponse(await self._answer([str(request.path_params["workspace"])], asked, _preferences(request)))

    async def _post_resource(self, request: Request) -> Response:
        return await self._resource(request, await json_body(request))

    async def _get_resource(self, request: Request) -> Response:
        return await self._resource(request, {"query": query(request, "query"), "timespan": query(request, "timespan")})

    async def _resource(self, request: Request, asked: dict[str, Any]) -> Response:
        names = request.path_params
        key = (
            f"/subscriptions/{names['subscription']}/resourcegroups/{names['group']}/providers/{names['provider']}/"
            f"{names['type']}/{names['resource']}".lower()
        )
        found = next((each for each in self._workspaces() if each["id"].lower() == key), None)
        workspaces = [found["properties"]["customerId"]] if found else self._collector.workspaces_of(key)
        is_line_source = names["type"].lower() in {"containerapps", "jobs"}
        return JSONResponse(
            await self._answer(workspaces, asked, _preferences(request), resource=key if is_line_source else "")
        )

    async def _batch(self, request: Request) -> Response:
        asked = (await json_body(request)).get("requests") or []
        if not isinstance(asked, list) or len(asked) > _MOST_BATCH:
            raise AzureError(400, "BadArgumentError", f"A batch has a list of at most {_MOST_BATCH} requests.")
        answers = await asyncio.gather(*(self._one_of_batch(each) for each in asked))
        return JSONResponse({"responses": answers})

    async def _one_of_batch(self, asked: dict[str, Any]) -> dict[str, Any]:
        headers = {name.lower(): str(value) for name, value in (asked.get("headers") or {}).items()}
        try:
            preferred = _read_preferences(headers.get("prefer", ""))
            body = await self._answer([str(asked.get("workspace") or "")], asked.get("body") or {}, preferred)
            status = 200
        except AzureError as refused:
            body, status = refused.body(), refused.status
        return {
            "id": str(asked.get("id") or ""), "status": status,
            "headers": {"Content-Type": "application/json; charset=utf-8"}, "body": body,
        }  # fmt: skip

    async def _answer(
        self, workspaces: list[str], asked: dict[str, Any], preferred: _Preferences, *, resource: str = ""
    ) -> dict[str, Any]:
        text = asked.get("query")
        if not isinstance(text, str) or not text.strip():
            raise QueryRefused("SyntaxError", "SYN0001", "The query is empty", line=1, column=1)
        now = self._clock.now()
        first, end = _timespan(str(asked.get("timespan") or ""), now)
        named = [*workspaces, *(str(each) for each in asked.get("workspaces") or ())]
        await self._collector.collect()
        question = Question(
            query=text, workspaces=tuple(self._customer_id(each) for each in named), resource=resource, first=first,
            end=end, until=now - timedelta(seconds=self._pace.seconds(_LAG_SECONDS)), now=now, most_rows=_MOST_ROWS,
        )  # fmt: skip
        began = self._clock.monotonic()
        answer = await self._ask(question, preferred.wait_seconds)
        statistics = {"query": {"executionTime": self._clock.monotonic() - began}} if preferred.statistics else None
        return await asyncio.to_thread(
            answer_body, answer, most_rows=_MOST_ROWS, statistics=statistics, render=preferred.render
        )

    async def _ask(self, question: Question, wait_seconds: float) -> Any:
        """Run a query in a thread, and interrupt it when it takes too long or nobody waits any more."""
        store = await self._collector.store()
        interrupts: list[Callable[[], None]] = []
        running = asyncio.ensure_future(asyncio.to_thread(store.ask, question, interrupts.append))
        late = asyncio.ensure_future(self._clock.sleep(wait_seconds))
        try:
            await asyncio.wait({running, late}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                return running.result()
            raise AzureError(504, "GatewayTimeout", f"The query did not end within {wait_seconds:g} seconds.")
        finally:
            late.cancel()
            if not running.done():
                for interrupt in interrupts:
                    interrupt()
                await asyncio.wait({running})
                running.exception()  # it says that it was interrupted

    def _customer_id(self, named: str) -> str:
        """Return the id of a workspace that is named by it, by its resource id or by its name."""
        for each in self._workspaces():
            if named.lower() in {each["properties"]["customerId"].lower(), each["id"].lower(), each["name"].lower()}:
                return str(each["properties"]["customerId"])
        raise AzureError(
            404, "WorkspaceNotFoundError", f"The workspace '{named}' could not be found. Ensure that it exists."
        )

    def _workspaces(self) -> list[dict[str, Any]]:
        return self._store.list(_WORKSPACE, self._collector.subscription)


def _preferences(request: Request) -> _Preferences:
    return _read_preferences(request.headers.get("prefer", ""))


def _read_preferences(text: str) -> _Preferences:
    given = dict(part.strip().lower().partition("=")[::2] for part in re.split(r"[,;]", text))
    wait = given.get("wait", "")
    seconds = float(wait) if wait.isdigit() else _WAIT_SECONDS
    return _Preferences(
        min(max(seconds, 1.0), _MOST_WAIT_SECONDS), given.get("include-statistics") == "true",
        given.get("include-render") == "true",
    )  # fmt: skip


def _timespan(text: str, now: datetime) -> tuple[datetime, datetime]:
    """Read a timespan; nothing is all there is. Raises `AzureError` 400 for what is none."""
    try:
        return read_timespan(text, now) if text else (_EPOCH, _NEVER)
    except ValueError as bad:
        raise AzureError(400, "BadArgumentError", str(bad)) from bad
