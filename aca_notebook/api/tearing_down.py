"""Takes down what carries our tags, and nothing else: what uses other things goes before what it uses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.api.setup_making import ROLE_MARK
from aca_notebook.azure import documents
from aca_notebook.azure.resources import read_id
from aca_notebook.errors import AcaError, NotFound, ServiceFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aca_notebook.api.access import Access
    from aca_notebook.azure.documents import Document
    from aca_notebook.clock import Clock
    from aca_notebook.model.ids import ResourceId

#: In this order things can be deleted: an environment, for one, not while apps, jobs or pools are in it (facts §2.1).
ORDER = (
    "microsoft.insights/metricalerts", "microsoft.insights/actiongroups", "microsoft.app/containerapps",
    "microsoft.app/jobs", "microsoft.app/sessionpools", "microsoft.app/managedenvironments",
    "microsoft.insights/components", "microsoft.containerregistry/registries",
    "microsoft.managedidentity/userassignedidentities", "microsoft.operationalinsights/workspaces",
)  # fmt: skip
GROUP = "microsoft.resources/resourcegroups"
#: Made by a set-up, not by a deployment: what to ask about before it goes.
FOUNDATIONS = frozenset(
    {
        "microsoft.app/managedenvironments", "microsoft.containerregistry/registries",
        "microsoft.managedidentity/userassignedidentities", "microsoft.operationalinsights/workspaces", GROUP,
    }
)  # fmt: skip
_KINDS = {
    "microsoft.app/containerapps": "app", "microsoft.app/jobs": "job", "microsoft.app/sessionpools": "session pool",
    "microsoft.app/managedenvironments": "environment", "microsoft.insights/components": "traces",
    "microsoft.insights/metricalerts": "alert", "microsoft.insights/actiongroups": "action group",
    "microsoft.containerregistry/registries": "registry",
    "microsoft.managedidentity/userassignedidentities": "identity",
    "microsoft.operationalinsights/workspaces": "log workspace", GROUP: "resource group",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Doomed:
    """One thing that carries our tags. `note` says what keeps it, empty when nothing does."""

    id: ResourceId
    kind: str
    foundation: bool
    note: str = ""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.id.name


class TearingDown:
    """The taking down of one target's group."""

    def __init__(self, access: Access, clock: Clock, owner: str) -> None:
        self._access = access
        self._clock = clock
        self._owner = owner

    async def doomed(self) -> tuple[Doomed, ...]:
        """What carries our tags and is this person's, in the order in which it can go."""
        listed, group = await asyncio.gather(
            self._access.ask(lambda services: services.resources.listed()),
            self._access.ask(lambda services: services.resources.group()),
        )
        return decide_doomed(listed, group, self._owner)

    async def run(self, doomed: Sequence[Doomed], on_step: Callable[[Doomed], None] | None = None) -> None:
        """Delete in order and return when all is gone; what is not there any more is fine.

        Raises what the platform says, with what is left, when it keeps something.
        """
        left = list(doomed)
        for each in doomed:
            if on_step is not None:
                on_step(each)
            try:
                await self._delete(each)
            except AcaError as failed:
                names = ", ".join(f"{one.kind} {one.name}" for one in left)
                failed.hint = f"{failed.hint or 'mend that'}; left: {names}; `%aca down --all` goes on"
                raise
            left.remove(each)

    async def _delete(self, doomed: Doomed) -> None:
        if not doomed.id.types:
            await self._delete_group(doomed)
            return
        if doomed.foundation:
            await self._forget_roles(doomed.id)
        await self._access.ask(lambda services: services.resources.delete(doomed.id))
        while await self._access.ask(lambda services: services.resources.get(doomed.id)) is not None:
            await self._clock.sleep(self._access.target.polling_seconds)

    async def _delete_group(self, doomed: Doomed) -> None:
        """A group goes when nothing is left in it: somebody may have put something there since we looked."""
        kept = await self._access.ask(lambda services: services.resources.listed())
        if kept:
            names = ", ".join(str(each.get("name")) for each in kept[:5])
            raise ServiceFailed(
                f"the group {doomed.name!r} is kept: {names} in it {'is' if len(kept) == 1 else 'are'} not ours",
                code="GroupNotEmpty", hint="nothing else of ours is left",
            )  # fmt: skip
        await self._access.ask(lambda services: services.resources.delete_group())

    async def _forget_roles(self, id_: ResourceId) -> None:
        """Take away the roles that a set-up gave on something: on a group they would outlive what it made."""
        for scope in {str(id_), str(id_.parent)}:
            try:
                found = await self._access.ask(lambda services, at=scope: services.roles.at(at))  # type: ignore[misc]  # the loop's
            except NotFound:
                continue
            for each in found:
                if each.description == ROLE_MARK and each.scope.lower() == scope.lower():
                    await self._access.ask(lambda services, made=each: services.roles.remove(made.id))  # type: ignore[misc]


def decide_doomed(listed: Iterable[Document], group: Document | None, owner: str) -> tuple[Doomed, ...]:
    """Return what is ours and this person's, ordered; a group only when we made it and all in it goes."""
    every = list(listed)
    ours = [each for each in every if _ours(each.get("tags") or {}, owner)]
    ranked = sorted(ours, key=lambda each: (_rank(read_id(each).type), str(each["name"])))
    doomed = [_doomed(read_id(each)) for each in ranked]
    if group is not None and _ours(group.get("tags") or {}, owner) and len(ours) == len(every):
        doomed.append(_doomed(read_id(group)))
    return tuple(doomed)


def _ours(tags: dict[str, str], owner: str) -> bool:
    """Whether a deployment or a set-up of this person made it; one without an owner is anybody's."""
    made = documents.DIGEST in tags or documents.SETUP in tags
    return made and tags.get(documents.OWNER, "") in {"", owner}


def _rank(type_: str) -> int:
    folded = type_.lower()
    return ORDER.index(folded) if folded in ORDER else -1


def _doomed(id_: ResourceId) -> Doomed:
    type_ = id_.type.lower() if id_.types else GROUP
    return Doomed(id_, _KINDS.get(type_, id_.type), type_ in FOUNDATIONS)
