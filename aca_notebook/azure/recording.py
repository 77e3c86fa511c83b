"""What the SDKs ask of Resource Manager, noted as it passes; and, where somebody only wants to see it, not sent.

A policy at the front of each SDK client's pipeline: what it notes is what the SDK made, not what we think it makes. It
does nothing unless the work at hand was begun inside `noting`.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy

from aca_notebook.azure.answered import Answered
from aca_notebook.model.wire_call import WireCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.core.pipeline import PipelineRequest

_NOT_THERE = {"error": {"code": "ResourceNotFound", "message": "The resource would be gone by now."}}
#: The notes of the work at hand, by asyncio's own way of telling one from another.
_notes: ContextVar[Notes | None] = ContextVar("notes", default=None)


class Notes:
    """The calls of one piece of work, in order. With `hold` its writes are answered here and not sent.

    What is read afterwards is as those writes would have left it: there, changed, or gone. `stopped` is what ended
    held work before its end.
    """

    def __init__(self, *, hold: bool) -> None:
        self.hold = hold
        self.calls: list[WireCall] = []
        self.stopped = ""
        self._made: dict[str, Any] = {}
        self._changes: dict[str, list[Any]] = {}
        self._gone: set[str] = set()

    @property
    def writes(self) -> tuple[WireCall, ...]:
        """Those that change something."""
        return tuple(call for call in self.calls if call.writes)

    def answer(self, call: WireCall) -> tuple[int, Any] | None:
        """Return with what status and document a held write, or a look at one's work, is answered; None sends it."""
        if not self.hold:
            return None
        if call.writes:
            made = _made(call)
            self._remember(call, made)
            return _status(call), made
        path = call.path.lower()
        if call.method == "GET" and path in self._made:
            return 200, self._made[path]
        return (404, _NOT_THERE) if call.method == "GET" and self._deleted(path) else None

    def seen(self, call: WireCall, answer: Any) -> Any:
        """Return what the platform answered to a GET as the held writes would have left it."""
        if call.method != "GET" or not isinstance(answer, dict):
            return answer
        for change in self._changes.get(call.path.lower(), ()):
            answer = _changed(answer, change)
        listed = answer.get("value")
        if self._gone and isinstance(listed, list):
            return {**answer, "value": [each for each in listed if not self._lists_gone(each)]}
        return answer

    def _remember(self, call: WireCall, made: Any) -> None:
        path = call.path.lower()
        if call.method == "PUT":
            self._made[path] = made
            self._changes.pop(path, None)
            self._gone.discard(path)
        elif call.method == "PATCH" and path in self._made:
            self._made[path] = _changed(self._made[path], call.body)
        elif call.method == "PATCH":
            self._changes.setdefault(path, []).append(call.body)
        elif call.method == "DELETE":
            self._made = {kept: each for kept, each in self._made.items() if not f"{kept}/".startswith(f"{path}/")}
            self._gone.add(path)

    def _deleted(self, path: str) -> bool:
        return any(f"{path}/".startswith(f"{gone}/") for gone in self._gone)

    def _lists_gone(self, entry: Any) -> bool:
        return isinstance(entry, dict) and self._deleted(str(entry.get("id")).lower())


@contextmanager
def noting(*, hold: bool = False) -> Iterator[Notes]:
    """Note every call that the work begun in this block makes; with `hold` change nothing anywhere."""
    notes = Notes(hold=hold)
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


class NotingPolicy(AsyncHTTPPolicy[Any, Any]):
    """Notes what passes for whoever asked for it. `resource_manager` is whose calls count."""

    def __init__(self, resource_manager: str) -> None:
        super().__init__()
        self._host = urlsplit(resource_manager).netloc

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Pass a request on, or answer it here."""
        notes = _notes.get()
        place = urlsplit(request.http_request.url)
        if notes is None or place.netloc != self._host:
            return await self.next.send(request)
        call = _call(request.http_request, place.path, place.query)
        held = notes.answer(call)
        if held is not None:
            status, document = held
            notes.calls.append(WireCall(call.method, call.path, call.api_version, call.body, document, sent=False))
            return _response(request, status, document)
        response = await self.next.send(request)
        answer = None if call.writes else await _answer(response.http_response)
        seen = notes.seen(call, answer)
        notes.calls.append(WireCall(call.method, call.path, call.api_version, call.body, seen))
        return response if seen is answer else _response(request, 200, seen)


def _response(request: PipelineRequest[Any], status: int, document: Any) -> PipelineResponse[Any, Any]:
    answered = Answered(request.http_request, status, document)
    return PipelineResponse(request.http_request, answered, request.context)


def _call(request: Any, path: str, query: str) -> WireCall:
    content = request.content if hasattr(request, "content") else request.body
    version = parse_qs(query).get("api-version", [""])[0]
    return WireCall(request.method, path, version, _json(content))


async def _answer(response: Any) -> Any:
    if response.status_code != 200:  # an empty body cannot be read twice
        return None
    try:
        return _json(await response.read())
    except (AttributeError, TypeError):  # the older kind of response has no `read`
        return None


def _json(content: Any) -> Any:
    if not isinstance(content, str | bytes) or not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return None


def _status(call: WireCall) -> int:
    """A group's DELETE is done with 200 for its SDK, every other's with 204."""
    return 204 if call.method == "DELETE" and "/providers/" in call.path.lower() else 200


def _made(call: WireCall) -> Any:
    """What the platform would answer, as far as the SDKs look: the resource as it was sent, done at once."""
    if call.method in {"DELETE", "POST"}:
        run = {"runId": "RUN", "status": "Succeeded"}
        return {"id": call.path, "name": "NEW", "properties": run} if call.method == "POST" else {}
    sent = call.body if isinstance(call.body, dict) else {}
    properties = {**(sent.get("properties") or {}), "provisioningState": "Succeeded"}
    return _identified({**sent, "id": call.path, "name": call.path.rpartition("/")[2], "properties": properties})


def _changed(document: Any, change: Any) -> Any:
    """Return a resource after a PATCH: members are replaced, and those that are null go (RFC 7396)."""
    return _identified(_merged(document, change)) if isinstance(change, dict) else document


def _merged(document: Any, change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    had = document if isinstance(document, dict) else {}
    named = {name: _merged(had.get(name), part) for name, part in change.items() if part is not None}
    return {name: part for name, part in had.items() if name not in change} | named


def _identified(document: Any) -> Any:
    """Let the identities that a resource is given be somebody: the platform would answer with an id of its own."""
    given = document.get("identity")
    if not isinstance(given, dict):
        return document
    users = {
        id_: {"principalId": _principal(id_)} | (told or {})
        for id_, told in (given.get("userAssignedIdentities") or {}).items()
    }
    told = {**given, "userAssignedIdentities": users} if users else dict(given)
    if "SystemAssigned" in str(given.get("type")):
        told.setdefault("principalId", _principal(str(document.get("id"))))
    return {**document, "identity": told}


def _principal(id_: str) -> str:
    return f"PRINCIPAL-ID-OF-{id_.rpartition('/')[2]}"
