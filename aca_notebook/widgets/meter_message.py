"""What a meter shows at one moment, as a page takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import costs

if TYPE_CHECKING:
    from aca_notebook.model.cost import Tick


def message(tick: Tick) -> dict[str, Any]:
    """Return a tick; a page carries its figures on by itself until the next."""
    return {
        "kind": "tick", "app": tick.app, "currency": tick.currency, "amount": tick.amount, "spent": tick.spent,
        "hourly": tick.hourly, "alarms": list(tick.alarms), "read": tick.read, "ended": tick.ended,
        "standing": costs.standing(charged=tick.charged), "at": tick.at.isoformat() if tick.at else "",
    }  # fmt: skip


class Told:
    """Tells a page what a meter shows when it is news: metrics were read, or it has ended."""

    def __init__(self) -> None:
        self.last: dict[str, Any] = {}

    def news(self, tick: Tick) -> dict[str, Any] | None:
        """Return what a page is to be told, if anything."""
        found = message(tick)
        if not tick.ended and found["at"] == self.last.get("at"):
            return None
        self.last = found
        return found
