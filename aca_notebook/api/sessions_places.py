"""Where a session is: in a pool, which is made when it is ours to make, or in our agent's app."""

from __future__ import annotations

import getpass
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from aca_notebook.azure.session_pools import PoolWishes
from aca_notebook.azure.sessions import Endpoint
from aca_notebook.errors import AcaError, NameRefused, NotFound, UsageFailed
from aca_notebook.model.session import (
    COOLDOWN_SECONDS,
    LEAST_IDENTIFIER,
    LENGTHENED,
    POOL_NAME,
    Backend,
    ContainerType,
    SessionPoolState,
    identifier_fault,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from aca_notebook.azure.services import Services
    from aca_notebook.model.session import Isolation

DEFAULT_POOL = "python"


class Place(Protocol):
    """What runs the cells of one session."""

    session: str
    identifier: str
    gpu: str
    note: str

    @property
    def where(self) -> str:
        """Return what it is in, in words: `session pool python`."""
        ...

    def beside(self, session: str) -> Place:
        """Return the place of another session there."""
        ...

    async def isolation(self, services: Services) -> Isolation:
        """Return how far its sessions are from their host and each other."""
        ...

    async def endpoint(self, services: Services, *, make: bool = True) -> Endpoint:
        """Return where it answers, found anew for other services; what is ours is made when it is not there.

        Raises `NotFound` where it is not, and is not made.
        """
        ...

    async def pool(self) -> SessionPoolState:
        """Return the pool as it was found."""
        ...

    async def reason(self, services: Services) -> str:
        """Return why the session is gone, where the backend says; empty where it does not."""
        ...


@dataclass(frozen=True, slots=True)
class PoolChoice:
    """Which pool a session is in, and what that pool must be: `ours` may be made, with `tags`, another has to fit."""

    name: str
    wishes: PoolWishes
    ours: bool
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)

    def fits(self, pool: SessionPoolState) -> None:
        """Raise `UsageFailed` when a pool is not what was asked for."""
        egress, cooldown = self.wishes.egress, self.wishes.cooldown_seconds
        if egress is not None and pool.egress != egress:
            has, word = ("on", "off") if pool.egress else ("off", "on")
            raise UsageFailed(
                f"the sessions of pool {pool.name!r} have egress {has}", code="PoolDiffers",
                hint=f"%aca pool update {pool.name} --egress {word}, or leave --pool out",
            )  # fmt: skip
        if cooldown is not None and pool.cooldown_seconds != cooldown:
            raise UsageFailed(
                f"pool {pool.name!r} ends a session {pool.lifetime or 'by rules of its own'}", code="PoolDiffers",
                hint=f"%aca pool update {pool.name} --ttl {cooldown // 60}m, or leave --pool out",
            )  # fmt: skip


def choose_pool(pool: str, *, egress: bool | None, ttl: timedelta | None) -> PoolChoice:
    """Return the pool a session goes to; without a name one of ours, whose name says how it differs from the default.

    Raises `UsageFailed` for a time that no pool can have, `NameRefused` for a name that none can.
    """
    seconds = None if ttl is None else int(ttl.total_seconds())
    if seconds is not None and seconds not in COOLDOWN_SECONDS:
        raise UsageFailed(
            f"a pool ends a session after 5 to 60 minutes without use, not after {seconds / 60:.2g}", code="UsageError",
            hint="--ttl 5m is the least, --ttl 60m the most",
        )  # fmt: skip
    wishes = PoolWishes(egress=egress, cooldown_seconds=seconds)
    if pool:
        check_pool_name(pool)
        return PoolChoice(pool, wishes, ours=False)
    name = DEFAULT_POOL + ("egress" if egress else "") + (f"{seconds // 60}m" if seconds not in {None, 300} else "")
    return PoolChoice(name, replace(wishes, egress=bool(egress), cooldown_seconds=seconds or 300), ours=True)


def check_pool_name(name: str) -> None:
    """Raise `NameRefused` for a name Azure would refuse (facts §5.1)."""
    if not POOL_NAME.fullmatch(name):
        raise NameRefused(
            f"a session pool cannot be called {name!r}", code="InvalidSessionPoolName",
            hint="lower-case letters and digits, 3 to 63 of them, a letter first; no hyphen",
        )  # fmt: skip


def identifier_of(name: str, notebook: str = "") -> str:
    """Return the identifier of a session's name: the name itself, lengthened when it is too short for Azure.

    Without a name it is this person's own in this notebook: pools are shared. Raises `NameRefused`.
    """
    if not name:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", notebook.removesuffix(".ipynb")) or "notebook"
        return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', _owner())}-{stem}"[:128]
    identifier = name if len(name) >= LEAST_IDENTIFIER else f"{LENGTHENED}{name}"
    if fault := identifier_fault(identifier):
        raise NameRefused(
            f"a session cannot be called {name!r}", code="SessionRequestValidationFailed", detail=fault,
            hint="letters, digits, `-`, `_` and `.` do",
        )  # fmt: skip
    return identifier


def _owner() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "session"


class PoolPlace:
    """A session in a pool."""

    gpu = note = ""

    def __init__(self, session: str, identifier: str, choice: PoolChoice) -> None:
        self.session = session
        self.identifier = identifier
        self._choice = choice
        self._found: tuple[Services, SessionPoolState] | None = None
        self._isolation: Isolation | None = None

    @property
    def where(self) -> str:
        """Return the pool."""
        return f"{Backend.POOL} {self._choice.name!r}"

    def beside(self, session: str) -> PoolPlace:
        """Return the place of another session in the pool."""
        return PoolPlace(session, identifier_of(session), self._choice)

    async def endpoint(self, services: Services, *, make: bool = True) -> Endpoint:
        """Find the pool, or make it when it is ours. Raises `NotFound` and `UsageFailed` for one that does not fit."""
        if self._found is None or self._found[0] is not services:
            pool = await self._find(services, make=make)
            self._choice.fits(pool)
            self._found = services, pool
        pool = self._found[1]
        return Endpoint(pool.endpoint, pool.name, Backend.POOL, pool.container_type or ContainerType.PYTHON)

    async def pool(self) -> SessionPoolState:
        """Return the pool as it was found; an empty one before."""
        return self._found[1] if self._found else SessionPoolState(self._choice.name, ContainerType.PYTHON)

    async def isolation(self, services: Services) -> Isolation:
        """Return how far the pool's sessions are from their host and each other; asked for once."""
        endpoint = await self.endpoint(services)
        if self._isolation is None:
            self._isolation = await services.sessions.isolation(endpoint)
        return self._isolation

    async def reason(self, services: Services) -> str:
        """Return what the pool says of a session it does not have, where it says more than that."""
        try:
            await services.sessions.session(await self.endpoint(services), self.identifier)
        except NotFound as gone:
            return gone.detail.partition(". ")[2]  # its first sentence says that there is none
        except AcaError:
            return ""
        return ""

    async def _find(self, services: Services, *, make: bool) -> SessionPoolState:
        try:
            return await services.session_pools.get(self._choice.name)
        except NotFound as missing:
            if not self._choice.ours:
                missing.hint = f"%aca pool create {self._choice.name}, or leave --pool out"
                raise
            if not make:
                missing.hint = "the first `%%aca session` makes it"
                raise
            return await services.session_pools.create(self._choice.name, self._choice.wishes, self._choice.tags)
