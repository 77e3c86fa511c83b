"""Faults of requests: what takes the place of an answer, delays it, or cuts it short."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from aca_notebook.emulator.faults.answers import REFUSING, refusal
from aca_notebook.emulator.wire import AzureError, Door
from aca_notebook.model.fault import Subject
from aca_notebook.model.fault_kinds import DropConnection, LostLogs, SlowAnswer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.faults.board import Strikes
    from aca_notebook.emulator.wire import Route

#: Where a server leaves the function that cuts a request's connection.
ABORT = "aca_notebook.abort"


async def disturbed(faults: Strikes, clock: Clock, route: Route, request: Request) -> Response:
    """Answer a request as its route does, unless a fault strikes it.

    A fault that names no operation strikes the control plane alone, and log streams; none strikes the control door,
    behind which faults are cleared. Raises `AzureError`.
    """
    if route.door is Door.CONTROL:
        return await route.handler(request)
    subject = Subject(request.url.path, request.method, route.operation)
    by_name = route.door is not Door.ARM
    slow = faults.strike(subject, SlowAnswer, by_name=by_name)
    if slow is not None:
        await clock.sleep(slow.seconds)
    struck = faults.strike(subject, *REFUSING, by_name=by_name)
    if struck is None:
        return _cut_short(await route.handler(request), subject, faults, clock)
    if getattr(struck, "when", "before") == "after":
        with contextlib.suppress(AzureError):  # of which nobody hears either
            await route.handler(request)
    if isinstance(struck, DropConnection):
        return HangUp()
    raise refusal(struck, subject, getattr(request.state, "claims", {}), clock.now())


def _cut_short(response: Response, subject: Subject, faults: Strikes, clock: Clock) -> Response:
    if not isinstance(response, StreamingResponse):
        return response
    lost = faults.strike(subject, LostLogs)
    return response if lost is None else CutShort(response, lost.seconds, clock)


class HangUp(Response):
    """No answer: the connection is cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's
        """Cut it, and return when the server knows."""
        scope["extensions"][ABORT]["now"]()
        while (await receive())["type"] != "http.disconnect":
            pass


class CutShort(Response):
    """A stream whose connection is cut after a while."""

    def __init__(self, whole: StreamingResponse, seconds: float, clock: Clock) -> None:
        super().__init__()
        self.raw_headers = whole.raw_headers
        self._whole = whole
        self._seconds = seconds
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and cut the connection when its time has come: the stream ends as for a client that has gone."""
        alarm = asyncio.ensure_future(self._cut(scope))
        try:
            await self._whole(scope, receive, send)
        finally:
            alarm.cancel()
            await asyncio.gather(alarm, return_exceptions=True)

    async def _cut(self, scope: Scope) -> None:
        await self._clock.sleep(self._seconds)
        scope["extensions"][ABORT]["now"]()
