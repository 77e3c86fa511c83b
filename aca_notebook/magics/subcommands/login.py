"""Signing in."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics.grammar import Command, Option
from aca_notebook.model.clouds import CLOUDS


@dataclass(frozen=True, slots=True)
class Login:
    """How to sign in; with neither `device` nor `browser`, whatever asks nobody is tried first."""

    device: bool = False
    browser: bool = False
    tenant: str = ""
    cloud: str = ""


COMMANDS = (
    Command(
        "login", "Sign in to Azure, with the seconds of each way that was tried; the next `%aca target azure` uses it.",
        Login,
        (
            Option(("--device",), "show a code to enter in any browser", read=None),
            Option(("--browser",), "open a browser on the machine of this kernel", read=None),
            Option(("--tenant",), "the tenant, when you are in more than one", metavar="ID"),
            Option(("--cloud",), "another cloud than the public one", values=tuple(each.name for each in CLOUDS)),
        ),
        ("%aca login", "%aca login --device", "%aca login --device --cloud AzureUSGovernment"),
        "az login --use-device-code --tenant ID",
    ),
)  # fmt: skip
