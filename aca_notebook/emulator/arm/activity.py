"""The activity log: who changed what, and how it ended, as `az monitor activity-log list` shows it.

An event is made of a request to Resource Manager and its answer (documented: the administrative schema of the activity
log; SDK: azure-mgmt-monitor, `EventData`). Events are written a moment after the answer: Azure promises minutes, and
so a kill may cost the last of them, never a change. They are kept for 90 days, as Azure keeps them.
"""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.clock import format_instant, parse_instant
from aca_notebook.emulator.arm.scope import SUBSCRIPTION
from aca_notebook.emulator.identity.actions import asked
from aca_notebook.emulator.journal.database import Statement
from aca_notebook.emulator.runtime.recorder import Recorder
from aca_notebook.emulator.wire import AzureError, Check, Door, Match, Route, origin, query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.scope import Scope
    from aca_notebook.emulator.journal.database import Database

Document = dict[str, Any]
SCHEMA = ("CREATE TABLE IF NOT EXISTS activity(sequence INTEGER PRIMARY KEY, at TEXT NOT NULL, body TEXT NOT NULL)",)
_KEEP_DAYS = 90
_MOST = 20_000
_PAGE = 200
_MOST_WAITING = 1000
_WRITING = frozenset({"PUT", "PATCH", "POST", "DELETE"})
#: Questions that come by POST: they change nothing, and Azure's log has none of them.
_QUESTIONS = re.compile(
    r"/(query|validate|whatif|metrics:getbatch|checknameavailability|exporttemplate)$", re.IGNORECASE
)
_TICKS_BEFORE_1970 = 621_355_968_000_000_000
#: `az` writes moments without quotes, the SDK's users write them with.
_CLAUSE = re.compile(r"\s*(\w+)\s+(eq|ge|le)\s+(?:'([^']*)'|([^\s']+))\s*", re.IGNORECASE)
_CLAIMS = {
    "aud": "aud", "iss": "iss", "appid": "appid", "idtyp": "idtyp", "ver": "ver",
    "oid": "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "tid": "http://schemas.microsoft.com/identity/claims/tenantid",
    "sub": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
}  # fmt: skip


class ActivityLog:
    """Notes what passes, and answers what was noted."""

    def __init__(self, scope: Scope, database: Database, clock: Clock) -> None:
        self._scope = scope
        self._database = database
        self._clock = clock
        self._recorder = Recorder(database, clock)

    def routes(self) -> list[Route]:
        """The list, and the words that categories have."""
        listed = f"{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values"
        return [
            Route("GET", listed, Door.ARM, "ActivityLogs_List", self._list, checked=Check.SDK),
            Route("GET", "/providers/Microsoft.Insights/eventcategories", Door.ARM, "EventCategories_List",
                  _categories, checked=Check.SDK),
        ]  # fmt: skip

    def note(self, request: Request, match: Match | None, response: Response) -> None:
        """Note a request that changed something, or wanted to; callable from the loop alone."""
        if match is None or match.route.door is not Door.ARM or request.method not in _WRITING:
            return
        claims: Mapping[str, Any] = getattr(request.state, "claims", None) or {}
        path = request.scope.get("raw_path", request.url.path.encode()).decode("ascii", "replace")
        wanted = asked(request.method, path)
        if not claims or wanted is None or not wanted.action or _QUESTIONS.search(path.rstrip("/")):
            return
        if self._recorder.waiting > _MOST_WAITING:  # the disk is full, and nothing changes
            return
        now = self._clock.now()
        events = made(Noted(request, claims, wanted.action, wanted.scope, response), now)
        self._recorder.write(*(
            Statement("INSERT INTO activity(at, body) VALUES(?, ?)", (now.isoformat(), json.dumps(each)))
            for each in events
        ))  # fmt: skip

    async def start(self) -> None:
        """Forget what is too old, or too much."""
        oldest = (self._clock.now() - timedelta(days=_KEEP_DAYS)).isoformat()
        try:
            await self._database.write(
                Statement("DELETE FROM activity WHERE at < ?", (oldest,)),
                Statement(
                    "DELETE FROM activity WHERE sequence <= (SELECT max(sequence) FROM activity) - ?", (_MOST,)
                ),
            )  # fmt: skip
        except sqlite3.OperationalError:  # a full disk: at the next start
            return

    async def close(self) -> None:
        """Write what is left."""
        await self._recorder.close()

    async def _list(self, request: Request) -> Response:
        self._scope.subscription(request)
        wanted = read_filter(query(request, "$filter"))
        await self._recorder.durable()
        first, last = wanted["eventTimestamp"]
        rows = await self._database.read(
            "SELECT sequence, body FROM activity WHERE at >= ? AND at <= ? ORDER BY sequence DESC",
            (first.isoformat(), last.isoformat()),
        )
        found = [(number, json.loads(body)) for number, body in rows]
        before = query(request, "$skiptoken")
        kept = [
            (number, each) for number, each in found
            if _fits(each, wanted) and (not before.isdigit() or number < int(before))
        ]  # fmt: skip
        body: Document = {"value": [_selected(each, query(request, "$select")) for _, each in kept[:_PAGE]]}
        if len(kept) > _PAGE:
            more = request.url.include_query_params(**{"$skiptoken": str(kept[_PAGE - 1][0])})
            body["nextLink"] = f"{origin(request)}{more.path}?{more.query}"
        return JSONResponse(body)


