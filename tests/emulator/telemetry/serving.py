"""A few of the emulator's nouns over real HTTP: the dispatcher on a port, in a thread with its own loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy

from aca_notebook.clock import SystemClock
from aca_notebook.emulator.dispatch import Dispatcher
from aca_notebook.emulator.http_server import HttpServer
from aca_notebook.emulator.wire import Door, Route, RouteTable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator


class OpenDoors:
    """Lets everyone pass; the bearer token, if any, is the `app` claim."""

    def claims(self, door: Door, request: Any) -> dict[str, Any]:
        app = request.headers.get("authorization", "").removeprefix("Bearer ")
        return {"app": app} if door is Door.DATA_PLANE else {}


class Loop:
    """An event loop in a thread, to which a test hands coroutines."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, work: Awaitable[Any]) -> Any:
        async def awaited() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(timeout=20)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextlib.contextmanager
def serving(compose: Callable[[], list[Route]], *, loop: Loop) -> Iterator[str]:
    """Serve the routes that `compose` returns on the loop; yields the address."""

    async def start() -> tuple[asyncio.Server, HttpServer, int]:
        server = HttpServer(Dispatcher(RouteTable(compose()), OpenDoors(), SystemClock()))  # type: ignore[arg-type]  # a fake
        sock = socket.create_server(("127.0.0.1", 0))
        secure = False
        listening = await asyncio.get_running_loop().create_server(lambda: server.protocol(secure), sock=sock)
        return listening, server, sock.getsockname()[1]

    async def stop(listening: asyncio.Server, server: HttpServer) -> None:
        listening.close()
        await server.close()

    listening, server, port = loop.run(start())
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.run(stop(listening, server))


class NoToken(SansIOHTTPPolicy):
    """In place of the bearer policy, which refuses plain HTTP."""


class NoCredential:
    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken("none", 2**33)


class NoCredentialAsync(NoCredential):
    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:  # type: ignore[override]  # azure-core's own split
        return AccessToken("none", 2**33)

    async def close(self) -> None: ...
    async def __aenter__(self):
        return self

    async def __aexit__(self, *_: object) -> None: ...
