"""A real server of sessions for tests: our agent under uvicorn, as itself or as quiet as Azure's own data plane."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from aca_notebook.api.sessions import Session
from aca_notebook.api.sessions_memory import Memory
from aca_notebook.azure.sessions import Endpoint, Sessions
from aca_notebook.model.redaction import Redactor
from aca_notebook.model.session import HYPER_V, Backend, ContainerType, SessionPoolState
from aca_notebook.runner.session_agent import SessionAgent

if TYPE_CHECKING:
    from collections.abc import Iterator


class AzuresWay:
    """Answers as recorded: 202 for what ran synchronously, `$id` members, nothing streamed."""

    def __init__(self, agent: SessionAgent) -> None:
        self._agent = agent

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [each for each in scope["headers"] if each[0] != b"accept"]}
        started: dict[str, Any] = {}

        async def answer(message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
                return
            if message["type"] != "http.response.body":
                await send(message)
                return
            body = message.get("body", b"")
            if scope["path"] == "/executions" and started["status"] == 200:
                started["status"] = 202
                body = json.dumps({"$id": "1", **json.loads(body)}).encode()
            if scope["path"] == "/metadata":
                body = b'{"runtimes": []}'
            kept = [each for each in started["headers"] if each[0] != b"content-length"]
            await send({**started, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
            await send({**message, "body": body})

        await self._agent(scope, receive, answer if scope["type"] == "http" else send)


class ServedSessions:
    """Where the server answers, and the agent behind it."""

    def __init__(self, url: str, agent: SessionAgent, loop: asyncio.AbstractEventLoop) -> None:
        self.url = url
        self.agent = agent
        self._loop = loop

    def kill(self, identifier: str) -> None:
        """End a session's process, as its own code could."""
        self._loop.call_soon_threadsafe(self.agent._sessions[identifier]._kill)


@contextmanager
def served(application: Any) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """Serve an ASGI application on a port of its own, in a thread, until the block ends."""
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error", lifespan="on"))
    ready, box = threading.Event(), {}

    async def serve() -> None:
        box["loop"] = asyncio.get_running_loop()
        serving = asyncio.create_task(server.serve())
        while not server.started and not serving.done():  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.005)
        ready.set()
        await serving

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(60)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", box["loop"]
    finally:
        server.should_exit = True
        thread.join(60)


@contextmanager
def served_sessions(folder: str, *, azures_way: bool = False) -> Iterator[ServedSessions]:
    """Serve an agent."""
    agent = SessionAgent(folder)
    with served(AzuresWay(agent) if azures_way else agent) as (url, loop):
        yield ServedSessions(url, agent, loop)


class FakeTarget:
    """As much of a target as the data plane needs."""

    connect_retries = 0


class FakeConnection:
    """One transport, and no credential: the agent's door is the runner's."""

    target = FakeTarget()

    def __init__(self) -> None:
        import aiohttp
        from azure.core.pipeline.transport import AioHttpTransport

        self.session = aiohttp.ClientSession(auto_decompress=False)
        self.transport = AioHttpTransport(session=self.session, session_owner=False)


class FakeServices:
    """The data plane alone."""

    def __init__(self) -> None:
        self._connection = FakeConnection()
        self.sessions = Sessions(self._connection)

    async def close(self) -> None:
        await self._connection.session.close()


class FakeAccess:
    """Asks once; nothing is brought back."""

    def __init__(self) -> None:
        self._services: FakeServices | None = None
        self.redactor = Redactor()

    @property
    def services(self) -> FakeServices:
        if self._services is None:
            self._services = FakeServices()
        return self._services

    async def ask(self, action, *, once: bool = False):
        return await action(self.services)

    async def close(self) -> None:
        if self._services is not None:
            await self._services.close()


class FakePlace:
    """A session behind one address, in a pool that ends it after five minutes without use."""

    gpu = note = ""

    def __init__(self, url: str, session: str, *, backend: Backend = Backend.AGENT, kind: str = ContainerType.PYTHON):
        self._endpoint = Endpoint(url, "python", backend, kind, key="key")
        self.session = self.identifier = session
        self.where = "session pool 'python'"

    def beside(self, session: str) -> FakePlace:
        return FakePlace(self._endpoint.url, session)

    async def endpoint(self, services, *, make: bool = True) -> Endpoint:
        return self._endpoint

    async def pool(self) -> SessionPoolState:
        return SessionPoolState("python", ContainerType.PYTHON, cooldown_seconds=300)

    async def isolation(self, services):
        return HYPER_V

    async def reason(self, services) -> str:
        return ""


class FakeWorkspace:
    """A loop and a clock."""

    def __init__(self, loop, clock) -> None:
        self.loop = loop
        self.clock = clock


def session_at(url: str, loop, clock, name: str = "lab1", **place: Any) -> tuple[Session, FakeAccess]:
    """Return a session that is served there."""
    access = FakeAccess()
    return Session(FakePlace(url, name, **place), FakeWorkspace(loop, clock), access, Memory()), access
