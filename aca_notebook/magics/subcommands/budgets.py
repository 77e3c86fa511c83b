"""How much may be spent."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget to make, or with no limit those there are to list."""

    limit: str = ""
    app: str = ""
    stop: bool = False
    email: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OneBudget:
    """The budget of an app, or with no name of the whole group."""

    app: str = ""


_APP = Option(("--app",), "only this app (default: all of the group)", completes="app", metavar="NAME")

COMMANDS = (
    Command(
        "budget", "Set how much may be spent: warns at 50, 80 and 100 %, and can stop what is over.", Budget,
        (
            Option(("limit",), "such as 5USD/day or 120USD/month (UTC); those there are without it", optional=True,
                   read=readers.budget, metavar="AMOUNT"),
            _APP,
            Option(("--stop",), "stop what it covers when nothing is left", read=None),
            Option(("--email",), "whom Azure mails at each threshold", repeats=True, metavar="ADDRESS"),
        ),
        ("%aca budget 5USD/day --stop", "%aca budget 120USD/month", "%aca budget 2USD/day --app scorer --stop"),
        "az consumption budget create --amount AMOUNT --time-grain monthly …",
    ),
    Command(
        "budget list", "List the budgets, and how much of each is spent.", OneBudget, (),
        ("%aca budget list", "table = %aca budget list", "%aca budget list  # then table.frame"),
        "az consumption budget list",
    ),
    Command(
        "budget delete", "Remove the group's budget, or one app's.", OneBudget, (_APP,),
        ("%aca budget delete", "%aca budget delete --app scorer", "%aca budget delete  # the apps run on"),
        "az consumption budget delete --budget-name NAME",
    ),
)  # fmt: skip
