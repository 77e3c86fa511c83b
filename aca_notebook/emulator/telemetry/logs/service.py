"""The query API of Log Analytics: one workspace, one resource, or a batch (facts §8.2)."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.values import items, member, text
from aca_notebook.emulator.telemetry.logs.answers import answer_body
from aca_notebook.emulator.telemetry.logs.refusals import QueryRefused
from aca_notebook.emulator.telemetry.logs.store import Question
from aca_notebook.emulator.telemetry.metric_questions import read_timespan
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, query
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.settings import Pace
    from aca_notebook.emulator.telemetry.logs.collector import Collector

_WORKSPACE = "Microsoft.OperationalInsights/workspaces"
_READ_WORKSPACE = f"{_WORKSPACE}/query/read"
_READ_LOGS = "Microsoft.Insights/logs/read"
_MOST_ROWS = 500_000
_MOST_BATCH = 100
#: "Minutes" (facts §8.3).
_LAG_SECONDS = 120.0
_INTERRUPT_SECONDS = 0.05
_WAIT_SECONDS, _MOST_WAIT_SECONDS = 180.0, 600.0
_EPOCH, _NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Preferences:
    """What the header `Prefer` asks for."""

    wait_seconds: float
    statistics: bool
    render: bool


class Rights(Protocol):
    """Who may do what."""

    def allows(self, claims: Mapping[str, Any], action: str, scope: ResourceId) -> bool:
        """Tell whether a caller may perform an action."""
        ...


class LogQueries:
    """Answers queries. At Azure's own pace a line is found minutes after it was written."""

    def __init__(self, *, collector: Collector, store: Store, clock: Clock, pace: Pace, rights: Rights) -> None:
        self._collector = collector
        self._rights = rights
        self._ending: set[asyncio.Task[None]] = set()
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
        return await self._workspace(request, await json_body(request))

    async def _get(self, request: Request) -> Response:
        return await self._workspace(request, _in_query(request))

    async def _post_resource(self, request: Request) -> Response:
        return await self._resource(request, await json_body(request))

    async def _get_resource(self, request: Request) -> Response:
        return await self._resource(request, _in_query(request))

    async def _workspace(self, request: Request, asked: dict[str, Any]) -> Response:
        preferred = _read_preferences(request.headers.get("prefer", ""))
        claims = request.state.claims
        return JSONResponse(await self._of_workspaces(claims, str(request.path_params["workspace"]), asked, preferred))

    async def _resource(self, request: Request, asked: dict[str, Any]) -> Response:
        """Answer about what a resource wrote: an app, a job, an environment with all in it, or a whole workspace."""
        names = request.path_params
        id_ = ResourceId(
            names["subscription"], names["group"], names["provider"], (names["type"],), (names["resource"],)
        )
        self._admit(request.state.claims, _READ_LOGS, id_)
        found = next((each for each in self._workspaces() if each["id"].lower() == id_.key), None)
        workspaces = [found["properties"]["customerId"]] if found else self._collector.workspaces_of(id_.key)
        only = id_.key if names["type"].lower() in {"containerapps", "jobs", "components"} else ""
        preferred = _read_preferences(request.headers.get("prefer", ""))
        return JSONResponse(await self._answer(workspaces, only, asked, preferred))

    async def _batch(self, request: Request) -> Response:
        asked = items((await json_body(request)).get("requests"), "requests") or []
        if len(asked) > _MOST_BATCH:
            raise AzureError(400, "BadArgumentError", f"A batch has at most {_MOST_BATCH} requests.")
        claims = request.state.claims
        return JSONResponse({"responses": await asyncio.gather(*(self._one_of(claims, each) for each in asked))})

    async def _one_of(self, claims: Mapping[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        """Answer one request of a batch; what is wrong with it is its own affair."""
        try:
            headers = {name.lower(): str(value) for name, value in member(asked.get("headers"), "headers").items()}
            preferred = _read_preferences(headers.get("prefer", ""))
            named = text(asked.get("workspace"), "workspace")
            body = await self._of_workspaces(claims, named, member(asked.get("body"), "body"), preferred)
            status = 200
        except AzureError as refused:
            body, status = refused.body(), refused.status
        return {
            "id": str(asked.get("id") or ""), "status": status,
            "headers": {"Content-Type": "application/json; charset=utf-8"}, "body": body,
        }  # fmt: skip

    async def _of_workspaces(
        self, claims: Mapping[str, Any], named: str, asked: dict[str, Any], preferred: _Preferences
    ) -> dict[str, Any]:
        more = asked.get("workspaces") or []
        if not isinstance(more, list):
            raise AzureError(400, "BadArgumentError", "workspaces must be a list.")
        found = [self._found(str(each)) for each in (named, *more)]
        for each in found:
            self._admit(claims, _READ_WORKSPACE, parse_id(each["id"]))
        return await self._answer([each["properties"]["customerId"] for each in found], "", asked, preferred)

    async def _answer(
        self, workspaces: list[str], only: str, asked: dict[str, Any], preferred: _Preferences
    ) -> dict[str, Any]:
        """Answer a query of workspaces, about `only` one resource when it is named."""
        wanted = asked.get("query")
        if not isinstance(wanted, str) or not wanted.strip():
            raise QueryRefused("SyntaxError", "SYN0001", "The query is empty", line=1, column=1)
        await self._collector.collect()
        now = self._clock.now()  # after: what has just been taken in counts
        first, end = _timespan(text(asked.get("timespan"), "timespan"), now)
        question = Question(
            query=wanted, workspaces=tuple(workspaces), resource=only, first=first, end=end,
            until=now - timedelta(seconds=self._pace.seconds(_LAG_SECONDS)), now=now, most_rows=_MOST_ROWS,
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
            if not running.done():  # some steps of a query cannot be interrupted: nobody waits for those
                ending = asyncio.create_task(_end(running, interrupts))
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Wait for the end of queries that nobody waits for any more. To be called before the store is closed."""
        await asyncio.gather(*self._ending)

    def _admit(self, claims: Mapping[str, Any], action: str, scope: ResourceId) -> None:
        if not self._rights.allows(claims, action, scope):
            raise AzureError(
                403,
                "InsufficientAccessError",
                "The provided credentials have insufficient access to perform the requested operation",
            )

    def _found(self, named: str) -> dict[str, Any]:
        """Return the workspace that is named by its customer id, its resource id or its name."""
        for each in self._workspaces():
            if named.lower() in {each["properties"]["customerId"].lower(), each["id"].lower(), each["name"].lower()}:
                return each
        raise AzureError(
            404, "WorkspaceNotFoundError", f"The workspace '{named}' could not be found. Ensure that it exists."
        )

    def _workspaces(self) -> list[dict[str, Any]]:
        return self._store.list(_WORKSPACE, self._collector.subscription)


async def _end(running: asyncio.Future[Any], interrupts: list[Callable[[], None]]) -> None:
    """Interrupt a query until it has ended: what comes before it began is lost."""
    while not running.done():
        for interrupt in interrupts:
            interrupt()
        await asyncio.wait({running}, timeout=_INTERRUPT_SECONDS)
    if not running.cancelled():
        running.exception()  # it says that it was interrupted


def _in_query(request: Request) -> dict[str, Any]:
    return {"query": query(request, "query"), "timespan": query(request, "timespan")}


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
