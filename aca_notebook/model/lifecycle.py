"""Which apps have had their time: decided from the tags and states on the resources, so that any machine may ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.model.states import ProvisioningState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aca_notebook.model.app import AppState


@dataclass(frozen=True, slots=True)
class Garbage:
    """An app that may go, and why."""

    app: AppState
    why: str
    expired: bool


def decide_garbage(apps: Sequence[AppState], now: datetime, owner: str = "") -> tuple[Garbage, ...]:
    """Return the apps of a notebook that may go: those whose time is over, and those that never came to be.

    Apps without our tags are nobody's business here; with an `owner`, so are those of others. A kept app (no expiry)
    that once was ready never goes.
    """
    found = []
    for app in apps:
        mine = bool(app.tags.digest) and (not owner or app.tags.owner in {"", owner})
        if not mine or not app.settled:
            continue
        if app.expires_at is not None and app.expires_at <= now:
            found.append(Garbage(app, f"expired at {app.expires_at:%Y-%m-%d %H:%M} UTC", expired=True))
        elif app.provisioning_state == ProvisioningState.FAILED and not app.latest_ready_revision:
            found.append(Garbage(app, "never became ready", expired=False))
    return tuple(found)
