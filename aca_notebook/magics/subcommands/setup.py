"""Making what a target lacks."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option
from aca_notebook.model import gpu


@dataclass(frozen=True, slots=True)
class SetUp:
    """What to make. An empty name is the target's, or one of ours; `yes` is consent given before it is asked for."""

    target: str = ""
    resource_group: str = ""
    environment: str = ""
    location: str = ""
    subscription: str = ""
    registry: str = ""
    gpu: tuple[str, ...] = ()
    workload_profile: str = ""
    min_nodes: int = 1
    max_nodes: int = 0
    pool: str = ""
    dry_run: bool = False
    yes: bool = False


_DEDICATED = tuple(entry.name for entry in gpu.CATALOGUE if not entry.serverless)

COMMANDS = (
    Command(
        "setup", "Make what the target lacks: planned with prices, asked for, and made once however often it is run.",
        SetUp,
        (
            Option(("target",), "local or azure", values=("local", "azure"), optional=True),
            Option(("--resource-group", "-g"), "the resource group", metavar="GROUP"),
            Option(("--environment",), "the Container Apps environment", metavar="NAME"),
            Option(("--location", "-l"), "the region", metavar="REGION"),
            Option(("--registry",), "the container registry, unique in all of Azure", metavar="NAME"),
            Option(("--subscription",), "the subscription's id", metavar="ID"),
            Option(("--gpu",), "GPUs the environment shall offer: paid by the second, nothing without a replica",
                   read=readers.gpu_model, repeats=True, values=tuple(gpu.GPU_NAMES)),
            Option(("--workload-profile",), "a dedicated profile besides: its nodes are paid by the hour, used or not",
                   values=_DEDICATED),
            Option(("--min-nodes",), "its least nodes (default 1)", read=readers.count, metavar="N"),
            Option(("--max-nodes",), "its most nodes (default as many as its least)", read=readers.positive,
                   metavar="N"),
            Option(("--pool",), "a session pool besides", metavar="NAME"),
            Option(("--dry-run",), "show the plan and do nothing", read=None),
            Option(("--yes",), "do not ask", read=None),
        ),
        ("%aca setup --dry-run", "%aca setup azure -g research -l swedencentral --gpu T4",
         "%aca setup --workload-profile NC24-A100 --min-nodes 1"),
        "az containerapp env create --name NAME --resource-group GROUP",
    ),
)  # fmt: skip
