"""What goes wrong on the local target, to rehearse."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics.grammar import Command, Option
from aca_notebook.model.fault_names import FAULT_NAMES


@dataclass(frozen=True, slots=True)
class Fault:
    """What to do with the faults in force; `kind` and `parameters` only for a new one, `id` empty for all."""

    action: str
    kind: str = ""
    parameters: tuple[str, ...] = ()
    id: str = ""


def _table() -> str:
    from aca_notebook.model.fault import fault_table  # for those who ask

    return "what can go wrong:\n" + fault_table()


COMMANDS = (
    Command(
        "fault list", "List the faults that the local target has in force.", Fault, (),
        ("%aca fault list", "table = %aca fault list", "%aca fault list  # how often each has struck"),
        fixed={"action": "list"},
    ),
    Command(
        "fault add", "Let something of Azure's go wrong on the local target, to rehearse a bad day.", Fault,
        (
            Option(("kind",), "what goes wrong; the table below has all", values=FAULT_NAMES, metavar="KIND"),
            Option(("parameters",), "how, where and how often", repeats=True, optional=True, completes="fault",
                   metavar="NAME=VALUE"),
        ),
        ("%aca fault add throttle retry_after=5 on=PUT containerApps/scorer count=3",
         "%aca fault add stuck-gpu for=10m", "%aca fault add outage status=503 rate=0.3"),
        fixed={"action": "add"}, notes=_table,
    ),
    Command(
        "fault clear", "End one fault, or all of them, and list those that are left.", Fault,
        (Option(("id",), "which, as the list has it; all without it", optional=True),),
        ("%aca fault clear", "%aca fault clear 2", "%aca fault clear  # all is well again"), fixed={"action": "clear"},
    ),
)  # fmt: skip
