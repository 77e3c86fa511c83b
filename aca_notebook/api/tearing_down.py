"""Takes down what carries our tags, and nothing else: what uses other things goes before what it uses.

What somebody else's app or environment still uses stays: two people of one group share its registry.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.api.setup_making import role_mark
from aca_notebook.api.together import together
from aca_notebook.azure import documents
from aca_notebook.azure.resources import read_id
from aca_notebook.errors import AcaError, NotFound, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

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


_ENVIRONMENT = "microsoft.app/managedenvironments"
_IDENTITY = "microsoft.managedidentity/userassignedidentities"
_RUNNING = frozenset({"microsoft.app/containerapps", "microsoft.app/jobs", "microsoft.app/sessionpools"})
#: What each kind of thing may be used by.
_USERS = {
    "microsoft.insights/actiongroups": frozenset({"microsoft.insights/metricalerts"}),
    _ENVIRONMENT: _RUNNING,
    "microsoft.insights/components": _RUNNING,
    "microsoft.containerregistry/registries": _RUNNING | {_ENVIRONMENT},
    _IDENTITY: _RUNNING | {_ENVIRONMENT},
    "microsoft.operationalinsights/workspaces": frozenset({_ENVIRONMENT, "microsoft.insights/components"}),
}
_NAMES = 5


@dataclass(frozen=True, slots=True)
class Doomed:
    """One thing that carries our tags. `note` says what keeps it, empty when nothing does and it goes.

    `setup` is the environment that it was made for, empty for what a deployment made.
    """

    id: ResourceId
    kind: str
    foundation: bool
    note: str = ""
    setup: str = ""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.id.name

    @property
    def is_app(self) -> bool:
        """Whether it is an app."""
        return self.kind == "app"


class TearingDown:
    """The taking down of one target's group, and of the identity that a set-up made beside its environment."""

    def __init__(self, access: Access, clock: Clock, owner: str) -> None:
        self._access = access
        self._clock = clock
        self._owner = owner

    async def doomed(self) -> tuple[Doomed, ...]:
        """What carries our tags and is this person's, in the order in which it can go; with a note, what stays."""
        listed, beside, group = await asyncio.gather(
            self._access.ask(lambda services: services.resources.listed()),
            self._beside(),
            self._access.ask(lambda services: services.resources.group()),
        )
        around = [each for each in beside if not self._of_set_up(each)]
        others = [each for each in listed if not _ours(each, self._owner)] + around
        running = [each for each in others if _type(each) in _RUNNING]
        said = await together(self._said(read_id(each)) for each in running)
        told = {str(read_id(each)).lower(): text for each, text in zip(running, said, strict=True)}
        identities = [each for each in beside if self._of_set_up(each)]
        return decide_doomed(listed, group, self._owner, beside=identities, around=around, told=told)

    async def _beside(self) -> list[Document]:
        """What is in the group of the environment, where that is another one that this account may look into."""
        group = self._access.target.environment_group
        if group.lower() in {"", self._access.target.resource_group.lower()}:
            return []
        try:
            return await self._access.ask(lambda services: services.resources.listed(group))
        except Unauthorized:
            return []

    def _of_set_up(self, beside: Document) -> bool:
        """Whether a set-up made it there for this target's environment; all else there is another target's."""
        made_for = (beside.get("tags") or {}).get(documents.SETUP)
        return _type(beside) == _IDENTITY and made_for == self._access.target.environment

    async def _said(self, id_: ResourceId) -> str:
        """Return all that is written of a resource: what it uses is named there."""
        document = await self._access.ask(lambda services: services.resources.get(id_))
        return json.dumps(document or {}).lower()

    async def run(
        self, doomed: Sequence[Doomed], on_step: Callable[[Doomed], None] | None = None
    ) -> tuple[str, ...]:  # fmt: skip
        """Delete in order what has no note, and return when all is gone; what is not there any more is fine.

        Returns in sentences what could not be taken away without standing in the way of the rest. Raises what the
        platform says, with what is left, when it keeps something.
        """
        left = [each for each in doomed if not each.note]
        gone: list[ResourceId] = []
        notes: list[str] = []
        for each in tuple(left):
            if on_step is not None:
                on_step(each)
            try:
                notes += await self._delete(each, gone)
            except AcaError as failed:
                names = ", ".join(f"{one.kind} {one.name}" for one in left)
                failed.hint = f"{failed.hint or 'mend that'}; left: {names}; `%aca down --all` goes on"
                raise
            left.remove(each)
            gone.append(each.id)
        return tuple(dict.fromkeys(notes))

    async def _delete(self, doomed: Doomed, gone: Sequence[ResourceId]) -> list[str]:
        if not doomed.id.types:
            return await self._delete_group(doomed, gone)
        notes = await self._forget_roles(doomed) if doomed.foundation else []
        await self._access.ask(lambda services: services.resources.delete(doomed.id))
        while await self._access.ask(lambda services: services.resources.get(doomed.id)) is not None:
            await self._clock.sleep(self._access.target.polling_seconds)
        if doomed.id.type.lower() == _IDENTITY:
            notes += await self._unname(doomed.id)
        return notes

    async def _delete_group(self, doomed: Doomed, gone: Sequence[ResourceId]) -> list[str]:
        """A group goes when nothing is left in it: somebody may have put something there since we looked.

        What was deleted a moment ago may still be listed, and does not count.
        """
        ids = {str(each).lower() for each in gone}
        listed = await self._access.ask(lambda services: services.resources.listed())
        kept = [each for each in listed if str(each["id"]).lower() not in ids]
        if kept:
            return [f"the group {doomed.name!r} is kept: {_named(kept)} came into it meanwhile"]
        await self._access.ask(lambda services: services.resources.delete_group())
        return []

    async def _unname(self, identity: ResourceId) -> list[str]:
        """Take the name of an identity that is gone off an environment that stays, which would go on pulling by it."""
        at = self._access.target.environment_id
        document = await self._access.ask(lambda services: services.resources.get(at))
        tags = (document or {}).get("tags") or {}
        if tags.get(documents.PULLER) != identity.name or at.resource_group.lower() != identity.resource_group.lower():
            return []
        body = {"tags": {**tags, documents.PULLER: None}}  # null takes a tag away: JSON Merge Patch
        try:
            await self._access.ask(lambda services: services.resources.patch(at, body))
        except Unauthorized:
            return [f"the environment {at.name!r} is not ours to change: take its tag {documents.PULLER} away"]
        return []

    async def _forget_roles(self, doomed: Doomed) -> list[str]:
        """Take away the roles that the set-up gave on something: on a group they would outlive what it made."""
        marks = {role_mark(doomed.setup, owner) for owner in (self._owner, "")}
        notes = []
        for scope in {str(doomed.id), str(doomed.id.parent)}:
            try:
                found = await self._access.ask(lambda services, at=scope: services.roles.at(at))  # type: ignore[misc]  # the loop's
                for each in found:
                    if each.description in marks and each.scope.lower() == scope.lower():
                        await self._access.ask(lambda services, made=each: services.roles.remove(made.id))  # type: ignore[misc]
            except NotFound:
                continue
            except Unauthorized:
                notes.append(
                    f"roles given on {scope.rpartition('/')[2]!r} may be left: this account may not remove them"
                )
        return notes


