"""What the controller lends to a part that decides about replicas of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aca_notebook.emulator.runtime.gpus import Leases
    from aca_notebook.emulator.runtime.replicas import Replicas
    from aca_notebook.emulator.runtime.tended import Tended


@dataclass(frozen=True, slots=True)
class Lodging:
    """The books of one job, who makes and ends its replicas, and the machine's devices."""

    tended: Tended
    replicas: Replicas
    leases: Leases
