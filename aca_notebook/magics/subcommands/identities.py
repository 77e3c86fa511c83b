"""Who an app is, and what it may do elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.shared import NAME, OneApp


@dataclass(frozen=True, slots=True)
class Assign:
    """Which identities to give an app, and a role for the one that is named, or for its own."""

    name: str
    system: bool = False
    user: tuple[str, ...] = ()
    role: str = ""
    scope: str = ""


COMMANDS = (
    Command(
        "identity assign", "Give an app an identity, its own or one that is there, and a role on something.", Assign,
        (
            NAME,
            Option(("--system",), "its own identity, gone with the app (default without --user)", read=None),
            Option(("--user",), "user-assigned identities, by name or id", repeats=True, metavar="IDENTITY"),
            Option(("--role",), "a role for it, as Azure calls it", metavar="ROLE"),
            Option(("--scope",), "on what: a resource's name or id, or group", metavar="RESOURCE"),
        ),
        ("%aca identity assign scorer", "%aca identity assign scorer --role 'Key Vault Secrets User' --scope my-vault",
         "%aca identity assign scorer --user readers --role 'Storage Blob Data Reader' --scope mydata"),
        "az containerapp identity assign --name NAME --system-assigned; az role assignment create --role ROLE "
        "--assignee ID --scope RESOURCE",
    ),
    Command(
        "identity show", "Say who an app is, which roles each identity holds where, and since when they count.", OneApp,
        (NAME,),
        ("%aca identity show scorer", "table = %aca identity show scorer", "%aca identity show $name"),
        "az containerapp identity show --name NAME",
    ),
)  # fmt: skip
