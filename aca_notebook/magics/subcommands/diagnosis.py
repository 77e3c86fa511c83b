"""Why things are as they are."""

from __future__ import annotations

from aca_notebook.magics.grammar import Command
from aca_notebook.magics.subcommands.shared import NAME, OneApp

COMMANDS = (
    Command(
        "why", "Say in words why an app is as it is: asleep, starting, stuck, broken; and what to run next.", OneApp,
        (NAME,), ("%aca why scorer", "found = %aca why scorer  # then found.code, found.commands", "%aca why $name"),
        "az containerapp show; az containerapp replica list; az containerapp logs show --type system",
    ),
)  # fmt: skip
