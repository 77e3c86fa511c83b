"""Who we are, and whether a target has what it takes."""

from __future__ import annotations

from dataclasses import dataclass

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option
from aca_notebook.magics.subcommands.shared import Listing
from aca_notebook.model import gpu


@dataclass(frozen=True, slots=True)
class Doctor:
    """What to look at: `gpu` asks about what a deployment with that GPU needs, `name` whether an app may be called so.

    `fix` mends what has no price, once the person agrees; `yes` is that said before.
    """

    name: str = ""
    gpu: str = ""
    fix: bool = False
    yes: bool = False


COMMANDS = (
    Command(
        "doctor", "Check what a deployment needs of this target, and say what mends each thing.", Doctor,
        (
            Option(("name",), "an app to be: whether it may be called so", completes="app", optional=True),
            Option(("--gpu",), "what a GPU needs as well", read=readers.gpu_model, values=tuple(gpu.GPU_NAMES)),
            Option(("--fix",), "mend what has no price: providers, the group, a GPU profile, AcrPull", read=None),
            Option(("--yes",), "do not ask before mending", read=None),
        ),
        ("%aca doctor", "%aca doctor scorer --gpu T4", "%aca doctor --gpu A100 --fix"),
    ),
    Command(
        "whoami", "Say who is signed in to this target, how, until when, and how long that took.", Listing, (),
        ("%aca whoami", "me = %aca whoami  # then me.object_id", "%aca whoami  # before %aca target azure"),
        "az account show",
    ),
)  # fmt: skip
