"""How long apps last."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import BY_SHOWING, Command, Option
from aca_notebook.magics.subcommands.shared import NAME, OneApp


@dataclass(frozen=True, slots=True)
class Ttl:
    """Until when an app lasts, as a span from now."""

    name: str
    span: str


@dataclass(frozen=True, slots=True)
class Gc:
    """What to clear away: with neither, nothing is, and what could be is listed."""

    expired: bool = False
    orphans: bool = False
    everyone: bool = False


COMMANDS = (
    Command(
        "ttl", "Let an app expire a span of time from now.", Ttl,
        (NAME, Option(("span",), "how long from now, such as 8h", read=readers.span_text, metavar="SPAN")),
        ("%aca ttl scorer 4h", "%aca ttl scorer 2d", "%aca ttl $name 30m"), BY_SHOWING,
    ),
    Command(
        "keep", "Let an app never expire.", OneApp, (NAME,),
        ("%aca keep scorer", "%aca keep $name", "app = %aca keep scorer"), BY_SHOWING,
    ),
    Command(
        "gc", "List what was deployed from notebooks and may go, or delete it: by the resources' tags, from anywhere.",
        Gc,
        (
            Option(("--expired",), "delete what has expired", read=None),
            Option(("--orphans",), "delete what never became ready", read=None),
            Option(("--everyone",), "what other people deployed, too", read=None),
        ),
        ("%aca gc", "%aca gc --expired", "%aca gc --expired --orphans"), BY_SHOWING,
    ),
)  # fmt: skip
