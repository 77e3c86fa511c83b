"""Who is told when a metric is out of bounds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option


@dataclass(frozen=True, slots=True)
class NewAlert:
    """A rule to make; several conditions are joined by and."""

    name: str
    app: str = ""
    condition: tuple[str, ...] = ()
    window_size: timedelta = timedelta(minutes=5)
    evaluation_frequency: timedelta = timedelta(minutes=1)
    severity: int = 3
    webhook: tuple[str, ...] = ()
    email: tuple[str, ...] = ()
    action: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class OneAlert:
    """A rule, or with no name all of them."""

    name: str = ""


COMMANDS = (
    Command(
        "alert create", "Tell somebody when a metric of an app is out of bounds, and when that is over.", NewAlert,
        (
            Option(("name",), "the alert"),
            Option(("--app",), "the app to watch (default: the one the alert is named after)", completes="app",
                   metavar="NAME"),
            Option(("--condition",), "when: AGGREGATION METRIC OPERATOR NUMBER [where DIMENSION includes VALUE]",
                   repeats=True, metavar="CONDITION"),
            Option(("--window-size",), "how far back each look reaches (default 5m)", read=readers.duration,
                   metavar="SPAN"),
            Option(("--evaluation-frequency",), "how often it looks (default 1m)", read=readers.duration,
                   metavar="SPAN"),
            Option(("--severity",), "from 0, critical, to 4 (default 3)", read=readers.severity, metavar="0-4"),
            Option(("--webhook",), "an address to post to, in the common alert schema", repeats=True, metavar="URL"),
            Option(("--email",), "whom Azure mails", repeats=True, metavar="ADDRESS"),
            Option(("--action",), "an action group, by its id", repeats=True, metavar="ID"),
            Option(("--description",), "what to say beside", metavar="TEXT"),
        ),
        (
            '%aca alert create busy --app scorer --condition "total Requests > 100"',
            '%aca alert create failing --app scorer --condition "total Requests > 0 where statusCode includes 500"',
            '%aca alert create slow --app scorer --condition "avg ResponseTime > 2000" --window-size 15m',
        ),
        'az monitor metrics alert create --name NAME --scopes ID --condition "total Requests > 100" --action ID',
    ),
    Command(
        "alert list", "List the alerts, and what each has found.", OneAlert, (),
        ("%aca alert list", "table = %aca alert list", "%aca alert list  # then table.frame"),
        "az monitor metrics alert list",
    ),
    Command(
        "alert delete", "Remove an alert.", OneAlert, (Option(("name",), "the alert"),),
        ("%aca alert delete busy", "%aca alert delete $name", "%aca alert delete failing"),
        "az monitor metrics alert delete --name NAME",
    ),
)  # fmt: skip
