"""Our session agent: an ASGI app of `runner.session_agent`, deployed like any other, for what no pool has: a GPU."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Unpack

from aca_notebook.api.sessions_places import identifier_of
from aca_notebook.azure.sessions import Endpoint
from aca_notebook.azure.target import secured
from aca_notebook.errors import AcaError, NotFound, UsageFailed
from aca_notebook.model.gpu import gpu_profile_type
from aca_notebook.model.session import Backend, ContainerType, Isolation, SessionPoolState
from aca_notebook.runner.session_agent import SessionAgent

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.api.access import Access
    from aca_notebook.api.app import App
    from aca_notebook.api.sessions import Session
    from aca_notebook.api.sessions_opening import SessionOptions, Sessions
    from aca_notebook.azure.services import Services
    from aca_notebook.model.deploy import DeployProgress
    from aca_notebook.model.session import SessionState

#: The app of an agent is called after its GPU.
PREFIX = "sessions-"
_SOURCE = """
from aca_notebook.runner.session_agent import SessionAgent

sessions = SessionAgent()
"""


def app_name(gpu: str) -> str:
    """Return the name of the agent's app for a GPU."""
    return PREFIX + re.sub(r"[^a-z0-9]+", "-", gpu.lower())


@dataclass(frozen=True)
class AgentWishes:
    """The GPU of an agent, how long it stays without requests, packages of its own, and who hears it being deployed."""

    gpu: str
    cooldown_seconds: float = 1800.0
    pip: tuple[str, ...] = ()
    on_progress: Callable[[DeployProgress], None] | None = None


class AgentPlace:
    """A session in our agent's app; the app is deployed when it is not there."""

    def __init__(self, session: str, identifier: str, wishes: AgentWishes, agents: SessionAgents) -> None:
        self.session = session
        self.identifier = identifier
        self.gpu = wishes.gpu
        self.note = ""
        self._wishes = wishes
        self._agents = agents
        self._found: tuple[Services, Endpoint] | None = None
        self._isolation: Isolation | None = None

    @property
    def where(self) -> str:
        """Return the app."""
        return f"{Backend.AGENT} {app_name(self.gpu)!r}"

    def beside(self, session: str) -> AgentPlace:
        """Return the place of another session there."""
        return AgentPlace(session, identifier_of(session), self._wishes, self._agents)

    async def endpoint(self, services: Services, *, make: bool = True) -> Endpoint:
        """Find the app, or deploy it."""
        if self._found is None or self._found[0] is not services:
            endpoint, self.note = await self._agents.endpoint(self._wishes, make=make)
            self._found = services, endpoint
        return self._found[1]

    async def pool(self) -> SessionPoolState:
        """Return what the app is as a pool: its sessions live as long as its replica."""
        return agent_pool(self._wishes)

    async def isolation(self, services: Services) -> Isolation:
        """Return what the agent says of it; asked for once."""
        if self._isolation is None:
            self._isolation = await services.sessions.isolation(await self.endpoint(services))
        return self._isolation

    async def reason(self, services: Services) -> str:
        """Return what the agent says of a session it does not have."""
        try:
            await services.sessions.session(await self.endpoint(services), self.identifier)
        except NotFound as gone:
            return gone.detail.partition(". ")[2]
        except AcaError:
            return ""
        return ""


def agent_pool(wishes: AgentWishes) -> SessionPoolState:
    """Return an agent's app as a pool: its sessions end when its replica is scaled in."""
    seconds = int(wishes.cooldown_seconds)
    return SessionPoolState(app_name(wishes.gpu), ContainerType.PYTHON, egress=True, cooldown_seconds=seconds)


class SessionAgents:
    """The agents of a workspace."""

    #: What a session of data has at hand, as one of a pool has.
    packages: tuple[str, ...] = ("matplotlib", "numpy", "pandas", "plotly", "pyarrow")

    def __init__(self, opening: Sessions, access: Access) -> None:
        self._opening = opening
        self._access = access

    def session(self, name: str, **options: Unpack[SessionOptions]) -> Session:
        """Return a session with a GPU. Raises `UsageFailed` for what an agent has not."""
        if options.get("pool"):
            raise UsageFailed(
                "--gpu and --pool do not go together: no session pool of Azure has GPUs", code="UsageError",
                hint="leave --pool out: sessions with a GPU run in an app of ours",
            )  # fmt: skip
        if options.get("egress") is False:
            raise UsageFailed(
                "a session with a GPU reaches the network: its app has no switch for that", code="UsageError",
                hint="leave --egress off out, or run it in a pool, without --gpu",
            )  # fmt: skip
        gpu = gpu_profile_type(options["gpu"]).gpu_model
        identifier = identifier_of(name, options.get("notebook", ""))
        ttl = options.get("ttl")
        seconds = AgentWishes(gpu).cooldown_seconds if ttl is None else ttl.total_seconds()
        wishes = AgentWishes(gpu, seconds, tuple(options.get("pip", ())), options.get("on_progress"))
        place = AgentPlace(name or identifier, identifier, wishes, self)
        return self._opening.session(place, f"{app_name(gpu)}/{identifier}", **options)

    async def endpoint(self, wishes: AgentWishes, *, make: bool = True) -> tuple[Endpoint, str]:
        """Return where the agent for a GPU answers, and a note on its GPU; `make` deploys it when it is not there."""
        name = app_name(wishes.gpu)
        workspace = self._opening.workspace
        try:
            app: App = await workspace.read_app(name)
        except NotFound as missing:
            if not make:
                missing.hint = f"the first `%%aca session --gpu {wishes.gpu}` deploys it"
                raise
            app = await self._deployed(wishes)
        else:
            if make and wishes.pip:  # the same packages change nothing, and end no session
                app = await self._deployed(wishes)
        key = await app.endpoint.key()
        return Endpoint(secured(app.url), name, Backend.AGENT, ContainerType.PYTHON, key), app.state.gpu_note

    async def _deployed(self, wishes: AgentWishes) -> App:
        names = {"__name__": "__main__", "SessionAgent": SessionAgent, "sessions": SessionAgent()}
        deployment = await self._opening.workspace.deploy.aio(
            app_name(wishes.gpu), _SOURCE, names, on_progress=wishes.on_progress, gpu=wishes.gpu, max_replicas=1,
            concurrency=100, pip=(*self.packages, *wishes.pip), cooldown_seconds=wishes.cooldown_seconds,
        )  # fmt: skip
        return deployment.app

    async def all_sessions(self) -> tuple[SessionState, ...]:
        """Return the sessions of the agents that run; one that sleeps has none, and is not woken."""
        documents = await self._access.ask(lambda services: services.apps.list())
        names = [str(each["name"]) for each in documents if str(each["name"]).startswith(PREFIX)]
        found = await asyncio.gather(*(self._sessions_of(name) for name in names))
        return tuple(session for sessions in found for session in sessions)

    async def _sessions_of(self, name: str) -> tuple[SessionState, ...]:
        try:
            app = await self._opening.workspace.read_app(name)
            if not app.state.replicas:
                return ()
            at = Endpoint(
                secured(app.url), name, Backend.AGENT, ContainerType.PYTHON, await app.endpoint.key()
            )  # fmt: skip
            found = await self._access.ask(lambda services: services.sessions.list(at))
            isolation = await self._access.ask(lambda services: services.sessions.isolation(at))
        except AcaError:
            return ()
        return tuple(
            replace(one, isolation=isolation, gpu=app.state.gpu, note=app.state.gpu_note) for one in found
        )  # fmt: skip
