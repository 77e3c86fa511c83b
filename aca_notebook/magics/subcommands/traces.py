"""Where the time of a call went."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option


@dataclass(frozen=True, slots=True)
class Trace:
    """A call by its id, or the last one of an app; `output` is the variable that gets its spans as a DataFrame."""

    call: str = ""
    app: str = ""
    output: str = ""


COMMANDS = (
    Command(
        "trace", "Draw one call from end to end: queue, replica start, import, load, run.", Trace,
        (
            Option(("call",), "the id of a call, as its answer has it in X-Call-Id and the log in id", optional=True,
                   metavar="CALL"),
            Option(("--app",), "the app whose last call to draw", completes="app", metavar="NAME"),
            Option(("--output", "-o"), "the variable that gets the spans as a DataFrame", read=readers.variable,
                   metavar="NAME"),
        ),
        ("%aca trace --app scorer", "%aca trace 0af7651916cd43dd8448eb211c80319c",
         "%aca trace --app scorer -o spans"),
        "az monitor app-insights query --app NAME --analytics-query KQL",
    ),
)  # fmt: skip
