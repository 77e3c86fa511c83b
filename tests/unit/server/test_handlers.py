"""The panel's addresses below a server's base URL, whatever that and the apps are called."""

from __future__ import annotations

import aiohttp
import pytest
from jupyter_server.auth import AllowAllAuthorizer
from jupyter_server.auth.identity import IdentityProvider
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from aca_notebook.server import protocol
from aca_notebook.server.handlers import ADDRESS, PanelHandler

pytestmark = pytest.mark.anyio


class Panel:
    """Answers with the name of the app that it was asked for."""

    async def calling_code(self, app: str) -> protocol.CallingCode:
        return protocol.CallingCode(code=app)


@pytest.mark.parametrize("base", ["/", "/user/me/", "/user/aca-notebook/", "/aca-notebook/"])
async def test_a_server_may_be_called_what_our_addresses_are_called(base: str) -> None:
    async def panel() -> Panel:
        return Panel()

    socket, port = bind_unused_port()
    server = HTTPServer(
        Application(
            [(f"{base.rstrip('/')}{ADDRESS}", PanelHandler, {"panel": panel})], base_url=base, cookie_secret="c",
            identity_provider=IdentityProvider(token="t"), authorizer=AllowAllAuthorizer(), allow_remote_access=True,
        )
    )  # fmt: skip
    server.add_socket(socket)
    try:
        async with aiohttp.ClientSession(headers={"Authorization": "token t"}) as client:
            for app in ("scorer", "aca-notebook"):
                async with client.get(f"http://127.0.0.1:{port}{base}aca-notebook/apps/{app}/code") as answer:
                    assert (answer.status, await answer.json()) == (200, {"code": app})
    finally:
        server.stop()
