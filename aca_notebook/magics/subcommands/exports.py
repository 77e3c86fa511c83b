"""Apps as something to keep in a repository."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.shared import NAME
from aca_notebook.model.app_export import FORMS


@dataclass(frozen=True, slots=True)
class Export:
    """Which app in which form; `output` is the file that gets it, nothing shows it."""

    name: str
    to: str = "arm"
    output: str = ""


COMMANDS = (
    Command(
        "export", "Write an app as an ARM template, Bicep or lines of az; secrets become parameters.", Export,
        (
            NAME,
            Option(("--to",), "the form (default arm)", values=FORMS),
            Option(("--output",), "the file to write", completes="file", metavar="FILE"),
        ),
        ("%aca export scorer --to bicep", "%aca export scorer --output scorer.json", "%aca export scorer --to az"),
        "az group export --resource-group GROUP --resource-ids ID",
    ),
)  # fmt: skip
