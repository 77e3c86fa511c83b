"""What the control plane asks of the parts that run apps and let requests in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aca_notebook.emulator.runtime.desired import App
    from aca_notebook.emulator.runtime.observed import ObservedApp


class Outcome(Protocol):
    """What became of a revision that was to prove itself."""

    @property
    def ready(self) -> bool:
        """Whether a replica passed its probes."""
        ...

    @property
    def reason(self) -> str:
        """A word, when it did not."""
        ...

    @property
    def message(self) -> str:
        """A sentence, when it did not."""
        ...


class Runs(Protocol):
    """The controller of replicas."""

    async def declare(self, app: App) -> None:
        """Say what an app is meant to be; saying it twice does no harm."""
        ...

    async def withdraw(self, app_key: str) -> None:
        """Stop an app and forget it; returns when no process of it is left."""
        ...

    async def restart_revision(self, app_key: str, revision: str) -> None:
        """Replace the replicas of a revision."""
        ...

    async def revision_outcome(self, app_key: str, revision: str) -> Outcome:
        """Wait until a revision is ready or has failed."""
        ...

    def observe(self, app_key: str) -> ObservedApp:
        """Return what runs."""
        ...


class Admits(Protocol):
    """The ingress."""

    async def publish(self, app: App) -> str:
        """Let requests in; returns the address they go to, empty for an app without ingress."""
        ...

    async def address(self, app_key: str, name: str) -> str:
        """Return the address of a revision or label alone; empty when it has none of its own."""
        ...

    async def withdraw(self, app_key: str) -> None:
        """Let no more in."""
        ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """The two together."""

    runs: Runs
    admits: Admits
