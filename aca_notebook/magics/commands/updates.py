"""Changing an app that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.magics.commands.hosting import hosting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.app import App
    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.updates import Update


def update(notebook: Notebook, given: Update) -> App:
    """Change an app and return it; with `--force-restart` its replicas are replaced, and nothing is changed."""
    app = notebook.workspace.apps[given.name]
    if given.force_restart:
        app.restart_revision()
        return app
    from aca_notebook.api.updating import Changes  # with the API, when it is needed

    replaced: dict[str, str] | None = {} if given.remove_all_env_vars else None
    app.update(
        Changes(
            hosting=hosting(given), gpu=given.gpu or given.gpu_type,
            gpu_count=given.gpu_count or int(bool(given.gpu_type)), cpu=given.cpu, memory=given.memory,
            min_replicas=given.min_replicas, max_replicas=given.max_replicas,
            set_env=dict(given.set_env_vars), remove_env=given.remove_env_vars,
            replace_env=replaced if given.replace_env_vars is None else dict(given.replace_env_vars),
        )
    )  # fmt: skip
    return app


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {"update": update, "scale": update}
