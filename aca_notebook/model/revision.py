"""Revisions of an app, and the replicas that run them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class RevisionState:
    """One version of an app's template; the four states are four different things (`model.states`)."""

    name: str
    created_at: datetime | None = None
    active: bool = True
    traffic_percent: int = 0
    replicas: int = 0
    provisioning_state: str = ""
    health_state: str = ""
    running_state: str = ""
    image: str = ""
    fqdn: str = ""
    workload_profile: str = ""
    cpu_cores: float = 0.0
    memory_bytes: int = 0
    min_replicas: int | None = None


@dataclass(frozen=True, slots=True)
class ContainerState:
    """One container of a replica."""

    name: str
    ready: bool = False
    started: bool = False
    restart_count: int = 0
    running_state: str = ""
    details: str = ""
    log_stream_endpoint: str = ""


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """One running copy of a revision."""

    name: str
    created_at: datetime | None = None
    running_state: str = ""
    details: str = ""
    containers: tuple[ContainerState, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether every container passed its probes."""
        return bool(self.containers) and all(container.ready for container in self.containers)
