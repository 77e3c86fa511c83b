"""What apps wrote, now and before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.shared import NAME
from aca_notebook.model.log_filter import LEVELS

if TYPE_CHECKING:
    from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Logs:
    """Which lines of an app's log to fetch or to follow."""

    name: str
    tail: int = 50
    follow: bool = False
    type: Literal["console", "system"] = "console"
    revision: str = ""
    replica: str = ""
    call: str = ""
    since: timedelta | None = None
    level: str = ""
    grep: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What to ask the history of logs: `text` is KQL or the name of a question, empty with `list`.

    `output` is the variable that gets the table.
    """

    text: str = ""
    app: str = ""
    since: timedelta | None = None
    output: str = ""
    list: bool = False


COMMANDS = (
    Command(
        "logs", "Return what an app wrote.", Logs,
        (
            NAME,
            Option(("--tail",), "how many of the last lines (default 50)", read=readers.positive, metavar="N"),
            Option(("--follow", "-f"), "keep reading as lines come", read=None),
            Option(("--type",), "what the app wrote, or what the platform did", values=("console", "system")),
            Option(("--since",), "how far back, within the last 300 lines", read=readers.duration, metavar="SPAN"),
            Option(("--level",), "the least level to show", values=tuple(LEVELS)),
            Option(("--grep",), "a regular expression that lines match, in any case", metavar="PATTERN"),
            Option(("--call",), "the id of a call", metavar="ID"),
            Option(("--revision",), "a revision's name or its suffix (default: the latest)", metavar="NAME"),
            Option(("--replica",), "one replica alone", metavar="NAME"),
            Option(("--output", "-o"), "the variable that gets the lines as a DataFrame", read=readers.variable,
                   metavar="NAME", completes="variable"),
        ),
        ("%aca logs scorer --tail 20", "%aca logs scorer --follow --level warning",
         "%aca logs scorer --type system --since 10m"),
        "az containerapp logs show --name NAME --tail 20 --follow",
    ),
    Command(
        "query", "Ask the history of logs, in KQL or by the name of a question; returns a DataFrame.", Query,
        (
            Option(("text",), "KQL in quotes, or a name that --list shows; in a cell, the KQL stands below",
                   optional=True, completes="query", metavar="KQL"),
            Option(("--app",), "the app a named question is about (default: all)", completes="app", metavar="NAME"),
            Option(("--since",), "how far back (default: all there is)", read=readers.duration, metavar="SPAN"),
            Option(("--output", "-o"), "the variable that gets the table", read=readers.variable, metavar="NAME",
                   completes="variable"),
            Option(("--list",), "list the named questions", read=None),
        ),
        ("%aca query errors --app scorer --since 1h", "%aca query --list",
         """frame = %aca query "ContainerAppConsoleLogs_CL | where Log_s has 'timeout' | take 20\""""),
        "az monitor log-analytics query --workspace GUID --analytics-query KQL", cell=True,
    ),
)  # fmt: skip
