"""Does the steps of a set-up: writes that may be repeated, and waiting as the platform says."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from aca_notebook.api.setup_reading import Places
from aca_notebook.azure import documents
from aca_notebook.azure.session_pools import PoolWishes
from aca_notebook.errors import AcaError, Conflict, NotFound, ServiceFailed, Throttled, Unauthorized
from aca_notebook.model.gpu import CONSUMPTION
from aca_notebook.model.roles import ACR_PULL, SESSION_EXECUTOR
from aca_notebook.model.setup import Act, Part, Puller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_notebook.api.access import Access
    from aca_notebook.api.setup_board import SetUpBoard
    from aca_notebook.azure.documents import Document
    from aca_notebook.azure.services import Services
    from aca_notebook.clock import Clock
    from aca_notebook.model.setup import SetUpPlan, Step

#: How long one part may take before somebody should look: the slowest recorded took nine minutes (facts §2.2).
_LONGEST_SECONDS = 1800.0
#: How long the platform may be out of order, or busy with another write, before it counts as an answer.
_PATIENCE_SECONDS = 900.0
T = TypeVar("T")


def role_mark(environment: str, owner: str) -> str:
    """Return what is written on each role that a set-up assigns: which, and whose."""
    return f"made by aca_notebook set-up of {environment}" + (f" for {owner}" if owner else "")


class Maker:
    """Does the steps of one plan. Each may be done again, and does then what is left of it."""

    def __init__(self, access: Access, clock: Clock, board: SetUpBoard, plan: SetUpPlan, owner: str) -> None:
        self._access = access
        self._clock = clock
        self._board = board
        self._plan = plan
        self._wanted = plan.wanted
        self._at = Places(plan.wanted)
        self._role_mark = role_mark(plan.wanted.environment, owner)
        self._tags = {documents.SETUP: plan.wanted.environment, **({documents.OWNER: owner} if owner else {})}

    async def do(self, step: Step) -> None:
        """Do one step."""
        async with self._board.step(step):
            await self._do(step)

    async def _do(self, step: Step) -> None:
        if step.part is Part.PROVIDER:
            await self._register(step)
        elif step.part is Part.GROUP:
            await self._ask(step, lambda services: services.resources.make_group(self._tags))
        elif step.part is Part.PULL:
            principal = await self._puller_principal(step)
            await self._assign(step, ACR_PULL, str(self._at.registry), principal, "ServicePrincipal")
        elif step.part is Part.SESSIONS:
            await self._let_into_sessions(step)
        elif step.part is Part.PROFILE:
            await self._add_profile(step)
        elif step.act is Act.WAIT:
            await self._settled(step)
        elif step.act is Act.CHANGE:
            named = {"tags": {**await self._present_tags(step), documents.PULLER: self._wanted.identity}}
            await self._ask(step, lambda services: services.resources.patch(self._at.environment, named))
        else:
            await self._make(step)

    async def _make(self, step: Step) -> None:
        id_ = self._at.of(step.part)
        if step.act is Act.REPLACE:
            self._board.note(step, "removing what is left of the earlier one")
            await self._ask(step, lambda services: services.resources.delete(id_))
        if step.part is Part.POOL:
            wishes = PoolWishes()
            await self._ask(step, lambda services: services.session_pools.create(self._wanted.pool, wishes, self._tags))
            return
        document = await self._document(step)
        if step.part is Part.IDENTITY:
            await self._ask(step, lambda services: services.resources.put_identity(id_, document))
        else:
            await self._ask(step, lambda services: services.resources.put(id_, document))
            await self._settled(step)

    async def _document(self, step: Step) -> Document:
        """What to PUT for a part (facts §2.2, §11, §14)."""
        whole: Document = {"location": self._wanted.location, "tags": dict(self._tags)}
        if step.part is Part.WORKSPACE:
            return whole | {"properties": {"sku": {"name": "PerGB2018"}, "retentionInDays": 30}}
        if step.part is Part.REGISTRY:
            return whole | {"sku": {"name": "Basic"}, "properties": {"adminUserEnabled": False}}
        if step.part is Part.IDENTITY:
            return whole
        workspace = await self._ask(step, lambda services: services.resources.get(self._at.workspace)) or {}
        key = await self._ask(step, lambda services: services.resources.shared_key(self._at.workspace))
        self._access.redactor.learn(key)
        whole["tags"][documents.PULLER] = self._wanted.identity
        profiles: list[dict[str, object]] = [{"name": CONSUMPTION.name, "workloadProfileType": CONSUMPTION.name}]
        profiles += [each.document() for each in self._wanted.profiles if each.type is not CONSUMPTION]
        return whole | {
            "properties": {
                "appLogsConfiguration": {
                    "destination": "log-analytics",
                    "logAnalyticsConfiguration": {
                        "customerId": workspace["properties"]["customerId"],
                        "sharedKey": key,
                    },
                },
                "workloadProfiles": profiles,
            }
        }

    async def _register(self, step: Step) -> None:
        await self._ask(step, lambda services: services.subscriptions.register_provider(step.name))
        await self._until(
            step, lambda services: services.subscriptions.provider_state(step.name),
            lambda state: str(state).lower() == "registered",
        )  # fmt: skip

    async def _settled(self, step: Step) -> None:
        """Wait until a part is there; one whose making failed is told in the platform's words."""
        id_ = self._at.of(step.part)
        document = await self._until(step, lambda services: services.resources.get(id_), _is_settled) or {}
        state = str((document.get("properties") or {}).get("provisioningState") or "")
        if state.lower() in {"failed", "canceled"}:
            properties = document.get("properties") or {}
            raise ServiceFailed(
                f"the {step.part} {step.name!r} could not be made", code=f"ProvisioningState{state}",
                detail=str(properties.get("deploymentErrors") or ""), hint="a failed one is made anew",
            )  # fmt: skip

    async def _until(
        self, step: Step, look: Callable[[Services], Awaitable[T]], good: Callable[[T], bool]
    ) -> T:  # fmt: skip
        began = self._clock.monotonic()
        while not good(seen := await self._ask(step, look)):
            if self._clock.monotonic() - began > _LONGEST_SECONDS:
                raise ServiceFailed(
                    f"the {step.part} {step.name!r} was not ready within {_LONGEST_SECONDS / 60:.0f} minutes",
                    code="Timeout", hint="it may still come",
                )  # fmt: skip
            self._board.note(step, f"the platform says {_said(seen)}")
            await self._clock.sleep(self._access.target.polling_seconds)
        return seen

    async def _present_tags(self, step: Step) -> dict[str, str]:
        document = await self._ask(step, lambda services: services.resources.get(self._at.environment))
        return dict((document or {}).get("tags") or {})

    async def _puller_principal(self, step: Step) -> str:
        of_environment = self._plan.puller is Puller.SYSTEM
        id_ = self._at.environment if of_environment else self._at.identity
        document = await self._ask(step, lambda services: services.resources.get(id_))
        part = (document or {}).get("identity" if of_environment else "properties") or {}
        if not part.get("principalId"):
            raise NotFound(f"the identity of {id_.name!r} is gone", status=404, code="ResourceNotFound")
        return str(part["principalId"])

    async def _let_into_sessions(self, step: Step) -> None:
        who = await self._ask(step, lambda services: services.sign_in.who())
        scope = str(self._at.pool if self._wanted.pool else self._at.group)
        kind = "User" if who.kind == "user" else "ServicePrincipal"
        await self._assign(step, SESSION_EXECUTOR, scope, who.object_id, kind)

    async def _assign(self, step: Step, role: str, scope: str, principal: str, kind: str) -> None:
        try:
            await self._ask(
                step,
                lambda services: services.roles.assign(role, scope, principal, kind=kind, description=self._role_mark),
            )
        except Unauthorized as refused:
            refused.message = f"this account may not give roles on {scope.rpartition('/')[2]!r}"
            refused.hint = (
                "ask for the role User Access Administrator there, or ask an owner to run "
                f"`az role assignment create --role {role} --assignee {principal} --scope {scope}`"
            )
            raise

    async def _add_profile(self, step: Step) -> None:
        profile = next(each for each in self._wanted.profiles if each.name == step.name)

        async def add(services: Services) -> None:
            if profile.type.name not in {each.name for each in (await services.environments.profiles()).values()}:
                await services.environments.add(profile.document())

        await self._ask(step, add)

    async def settles_seconds(self) -> float:
        """How long the role that lets images be pulled may still take to be in effect."""
        at = str(self._at.registry)
        found = await self._access.ask(lambda services: services.roles.at(at))
        young = [each for each in found if each.role == ACR_PULL and each.scope.lower() == at.lower()]
        made_now = any(step.part is Part.PULL for step in self._plan.steps)
        return max((each.settles_in(self._clock.now()) for each in young), default=0.0) if made_now else 0.0

    async def _ask(self, step: Step, action: Callable[[Services], Awaitable[T]]) -> T:
        """Ask, and wait as the platform says when it is overloaded, out of order for a moment, or busy with a write."""
        began = self._clock.monotonic()
        while True:
            try:
                return await self._access.ask(action)
            except AcaError as failed:
                wait = _wait_seconds(failed, self._access.target.polling_seconds)
                if wait is None or self._clock.monotonic() - began + wait > _PATIENCE_SECONDS:
                    raise
                code = failed.code or type(failed).__name__
                self._board.note(step, f"{failed.message} ({code}): asking again in {wait:g} s")
                await self._clock.sleep(wait)


def _wait_seconds(failed: AcaError, polling_seconds: float) -> float | None:
    """How long to wait before asking again; None for what another try does not mend."""
    if isinstance(failed, Throttled):
        return failed.retry_after_seconds or 10.0
    busy = isinstance(failed, Conflict) and "inprogress" in failed.code.lower()
    if busy or failed.code == "ResourceGroupBeingDeleted" or failed.passing:
        return max(polling_seconds, 0.05)
    return None


def _is_settled(document: Document | None) -> bool:
    if document is None:
        return False
    state = str((document.get("properties") or {}).get("provisioningState") or "")
    return state.lower() in {"", "succeeded", "failed", "canceled"}


def _said(seen: object) -> str:
    if isinstance(seen, dict):
        return str((seen.get("properties") or {}).get("provisioningState") or "nothing")
    return str(seen or "nothing yet")
