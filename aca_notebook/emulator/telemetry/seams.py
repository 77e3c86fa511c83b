"""What telemetry asks of the rest of the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from aca_notebook.emulator.telemetry.sampler import RunningReplica
    from aca_notebook.model.ids import ResourceId


class ObservedReplica(Protocol):
    """One replica that there is."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


class ObservedApp(Protocol):
    """What runs of an app."""

    @property
    def replicas(self) -> Iterable[ObservedReplica]:
        """Its replicas, of all revisions."""
        ...


class Runs(Protocol):
    """The controller of replicas."""

    def running(self) -> Sequence[RunningReplica]:
        """Return the replicas that have processes."""
        ...

    def observe(self, app_key: str) -> ObservedApp:
        """Return what runs of an app."""
        ...

    def log_file(self, app_key: str, revision: str, replica: str, container: str) -> Path:
        """Return where a container's output goes, or went."""
        ...


class Documents(Protocol):
    """The store of resources."""

    def get(self, id_: ResourceId, /) -> dict[str, Any] | None:
        """Return a resource's document, or None."""
        ...

    def list(self, type_: str, subscription: str, resource_group: str = "", /) -> list[dict[str, Any]]:
        """Return the documents of a type."""
        ...
