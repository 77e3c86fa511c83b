"""Where commands go."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option


@dataclass(frozen=True, slots=True)
class Target:
    """Where the following commands go; an empty `target` only shows the present one."""

    target: str = ""
    resource_group: str = ""
    environment: str = ""
    location: str = ""
    subscription: str = ""
    registry: str = ""
    pace: str = ""


COMMANDS = (
    Command(
        "target", "Show or choose where the following commands go: this machine or Azure.", Target,
        (
            Option(("target",), "local or azure", values=("local", "azure"), optional=True),
            Option(("--resource-group", "-g"), "the resource group", metavar="GROUP"),
            Option(("--environment",), "the Container Apps environment", metavar="NAME"),
            Option(("--location", "-l"), "the region", metavar="REGION"),
            Option(("--registry",), "the container registry that builds and keeps images", metavar="NAME"),
            Option(("--subscription",), "the subscription's id", metavar="ID"),
            Option(("--pace",), "how fast the local one is: instant, realistic, or a factor", read=readers.pace,
                   metavar="PACE"),
        ),
        ("%aca target local", "%aca target", "%aca target azure -g research --environment gpu-env"),
        "az account set --subscription ID; az configure --defaults group=GROUP",
    ),
)  # fmt: skip
