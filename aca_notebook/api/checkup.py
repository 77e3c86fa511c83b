"""Looks at everything a deployment needs of its target, at once, and mends what may be mended."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aca_notebook.api.plan import check_name
from aca_notebook.api.pull_identity import puller_principal
from aca_notebook.azure import documents
from aca_notebook.azure.sessions import Endpoint
from aca_notebook.errors import AcaError, NameRefused, NotFound
from aca_notebook.model import checkup
from aca_notebook.model.checkup import Check, Mend, Outcome
from aca_notebook.model.gpu import gpu_profile_type
from aca_notebook.model.price import ReplicaSize, hourly_cost, price_list
from aca_notebook.model.quantities import GIB
from aca_notebook.model.roles import ACR_PULL
from aca_notebook.model.session import Backend

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aca_notebook.api.access import Access
    from aca_notebook.azure.documents import Document
    from aca_notebook.clock import Clock
    from aca_notebook.model.session import SessionPoolState


class Checkup:
    """One look at one target; `gpu` asks about what a deployment with `--gpu` needs besides, `app` about its name.

    What it makes carries the tags of a set-up by `owner`, by which `%aca down --all` finds it.
    """

    def __init__(self, access: Access, clock: Clock, gpu: str = "", app: str = "", owner: str = "") -> None:
        self._access = access
        self._target = access.target
        self._clock = clock
        self._gpu = gpu
        self._app = app
        self._owner = owner

    async def examine(self) -> tuple[Check, ...]:
        """Return every check, in the order of their causes. Never raises: what cannot be asked is a failed check."""
        signed_in = await self._timed("sign-in", self._sign_in)
        if signed_in[0].outcome is Outcome.FAIL:
            return tuple(signed_in)
        found = await asyncio.gather(
            *(self._timed(f"provider {each}", partial(self._provider, each)) for each in checkup.PROVIDERS),
            self._timed("resource group", self._group),
            self._timed("environment", self._environment),
            self._timed("registry", self._registry),
            self._timed("builds", self._builds),
            self._timed("AcrPull", self._pull),
            self._timed("name", self._name),
            self._timed("price", self._money),
            self._timed("sessions", self._sessions),
        )
        return tuple(check for checks in (signed_in, *found) for check in checks)

    async def mend(self, checks: Sequence[Check]) -> tuple[Check, ...]:
        """Mend, one after the other, what has no price, and look again; errors of the platform are raised."""
        for check in checks:
            if check.mend is not None and check.outcome is not Outcome.OK:
                await self._mend(check.mend, check.about)
        return await self.examine()

    async def _mend(self, what: Mend, about: str) -> None:
        ask = self._access.ask
        if what is Mend.REGISTER:
            await ask(lambda services: services.subscriptions.register_provider(about))
        elif what is Mend.GROUP:
            tags = {
                documents.SETUP: self._target.environment,
                **({documents.OWNER: self._owner} if self._owner else {}),
            }
            await ask(lambda services: services.resources.make_group(tags))
        elif what is Mend.PROFILE:
            await ask(lambda services: services.environments.add_profile(gpu_profile_type(self._gpu)))
        else:
            registry = await ask(lambda services: services.subscriptions.registry())
            await ask(lambda services: services.roles.assign(ACR_PULL, registry["id"], about))

    async def _sign_in(self) -> list[Check]:
        who = await self._access.ask(lambda services: services.sign_in.who())
        return [Check("sign-in", Outcome.OK, f"{who.name} in tenant {who.tenant}")]

    async def _provider(self, namespace: str) -> list[Check]:
        state = await self._access.ask(lambda services: services.subscriptions.provider_state(namespace))
        return [checkup.judge_provider(namespace, state)]

    async def _group(self) -> list[Check]:
        group = await self._access.ask(lambda services: services.resources.group())
        return [checkup.judge_group(self._target.resource_group, self._target.location, exists=group is not None)]

    async def _environment(self) -> list[Check]:
        try:
            document = await self._access.ask(lambda services: services.environments.document())
        except NotFound as missing:
            return [Check("environment", Outcome.FAIL, missing.message, checkup.SET_UP)]
        checks = checkup.judge_environment(document, self._target.location)
        if not self._gpu:
            return checks
        location = str(document.get("location") or self._target.location).lower().replace(" ", "")
        offered, usages = await asyncio.gather(
            self._access.ask(lambda services: services.subscriptions.profile_types(location)),
            self._access.ask(lambda services: services.subscriptions.usages(location)),
        )
        return checks + checkup.judge_gpu(gpu_profile_type(self._gpu), document, offered, usages)

    async def _registry(self) -> list[Check]:
        target = self._target
        try:
            document = await self._access.ask(lambda services: services.subscriptions.registry())
        except NotFound as missing:
            return [Check("registry", Outcome.FAIL, missing.message, checkup.SET_UP)]
        return [checkup.judge_registry(document, target.registry_server)]

    async def _builds(self) -> list[Check]:
        """Whether the registry lets us build: some subscriptions may not (`TasksOperationsNotAllowed`)."""
        try:
            await self._access.ask(lambda services: services.subscriptions.takes_builds())
        except NotFound:  # the registry is not there, which another check tells
            return []
        return [Check("builds", Outcome.OK, f"{self._target.registry_server} answers and takes builds")]

    async def _name(self) -> list[Check]:
        if not self._app:
            return []
        try:
            check_name(self._app)
        except NameRefused as refused:
            return [checkup.judge_name(self._app, valid=f"{refused.message}; {refused.hint}", there=False, ours=False)]
        try:
            document = await self._access.ask(lambda services: services.apps.document(self._app))
        except NotFound:
            return [checkup.judge_name(self._app, valid="", there=False, ours=False)]
        ours = documents.DIGEST in (document.get("tags") or {})
        return [checkup.judge_name(self._app, valid="", there=True, ours=ours)]

    async def _money(self) -> list[Check]:
        target = self._target
        prices = price_list(target.location)
        profile = gpu_profile_type(self._gpu) if self._gpu else None
        size = ReplicaSize(0.5, GIB)
        if profile is not None:
            size = ReplicaSize(profile.cores, profile.memory_gib * GIB, profile.gpu_model, profile.gpus)
        hourly = hourly_cost(size, prices)
        checks = [checkup.judge_price(hourly, self._gpu, prices.region, charges=target.charges)]
        try:
            budgets = await self._access.ask(lambda services: services.budgets.list())
        except NotFound:  # no group yet, and so nothing that is spent
            return checks
        limits = [f"{each.limit}{', stops' if each.stop else ''}" for each in budgets]
        return [*checks, checkup.judge_budget(limits, charges=target.charges)]

    async def _pull(self) -> list[Check]:
        """Of a target that pulls by the environment's identity; what it needs is told by other checks when missing."""
        try:
            environment, registry = await asyncio.gather(
                self._access.ask(lambda services: services.environments.document()),
                self._access.ask(lambda services: services.subscriptions.registry()),
            )
        except NotFound:
            return []
        principal = await puller_principal(self._access, environment)
        assigned: list[Document] = []
        if principal:
            assigned = await self._access.ask(
                lambda services: services.subscriptions.role_assignments(registry["id"], principal)
            )
        check = checkup.judge_pull(principal, assigned, registry["id"], self._clock.now())
        if check.outcome is Outcome.WARN and (pulled := await self._pulled()):
            return [Check("AcrPull", Outcome.OK, f"assigned just now and in effect: {pulled!r} was pulled by it")]
        return [check]

    async def _pulled(self) -> str:
        """The name of an app that was pulled from the registry, empty without one: nothing else proves that one may."""
        server = f"{self._target.registry_server}/".lower()
        for each in await self._access.ask(lambda services: services.apps.list()):
            state = documents.read_app(each, self._target, {})
            if state.image.lower().startswith(server) and state.latest_ready_revision:
                return state.name
        return ""

    async def _sessions(self) -> list[Check]:
        """Of each session pool, whether its sessions are kept apart; a pool that does not let us ask is left out."""
        try:
            pools = await self._access.ask(lambda services: services.session_pools.list())
        except NotFound:  # the group is not there, which another check tells
            return []
        found = await asyncio.gather(*map(self._isolation, pools), return_exceptions=True)
        return [check for check in found if isinstance(check, Check)]

    async def _isolation(self, pool: SessionPoolState) -> Check:
        at = Endpoint(pool.endpoint, pool.name, Backend.POOL, pool.container_type)
        isolation = await self._access.ask(lambda services: services.sessions.isolation(at))
        words = f"pool {pool.name!r}: {isolation.words}"
        if isolation.isolated:
            return Check("sessions", Outcome.OK, words)
        return Check("sessions", Outcome.WARN, words, "run only code you trust there, or use --require-isolation")

    async def _timed(self, name: str, look: Callable[[], Awaitable[list[Check]]]) -> list[Check]:
        started = self._clock.monotonic()
        try:
            found = await look()
        except AcaError as failed:
            what, said, hint = (*failed.lines(), "", "")[:3]
            found = [Check(name, Outcome.FAIL, " · ".join(filter(None, (what, said))), hint)]
        seconds = self._clock.monotonic() - started
        return [replace(check, seconds=seconds) for check in found]
