"""A container app as a person sees it: one value, read from the resource and its revisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aca_notebook.model.states import ProvisioningState, known

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.model.ids import ResourceId


EVERY_PATH = "*"
"""What an app serves whose cell is an ASGI application: its routes are its own."""


@dataclass(frozen=True, slots=True)
class Tags:
    """What we write on the Azure resource: the record of who deployed what, and until when.

    `digest` names the bundle, `settings` how it is run, `cell` the notebook cell, `functions` what it serves, in order;
    the first is the entry (methods as `Class/method`; `EVERY_PATH` for an application). `example` is a JSON body that
    the entry takes.
    """

    owner: str = ""
    notebook: str = ""
    cell: str = ""
    digest: str = ""
    settings: str = ""
    expires_at: datetime | None = None
    functions: tuple[str, ...] = ()
    public: bool = False
    example: str = ""


@dataclass(frozen=True, slots=True)
class AppState:
    """An app at one moment.

    `gpu` is `T4`, `A100` or empty; `gpus` how many each replica has. `replicas` is None while not asked for.
    `provisioning_state` and `running_status` are Azure's open strings (`model.states`). `expiry_enforced` is whether
    anything takes the app down at `expires_at`. `gpu_note` is the platform's sentence when replicas run without the GPU
    they asked for, else empty. `charges` is whether anybody is billed for what runs there; `idle_note` says that a GPU
    runs and nobody uses it. `hourly_usd` is an hour of an active replica by the prices at hand, None while
    not asked for. `drift_note` says how what runs differs from what is in the notebook, where that was asked.
    """

    id: ResourceId
    location: str = ""
    url: str = ""
    environment: str = ""
    provisioning_state: str = ""
    running_status: str = ""
    running_state: str = ""
    latest_revision: str = ""
    latest_ready_revision: str = ""
    image: str = ""
    workload_profile: str = ""
    gpu: str = ""
    gpus: int = 0
    cpu_cores: float = 0.0
    memory_bytes: int = 0
    min_replicas: int = 0
    max_replicas: int = 0
    cooldown_seconds: float = 300.0
    concurrency: int = 0
    replicas: int | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None
    tags: Tags = field(default_factory=Tags)
    expiry_enforced: bool = True
    gpu_note: str = ""
    charges: bool = True
    idle_note: str = ""
    drift_note: str = ""
    hourly_usd: float | None = None

    @property
    def name(self) -> str:
        """The app's name."""
        return self.id.name

    @property
    def settled(self) -> bool:
        """Whether no write is in progress, as far as the platform's word is known."""
        state = known(ProvisioningState, self.provisioning_state)
        return not isinstance(state, ProvisioningState) or state.terminal

    @property
    def functions(self) -> tuple[str, ...]:
        """The names it serves, entry first; empty for an app that was not deployed from a notebook."""
        return self.tags.functions

    @property
    def expires_at(self) -> datetime | None:
        """When its time is over, or None when kept."""
        return self.tags.expires_at
