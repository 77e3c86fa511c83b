"""What apps cost, and at which prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.shared import PLOT
from aca_notebook.model.cost import GROUPINGS
from aca_notebook.model.rate import USD

if TYPE_CHECKING:
    from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Cost:
    """What an app, or with no name all of them, cost over the past `since`; an empty `by` is what suits.

    `output` is the variable that gets the table. `follow` makes a meter that ticks, `billed` asks what was charged,
    `forecast` how much the days ahead may cost.
    """

    name: str = ""
    by: str = ""
    since: timedelta | None = None
    currency: str = USD
    plot: bool = False
    follow: bool = False
    billed: bool = False
    forecast: timedelta | None = None
    output: str = ""


@dataclass(frozen=True, slots=True)
class Prices:
    """Which prices to list; with `action` `refresh`, to fetch first. An empty region is all of them."""

    action: str = ""
    region: str = ""
    currency: str = USD


_CURRENCY = Option(("--currency",), "the currency (default USD)", metavar="CODE")

COMMANDS = (
    Command(
        "cost", "Return an estimate of what an app cost: lately, today, this month; by whatever you ask.", Cost,
        (
            Option(("name",), "the app; all of them without it", completes="app", optional=True),
            Option(("--by",), "what to show it by (default: the app, or with a name its revisions)", values=GROUPINGS),
            Option(("--since",), "how far back (default 24h; 30d with --billed)", read=readers.duration,
                   metavar="SPAN"),
            _CURRENCY,
            PLOT,
            Option(("--follow", "-f"), "show a meter that ticks", read=None),
            Option(("--billed",), "show what Cost Management has billed beside the estimate", read=None),
            Option(("--forecast",), "forecast coming days, with a band", read=readers.duration, metavar="SPAN"),
            Option(("--output", "-o"), "the variable that gets the table as a DataFrame", read=readers.variable,
                   metavar="NAME", completes="variable"),
        ),
        ("%aca cost scorer --by day --since 7d", "%aca cost --plot", "%aca cost scorer --follow"),
        "az costmanagement query --type ActualCost --scope /subscriptions/ID --timeframe MonthToDate",
    ),
    Command(
        "prices", "List the prices that estimates use, each with its date and source; or fetch new ones.", Prices,
        (
            Option(("action",), "refresh: fetch them from the Retail Prices API first", values=("refresh",),
                   optional=True),
            Option(("--region",), "every meter of one region (default: all regions, the main meters)", metavar="NAME"),
            _CURRENCY,
        ),
        ("%aca prices", "%aca prices --region eastus", "%aca prices refresh --currency EUR"),
    ),
)  # fmt: skip
