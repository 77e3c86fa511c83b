"""Changing an app that runs."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.hosting import HOSTING, HostingFlags
from aca_notebook.magics.subcommands.shared import NAME
from aca_notebook.model import gpu, quantities

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Update(HostingFlags):
    """What to change of an app; what is not said stays."""

    name: str
    gpu: str = ""
    cpu: float = 0.0
    memory: str = ""
    min_replicas: int | None = None
    max_replicas: int | None = None
    set_env_vars: Pairs = ()
    remove_env_vars: tuple[str, ...] = ()
    replace_env_vars: Pairs | None = None
    remove_all_env_vars: bool = False
    force_restart: bool = False


_REPLICAS = (
    Option(("--min-replicas",), "replicas kept when idle; 0 sleeps for free", read=readers.count, metavar="N"),
    Option(("--max-replicas",), "the most replicas at once", read=readers.positive, metavar="N"),
)
COMMANDS = (
    Command(
        "update", "Change an app that runs: image, size, scale, variables, ingress, Dapr; what is not said stays.",
        Update,
        (
            NAME,
            Option(("--gpu",), "the GPU of each replica", read=readers.gpu_model, values=tuple(gpu.GPU_NAMES)),
            Option(("--cpu",), "cores of a replica", read=quantities.parse_cpu, metavar="CORES"),
            Option(("--memory",), "memory of a replica, such as 1Gi", read=readers.memory, metavar="SIZE"),
            *_REPLICAS,
            Option(("--set-env-vars",), "variables to add or change; NAME=secretref:SECRET reads a secret",
                   read=readers.pair, repeats=True, metavar="NAME=VALUE"),
            Option(("--remove-env-vars",), "variables to remove", repeats=True, metavar="NAME"),
            Option(("--replace-env-vars",), "variables in the place of all there are", read=readers.pair, repeats=True,
                   metavar="NAME=VALUE"),
            Option(("--remove-all-env-vars",), "remove every variable", read=None),
            Option(("--force-restart",), "as guides write it: %aca revision restart of the latest", read=None),
            *HOSTING,
        ),
        ("%aca update scorer --min-replicas 1 --max-replicas 5",
         "%aca update scorer --set-env-vars MODE=fast HF_TOKEN=secretref:hf-token",
         "%aca update scorer --gpu T4"),
        "az containerapp update --name NAME --min-replicas 1",
    ),
    Command(
        "scale", "Change how many replicas an app has at least and at most.", Update, (NAME, *_REPLICAS),
        ("%aca scale scorer --min-replicas 1",
         "%aca scale scorer --max-replicas 20",
         "%aca scale scorer --min-replicas 0 --max-replicas 5"),
        "az containerapp update --name NAME --min-replicas 0 --max-replicas 5",
    ),
)  # fmt: skip
