"""What a card keeps of itself in the notebook for JupyterLab's side: names and digests, nothing to look at.

It stands beside the card's text and HTML under a type of our own. A front end that does not know the type shows the
HTML; ours shows the same HTML, and beside it what the app does now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.model.app import AppState
    from aca_notebook.model.deploy import DeployProgress

MIME = "application/vnd.aca-notebook.card+json"


def deployment(progress: DeployProgress, source: str) -> dict[str, Any]:
    """Keep a deployment; `source` is the fingerprint of the cell that it was deployed from."""
    return {
        "kind": "deployment", "app": progress.app, "target": progress.plan.target, "state": progress.state.value,
        "revision": progress.revision, "digest": progress.plan.digest, "source": source,
    }  # fmt: skip


def app(state: AppState, target: str) -> dict[str, Any]:
    """Keep which app a card shows."""
    return {"kind": "app", "app": state.name, "target": target, "revision": state.latest_revision}


def beside(bundle: Mapping[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """Return a card's bundle with what it keeps."""
    return {**bundle, MIME: kept}
