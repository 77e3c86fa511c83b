"""What somebody else has done to an app since it was deployed: by its document, and by whose mark it bears. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.model.template_changes import Change, changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.model.app import Tags

_SHOWN = 3


def changed_elsewhere(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return how a template differs from the one that was asked for: what we set, and variables that we did not.

    What else has been added is the platform's own filling in of defaults (facts §3.3).
    """
    return tuple(each for each in changes(ours, theirs) if each.before is not None or ".env" in each.where)


def said_of_changes(found: tuple[Change, ...]) -> str:
    """Return a sentence for changes that a deployment is about to undo."""
    told = [f"{each.where} was made {_word(each.after)} and becomes {_word(each.before)}" for each in found[:_SHOWN]]
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"changed since it was deployed: {'; '.join(told)}{more}"


def said_of_others(app: str, deployed: str, mark: str | None, tags: Tags | None) -> str:
    """Return what happened to an app that was deployed from here as `deployed`; empty when nothing did.

    `mark` is the one that it bears now, None when there is no such app.
    """
    if not deployed or deployed == mark:
        return ""
    if mark is None:
        return f"{app!r} was taken down elsewhere since it was deployed from here; it is made anew"
    where = " of ".join(part for part in (tags.cell, tags.notebook) if part) if tags else ""
    who = tags.owner if tags else ""
    by = ", ".join(part for part in (f"by {who}" if who else "", f"from {where}" if where else "") if part)
    return f"{app!r} was deployed elsewhere since{f' ({by})' if by else ''}; this deploy takes its place"


def said_of_cell(deployed: str, runs: str, here: str, tags: Tags) -> str:
    """Return how what runs differs from what the notebook would deploy; empty when it is the same.

    Each is a bundle's digest: what was deployed from here last, what the app's tags say, what the cell makes now.
    """
    if runs != deployed:
        where = " of ".join(part for part in (tags.cell, tags.notebook) if part)
        return f"it runs another version than was deployed from here{f', from {where}' if where else ''}"
    if here != deployed:
        return "its cell, or what that uses, was changed here since: deploy it again to run that"
    return ""


def _word(value: object) -> str:
    return "nothing" if value is None else str(value)
