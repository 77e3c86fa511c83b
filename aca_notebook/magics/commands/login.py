"""Signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import amounts
from aca_notebook.display import signing_in as cards
from aca_notebook.errors import AcaError
from aca_notebook.model.clouds import find_cloud
from aca_notebook.model.signing import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from aca_notebook.magics.live import LiveCard
    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.login import Login
    from aca_notebook.model.signing import Attempt


def login(notebook: Notebook, given: Login) -> object:
    """Sign in under a card that follows, and use it from the next `%aca target azure` on."""
    from aca_notebook.api import signing_in  # azure-identity's own clients come with it
    from aca_notebook.settings import home

    following = _Following(notebook.card(), given.cloud)
    try:
        signed = signing_in.login(
            device=given.device, browser=given.browser, tenant=given.tenant, cloud=given.cloud, home=home(),
            on_code=following.show_code, on_attempt=following.show_attempt,
        )  # fmt: skip
    except (AcaError, KeyboardInterrupt):
        following.end()
        raise
    notebook.signed_in = signed
    who = signed.who
    facts = {
        "name": who.name, "is a": who.kind, "tenant": who.tenant, "object id": who.object_id,
        "token": f"until {who.expires_at:%H:%M} UTC; renewed in the background",
        "kept": signed.kept, "next": "%aca target azure",
    }  # fmt: skip
    following.end(facts)
    return None


class _Following:
    """The card of one sign-in. A code that is no longer wanted is taken off: a saved notebook shows none."""

    def __init__(self, card: LiveCard, cloud: str) -> None:
        self._card = card
        self._cloud = find_cloud(cloud).name
        self._attempts: dict[str, Attempt] = {}
        self._code: tuple[str, str, str] | None = None

    def show_attempt(self, attempt: Attempt) -> None:
        """Show how far a way is."""
        self._attempts[attempt.way] = attempt
        if attempt.outcome is not Outcome.TRYING:
            self._code = None
        self._show()

    def show_code(self, page: str, code: str, until: datetime) -> None:
        """Show a code to enter, at once and in a terminal too: somebody waits for it."""
        self._code = (page, code, amounts.moment(until))
        self._show(now=True)

    def end(self, facts: dict[str, str] | None = None) -> None:
        """Show how it ended."""
        attempts = tuple(self._attempts.values())
        failed = facts is None
        self._card.show(
            lambda: cards.card(attempts, cloud=self._cloud, facts=facts, failed=failed), last=True
        )  # fmt: skip

    def _show(self, *, now: bool = False) -> None:
        attempts, code = tuple(self._attempts.values()), self._code
        self._card.show(lambda: cards.card(attempts, cloud=self._cloud, code=code), last=now)


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {"login": login}
