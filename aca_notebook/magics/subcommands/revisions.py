"""An app's revisions."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.shared import NAME


@dataclass(frozen=True, slots=True)
class Revision:
    """What to do with an app's revisions; `revision` empty only when listing."""

    action: str
    name: str
    revision: str = ""


COMMANDS = (
    Command(
        "revision list", "List an app's revisions with their traffic, replicas and health.", Revision,
        (NAME,), ("%aca revision list scorer", "table = %aca revision list scorer", "%aca revision list $name"),
        "az containerapp revision list --name NAME --all", fixed={"action": "list"},
    ),
    *(
        Command(
            f"revision {action}", summary, Revision,
            (NAME, Option(("revision",), "the revision's name or its suffix")),
            (f"%aca revision {action} scorer scorer--0000001", f"%aca revision {action} scorer 0000001",
             f"%aca revision {action} $name $revision"),
            f"az containerapp revision {action} --name NAME --revision REVISION", fixed={"action": action},
        )
        for action, summary in (
            ("activate", "Let a revision run and take traffic again."),
            ("deactivate", "Stop a revision; it stays in the list."),
            ("restart", "Replace every replica of a revision."),
        )
    ),
)  # fmt: skip
