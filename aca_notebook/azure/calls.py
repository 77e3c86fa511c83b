"""Calls into apps: one POST on a kept-alive connection, with nothing in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from aca_notebook.azure import faults
from aca_notebook.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.azure.connection import Connection
    from aca_notebook.clock import Clock

#: ACA cuts a request at 240 s with a 504; we wait a little longer, to see it say so.
PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=250)
_ACCEPT = "application/vnd.apache.arrow.stream, application/x-npy;q=0.9, application/json;q=0.8"


@dataclass(frozen=True, slots=True)
class Reply:
    """What an app answered; `call_id` is the ingress's."""

    status: int
    content_type: str
    body: bytes
    call_id: str


class Caller:
    """Sends requests to apps."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._session = connection.session
        self._clock = clock

    async def post(self, url: str, body: bytes, content_type: str, key: str) -> Reply:
        """Call a function. Raises `Unreachable` when nobody answers."""
        headers = {"Content-Type": content_type, "Accept": _ACCEPT, "Accept-Encoding": "identity"}
        return await self._send("POST", url, body, headers, key)

    async def get(self, url: str, key: str) -> Reply:
        """Read one of the runner's own pages."""
        return await self._send("GET", url, None, {"Accept-Encoding": "identity"}, key)

    async def _send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], key: str) -> Reply:
        # When it was sent, as proxies say it: nothing else tells the replica how long a call has waited for it.
        sent = {**headers, "X-Request-Start": f"t={self._clock.now().timestamp():.6f}"}
        sent |= {"X-Api-Key": key} if key else {}
        try:
            async with self._session.request(
                method, url, data=body, headers=sent, timeout=PATIENCE, allow_redirects=False
            ) as response:
                content = await response.read()
                return Reply(
                    response.status, response.content_type, content, response.headers.get("X-Call-Id", "")
                )  # fmt: skip
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            unanswered = faults.translate(error, url)
            if isinstance(unanswered, Unreachable) and not unanswered.refused:
                unanswered.message = f"the connection to {url} was cut during the call"
                unanswered.hint = "it may have run: call again if that does no harm"
            raise unanswered from error
