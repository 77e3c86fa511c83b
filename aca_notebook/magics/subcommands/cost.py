"""What apps cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.shared import PLOT, Listing


@dataclass(frozen=True, slots=True)
class Cost:
    """What an app, or with no name all of them, cost over the past `since`."""

    name: str = ""
    since: timedelta = timedelta(hours=24)
    plot: bool = False


COMMANDS = (
    Command(
        "cost", "Return an estimate of what an app cost, hour by hour, as a DataFrame or as a chart.", Cost,
        (
            Option(("name",), "the app; all of them without it", completes="app", optional=True),
            Option(("--since",), "how far back (default 24h)", read=readers.duration, metavar="SPAN"),
            PLOT,
        ),
        ("%aca cost scorer", "%aca cost --since 7d", "%aca cost scorer --plot"), "az costmanagement query …",
    ),
    Command(
        "prices", "List the prices that estimates use, each with its region, date and source.", Listing, (),
        ("%aca prices", "table = %aca prices", "%aca prices  # the figures behind %aca cost"),
    ),
)  # fmt: skip
