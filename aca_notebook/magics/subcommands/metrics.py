"""What apps use and answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.shared import NAME, PLOT
from aca_notebook.model.metric import WORDS


@dataclass(frozen=True, slots=True)
class Metrics:
    """What an app did over the past `since`, in buckets of `grain`, or of what suits the span.

    `metric` are words, columns or Azure's names; `by` splits. `plot` makes a chart and `live` one that goes on;
    `output` names the variable that gets the table instead.
    """

    name: str
    metric: tuple[str, ...] = ()
    since: timedelta | None = None
    grain: timedelta | None = None
    by: str = ""
    plot: bool = False
    live: bool = False
    output: str = ""


@dataclass(frozen=True, slots=True)
class Top:
    """What all apps did over the past `since`."""

    since: timedelta = timedelta(minutes=5)


COMMANDS = (
    Command(
        "metrics", "Return what an app used and answered as a DataFrame, as a chart, or as one that goes on.", Metrics,
        (
            NAME,
            Option(("--metric",), f"some of {', '.join(WORDS)}, or Azure's names (default all)",
                   completes="metric", metavar="METRIC", repeats=True),
            Option(("--since",), "how far back (default 1h, live 30m)", read=readers.duration, metavar="SPAN"),
            Option(("--grain", "--interval"), "the width of a bucket (default: as suits the span)",
                   read=readers.duration, completes="grain", metavar="SPAN"),
            Option(("--by",), "a row, or a line of the chart, for each", values=("revision", "replica", "status")),
            PLOT,
            Option(("--live",), "a chart that goes on until stop(), with a picture that stays", read=None),
            Option(("--output", "-o"), "the variable that gets the table", read=readers.variable, metavar="NAME",
                   completes="variable"),
        ),
        ("%aca metrics scorer --since 3h --plot", "%aca metrics scorer --metric cpu latency --by revision",
         "%aca metrics scorer --live"),
        "az monitor metrics list --resource ID --metrics Requests Replicas UsageNanoCores",
    ),
    Command(
        "top", "List what each app does just now: replicas, CPU, memory, GPU, requests, failures.", Top,
        (Option(("--since",), "how far back (default 5m)", read=readers.duration, metavar="SPAN"),),
        ("%aca top", "%aca top --since 30m", "table = %aca top  # then table.frame"),
        "az monitor metrics list --resource ID --metrics Requests Replicas UsageNanoCores",
    ),
)  # fmt: skip