class Noted:
    """A request that passed its door, and what came of it."""

    def __init__(
        self, request: Request, claims: Mapping[str, Any], action: str, scope: str, response: Response
    ) -> None:  # fmt: skip
        self.request = request
        self.claims = claims
        self.action = action
        self.scope = scope
        self.response = response


def made(noted: Noted, now: datetime) -> list[Document]:
    """Return the events of a request: its beginning and its end, under one correlation id."""
    status = noted.response.status_code
    ended = "Failed" if status >= HTTPStatus.BAD_REQUEST else "Accepted" if _goes_on(noted.response) else "Succeeded"
    return [_event(noted, now, "BeginRequest", "Started"), _event(noted, now, "EndRequest", ended)]


def read_filter(text: str) -> dict[str, Any]:
    """Read `$filter`: clauses joined by `and`, of which the beginning of the time is needed.

    `eventTimestamp` is a pair. Raises `AzureError` 400 for any other syntax.
    """
    found: dict[str, Any] = {}
    bounds: dict[str, datetime] = {}
    for clause in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else ():
        parts = _CLAUSE.fullmatch(clause)
        if parts is None:
            raise _bad_filter(f"The clause '{clause}' of the filter cannot be read.")
        name, operator, value = parts[1], parts[2].lower(), parts[3] or parts[4] or ""
        if name.lower() == "eventtimestamp":
            bounds[operator] = _moment(value)
        else:
            found[name.lower()] = value.lower()
    unknown = found.keys() - _FITTING.keys() - {"eventchannels"}
    if unknown:
        raise _bad_filter(f"The filter has no property '{min(unknown)}'.")
    if "ge" not in bounds and "eq" not in bounds:
        raise _bad_filter("The filter needs the beginning of the time: eventTimestamp ge '…'.")
    first = bounds.get("ge", bounds.get("eq", datetime.min.replace(tzinfo=UTC)))
    return found | {"eventTimestamp": (first, bounds.get("le", datetime.max.replace(tzinfo=UTC)))}


_FITTING = {
    "resourcegroupname": lambda event: event["resourceGroupName"],
    "resourceuri": lambda event: event["resourceId"],
    "resourceid": lambda event: event["resourceId"],
    "resourceprovider": lambda event: event["resourceProviderName"]["value"],
    "resourcetype": lambda event: event["resourceType"]["value"],
    "correlationid": lambda event: event["correlationId"],
    "caller": lambda event: event["caller"],
    "status": lambda event: event["status"]["value"],
    "levels": lambda event: event["level"],
}