def decide_doomed(
    listed: Iterable[Document], group: Document | None, owner: str, *,
    beside: Iterable[Document] = (), around: Iterable[Document] = (), told: Mapping[str, str] | None = None,
) -> tuple[Doomed, ...]:  # fmt: skip
    """Return what is ours and this person's, ordered, each that something uses which stays with a note of that.

    `beside` is what a set-up made in the environment's own group, `around` what else is there and stays; `told` is what
    is written of the apps, jobs and pools that stay, by their ids in small letters: one that is not told of may use
    anything. A group goes only when we made it and all in it goes.
    """
    every = list(listed)
    both = [*every, *beside]
    staying = [*around, *(each for each in both if not _ours(each, owner))]
    doomed = []
    for each in sorted(filter(lambda one: _ours(one, owner), both), key=lambda one: (_rank(_type(one)), one["name"])):
        users = [one for one in staying if _uses(one, each, told or {})]
        if users:
            staying.append(each)  # and keeps what it uses itself
        doomed.append(_doomed(each, f"{_named(users)} may use it" if users else ""))
    if group is not None and _ours(group, owner) and doomed:
        left = [each for each in staying if each in every]
        doomed.append(_doomed(group, f"{_named(left)} {'stays' if len(left) == 1 else 'stay'} in it" if left else ""))
    return tuple(doomed)


def _uses(user: Document, used: Document, told: Mapping[str, str]) -> bool:
    """Whether something may use something else, by what is written of it, and by tags of an environment."""
    type_, tags = _type(used), user.get("tags") or {}
    if _type(user) not in _USERS.get(type_, ()):
        return False
    if _type(user) == _ENVIRONMENT and type_ == _IDENTITY:
        return documents.SETUP in tags and tags.get(documents.PULLER) == used["name"]
    if _type(user) == _ENVIRONMENT and type_ == "microsoft.containerregistry/registries":
        return documents.SETUP in tags  # one registry serves every set-up of the group
    if _type(user) == _ENVIRONMENT and documents.SETUP in tags:
        return bool(
            tags[documents.SETUP] == (used.get("tags") or {}).get(documents.SETUP)
        )  # each has a workspace of its own
    text = told.get(str(read_id(user)).lower())
    traces = {
        _ENVIRONMENT: str(read_id(used)).lower(), _IDENTITY: str(read_id(used)).lower(),
        "microsoft.containerregistry/registries": f"{str(used['name']).lower()}.azurecr.",
    }  # fmt: skip
    return text is None or type_ not in traces or traces[type_] in text


def _ours(document: Document, owner: str) -> bool:
    """Whether a deployment or a set-up of this person made it; one without an owner is anybody's."""
    tags = document.get("tags") or {}
    made = documents.DIGEST in tags or documents.SETUP in tags
    return made and tags.get(documents.OWNER, "") in {"", owner}


def _type(document: Document) -> str:
    id_ = read_id(document)
    return id_.type.lower() if id_.types else GROUP


def _rank(type_: str) -> int:
    return ORDER.index(type_) if type_ in ORDER else -1


def _named(found: Sequence[Document]) -> str:
    names = [f"{_kind(each)} {each['name']}" for each in found[:_NAMES]]
    return ", ".join(names) + (f" and {len(found) - _NAMES} more" if len(found) > _NAMES else "")


def _kind(document: Document) -> str:
    return _KINDS.get(_type(document), read_id(document).types[-1] if read_id(document).types else "group")


def _doomed(document: Document, note: str) -> Doomed:
    setup = str((document.get("tags") or {}).get(documents.SETUP) or "")
    return Doomed(read_id(document), _kind(document), _type(document) in FOUNDATIONS, note, setup)
