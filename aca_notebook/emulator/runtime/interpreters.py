"""The Python interpreters this machine is known to have: learnt when a notebook joins, never from a build context."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.emulator.journal.database import put_document
from aca_notebook.emulator.runtime.tools import run_tool

if TYPE_CHECKING:
    from aca_notebook.emulator.journal.database import Database

_KIND = "interpreter"
_QUESTION = """
import json, os, platform, sys
base = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
print(json.dumps({"path": base, "version": platform.python_version()}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One interpreter: the base of a virtual environment, not the environment. `version` is like `3.11.7`."""

    path: str
    version: str

    @property
    def minor(self) -> str:
        """The version that bytecode and wheels are bound to: `3.11`."""
        return ".".join(self.version.split(".")[:2])


class Interpreters:
    """What was learnt, durable; the emulator's own interpreter is always among it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        own = Interpreter(_base(), platform.python_version())
        self._known = {own.path: own}
        self._asked: dict[str, Interpreter] = {sys.executable: own, own.path: own}
        for key, body in database.documents(_KIND).items():
            self._known.setdefault(key, Interpreter(body["path"], body["version"]))

    def list(self) -> list[Interpreter]:
        """Return those that still exist, the one registered last first."""
        return [each for each in reversed(self._known.values()) if os.access(each.path, os.X_OK)]

    async def register(self, path: Path | str) -> Interpreter:
        """Learn an interpreter by running it once; durable when it returns.

        Raises `ValueError` when it does not run, is no Python, or is older than 3.11.
        """
        known = self._asked.get(str(path))
        if known is None:
            known = await _ask(str(path))
        if self._known.get(known.path) != known:
            await self._database.write(put_document(_KIND, known.path, asdict(known)))
        self._known.pop(known.path, None)
        self._known[known.path] = known
        self._asked[str(path)] = known
        return known

    def find(self, version: str) -> Path:
        """Return an interpreter of `version` (`3.11`, or `3.11.7` for that very one), the one registered last first.

        Raises `LookupError` that lists what there is.
        """
        there = self.list()
        for each in there:
            if version in {each.minor, each.version}:
                return Path(each.path)
        versions = ", ".join(sorted({each.version for each in there}))
        raise LookupError(f"this machine has no Python {version}; known here: {versions}")

    def version(self, path: Path | str) -> str:
        """Return the full version of a known interpreter."""
        return self._known[str(path)].version


def _base() -> str:
    """The interpreter under the emulator's own virtual environment, as `_QUESTION` finds it."""
    return str(Path(getattr(sys, "_base_executable", None) or sys.executable).resolve())


async def _ask(path: str) -> Interpreter:
    if not os.access(path, os.X_OK):
        raise ValueError(f"not a program that can be run: {path!r}")
    lines: list[str] = []
    environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"}
    code = await run_tool([path, "-I", "-S", "-c", _QUESTION], environment=environment, log=lines.append)
    try:
        answer = json.loads(lines[-1]) if code == 0 and lines else {}
        found = Interpreter(str(answer["path"]), str(answer["version"]))
    except (ValueError, KeyError, TypeError) as silent:
        raise ValueError(f"not a Python interpreter: {path!r} ended with exit code {code}") from silent
    if tuple(int(part) for part in found.minor.split(".")) < (3, 11):
        raise ValueError(f"Python {found.version} is too old to run a bundle: 3.11 is the least ({path!r})")
    return found
