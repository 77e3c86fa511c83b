"""Deploy a notebook cell to a GPU app on Azure Container Apps, or to the same API on your laptop.

In a notebook: `%load_ext aca_notebook`, then `%aca help`. In Python: `aca_notebook.connect()` returns a `Workspace`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aca_notebook.api.signing_in import login
    from aca_notebook.api.workspace import Workspace, connect
    from aca_notebook.errors import AcaError
    from aca_notebook.magics.form import form
    from aca_notebook.runner.standin import cls, enter, method

__version__ = "0.1.0"

__all__ = [
    "AcaError", "Workspace", "__version__", "cls", "connect", "enter", "form", "load_ipython_extension", "login",
    "method",
]  # fmt: skip

#: Public names and the module each is imported from when it is first used.
_HOMES = {
    "AcaError": "aca_notebook.errors",
    "Workspace": "aca_notebook.api.workspace",
    "cls": "aca_notebook.runner.standin",
    "connect": "aca_notebook.api.workspace",
    "enter": "aca_notebook.runner.standin",
    "form": "aca_notebook.magics.form",
    "login": "aca_notebook.api.signing_in",
    "method": "aca_notebook.runner.standin",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'aca_notebook' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """Register `%aca` and `%%aca` with an IPython shell: what `%load_ext aca_notebook` calls."""
    from aca_notebook.magics.aca import load  # a plain `import aca_notebook` needs no IPython

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Let go of what the magic holds open: what `%unload_ext aca_notebook` calls."""
    from aca_notebook.magics.aca import load  # as above

    load(shell).close()


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Where a Jupyter server finds the panel's half; asked by servers only."""
    from aca_notebook.server.extension import Extension  # Jupyter's own modules, which are there by then

    return [{"module": "aca_notebook.server.extension", "app": Extension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where JupyterLab finds the browser's half, in a source checkout that was built."""
    return [{"src": "labextension", "dest": "aca-notebook"}]
