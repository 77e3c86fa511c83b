"""The identities of an app, and what they may do elsewhere: read a vault's secrets, a storage account's blobs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from aca_notebook.api.together import together
from aca_notebook.api.twin import blocking
from aca_notebook.errors import NotFound, Unauthorized, UsageFailed
from aca_notebook.model.identity import Grant, IdentityState, read_identities, with_identities
from aca_notebook.model.ids import ResourceId, group_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.api.access import Access
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.azure.documents import Document
    from aca_notebook.clock import Clock


class AppIdentities:
    """Who one app is. Blocking methods have a twin to await (`app.identities.assign.aio(…)`)."""

    def __init__(self, access: Access, app: str, clock: Clock, loop: PrivateLoop) -> None:
        self._access = access
        self._app = app
        self._clock = clock
        self._loop = loop

    @blocking
    async def states(self) -> tuple[IdentityState, ...]:
        """Return every identity with the roles it holds in the subscription."""
        found = read_identities(await self._document())
        if not found:
            return ()
        names, held = await asyncio.gather(
            self._access.ask(lambda services: services.roles.names()), together(map(self._grants, found))
        )
        return tuple(
            replace(each, grants=tuple(replace(grant, role=names.get(grant.role, grant.role)) for grant in grants))
            for each, grants in zip(found, held, strict=True)
        )

    @blocking
    async def assign(self, *, system: bool = False, users: Sequence[str] = ()) -> None:
        """Give the app its own identity, or user-assigned ones by name or id; what it has stays. Twice is once."""
        await self._assign(system=system, users=users)

    async def _assign(self, *, system: bool, users: Sequence[str]) -> None:
        ids = tuple([await self._user(each) for each in users])
        document = await self._document()
        wanted = with_identities(document, ids, system=system)
        if wanted is not None:
            await self._access.ask(lambda services: services.apps.patch(self._app, {"identity": wanted}))

    @blocking
    async def let(self, role: str, scope: str, user: str = "") -> None:
        """Give an identity of the app a role on something: its own one, which it gets if it has none, or a named one.

        `scope` is a resource's id, its name, or `group`. Raises `NotFound` for a role, a scope or an identity that is
        none, `Unauthorized` for an account that may not give roles.
        """
        await self._assign(system=not user, users=(user,) if user else ())
        at = await self._scope(scope)
        wanted = (await self._user(user)).lower() if user else ""
        mine = next((each for each in read_identities(await self._document()) if each.id.lower() == wanted), None)
        if mine is None:
            raise NotFound(f"{self._app!r} has no such identity", status=404, code="IdentityNotFound")
        guid = await self._access.ask(lambda services: services.roles.named(role, at))
        try:
            await self._access.ask(lambda services: services.roles.assign(guid, at, mine.principal_id))
        except Unauthorized as refused:
            if refused.status == 403:
                refused.message = f"this account may not give roles on {at.rpartition('/')[2]!r}"
                refused.hint = (
                    "ask for the role User Access Administrator there, or ask an owner to run `az role assignment "
                    f'create --role "{role}" --assignee {mine.principal_id} --scope {at}`'
                )
            raise

    async def _grants(self, identity: IdentityState) -> tuple[Grant, ...]:
        scope, now = f"/subscriptions/{self._access.target.subscription_id}", self._clock.now()
        found = await self._access.ask(lambda services: services.roles.at(scope, identity.principal_id))
        return tuple(Grant(each.role, each.scope, each.settles_in(now)) for each in found)

    async def _user(self, name: str) -> str:
        """The id of a user-assigned identity: as it is, or of the one with that name in the target's group."""
        if name.startswith("/"):
            return name
        target = self._access.target
        types = ("userAssignedIdentities",)
        id_ = ResourceId(target.subscription_id, target.resource_group, "Microsoft.ManagedIdentity", types, (name,))
        if await self._access.ask(lambda services: services.resources.get(id_)) is None:
            raise NotFound(
                f"there is no identity {name!r} in group {target.resource_group!r}", status=404,
                code="ResourceNotFound", hint=f"az identity create -n {name} -g {target.resource_group}",
            )  # fmt: skip
        return str(id_)

    async def _scope(self, scope: str) -> str:
        """The id of what a role is for: as it is, the target's group, or the one resource that is called so."""
        target = self._access.target
        if scope.startswith("/"):
            return scope
        if scope == "group":
            return str(group_id(target.subscription_id, target.resource_group))
        found = await self._access.ask(lambda services: services.resources.called(scope))
        if len(found) > 1:
            kinds = ", ".join(sorted(str(each.get("type")) for each in found))
            raise UsageFailed(
                f"{scope!r} is the name of more than one resource", code="AmbiguousScope", detail=kinds,
                hint=f"name it by its id: {found[0]['id']}",
            )  # fmt: skip
        if not found:
            raise NotFound(
                f"the subscription has nothing called {scope!r}", status=404, code="ResourceNotFound",
                hint="name it by its id: `az resource list -o table` lists what there is",
            )  # fmt: skip
        return str(found[0]["id"])

    async def _document(self) -> Document:
        return await self._access.ask(lambda services: services.apps.document(self._app))
