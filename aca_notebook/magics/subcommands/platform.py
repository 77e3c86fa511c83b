"""What Container Apps offers."""

from __future__ import annotations

from aca_notebook.magics.grammar import Command
from aca_notebook.magics.subcommands.shared import Listing

COMMANDS = (
    Command(
        "gpu", "List the GPUs that Container Apps offers: memory, cores, price an hour.", Listing, (),
        ("%aca gpu", "table = %aca gpu", "%aca gpu  # before --gpu"),
        "az containerapp env workload-profile list-supported --location REGION",
    ),
    Command(
        "limits", "List the platform's limits that a notebook meets.", Listing, (),
        ("%aca limits", "table = %aca limits", "%aca limits  # before a long call"),
    ),
)  # fmt: skip
