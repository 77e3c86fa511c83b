"""What a deployment leaves in a person's hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.api.app import App
    from aca_notebook.model.deploy import DeployPlan, DeployProgress


class Deployment:
    """A finished deployment: the app, the handles that stand for its functions, and how long each phase took."""

    def __init__(self, app: App, handles: Mapping[str, object], progress: DeployProgress) -> None:
        self.app = app
        self.handles = handles
        self.progress = progress

    @property
    def plan(self) -> DeployPlan:
        """What was decided."""
        return self.progress.plan

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.progress.seconds

    def __repr__(self) -> str:
        return f"<Deployment of {self.app.name!r} in {self.seconds:.2f} s at {self.app.url}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from aca_notebook.display import cards

        return cards.deployment(self.progress)
