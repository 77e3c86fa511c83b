"""Who makes things here, as the tags say it."""

from __future__ import annotations

import getpass

from aca_notebook.azure import documents


def owner() -> str:
    """Return this person's name on this machine, empty where none is known."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def made_beside(environment: str) -> dict[str, str]:
    """Return the tags of what is made beside an environment and is no app: by them `%aca down --all` finds it."""
    name = owner()
    return {documents.SETUP: environment, **({documents.OWNER: name} if name else {})}
