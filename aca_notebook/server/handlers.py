"""The routes of `server.protocol` on a Jupyter server: authentication and HTTP, and nothing else."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import tornado.web
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler

from aca_notebook.errors import AcaError, Conflict, NotFound, Throttled, UsageFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import msgspec

    from aca_notebook.server.panel import Panel
    from aca_notebook.server.protocol import Route

logger = logging.getLogger(__name__)

ADDRESS = r"/aca-notebook/(?:.*)"
#: What may be asked of a server's users, for those who configure an authorizer.
RESOURCE = "aca_notebook"
#: 401 and 403 are the Jupyter server's own to say: a browser would ask for its password again.
_STATUSES: tuple[tuple[type[AcaError], int], ...] = (
    (NotFound, 404), (UsageFailed, 400), (Conflict, 409), (Throttled, 429), (AcaError, 502),
)  # fmt: skip


class PanelHandler(APIHandler):
    """One address; `panel` makes the service when it is first asked, so that a server starts without it."""

    #: Polls are no work of a person's: a hub ends servers that only polls keep busy.
    _track_activity = False
    auth_resource = RESOURCE

    def initialize(self, panel: Callable[[], Awaitable[Panel]]) -> None:
        """Take the service."""
        self._panel = panel

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell something."""
        await self._answer()

    @tornado.web.authenticated
    @authorized
    async def put(self) -> None:
        """Set something."""
        await self._answer()

    @tornado.web.authenticated
    @authorized
    async def post(self) -> None:
        """Do something."""
        await self._answer()

    @tornado.web.authenticated
    @authorized
    async def delete(self) -> None:
        """End something."""
        await self._answer()

    async def _answer(self) -> None:
        import msgspec  # with the first question, not with the server

        from aca_notebook.server import showing

        self.set_header("Cache-Control", "no-cache")
        try:
            value = await self._asked()
        except AcaError as failed:
            self.set_status(next(status for kind, status in _STATUSES if isinstance(failed, kind)))
            value = showing.problem(failed)
        self.finish(msgspec.json.encode(value))

    async def _asked(self) -> msgspec.Struct:
        """Find the method and call it. Tornado compares ETags when the answer is written."""
        from aca_notebook.server.addresses import Wrong, find, read_body, read_query

        root = f"{self.base_url.rstrip('/')}/aca-notebook/"
        path = self.request.path.removeprefix(root)  # as it was sent: a name may hold an encoded slash
        found = find(self.request.method or "", path)
        if found is None:
            raise tornado.web.HTTPError(404, "the panel has no such address")
        route, names = found
        panel = await self._panel()
        try:
            taken = {**read_query(route, self.request.query_arguments), **read_body(route, self.request.body)}
        except Wrong as wrong:
            raise UsageFailed(
                str(wrong), code="InvalidRequest", hint="reload the page: is it of another version?"
            ) from wrong
        method = getattr(panel, method_name(route))
        answer: msgspec.Struct = await method(**names, **taken)
        return answer


def method_name(route: Route) -> str:
    """Return the method of `Panel` that answers a route."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in route.name)
