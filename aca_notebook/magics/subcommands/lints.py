"""What guides recommend, held against an app."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics.grammar import Command
from aca_notebook.magics.subcommands.apps import DEPLOY, Deploy


@dataclass(frozen=True, slots=True)
class Lint(Deploy):
    """The app to judge: as it runs, or, over a cell, as deploying that would make it."""


COMMANDS = (
    Command(
        "lint", "Hold an app, or a cell before its deploy, against best practices; each with the command to follow it.",
        Lint, DEPLOY,
        ("%aca lint scorer", "%%aca lint scorer --gpu T4", "checks = %aca lint scorer"),
        cell=True,
    ),
)  # fmt: skip
