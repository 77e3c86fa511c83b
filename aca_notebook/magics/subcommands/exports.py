"""Apps as something to keep in a repository."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.shared import NAME
from aca_notebook.model.app_export import FORMS

#: Those made from the cell, each a folder.
FOLDERS = ("dockerfile", "py")


@dataclass(frozen=True, slots=True)
class Export:
    """Which app in which form; `output` is the file or folder that gets it, nothing shows it.

    `pip`, `requirements` and `entry` are those of the deploy, for a form that is made from its cell.
    """

    name: str
    to: str = "arm"
    output: str = ""
    pip: tuple[str, ...] = ()
    requirements: str = ""
    entry: str = ""


COMMANDS = (
    Command(
        "export", "Write an app as a template, lines of az or a workflow, or its cell as a Dockerfile or a module.",
        Export,
        (
            NAME,
            Option(("--to",), "the form (default arm)", values=(*FORMS, *FOLDERS)),
            Option(("--output",), "the file to write; of dockerfile and py the folder (default: NAME)",
                   completes="file", metavar="FILE"),
            Option(("--pip",), "packages of its deploy", repeats=True, metavar="PACKAGE"),
            Option(("--requirements",), "the requirements file of its deploy", completes="file", metavar="FILE"),
            Option(("--entry",), "the entry of its deploy", completes="function", metavar="FUNCTION"),
        ),
        ("%aca export scorer --to bicep", "%aca export scorer --to github --output .github/workflows/scorer.yml",
         "%aca export scorer --to dockerfile"),
        "az group export --resource-group GROUP --resource-ids ID",
    ),
)  # fmt: skip
