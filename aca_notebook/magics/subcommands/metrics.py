"""What apps use and answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.shared import NAME, PLOT


@dataclass(frozen=True, slots=True)
class Metrics:
    """What an app did over the past `since`, in buckets of `interval`, or of what suits the span."""

    name: str
    since: timedelta = timedelta(hours=1)
    interval: timedelta | None = None
    plot: bool = False


@dataclass(frozen=True, slots=True)
class Top:
    """What all apps did over the past `since`."""

    since: timedelta = timedelta(minutes=5)


COMMANDS = (
    Command(
        "metrics", "Return what an app used and answered as a DataFrame, or as a chart.", Metrics,
        (
            NAME,
            Option(("--since",), "how far back (default 1h)", read=readers.duration, metavar="SPAN"),
            Option(("--interval",), "the width of a bucket (default: as suits the span)",
                   read=readers.duration, metavar="SPAN"),
            PLOT,
        ),
        ("%aca metrics scorer", "%aca metrics scorer --since 3h --plot", "frame = %aca metrics scorer --since 30m"),
        "az monitor metrics list --resource ID --metrics Requests Replicas UsageNanoCores",
    ),
    Command(
        "top", "List what each app does just now: replicas, CPU, memory, GPU, requests, failures.", Top,
        (Option(("--since",), "how far back (default 5m)", read=readers.duration, metavar="SPAN"),),
        ("%aca top", "%aca top --since 30m", "table = %aca top  # then table.frame"),
        "az monitor metrics list --resource ID --metrics Requests Replicas UsageNanoCores",
    ),
)  # fmt: skip
