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


@dataclass(frozen=True, slots=True)
class Mode:
    """How many revisions may be active: `single` or `multiple`."""

    name: str
    mode: str


@dataclass(frozen=True, slots=True)
class Diff:
    """Two revisions to compare; the later one is the latest unless it is named."""

    name: str
    before: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Who gets the requests, as `REVISION=PERCENT`; none only shows it."""

    name: str
    shares: tuple[str, ...] = ()


_REVISION = Option(("revision",), "the revision's name or its suffix", completes="revision")
_MAYBE = Option(("revision",), "the revision's name or its suffix", optional=True, completes="revision")

COMMANDS = (
    Command(
        "revision list", "List an app's revisions with their traffic, replicas and health.", Revision,
        (NAME,), ("%aca revision list scorer", "table = %aca revision list scorer", "%aca revision list $name"),
        "az containerapp revision list --name NAME --all", fixed={"action": "list"},
    ),
    *(
        Command(
            f"revision {action}", summary, Revision,
            (NAME, _MAYBE if action == "restart" else _REVISION),
            (f"%aca revision {action} scorer scorer--0000001", f"%aca revision {action} scorer 0000001",
             f"%aca revision {action} $name $revision"),
            f"az containerapp revision {action} --name NAME --revision REVISION", fixed={"action": action},
        )
        for action, summary in (
            ("activate", "Let a revision run and take traffic again."),
            ("deactivate", "Stop a revision; it stays in the list."),
            ("restart", "Replace every replica of a revision (default: the latest)."),
        )
    ),
    Command(
        "revision mode", "Let one revision be active at a time, or several.", Mode,
        (NAME, Option(("mode",), "single or multiple", values=("single", "multiple"))),
        ("%aca revision mode scorer multiple", "%aca revision mode scorer single", "%aca revision mode $name multiple"),
        "az containerapp revision set-mode --name NAME --mode multiple",
    ),
    Command(
        "revision diff", "List what differs between two revisions: image, variables, size, scale.", Diff,
        (NAME, Option(("before",), "the earlier one's name or suffix"),
         Option(("after",), "the later one's name or suffix (default: the latest)", optional=True)),
        ("%aca revision diff scorer 0000001", "%aca revision diff scorer 0000001 0000003",
         "table = %aca revision diff scorer 0000001"),
    ),
    Command(
        "traffic", "Show or change who gets an app's requests, in percent.", Traffic,
        (NAME, Option(("shares",), "such as 0000001=80 latest=20", repeats=True, optional=True,
                      metavar="REVISION=PERCENT")),
        ("%aca traffic scorer", "%aca traffic scorer 0000001=80 latest=20", "%aca traffic scorer latest"),
        "az containerapp ingress traffic set --name NAME --revision-weight REVISION=PERCENT",
    ),
    Command(
        "promote", "Give a revision all requests (default: the latest).", Revision, (NAME, _MAYBE),
        ("%aca promote scorer", "%aca promote scorer 0000003", "%aca promote $name"),
        "az containerapp ingress traffic set --name NAME --revision-weight latest=100", fixed={"action": "promote"},
    ),
    Command(
        "rollback", "Go back to the revision before the latest, or to the one that is named.", Revision, (NAME, _MAYBE),
        ("%aca rollback scorer", "%aca rollback scorer 0000001", "%aca rollback $name"),
        "az containerapp revision copy --name NAME --from-revision REVISION", fixed={"action": "rollback"},
    ),
)  # fmt: skip
