"""A deployment's write of its app: made when the platform lets it in, and seen through when it is interrupted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aca_notebook.api.pulling import look_at_pull
from aca_notebook.errors import Conflict, DeploymentFailed, NotFound, ServiceFailed
from aca_notebook.model.checkup import Outcome
from aca_notebook.model.deploy import PhaseName
from aca_notebook.model.states import ProvisioningState, known
from aca_notebook.model.trouble import PATIENCE_SECONDS, TroubleKind, read_refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_notebook.api.access import Access
    from aca_notebook.api.progress import ProgressBoard
    from aca_notebook.azure.apps import Operation
    from aca_notebook.azure.documents import Document
    from aca_notebook.clock import Clock
    from aca_notebook.model.checkup import Check
    from aca_notebook.model.trouble import Trouble

_BUSY_SECONDS = 0.1
_ROLE_LOOK_SECONDS = 5.0
#: How long a role may be not in effect of which we cannot tell whether it is there.
_UNKNOWN_ROLE_SECONDS = 120.0


class Writing:
    """The PUT of one app. `may_go_on` raises when a later deployment has taken over."""

    def __init__(self, app: str, access: Access, clock: Clock, may_go_on: Callable[[], None]) -> None:
        self._app = app
        self._access = access
        self._clock = clock
        self._may_go_on = may_go_on
        self._pull: Check | None = None
        self.target = access.target  #: with the identity that pulls, once somebody has looked
        self.accepted = False
        self.putting: asyncio.Future[Operation] | None = None

    async def look_at_role(self, board: ProgressBoard) -> None:
        """Look whether images can be pulled; a missing role is told now, and refused by the platform later."""
        if not self.target.registry_identity:
            board.skip(PhaseName.ROLE, "")
            return
        async with board.phase(PhaseName.ROLE):
            self._pull = await look_at_pull(self._access)
            if self._pull is not None:
                board.note(PhaseName.ROLE, self._pull.said)

    async def put(self, wanted: Document, board: ProgressBoard) -> Callable[[], Awaitable[Document]]:
        """PUT; while the platform is busy with another write, wait for that one and PUT again: the latest wins.

        A role that was given just now is waited for in the same way. Raises `DeploymentFailed` for what `model.trouble`
        knows a cause of, and `ServiceFailed` for any other refusal.
        """
        began = self._clock.monotonic()
        while True:
            self._may_go_on()
            try:
                begun = await self._once(wanted)
            except Conflict as busy:
                board.note_rising(f"waiting for another operation ({busy.code})")
                await self.settled()
            except ServiceFailed as refused:
                trouble = read_refusal(self._app, refused.code, refused.detail)
                if trouble is None:
                    raise
                waited = self._clock.monotonic() - began
                if not self._may_pass(trouble, waited):
                    raise self._failed(trouble, refused) from refused
                await self._wait_for_role(waited, board)
            else:
                return begun.result

    async def merge(self, part: Document, board: ProgressBoard) -> Document:
        """Merge a part into the app that is there, and return the app; what the platform is busy with is waited for."""
        while True:
            self._may_go_on()
            try:
                await self._access.ask(lambda services: services.apps.patch(self._app, part))
            except Conflict as busy:
                board.note_rising(f"waiting for another operation ({busy.code})")
                await self.settled()
            else:
                return await self._access.ask(lambda services: services.apps.document(self._app))

    async def _once(self, wanted: Document) -> Operation:
        """PUT; an interrupt in the middle leaves it under way, for the cleaning up to see through."""
        self.putting = asyncio.ensure_future(self._access.ask(lambda services: services.apps.put(self._app, wanted)))
        begun = await asyncio.shield(self.putting)
        self.accepted = True
        return begun

    async def settled(self) -> None:
        """Return when no write of the app is in progress any more."""
        while True:
            await self._clock.sleep(_BUSY_SECONDS)
            try:
                document = await self._access.ask(lambda services: services.apps.document(self._app))
            except NotFound:
                return
            state = known(ProvisioningState, (document.get("properties") or {}).get("provisioningState"))
            if not isinstance(state, ProvisioningState) or state.terminal:
                return

    def _may_pass(self, trouble: Trouble, waited_seconds: float) -> bool:
        """Whether the identity that pulls has its role, or may have it, so that it is only not in effect yet."""
        if trouble.kind is not TroubleKind.PULL_DENIED or not self.target.registry_identity:
            return False
        if self._pull is None:
            return waited_seconds < _UNKNOWN_ROLE_SECONDS
        return self._pull.outcome is Outcome.OK and waited_seconds < PATIENCE_SECONDS[trouble.kind]

    async def _wait_for_role(self, waited_seconds: float, board: ProgressBoard) -> None:
        async with board.phase(PhaseName.ROLE):
            board.note(PhaseName.ROLE, f"AcrPull is not in effect yet; asked for {waited_seconds:.0f} s")
            await self._clock.sleep(_ROLE_LOOK_SECONDS)

    def _failed(self, trouble: Trouble, refused: ServiceFailed) -> DeploymentFailed:
        missing = self._pull is not None and self._pull.outcome is Outcome.FAIL
        command = "%aca doctor --fix" if missing else trouble.commands[0]
        return DeploymentFailed(
            f"{self._app!r} was refused: {trouble.summary}", code=trouble.code, detail=trouble.detail,
            hint=f"{trouble.cause}; `{command}`", request_id=refused.request_id,
        )  # fmt: skip
