"""What becomes of a revision that did not come up: it must not go on costing while nobody looks.

On Azure, deactivating the newer of two revisions in Single mode took the older, serving one away as well (seen:
azure-powershell issue 26748). So an app that served before gets back the template that served, with the workload
profile and the configuration it had; an app that never did has its revision deactivated. While the platform is still
busy with it, either is tried again until it is let in.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aca_notebook.azure import documents
from aca_notebook.errors import AcaError, Conflict

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.api.access import Access
    from aca_notebook.azure.documents import Document
    from aca_notebook.clock import Clock

logger = logging.getLogger(__name__)

_AGAIN_SECONDS = 5.0
#: Azure ends every operation of an app after fifteen minutes (recorded: app_failed_registry_msi).
_LONGEST_SECONDS = 1200.0
KEPT = "`--keep-failed`"
#: What a deployment may have added of a template and of an ingress.
_TEMPLATE, _INGRESS = ("terminationGracePeriodSeconds",), ("targetPort", "exposedPort")


class Retiring:
    """Ends one revision that failed. `before` is the app as it was, `deployment` the mark of who made the revision."""

    def __init__(  # what a deployment knows
        self, app: str, revision: str, access: Access, clock: Clock, *, before: Document | None, deployment: str
    ) -> None:
        self._app = app
        self._revision = revision
        self._access = access
        self._clock = clock
        self._before = before
        self._deployment = deployment

    async def begin(self, keep_going: Callable[[asyncio.Task[None]], None]) -> str:
        """Do it, and return what was done as the end of a hint. Never raises.

        What the platform is not ready for is handed to `keep_going`, which owns it from then on.
        """
        try:
            await self._once()
        except Conflict:
            keep_going(asyncio.ensure_future(self._later()))
            return f"{self._told(waits=True)} ({KEPT} leaves it)"
        except AcaError as failed:
            logger.warning("revision %s could not be ended: %s", self._revision, failed)
            return f"; it may go on costing: `%aca down {self._app}` ends it"
        return f"{self._told(waits=False)} ({KEPT} leaves it)"

    @property
    def _serving(self) -> str:
        properties = (self._before or {}).get("properties") or {}
        single = str((properties.get("configuration") or {}).get("activeRevisionsMode") or "Single") == "Single"
        return str(properties.get("latestReadyRevisionName") or "") if single else ""

    def _told(self, *, waits: bool) -> str:
        when = " as soon as the platform lets go of it" if waits else ""
        if self._serving:
            return f", and the app goes back to it{when}"
        return f"; {self._revision} {'is' if waits else 'was'} deactivated{when}, so that it costs nothing"

    async def _once(self) -> None:
        if self._serving and self._before is not None:
            await self._access.ask(lambda services: services.apps.merge(self._app, going_back(self._before or {})))
        else:
            await self._access.ask(
                lambda services: services.apps.revision_action(self._app, self._revision, "deactivate")
            )

    async def _later(self) -> None:
        until = self._clock.monotonic() + _LONGEST_SECONDS
        while self._clock.monotonic() < until:
            await self._clock.sleep(_AGAIN_SECONDS)
            try:
                document = await self._access.ask(lambda services: services.apps.document(self._app))
                if (document.get("tags") or {}).get(documents.DEPLOYMENT) != self._deployment:
                    return  # somebody has deployed it again
                await self._once()
            except Conflict:
                continue
            except AcaError as failed:
                if failed.passing:
                    continue
                logger.info("revision %s was not ended: %s", self._revision, failed)
            return


def going_back(before: Document) -> Document:
    """Return the write that gives an app back what a deployment changes; ours that it had not is taken away.

    Null takes a member away, and what is left out stays (JSON Merge Patch): secrets do, for their values are not shown.
    """
    properties = before["properties"]
    template = properties["template"]
    profile = properties.get("workloadProfileName")
    containers = {
        kind: [documents.writable(each) for each in template[kind]]
        for kind in ("containers", "initContainers")
        if template.get(kind)
    }
    return {
        "tags": {**dict.fromkeys(documents.MARKS), **(before.get("tags") or {})},
        "properties": {
            **({"workloadProfileName": profile} if profile else {}),
            "configuration": _configuration(properties.get("configuration") or {}),
            "template": {
                **dict.fromkeys(_TEMPLATE), **template, **containers,
                "scale": {"rules": None, **(template.get("scale") or {})}, "revisionSuffix": "",
            },
        },
    }  # fmt: skip


def _configuration(before: Document) -> Document:
    """The parts of a configuration that a deployment writes, but for the secrets."""
    ingress = before.get("ingress")
    return {
        "activeRevisionsMode": before.get("activeRevisionsMode") or "Single",
        "dapr": before.get("dapr"),
        "registries": [documents.writable(each) for each in before.get("registries") or ()],
        "ingress": {**dict.fromkeys(_INGRESS), **documents.writable(ingress)} if ingress else None,
    }
