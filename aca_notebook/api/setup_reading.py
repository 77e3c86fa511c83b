"""Reads what a set-up would find: the subscription's own word on each part, asked for at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from aca_notebook.api.together import together
from aca_notebook.azure import documents
from aca_notebook.errors import Conflict, ServiceFailed
from aca_notebook.model.ids import ResourceId, environment_id, group_id, registry_id, workspace_id
from aca_notebook.model.roles import ACR_PULL, SESSION_EXECUTOR, held
from aca_notebook.model.setup import PROVIDERS, Found, Part, Puller, Thing, Wanted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_notebook.api.access import Access
    from aca_notebook.azure.documents import Document
    from aca_notebook.azure.services import Services

T = TypeVar("T")


class Places:
    """Where each part lies."""

    def __init__(self, wanted: Wanted) -> None:
        subscription, group = wanted.subscription_id, wanted.resource_group
        self.group = group_id(subscription, group)
        self.workspace = workspace_id(subscription, group, wanted.workspace)
        self.registry = registry_id(subscription, group, wanted.registry)
        around = wanted.environment_group or group
        self.environment = environment_id(subscription, around, wanted.environment)
        self.identity = ResourceId(
            subscription, around, "Microsoft.ManagedIdentity", ("userAssignedIdentities",), (wanted.identity,)
        )
        self.pool = ResourceId(subscription, group, "Microsoft.App", ("sessionPools",), (wanted.pool or "-",))

    def of(self, part: Part) -> ResourceId:
        """Return the id of a part that is a resource."""
        return {
            Part.WORKSPACE: self.workspace, Part.REGISTRY: self.registry, Part.IDENTITY: self.identity,
            Part.ENVIRONMENT: self.environment, Part.POOL: self.pool, Part.GROUP: self.group,
        }[part]  # fmt: skip


class Reader:
    """Reads what there is, all at once."""

    def __init__(self, access: Access, wanted: Wanted) -> None:
        self._access = access
        self._wanted = wanted
        self._at = Places(wanted)

    async def found(self) -> Found:
        """Return what a plan is made from."""
        at, wanted = self._at, self._wanted
        states, group, documents_, region = await asyncio.gather(
            together(self._provider(each) for each in PROVIDERS),
            self._ask(lambda services: services.resources.group()),
            together(self._get(id_) for id_ in (at.workspace, at.registry, at.identity, at.environment)),
            self._region(),
        )
        workspace, registry, identity, environment = documents_
        pool = await self._get(at.pool) if wanted.pool else None
        taken = "" if registry else await self._taken()
        offered, usages = region
        return Found(
            dict(zip(PROVIDERS, states, strict=True)), _thing(group), _thing(workspace), _thing(registry),
            _thing(identity), _thing(environment), _thing(pool), keeps_logs=_keeps_logs(environment),
            profiles=_profiles(environment), puller=_puller(environment),
            pullers=await self._pullers(registry, identity, environment),
            opens_sessions=await self._opens_sessions(group, pool), registry_taken=taken, offered=offered,
            usages=usages,
        )  # fmt: skip

    async def _provider(self, namespace: str) -> str:
        return await self._ask(lambda services: services.subscriptions.provider_state(namespace))

    async def _get(self, id_: ResourceId) -> Document | None:
        return await self._ask(lambda services: services.resources.get(id_))

    async def _taken(self) -> str:
        """Why the registry's name cannot be had; a subscription that has not registered the provider cannot ask."""
        try:
            return await self._ask(lambda services: services.subscriptions.registry_name_taken(self._wanted.registry))
        except Conflict:
            return ""

    async def _region(self) -> tuple[frozenset[str] | None, dict[str, tuple[float, float]]]:
        """What the region sells and how much of it; a subscription that has not registered the provider cannot ask."""
        location = self._wanted.location.lower().replace(" ", "")
        try:
            sold, used = await asyncio.gather(
                self._ask(lambda services: services.subscriptions.profile_types(location)),
                self._ask(lambda services: services.subscriptions.usages(location)),
            )
        except ServiceFailed:
            return None, {}
        usages = {
            str((each.get("name") or {}).get("value")): (float(each.get("currentValue") or 0), float(each["limit"]))
            for each in used
            if each.get("limit") is not None
        }
        return frozenset(str(each.get("name")) for each in sold), usages

    async def _pullers(
        self, registry: Document | None, identity: Document | None, environment: Document | None
    ) -> frozenset[Puller]:
        if registry is None:
            return frozenset()
        principals = {
            Puller.USER: str(((identity or {}).get("properties") or {}).get("principalId") or ""),
            Puller.SYSTEM: str(((environment or {}).get("identity") or {}).get("principalId") or ""),
        }
        found = set()
        for puller, principal in principals.items():
            if principal and await self._has(str(self._at.registry), ACR_PULL, principal):
                found.add(puller)
        return frozenset(found)

    async def _opens_sessions(self, group: Document | None, pool: Document | None) -> bool:
        if group is None or (self._wanted.pool and pool is None):
            return False
        scope = str(self._at.pool if self._wanted.pool else self._at.group)
        who = await self._ask(lambda services: services.sign_in.who())
        return await self._has(scope, SESSION_EXECUTOR, who.object_id)

    async def _has(self, scope: str, role: str, principal: str) -> bool:
        found = await self._ask(lambda services: services.roles.at(scope, principal))
        return held(found, role, principal) is not None

    async def _ask(self, action: Callable[[Services], Awaitable[T]]) -> T:
        return await self._access.ask(action)


def _thing(document: Document | None) -> Thing | None:
    if document is None:
        return None
    state = str((document.get("properties") or {}).get("provisioningState") or "")
    return Thing(state, documents.SETUP in (document.get("tags") or {}))


def _keeps_logs(environment: Document | None) -> bool:
    properties = (environment or {}).get("properties") or {}
    return bool((properties.get("appLogsConfiguration") or {}).get("destination"))


def _profiles(environment: Document | None) -> frozenset[str] | None:
    if environment is None:
        return frozenset()
    profiles = (environment.get("properties") or {}).get("workloadProfiles")
    if not profiles:
        return None
    return frozenset(each.name for each in documents.read_profiles(environment).values())


def _puller(environment: Document | None) -> Puller | None:
    if environment is None:
        return None
    if documents.PULLER in (environment.get("tags") or {}):
        return Puller.USER
    return Puller.SYSTEM if (environment.get("identity") or {}).get("principalId") else None
