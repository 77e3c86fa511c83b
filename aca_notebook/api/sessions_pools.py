"""Session pools in a person's hands, and the sessions of a workspace."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from aca_notebook.api.owner import made_beside
from aca_notebook.api.sessions_places import PoolPlace, check_pool_name, choose_pool, identifier_of
from aca_notebook.api.twin import blocking
from aca_notebook.azure.session_pools import PoolWishes, new_document, read_pool
from aca_notebook.azure.sessions import Endpoint
from aca_notebook.errors import AcaError, NotFound, UsageFailed
from aca_notebook.model.session import (
    COOLDOWN_SECONDS,
    MOST_SESSIONS,
    Backend,
    ContainerType,
    SessionPoolState,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aca_notebook.api.access import Access
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.api.sessions import Session
    from aca_notebook.api.sessions_opening import SessionOptions, Sessions
    from aca_notebook.azure.services import Services
    from aca_notebook.model.session import SessionState


class SessionPool:
    """One pool. `state` is how it was when last read; `refresh()` reads it again."""

    def __init__(self, state: SessionPoolState, pools: SessionPools) -> None:
        self.state = state
        self._pools = pools
        self._loop = pools._loop  # noqa: SLF001  # its owner

    @property
    def name(self) -> str:
        """The pool's name."""
        return self.state.name

    @property
    def endpoint(self) -> str:
        """Where its sessions answer: what other clients take as pool management endpoint."""
        return self.state.endpoint

    def session(self, name: str = "", *, require_isolation: bool = False) -> Session:
        """Return a session of this pool; nothing is asked of it before the first cell."""
        return self._pools.session(name, pool=self.name, require_isolation=require_isolation)

    @blocking
    async def sessions(self) -> tuple[SessionState, ...]:
        """Return the sessions that live in it."""
        return await self._pools.sessions_of(self.state)

    @blocking
    async def refresh(self) -> SessionPool:
        """Read it again; returns itself."""
        self.state = await self._pools.read(self.name)
        return self

    @blocking
    async def token(self) -> str:
        """Return a token for its endpoint, for other clients: LangChain's `access_token_provider=pool.token`."""
        return await self._pools.token()

    @blocking
    async def update(self, wishes: PoolWishes) -> SessionPool:
        """Change what the wishes name; returns itself."""
        check_wishes(wishes)
        self.state = await self._pools.change(self.name, wishes)
        return self

    def with_ready(self, count: int) -> SessionPoolState:
        """Return what it would be with so many instances kept ready."""
        return replace(self.state, ready_sessions=count)

    @blocking
    async def delete(self) -> None:
        """Delete it, with its sessions."""
        await self._pools.remove(self.name)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from aca_notebook.display import session_listings

        return session_listings.pool(self.state)

    def __repr__(self) -> str:
        return self._repr_mimebundle_()["text/plain"]


