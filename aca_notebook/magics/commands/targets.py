"""Where commands go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import amounts, cards
from aca_notebook.display.values import Card
from aca_notebook.errors import EmulatorFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.workspace import Workspace
    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.targets import Target


def target(notebook: Notebook, given: Target) -> object:
    """Choose or show the target."""
    settings = {
        "resource_group": given.resource_group, "environment": given.environment, "location": given.location,
        "subscription_id": given.subscription, "registry": given.registry,
    }  # fmt: skip
    said = {name: value for name, value in settings.items() if value}
    if given.target or said:
        notebook.connect(given.target, said)
    workspace = notebook.workspace
    if given.pace:
        workspace.rehearsal.set_pace(given.pace)
    chosen = workspace.target
    return Card(chosen, cards.facts(f"target {chosen.name}", {
        "subscription": chosen.subscription_id if chosen.charges else "", "resource group": chosen.resource_group,
        "environment": chosen.environment, "location": chosen.location,
        "registry": chosen.registry_server, "url": chosen.resource_manager, "note": chosen.notice,
        **_rehearsed(workspace),
    }))  # fmt: skip


def _rehearsed(workspace: Workspace) -> dict[str, str]:
    """What somebody has told the target to do otherwise, so that nobody wonders."""
    if not workspace.rehearsal.possible:
        return {}
    try:
        pace, faults = workspace.rehearsal.pace(), workspace.rehearsal.faults()
    except EmulatorFailed:  # one of an older version, which has neither
        return {}
    return {"pace": amounts.pace(pace) if pace else "", "faults": "; ".join(each.fault for each in faults)}


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "target": target,
}
