"""What an app should ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.shared import NAME


@dataclass(frozen=True, slots=True)
class Advise:
    """An app, how far back to look, and whether to change it as advised."""

    name: str
    since: timedelta = timedelta(days=7)
    apply: bool = False


COMMANDS = (
    Command(
        "advise", "Propose CPU, memory, GPU, replicas, concurrency and cooldown by what an app really used.", Advise,
        (
            NAME,
            Option(("--since",), "how far back to look, within the present revision (default 7d)",
                   read=readers.duration, metavar="SPAN"),
            Option(("--apply",), "change the app so; it makes a new revision", read=None),
        ),
        ("%aca advise scorer", "%aca advise scorer --since 14d", "%aca advise scorer --apply"),
        "az containerapp update --name NAME --cpu 0.5 --memory 1Gi --min-replicas 0 …",
    ),
)  # fmt: skip
