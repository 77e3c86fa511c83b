"""A check-up in a page: looked at again, mended and its commands copied by buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aca_notebook.display import amounts
from aca_notebook.display import checkup as checkup_cards
from aca_notebook.model.checkup import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.api.workspace import Workspace
    from aca_notebook.model.checkup import Check
    from aca_notebook.widgets.live_table import Shown


_WORDS = {Outcome.OK: ("✓ ok", "good"), Outcome.WARN: ("! know", "warn"), Outcome.FAIL: ("✗ mend", "bad")}
_RANK = {Outcome.FAIL: 0.0, Outcome.WARN: 1.0, Outcome.OK: 2.0}


class Examine(Protocol):
    """Whoever looks."""

    def __call__(self, *, fix: bool) -> Sequence[Check]:
        """Look at everything; mend what has no price first when told so."""
        ...


def shown(checks: Sequence[Check], workspace: Workspace) -> Shown:
    """Return a check-up as a page draws it."""
    from aca_notebook.widgets.live_table import Act, Row, Shown, Spot  # anywidget takes 0.2 s to import

    mends = [check.name for check in checks if check.mend is not None and check.outcome is not Outcome.OK]
    title = checkup_cards.checkup(checks, "")["text/plain"].splitlines()[0].removesuffix("  ()")
    rows = tuple(
        Row(check.name, (
            Spot(check.name), Spot(_WORDS[check.outcome][0], _RANK[check.outcome], _WORDS[check.outcome][1]),
            Spot(check.said), Spot(check.command, copy=bool(check.command)),
            Spot(amounts.seconds(check.seconds), check.seconds, "faint", right=True),
        ))
        for check in checks
    )  # fmt: skip
    acts = (Act("mend", "Mend", f"Mend {', '.join(mends)}? None of it has a price"),) if mends else ()
    columns = (("what", False), ("", False), ("how it is", False), ("what mends it", False), ("took", True))
    state = f"{workspace.target.name} · {workspace.clock.now():%H:%M:%S} UTC"
    return Shown(title, columns, rows, "", state, acts)


def open_view(checks: Sequence[Check], workspace: Workspace, examine: Examine) -> object:
    """Open the check-up in a page; `examine` looks again, and mends first when it is told so."""
    from aca_notebook.widgets.live_table import open_live_table

    def look() -> Shown:
        return shown(examine(fix=False), workspace)

    def mend(_: str, __: str) -> None:
        examine(fix=True)

    return open_live_table(shown(checks, workspace), look, mend)
