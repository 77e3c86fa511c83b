"""Secrets: no value ever stands on a line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aca_notebook.display import listings
from aca_notebook.errors import UsageFailed
from aca_notebook.magics.live_value import LiveValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aca_notebook.api.workspace import Workspace
    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.secrets import Secret


def set_secret(notebook: Notebook, given: Secret) -> object:
    """Set a secret of an app, or keep it for the deploys to come, and list what there is."""
    workspace = notebook.workspace
    if given.keyvault:
        if not given.app:
            raise UsageFailed(
                "a Key Vault is read by an app", code="UsageError",
                hint=f"%aca secret set {given.name} --app NAME --keyvault {given.keyvault}",
            )  # fmt: skip
        workspace.apps[given.app].refer_secret(given.name, given.keyvault, given.identity)
    else:
        value = _value(notebook, given)
        if given.app:
            workspace.apps[given.app].set_secret(given.name, value)
        else:
            workspace.secrets.put(given.name, value)
    return _listed(notebook, given.app, changed=bool(given.app))


def secret_form(notebook: Notebook, given: Secret) -> object:
    """Open a form for secrets. Raises `UsageFailed` where no page can show it."""
    if not notebook.in_page:
        raise UsageFailed(
            "no page is there to show a form", code="UsageError",
            hint=f"%aca secret set {given.name or 'NAME'} asks for the value here",
        )  # fmt: skip
    keeper = _Keeper(notebook.workspace)
    return LiveValue(_listed(notebook, given.app), lambda: _open_form(keeper, given))


def _open_form(keeper: _Keeper, given: Secret) -> object:
    from aca_notebook.widgets.secret_form import open_secret_form  # anywidget takes 0.2 s to import

    return open_secret_form(keeper, given.name, given.app)


class _Keeper:
    """Secrets of this kernel, and of the apps there were when the form was opened."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.apps: Sequence[str] = list(workspace.apps)

    @property
    def kept(self) -> Sequence[str]:
        """The names of those that this kernel keeps."""
        return self._workspace.secrets.names

    def put(self, app: str, name: str, value: str) -> None:
        """Set one."""
        if app:
            self._workspace.apps[app].set_secret(name, value)
        else:
            self._workspace.secrets.put(name, value)

    def remove(self, name: str) -> None:
        """Forget one that this kernel keeps."""
        self._workspace.secrets.remove(name)


def list_secrets(notebook: Notebook, given: Secret) -> object:
    """List secrets."""
    return _listed(notebook, given.app)


def remove_secret(notebook: Notebook, given: Secret) -> object:
    """Remove a secret and list those that are left."""
    workspace = notebook.workspace
    if given.app:
        workspace.apps[given.app].remove_secret(given.name)
    else:
        workspace.secrets.remove(given.name)
    return _listed(notebook, given.app)


def _value(notebook: Notebook, given: Secret) -> str:
    if not given.from_env:
        return notebook.ask_secret(f"{given.name}: ")
    value = os.environ.get(given.from_env)
    if not value:
        raise UsageFailed(
            f"this kernel's environment has no variable {given.from_env!r}", code="UsageError",
            hint=f"export it before Jupyter starts, or type the value: %aca secret set {given.name}",
        )  # fmt: skip
    return value


def _listed(notebook: Notebook, app: str, *, changed: bool = False) -> object:
    workspace = notebook.workspace
    if app:
        return listings.secrets(workspace.apps[app].secrets(), app=app, changed=changed)
    return listings.kept_secrets(workspace.secrets.names)


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "secret set": set_secret,
    "secret form": secret_form,
    "secret list": list_secrets,
    "secret remove": remove_secret,
}
