"""Which of the backends a session is in: a pool of the platform, or, with a GPU, our agent in a container app."""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, TypedDict, Unpack

from aca_notebook.api.sessions_memory import Memory
from aca_notebook.errors import UsageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from aca_notebook.api.access import Access
    from aca_notebook.api.sessions import Session
    from aca_notebook.api.sessions_agents import SessionAgents
    from aca_notebook.api.sessions_places import Place
    from aca_notebook.api.sessions_pools import SessionPools
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.model.deploy import DeployProgress
    from aca_notebook.model.session import SessionState


class SessionOptions(TypedDict, total=False):
    """What `Workspace.session` may be told.

    `pool` names a pool; without it one of ours is made, that has the `egress` and the `ttl` (how long a session may be
    without use, 5 to 60 minutes). `gpu` ("T4", "A100") takes our agent in a container app in place of a pool.
    `require_isolation` refuses to run where sessions are not isolated. `notebook` names the notebook, for a session
    without a name. `pip` are packages for sessions with a GPU. `on_progress` hears how an agent is deployed that is not
    there yet (see `Workspace.deploy`).
    """

    pool: str
    gpu: str
    ttl: timedelta | None
    egress: bool | None
    require_isolation: bool
    notebook: str
    pip: Sequence[str]
    on_progress: Callable[[DeployProgress], None] | None


class Sessions:
    """The sessions of one workspace, and what is known of the interpreters behind them."""

    def __init__(self, workspace: Workspace, access: Access) -> None:
        self._of = weakref.ref(workspace)
        self._access = access
        self._memories: dict[str, Memory] = {}

    @property
    def workspace(self) -> Workspace:
        """The workspace. Raises `UsageFailed` when it is gone."""
        workspace = self._of()
        if workspace is None:
            raise UsageFailed("the workspace of these sessions is gone", code="Closed", hint="connect again")
        return workspace

    @property
    def pools(self) -> SessionPools:
        """The pools of the platform."""
        from aca_notebook.api.sessions_pools import SessionPools

        return SessionPools(self, self._access, self.workspace.loop)

    @property
    def agents(self) -> SessionAgents:
        """Our agents."""
        from aca_notebook.api.sessions_agents import SessionAgents

        return SessionAgents(self, self._access)

    def open(self, name: str, **options: Unpack[SessionOptions]) -> Session:
        """Return a session. Raises `UsageFailed` for options that do not go together, and `NameRefused`."""
        return self.agents.session(name, **options) if options.get("gpu") else self.pools.session(name, **options)

    def session(self, place: Place, key: str, **options: Unpack[SessionOptions]) -> Session:
        """Return the session at a place; one of the same key knows its past."""
        from aca_notebook.api.sessions import Session

        session = Session(place, self.workspace, self._access, self._memories.setdefault(key, Memory()))
        session.require_isolation = options.get("require_isolation", False)
        return session

    async def list(self) -> tuple[SessionState, ...]:
        """Return every session that lives."""
        pools, agents = await asyncio.gather(self.pools.all_sessions(), self.agents.all_sessions())
        return (*pools, *agents)
