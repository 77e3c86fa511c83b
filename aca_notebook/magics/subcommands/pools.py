"""Session pools: what sessions come out of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.sessions import switch

if TYPE_CHECKING:
    from datetime import timedelta

#: What a person writes, and Azure's word for it.
TYPES = ("python", "node", "shell", "custom")


@dataclass(frozen=True, slots=True)
class Pool:
    """What to do with a pool, and what it is to be; None and empty leave it as it is, or Azure's default."""

    action: str
    name: str = ""
    type: str = "python"
    max_sessions: int | None = None
    ready: int | None = None
    ttl: timedelta | None = None
    max_alive: timedelta | None = None
    egress: str = ""
    image: str = ""
    target_port: int = 80
    cpu: float = 0.5
    memory: str = "1Gi"
    dry_run: bool = False


def cores(text: str) -> float:
    """Return a number of cores."""
    value = float(text)
    if not 0 < value <= 16:
        raise ValueError(f"{text!r} is not a number of cores up to 16")
    return value


_NAME = Option(("name",), "the pool", completes="pool")
_SETTINGS = (
    Option(("--max-sessions",), "how many sessions at once, at most 600", read=readers.positive, metavar="N"),
    Option(("--ready",), "instances kept ready for new sessions", read=readers.count, metavar="N"),
    Option(("--ttl",), "end a session after so long without use: 5m to 60m", read=readers.duration, metavar="SPAN"),
    Option(("--max-alive",), "end a session after so long, used or not", read=readers.duration, metavar="SPAN"),
    Option(("--egress",), "whether sessions reach the network", read=switch, values=("on", "off")),
)

COMMANDS = (
    Command(
        "pool create", "Create a session pool, and say what it costs.", Pool,
        (
            _NAME, Option(("--type",), "what runs in its sessions (default python)", values=TYPES), *_SETTINGS,
            Option(("--image",), "the image of a custom pool", metavar="IMAGE"),
            Option(("--target-port",), "the port it answers at", read=readers.positive, metavar="PORT"),
            Option(("--cpu",), "cores of each instance of a custom pool", read=cores, metavar="CORES"),
            Option(("--memory",), "memory of each instance of a custom pool", read=readers.memory, metavar="1Gi"),
            Option(("--dry-run",), "show what it would be and cost, and create nothing", read=None),
        ),
        ("%aca pool create lab --egress on --ttl 30m", "%aca pool create node1 --type node --dry-run",
         "%aca pool create agents --type custom --image IMAGE --target-port 8000 --ready 2"),
        "az containerapp sessionpool create --name NAME --container-type PythonLTS --max-sessions 20",
        fixed={"action": "create"},
    ),
    Command(
        "pool show", "Show one pool: what it runs, how isolated, what it costs.", Pool, (_NAME,),
        ("%aca pool show python", "pool = %aca pool show lab", "%aca pool show lab  # and its endpoint"),
        "az containerapp sessionpool show --name NAME", fixed={"action": "show"},
    ),
    Command(
        "pool list", "List the session pools.", Pool, (),
        ("%aca pool list", "table = %aca pool list", "%aca pool list  # with what ready instances cost"),
        "az containerapp sessionpool list", fixed={"action": "list"},
    ),
    Command(
        "pool update", "Change a pool; sessions that live keep what they have.", Pool, (_NAME, *_SETTINGS),
        ("%aca pool update lab --ttl 20m", "%aca pool update lab --egress off", "%aca pool update lab --ready 1"),
        "az containerapp sessionpool update --name NAME --max-sessions 50", fixed={"action": "update"},
    ),
    Command(
        "pool warm", "Keep instances ready, so that a new session begins at once; says what that costs.", Pool,
        (
            _NAME, Option(("--ready",), "how many (default 1; 0 keeps none)", read=readers.count, metavar="N"),
            Option(("--dry-run",), "show what it would cost, and change nothing", read=None),
        ),
        ("%aca pool warm lab", "%aca pool warm lab --ready 5 --dry-run", "%aca pool warm lab --ready 0"),
        "az containerapp sessionpool update --name NAME --ready-sessions 5", fixed={"action": "warm"},
    ),
    Command(
        "pool delete", "Delete a pool and its sessions.", Pool, (_NAME,),
        ("%aca pool delete lab", "%aca pool list", "%aca pool delete lab  # its sessions end"),
        "az containerapp sessionpool delete --name NAME", fixed={"action": "delete"},
    ),
)  # fmt: skip
