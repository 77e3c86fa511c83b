"""Who we are, and whether a target has what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import amounts, cards
from aca_notebook.display import checkup as checkup_cards
from aca_notebook.display.values import Card
from aca_notebook.magics import live_checkup
from aca_notebook.magics.live_value import LiveValue
from aca_notebook.model.checkup import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.checkup import Doctor
    from aca_notebook.magics.subcommands.shared import Listing
    from aca_notebook.model.checkup import Check


def doctor(notebook: Notebook, given: Doctor) -> object:
    """Check the target, and mend what may be mended."""
    workspace = notebook.workspace
    checks = workspace.checkup(gpu=given.gpu, app=given.name)
    mends = [each for each in checks if each.mend is not None and each.outcome is not Outcome.OK]
    if given.fix and mends:
        card = notebook.card()
        card.show(lambda: checkup_cards.checkup(checks, workspace.target.name), last=True)
        if given.yes or notebook.consent(f"Mend {', '.join(each.name for each in mends)}? None of it has a price."):
            checks = workspace.checkup(gpu=given.gpu, app=given.name, fix=True)
    shown = Card(checks, checkup_cards.checkup(checks, workspace.target.name))
    if not notebook.in_page:
        return shown

    def examine(*, fix: bool) -> Sequence[Check]:
        return workspace.checkup(gpu=given.gpu, app=given.name, fix=fix)

    return LiveValue(shown, lambda: live_checkup.open_view(checks, workspace, examine))


def whoami(notebook: Notebook, given: Listing) -> object:
    """Say who is signed in."""
    del given
    workspace = notebook.workspace
    who = workspace.whoami()
    return Card(who, cards.facts(f"{who.name}", {
        "is a": who.kind, "tenant": who.tenant, "object id": who.object_id, "target": workspace.target.name,
        "token": f"until {who.expires_at:%H:%M} UTC, had in {amounts.seconds(who.seconds)}",
    }))  # fmt: skip


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {"doctor": doctor, "whoami": whoami}