class SessionPools:
    """The pools of the target's resource group, read anew each time, and the sessions in them."""

    def __init__(self, opening: Sessions, access: Access, loop: PrivateLoop) -> None:
        self._opening = opening
        self._access = access
        self._loop = loop

    def session(self, name: str = "", **options: Unpack[SessionOptions]) -> Session:
        """Return a session in one of these pools."""
        choice = choose_pool(options.get("pool", ""), egress=options.get("egress"), ttl=options.get("ttl"))
        identifier = identifier_of(name, options.get("notebook", ""))
        tagged = replace(choice, tags=made_beside(self._access.target.environment))
        place = PoolPlace(name or identifier, identifier, tagged)
        return self._opening.session(place, f"{choice.name}/{identifier}", **options)

    @blocking
    async def create(self, name: str, wishes: PoolWishes | None = None) -> SessionPool:
        """Create a pool; returns when it is there. Raises `NameRefused`, `UsageFailed` and the platform's errors."""
        check_pool_name(name)
        wishes = wishes or PoolWishes()
        check_wishes(wishes)
        tags = made_beside(self._access.target.environment)
        await self._access.ask(lambda services: services.session_pools.create(name, wishes, tags))
        return SessionPool(await self.read(name), self)

    @blocking
    async def states(self) -> tuple[SessionPoolState, ...]:
        """Return every pool as it is now, with how isolated it is and how many sessions live in it."""
        found = await self._access.ask(lambda services: services.session_pools.list())
        return tuple(await asyncio.gather(*(self._told(pool) for pool in found)))

    async def all_sessions(self) -> tuple[SessionState, ...]:
        """Return every session of every pool that can list them."""
        pools = await self._access.ask(lambda services: services.session_pools.list())
        found = await asyncio.gather(*(self.sessions_of(pool) for pool in pools))
        return tuple(session for sessions in found for session in sessions)

    async def read(self, name: str) -> SessionPoolState:
        """Return one pool as it is now. Raises `NotFound`."""
        check_pool_name(name)
        return await self._told(await self._access.ask(lambda services: services.session_pools.get(name)))

    async def change(self, name: str, wishes: PoolWishes) -> SessionPoolState:
        """Change a pool."""
        return await self._told(await self._access.ask(lambda services: services.session_pools.update(name, wishes)))

    async def token(self) -> str:
        """Return a token for the data plane."""
        return await self._access.ask(lambda services: services.sessions.token())

    async def remove(self, name: str) -> None:
        """Delete a pool; raises `NotFound` for one that is not there."""
        await self._access.ask(lambda services: services.session_pools.get(name))
        await self._access.ask(lambda services: services.session_pools.delete(name))

    async def sessions_of(self, pool: SessionPoolState) -> tuple[SessionState, ...]:
        """Return the sessions of one pool; none for one that cannot tell."""

        async def listed(services: Services) -> tuple[SessionState, ...]:
            at = _endpoint(pool)
            found, isolation = await asyncio.gather(services.sessions.list(at), services.sessions.isolation(at))
            return tuple(replace(one, isolation=isolation, container_type=pool.container_type) for one in found)

        try:
            return await self._access.ask(listed)
        except AcaError:
            return ()

    async def _told(self, pool: SessionPoolState) -> SessionPoolState:
        """Add what only its data plane knows; a pool whose data plane is closed to us is shown without."""
        try:
            isolation, found = await asyncio.gather(
                self._access.ask(lambda services: services.sessions.isolation(_endpoint(pool))),
                self._access.ask(lambda services: services.sessions.list(_endpoint(pool))),
            )
        except AcaError:
            return pool
        return replace(pool, isolation=isolation, sessions=len(found))

    def __getitem__(self, name: str) -> SessionPool:
        return SessionPool(self._loop.run(self.read(name)), self)

    def __iter__(self) -> Iterator[str]:
        return iter([pool.name for pool in self.states()])

    def __len__(self) -> int:
        return len(self.states())

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and bool(self._loop.run(self.read(name)))
        except (NotFound, AcaError):
            return False

    def __repr__(self) -> str:
        return f"<session pools: {', '.join(self) or 'none'}>"


def planned_pool(name: str, wishes: PoolWishes, location: str) -> SessionPoolState:
    """Return what `create` would make. Raises as it does, for what is refused before the platform is asked."""
    check_pool_name(name)
    check_wishes(wishes)
    return replace(read_pool(new_document(wishes, location, "")), name=name)


def check_wishes(wishes: PoolWishes) -> None:
    """Refuse what Azure would, before it is asked. Raises `UsageFailed`."""
    if wishes.cooldown_seconds is not None and wishes.cooldown_seconds not in COOLDOWN_SECONDS:
        raise UsageFailed(
            "a pool ends a session after 5 to 60 minutes without use", code="UsageError", hint="--ttl 5m to --ttl 60m"
        )
    if wishes.max_sessions is not None and not 1 <= wishes.max_sessions <= MOST_SESSIONS:
        raise UsageFailed(f"a pool takes 1 to {MOST_SESSIONS} sessions", code="UsageError", hint="--max-sessions 20")
    if wishes.container_type == ContainerType.CUSTOM and not wishes.image:
        raise UsageFailed(
            "a pool of custom containers needs an image", code="UsageError",
            hint="%aca pool create NAME --type custom --image REGISTRY/IMAGE:TAG --target-port 8000",
        )  # fmt: skip


def _endpoint(pool: SessionPoolState) -> Endpoint:
    return Endpoint(pool.endpoint, pool.name, Backend.POOL, pool.container_type)
