"""Which revision of an app serves: traffic, promotion, going back, and what differs between two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.errors import NotFound, UsageFailed
from aca_notebook.model import traffic
from aca_notebook.model.states import RevisionProvisioningState
from aca_notebook.model.template_changes import Change, changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.api.access import Access
    from aca_notebook.azure.documents import Document
    from aca_notebook.model.revision import RevisionState
    from aca_notebook.model.traffic import Share

SINGLE, MULTIPLE = "Single", "Multiple"


class Revising:
    """The revisions of one app, to be changed."""

    def __init__(self, access: Access, app: str) -> None:
        self._access = access
        self._app = app

    async def mode(self) -> str:
        """Return the app's revision mode: `Single`, `Multiple` or `Labels`."""
        return str(_configuration(await self._document()).get("activeRevisionsMode") or SINGLE)

    async def set_mode(self, mode: str) -> None:
        """Change it. In `Multiple` every revision stays active until somebody deactivates it."""
        await self._patch({"configuration": {"activeRevisionsMode": mode}})

    async def shares(self) -> tuple[Share, ...]:
        """Return who gets the requests."""
        return traffic.read_entries(_traffic(await self._document()))

    async def set_shares(self, shares: Sequence[Share]) -> tuple[Share, ...]:
        """Give revisions their shares. Raises `UsageFailed` in single revision mode, where the latest has it all."""
        document = await self._document()
        mode = _configuration(document).get("activeRevisionsMode") or SINGLE
        if mode == SINGLE:
            raise UsageFailed(
                f"{self._app!r} has one active revision at a time, which gets everything",
                code="ActiveRevisionsModeIsSingle", hint=f"%aca revision mode {self._app} multiple",
            )  # fmt: skip
        entries = traffic.write_entries(shares, _traffic(document))
        await self._patch({"configuration": {"ingress": {"traffic": entries}}})
        return await self.shares()

    async def rollback(self, revision: str = "") -> str:
        """Go back to a revision, or to the one before the latest that was provisioned; return what serves then.

        Where several revisions may be active the traffic goes back, which takes a moment; where one is, a new revision
        gets the old one's template, for which replicas start first. Raises `NotFound` when there is none to go back to.
        """
        document = await self._document()
        known = await self._access.ask(lambda services: services.apps.revisions(self._app))
        latest = str(document["properties"].get("latestRevisionName") or "")
        back = revision or _before(known, latest)
        if not any(each.name == back for each in known):
            raise NotFound(
                f"{self._app!r} has no revision {back!r}" if back else f"{self._app!r} has no revision to go back to",
                code="RevisionNotFound", hint=f"`%aca revision list {self._app}` lists them",
            )  # fmt: skip
        if (_configuration(document).get("activeRevisionsMode") or SINGLE) != SINGLE:
            await self._access.ask(lambda services: services.apps.revision_action(self._app, back, "activate"))
            await self.set_shares((traffic.Share(back, 100),))
            return back
        template = {**await self._template(back), "revisionSuffix": ""}
        await self._patch({"template": template})
        return str((await self._document())["properties"].get("latestRevisionName") or "")

    async def diff(self, before: str, after: str = "") -> tuple[Change, ...]:
        """Return what differs between two revisions' templates; `after` is the latest unless it is named."""
        later = after or str((await self._document())["properties"].get("latestRevisionName") or "")
        return changes(await self._template(before), await self._template(later))

    async def _template(self, revision: str) -> dict[str, Any]:
        found = await self._access.ask(lambda services: services.apps.revision_document(self._app, revision))
        return dict(found["properties"].get("template") or {})

    async def _document(self) -> Document:
        return await self._access.ask(lambda services: services.apps.document(self._app))

    async def _patch(self, properties: Document) -> None:
        await self._access.ask(lambda services: services.apps.patch(self._app, {"properties": properties}))


def _before(known: Sequence[RevisionState], latest: str) -> str:
    """The newest revision before the latest that was well once."""
    older = [
        each for each in known
        if each.name != latest and each.provisioning_state != RevisionProvisioningState.FAILED
    ]  # fmt: skip
    return older[-1].name if older else ""


def _configuration(document: Document) -> Document:
    return document["properties"].get("configuration") or {}


def _traffic(document: Document) -> list[Document]:
    return (_configuration(document).get("ingress") or {}).get("traffic") or []
