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

#: The notes of the work at hand, by asyncio's own way of telling one from another.
_notes: ContextVar[Notes | None] = ContextVar("notes", default=None)


class Notes:
    """The calls of one piece of work, in order. With `hold` its writes are answered here and not sent."""

    def __init__(self, *, hold: bool) -> None:
        self.hold = hold
        self.calls: list[WireCall] = []
        self._made: dict[str, Any] = {}

    @property
    def writes(self) -> tuple[WireCall, ...]:
        """Those that change something."""
        return tuple(call for call in self.calls if call.writes)

    def answer(self, call: WireCall) -> Any | None:
        """Return what a held write, or a look at what one made, is answered with; None lets it go out."""
        if not self.hold:
            return None
        if call.writes:
            made = _made(call)
            if call.method == "PUT":
                self._made[call.path.lower()] = made
            return made
        return self._made.get(call.path.lower()) if call.method == "GET" else None


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
            notes.calls.append(WireCall(call.method, call.path, call.api_version, call.body, held, sent=False))
            answered = Answered(request.http_request, 204 if call.method == "DELETE" else 200, held)
            return PipelineResponse(request.http_request, answered, request.context)
        response = await self.next.send(request)
        answer = None if call.writes else await _answer(response.http_response)
        notes.calls.append(WireCall(call.method, call.path, call.api_version, call.body, answer))
        return response


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


def _made(call: WireCall) -> Any:
    """What the platform would answer, as far as the SDKs look: the resource as it was sent, done at once."""
    if call.method in {"DELETE", "POST"}:
        run = {"runId": "RUN", "status": "Succeeded"}
        return {"id": call.path, "name": "NEW", "properties": run} if call.method == "POST" else {}
    sent = call.body if isinstance(call.body, dict) else {}
    properties = {**(sent.get("properties") or {}), "provisioningState": "Succeeded"}
    return {**sent, "id": call.path, "name": call.path.rpartition("/")[2], "properties": properties}