def _fits(event: Document, wanted: Mapping[str, Any]) -> bool:
    return all(
        str(_FITTING[name](event)).lower() == value for name, value in wanted.items() if name in _FITTING
    )  # fmt: skip


def _selected(event: Document, names: str) -> Document:
    chosen = {name.strip().lower() for name in names.split(",") if name.strip()}
    return {name: value for name, value in event.items() if name.lower() in chosen} if chosen else event


def _event(noted: Noted, now: datetime, name: str, status: str) -> Document:
    request, response, scope = noted.request, noted.response, noted.scope
    headers = response.headers
    correlation = headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
    parts = scope.split("/")
    namespace, type_ = noted.action.partition("/")[0], noted.action.rpartition("/")[0]
    type_ = type_.rpartition("/")[0] if noted.action.endswith("/action") else type_
    begun = name == "BeginRequest"
    code = HTTPStatus(response.status_code).phrase.replace(" ", "")
    identifier = str(uuid.uuid4())
    ticks = int(now.timestamp() * 1e7) + _TICKS_BEFORE_1970
    failed = status == "Failed"
    properties = {"eventCategory": "Administrative", "entity": scope, "message": noted.action, "hierarchy": parts[2]}
    if not begun:
        properties |= {"statusCode": code, "serviceRequestId": headers.get("x-ms-request-id", "")}
    if failed:
        properties["statusMessage"] = bytes(getattr(response, "body", b"")).decode("utf-8", "replace")[:2000]
    return {
        "authorization": {"action": noted.action, "scope": scope},
        "caller": str(noted.claims.get("upn") or noted.claims.get("appid") or noted.claims.get("oid") or ""),
        "channels": "Operation",
        "claims": {named: str(noted.claims[key]) for key, named in _CLAIMS.items() if key in noted.claims},
        "correlationId": correlation, "description": "", "eventDataId": identifier,
        "eventName": _localized(name), "category": _localized("Administrative"),
        "eventTimestamp": format_instant(now), "submissionTimestamp": format_instant(now),
        "httpRequest": {
            "clientRequestId": request.headers.get("x-ms-client-request-id") or correlation,
            "clientIpAddress": request.client.host if request.client else "127.0.0.1", "method": request.method,
        },
        "id": f"{scope}/events/{identifier}/ticks/{ticks}", "level": "Error" if failed else "Informational",
        "operationId": correlation, "operationName": _localized(noted.action),
        "resourceGroupName": parts[4] if len(parts) > 4 and parts[3].lower() == "resourcegroups" else "",
        "resourceProviderName": _localized(namespace), "resourceType": _localized(type_), "resourceId": scope,
        "properties": properties, "status": _localized(status),
        "subStatus": _localized(*("", "") if begun else (code, f"{code} (HTTP Status Code: {response.status_code})")),
        "subscriptionId": parts[2], "tenantId": str(noted.claims.get("tid", "")),
    }  # fmt: skip


def _goes_on(response: Response) -> bool:
    return response.status_code == HTTPStatus.ACCEPTED or "azure-asyncoperation" in response.headers


def _localized(value: str, shown: str | None = None) -> Document:
    return {"value": value, "localizedValue": value if shown is None else shown}


def _moment(text: str) -> datetime:
    try:
        return parse_instant(text)
    except (ValueError, OverflowError) as bad:
        raise _bad_filter(f"'{text}' is no moment.") from bad


def _bad_filter(message: str) -> AzureError:
    return AzureError(400, "BadRequest", message)


async def _categories(_: Request) -> Response:
    words = (
        "Administrative", "Security", "ServiceHealth", "Alert", "Recommendation", "Policy", "Autoscale",
        "ResourceHealth",
    )  # fmt: skip
    return JSONResponse({"value": [_localized(word) for word in words]})
