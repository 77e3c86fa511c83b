"""Options that more than one sub-command takes, and the value of a sub-command that takes none."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics.grammar import Option

NAME = Option(("name",), "the app", completes="app")
PLOT = Option(("--plot",), "return a chart instead of a table", read=None)


@dataclass(frozen=True, slots=True)
class Listing:
    """A command that takes nothing: `ps`, `gpu`, `prices`, `limits`."""


@dataclass(frozen=True, slots=True)
class OneApp:
    """A command about one app: `show`, `curl`, `open`, `start`, `stop`."""

    name: str
